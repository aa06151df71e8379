"""Verdicts of a sweep rest on the same episodes for all methods."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldenrule.benchmarks.analysis.summary import IQM, findings_of
from goldenrule.benchmarks.analysis.verdicts import LONGEST, comparisons, comparisons_of, of_setting, over_all, remarks
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.evaluation.metrics import KEYS
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.report.terminal import print_comparisons
from goldenrule.benchmarks.statistics import holm
from goldenrule.benchmarks.statistics.bootstrap import iqm_of
from goldenrule.benchmarks.storage.reader import read_run, rows
from goldenrule.benchmarks.storage.store import ResultStore, RunRecord
from goldenrule.common.seeding import generator

Maker = Callable[..., Path]
Row = dict[str, Any]

SEEDS = range(3)
PAID = {"a": (1.0, 0.0, None), "b": (1.0, 1.0, 0.0)}
"""Partner's reward in each episode; none where the agent failed."""


def turn(paid: float) -> dict[str, Any]:
    empty: dict[str, Any] = {"absent": {}, "scores": {}, "reasons": {}, "facts": {}, "notes": {}}
    said = {"speaker": 0, "text": "Hm.", "to": None, "rewards": [0.0, paid], "valid": True, "proxy": None}
    return said | empty


def episode(number: int, paid: float | None) -> dict[str, Any]:
    about: dict[str, Any] = {"episode": number, "seed": number, "agents": ["helper_0", "seeker_0"], "error": None}
    about |= {"learner": 0, "partners": [1], "own_metrics": None}
    if paid is None:
        return about | {"status": "failed", "error": "it refused", "turns": []}
    return about | {"status": "terminated" if paid else "truncated", "turns": [turn(paid)]}


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    with ResultStore(tmp_path, {}, {}, None) as store:
        store.describe(sweep={}, environment={}, cells=6)
        for method, paid in PAID.items():
            for seed in SEEDS:
                done = [p for p in paid if p is not None]
                row = {"cell": f"{method}-{seed}", "method": method, "scenario": "hidden_needs-v0", "knobs": {}}
                row |= {"seed": seed, "status": "done", "error": None, **dict.fromkeys(KEYS)}
                row |= {"partner_reward": sum(done) / len(done), "seconds": 1.0}
                row |= {"episodes": len(done), "episodes_failed": len(paid) - len(done)}
                store.commit(RunRecord.of(row, [episode(k, p) for k, p in enumerate(paid)]))
    return tmp_path


def test_an_episode_that_one_method_failed_is_left_out_for_both(swept: Path) -> None:
    with read_run(swept) as run:
        (line,) = comparisons(rows(swept), run)
    assert line["baseline_mean"] == 0.5
    assert line["method_mean"] == 1.0  # and not 2/3: its third talk has no partner
    assert (line["pairs_dropped"], line["pairs_planned"]) == (3, 9)
    assert line["dropped_because"] == {"a: failed: it refused": 3}


def test_a_cell_that_failed_takes_its_seed_from_both(swept: Path) -> None:
    found = rows(swept)
    found[-1] |= {"status": "failed", "error": "out of memory"}
    with read_run(swept) as run:
        (line,) = comparisons(found, run)
    assert (line["pairs_dropped"], line["pairs_planned"]) == (5, 9)
    assert line["dropped_because"] == {"a: failed: it refused": 3, "b: failed: out of memory": 3}


def test_without_failures_the_means_of_cells_are_compared(swept: Path) -> None:
    found = [row | {"episodes_failed": 0} for row in rows(swept)]
    with read_run(swept) as run:
        (line,) = comparisons(found, run)
    assert line["method_mean"] == pytest.approx(2 / 3)
    assert (line["pairs_dropped"], line["pairs_planned"]) == (0, 3)


def test_values_of_a_knob_are_no_seeds() -> None:
    found = []
    for method, gain in (("a", 0.0), ("b", 1.0)):
        for seed in SEEDS:
            for similarity in (0.0, 0.2, 0.4):
                row = {"cell": f"{method}-{seed}-{similarity}", "method": method, "scenario": "hidden_needs-v0"}
                row |= {"knobs": {"similarity": similarity}, "seed": seed, "status": "done", "error": None}
                found.append(row | {"partner_reward": gain + seed, "episodes_failed": 0})
    line = comparisons(found)[0]
    assert (line["seeds"], line["strata"], line["pairs"]) == (3, 1, 9)
    assert line["p"] == 0.25  # the best of three seeds; nine would give 0.004
    assert line["verdict"] == "too few seeds"


@pytest.mark.parametrize("baseline", ["say[tone=warm]", "say[text=[/bold]]"])
def test_what_methods_are_called_is_shown_as_it_is(baseline: str) -> None:
    about = {"scenario": "hidden_needs-v0", "knobs": {}, "status": "done", "error": None, "episodes_failed": 0}
    found = [
        about | {"cell": f"{method}-{seed}", "method": method, "seed": seed, "partner_reward": gain + seed}
        for method, gain in ((baseline, 0.0), ("other", 1.0))
        for seed in SEEDS
    ]
    stream = io.StringIO()
    print_comparisons(comparisons(found), stream)
    assert f"against {baseline}  " in stream.getvalue()


