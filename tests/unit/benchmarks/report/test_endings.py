"""Episodes that did not go well: counted by kind, and left out alike for all methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.endings import End, endings, seats
from goldenrule.benchmarks.report.conversations import listen, talk
from goldenrule.benchmarks.storage.reader import Setting, StoredCell, read_run


def cell(method: str, seed: int) -> StoredCell:
    row = {"method": method, "scenario": "hidden_needs-v0", "seed": seed, "status": "done", "knobs": {}}
    return StoredCell.of(row, f"{method}-{seed}")


def end(place: int, paid: float | None, status: str = "terminated", invalid: bool = False) -> End:
    return End(place, "failed" if paid is None else status, invalid, paid)


A, B = cell("a", 0), cell("b", 0)


def test_what_one_method_lacks_is_left_out_for_all() -> None:
    ends = {
        A: [end(0, 1.0), end(1, 0.5), end(2, 0.0, "truncated"), end(3, None)],
        B: [end(0, 0.4), end(1, 0.9, invalid=True), end(2, 0.8), end(3, 0.6)],
    }
    a, b = endings(Setting("here", [A, B]), ends)
    assert (a.held, a.truncated, a.invalid, a.failed) == (4, 1, 0, 1)
    assert (b.held, b.truncated, b.invalid, b.failed) == (4, 0, 1, 0)
    assert a.paid.mean == 0.5  # a talk at its limit counts, a failed one does not
    assert b.paid.mean == pytest.approx(2.1 / 3)  # nor does the one that the other failed
    assert (a.well.mean, b.well.mean) == (1.0, 0.4)  # episode 0 alone went well under both
    assert (a.left, b.left) == (1, 1)


def test_where_all_went_well_there_is_nothing_to_tell() -> None:
    assert endings(Setting("here", [A, B]), {A: [end(0, 1.0)], B: [end(0, 0.0)]}) == []


def test_a_method_without_anything_takes_nothing_from_the_others() -> None:
    ends = {A: [end(0, None), end(1, None)], B: [end(0, 1.0), end(1, 0.5, "truncated")]}
    a, b = endings(Setting("here", [A, B]), ends)
    assert (a.failed, a.paid.mean, a.well.mean, a.left) == (2, None, None, 0)
    assert (b.paid.mean, b.well.mean, b.left) == (0.75, 1.0, 1)


def test_where_nothing_is_common_there_is_no_figure() -> None:
    ends = {A: [end(0, None), end(1, 1.0)], B: [end(0, 1.0), end(1, None)]}
    for line in endings(Setting("here", [A, B]), ends):
        assert (line.paid.mean, line.well.mean, line.left) == (None, None, 0)
    apart = endings(Setting("here", [A, B]), ends, together=False)
    assert [line.paid.mean for line in apart] == [1.0, 1.0]


def test_a_cell_that_failed_takes_its_seed_from_all() -> None:
    lost = cell("b", 1)
    lost = StoredCell.of({**lost.row, "status": "failed"}, lost.id)
    ends = {A: [end(0, 1.0)], B: [end(0, 0.0, "truncated")], cell("a", 1): [end(0, 0.0)]}
    lines = endings(Setting("here", [*ends, lost]), ends)
    assert [line.paid.mean for line in lines] == [1.0, 0.0]


def test_the_page_counts_them(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        for episode in episodes:
            episode["status"] = "terminated"
        episodes[0] |= {"status": "truncated"}
        episodes[1] |= {"status": "failed", "error": "it refused"}
        next(turn for turn in episodes[2]["turns"] if turn["speaker"] == 0)["valid"] = False

    with read_run(run_maker(tmp_path / "run", ("untrained",), (0,), count=5, change=change)) as run:
        (told,) = listen(run)
    (line,) = endings(Setting("", [told.cell]), {told.cell: told.ends})
    assert (line.held, line.truncated, line.invalid, line.failed, line.left) == (5, 1, 1, 1, 2)
    assert all(end.paid in (0.0, 1.0) for end in told.ends if end.status != "failed")


SEATED = {"agents": ["helper_0", "seeker_0", "seeker_1"], "turns": []}


def test_all_partners_are_found() -> None:
    assert seats(SEATED, "hidden_needs-v0", "truth") == (0, (1, 2))
    assert seats(SEATED | {"learner": 2, "partner": 0}, "hidden_needs-v0", "truth") == (2, (0,))
    assert seats(SEATED | {"learner": 9}, "gone-v0", "truth") == (0, (1,))


def test_each_message_stands_beside_the_answer_of_the_partner_it_was_for() -> None:
    said = [(1, "My cat is ill.", None), (0, "I am sorry.", None), (2, "Hello?", [0]), (1, "Thanks.", None)]
    said += [(2, "And I?", None), (0, "You too.", [2]), (1, "Well.", None), (2, "Good.", None), (0, "Bye.", None)]
    turns = [{"speaker": who, "text": text, "to": to} for who, text, to in said]
    told = talk(SEATED | {"turns": turns, "status": "terminated", "episode": 0}, A, 0)
    assert told["partners"] == [1, 2]
    assert [line["answer"] for line in told["lines"] if line["who"] == 0] == [3, 7, None]
    assert told["lines"][5]["to"] == [2]
