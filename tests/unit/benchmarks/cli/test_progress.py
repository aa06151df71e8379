"""Progress: plain lines, times, and nobody else's escape codes."""

from __future__ import annotations

import io

from rich.console import Console

from goldenrule.benchmarks.cli.progress import Bars, Lines, cell_names, closing_line, duration
from goldenrule.benchmarks.evaluation.run import Cell, failed_row

TRAINED = Cell("naive_kindness", "hidden_needs-v0", {}, 0)
PLAIN = Cell("untrained", "hidden_needs-v0", {}, 0)
DONE = {"status": "done", "partner_reward": 0.5, "seconds": 75.0}


def test_durations():
    assert [duration(s) for s in (0.4, 59.6, 75, 3700)] == ["0 s", "1 min 0 s", "1 min 15 s", "1 h 1 min"]


def test_lines_tell_what_runs_and_how_it_ended():
    stream = io.StringIO()
    with Lines([TRAINED, PLAIN], stream, every=0) as lines:
        lines.started(TRAINED)
        lines.advanced(TRAINED, 40, 80)
        lines.finished(TRAINED, DONE)
        lines.started(PLAIN)
        lines.finished(PLAIN, failed_row(PLAIN, "no \x1b[2J\nreason", 1.0))
    told = stream.getvalue().split("\n")
    assert told[0] == "begin   naive_kindness, seed 0"
    assert told[1] == "        naive_kindness, seed 0: update 40 of 80"
    assert told[2].startswith("done    naive_kindness, seed 0: partner reward 0.50 (1 min 15 s); 1 to go, about ")
    assert told[4] == "failed  untrained, seed 0: no \\u{1b}[2J\\u{a}reason"


def test_bars_leave_a_line_for_each_finished_cell():
    stream = io.StringIO()
    with Bars([TRAINED], Console(file=stream, force_terminal=True, width=100)) as bars:
        bars.started(TRAINED)
        bars.advanced(TRAINED, 80, 80)
        bars.finished(TRAINED, DONE)
    assert closing_line("naive_kindness, seed 0", DONE) in stream.getvalue()


def test_cells_are_told_apart_by_what_differs():
    cells = [
        Cell("a", "hidden_needs-v0", {"similarity": similarity, "cue": 1.0}, seed)
        for seed in (0, 1)
        for similarity in (0.0, 0.5)
    ]
    assert list(cell_names(cells).values())[:2] == ["a (similarity 0.0), seed 0", "a (similarity 0.5), seed 0"]
    assert cell_names(cells[::2])[cells[0].id] == "a, seed 0"
    both = [*cells, Cell("a", "third_party-v0", {"absent": 2}, 0)]
    told = cell_names([failed_row(cell, "why", 1.0) for cell in both])
    assert told == cell_names(both)
    assert list(told.values())[-2:] == ["a on hidden_needs-v0 (similarity 0.5), seed 1", "a on third_party-v0, seed 0"]