def test_what_holds_for_several_methods_is_said_once() -> None:
    about = {"scenario": "hidden_needs-v0", "knobs": {}, "status": "done", "error": None, "episodes_failed": 0}
    found = [
        about | {"cell": f"{method}-{seed}", "method": method, "seed": seed, "partner_reward": gain * (seed + 1)}
        for method, gain in (("first", 0.0), ("second", 1.0), ("third", 2.0))
        for seed in range(2)
    ]
    stream = io.StringIO()
    print_comparisons(comparisons(found), stream)
    (note,) = [line for line in stream.getvalue().splitlines() if line.startswith("- ")]
    assert note.startswith("- second, third: 2 seeds cannot tell")


MADE: Row = {"methods": ("untrained", "naive_kindness", "oracle_kindness"), "count": 1, "updates": 1}


def planted(row: Row, episodes: list[Row]) -> None:
    """The oracle gives more, naive kindness as much as nobody."""
    rng = generator(0, "planted", row["method"], row["seed"], str(row["knobs"]))
    row["partner_reward"] = (0.8 if row["method"] == "oracle_kindness" else 0.2) + 0.05 * float(rng.normal())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_maker: Maker) -> Path:
    where = tmp_path_factory.mktemp("compared") / "run"
    return run_maker(where, **MADE, seeds=tuple(range(9)), similarities=(0.0, 0.5), change=planted)


def test_every_setting_has_its_lines_and_they_are_a_family_of_their_own(folder: Path) -> None:
    with read_run(folder) as run:
        lines = comparisons_of(run)
        rows = [[cell.row for cell in setting.cells] for setting in run.settings]
        tables = [over_all(lines), *(of_setting(lines, of) for of in rows)]
    for family in ([line for line in lines if line["stratum"] is None], [line for line in lines if line["stratum"]]):
        assert [line["p_holm"] for line in family] == holm([line["p"] for line in family])
    assert [{line["method"]: line["verdict"] for line in table} for table in tables] == [
        {"naive_kindness": "not distinguishable", "oracle_kindness": "better"}
    ] * 3
    assert [line["stratum"] for line in tables[1]] == [tables[1][0]["stratum"]] * 2
    assert [remarks(line) for line in tables[1]] == [[tables[1][0]["because"]], []]


def test_page_report_and_sweep_say_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with read_run(folder) as run:
        found = comparisons([cell.row for cell in run.cells], run)
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["comparisons"] == found
    page = (folder / "report.html").read_text("utf-8").replace("\u2212", "-")
    for line in found:
        assert f"{line['effect']:+.3f}" in page
        assert f"{line['low']:+.3f} to {line['high']:+.3f}" in page
        assert line["verdict"] == "better" or line["because"].replace("+", "&#43;") in page.replace("+", "&#43;")
    naive = next(line for line in found if line["method"] == "naive_kindness")
    assert re.search(r"finds a difference of \S+ 80% of the time, and one of \S+ takes [\d,]+ seeds", naive["because"])


def test_the_terminal_says_what_hides_behind_no_difference(folder: Path) -> None:
    with read_run(folder) as run:
        lines = comparisons_of(run)
    stream = io.StringIO()
    print_comparisons(lines, stream)
    told = " ".join(stream.getvalue().split())
    (naive, oracle) = (line for line in lines if line["stratum"] is None)
    assert f"- naive_kindness: {naive['because']}" in told
    assert f"- oracle_kindness: {oracle['because']}" not in told
    assert "corrected by Holm for 2 comparisons over all settings, and for the 4 of single settings" in told
    assert re.search(r"oracle_kindness \S+ \[.*?\] \S+ 1\.00 better", told)


def test_the_interquartile_mean_stands_beside_the_mean(folder: Path) -> None:
    with read_run(folder) as run:
        group = findings_of(run).summary["groups"][2]
        values = [cell.value("partner_reward") for cell in run.settings[0].of("oracle_kindness")]
    found = group["figures"][IQM]
    wanted = iqm_of(np.array(values))(np.full((1, 9), 1 / 9))[0, 0]
    assert (group["method"], found["n"]) == ("oracle_kindness", 9)
    assert found["mean"] == pytest.approx(wanted)
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["low"] < found["mean"] < found["high"]
    assert f"{found['low']:.2f} to {found['high']:.2f}" in write_report(folder).read_text("utf-8")


def test_long_reasons_are_cut() -> None:
    line = {
        "verdict": "better",
        "pairs_dropped": 9,
        "pairs_planned": 9,
        "dropped_because": {f"a: {k}{'x' * 9999}\x1b": k for k in range(1, 6)},
    }
    (told,) = remarks(line)
    assert len(told) < 4 * LONGEST
    assert "\x1b" not in told
    assert told.startswith("9 of 9 pairs left out, for all methods alike (5 times a: 5xxx")
    assert told.endswith("; 2 more reasons)")
