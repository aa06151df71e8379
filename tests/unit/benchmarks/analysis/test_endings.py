"""Episodes that did not go well: counted by kind, and left out alike for all methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.analysis.summary import End, endings, read_ends
from goldenrule.benchmarks.storage.reader import Setting, StoredCell, read_run


def cell(method: str, seed: int, paid: float | None = None) -> StoredCell:
    row = {"method": method, "scenario": "hidden_needs-v0", "seed": seed, "status": "done", "knobs": {}}
    row["partner_reward"] = paid
    return StoredCell.of(row, f"{method}-{seed}")


def end(place: int, paid: float | None, status: str = "terminated", invalid: bool = False) -> End:
    return End(place, "failed" if paid is None else status, int(invalid), paid)


A, B = cell("a", 0, 0.5), cell("b", 0, 0.7)


def told(a: list[End], b: list[End], together: bool = True) -> list[dict[str, Any]]:
    return endings(Setting("here", [A, B]), {A.id: a, B.id: b}, together)


def test_what_one_method_lacks_is_left_out_for_all() -> None:
    a, b = told(
        [end(0, 1.0), end(1, 0.5), end(2, 0.0, "truncated"), end(3, None)],
        [end(0, 0.4), end(1, 0.9, invalid=True), end(2, 0.8), end(3, 0.6)],
    )
    assert (a["episodes"], a["truncated"], a["invalid"], a["failed"]) == (4, 1, 0, 1)
    assert (b["episodes"], b["truncated"], b["invalid"], b["failed"]) == (4, 0, 1, 0)
    assert (a["paid"]["mean"], b["paid"]["mean"]) == (0.5, 0.7)  # as the rows say
    assert (a["well"]["mean"], b["well"]["mean"]) == (1.0, 0.4)  # episode 0 alone went well under both
    assert (a["left"], b["left"]) == (1, 1)


def test_where_all_went_well_there_is_nothing_to_tell() -> None:
    assert told([end(0, 1.0)], [end(0, 0.0)]) == []


def test_a_method_without_anything_takes_nothing_from_the_others() -> None:
    a, b = told([end(0, None), end(1, None)], [end(0, 1.0), end(1, 0.5, "truncated")])
    assert (a["failed"], a["well"]["mean"], a["left"]) == (2, None, 0)
    assert (b["well"]["mean"], b["left"]) == (1.0, 1)


def test_where_nothing_is_common_there_is_no_figure() -> None:
    ends = [end(0, None), end(1, 1.0)], [end(0, 1.0), end(1, None)]
    for line in told(*ends):
        assert (line["well"]["mean"], line["left"]) == (None, 0)
    assert [line["well"]["mean"] for line in told(*ends, together=False)] == [1.0, 1.0]


def test_the_page_counts_them(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        for episode in episodes:
            episode["status"] = "terminated"
        episodes[0] |= {"status": "truncated"}
        episodes[1] |= {"status": "failed", "error": "it refused"}
        next(turn for turn in episodes[2]["turns"] if turn["speaker"] == 0)["valid"] = False

    with read_run(run_maker(tmp_path / "run", ("untrained",), (0,), count=5, change=change)) as run:
        ends = read_ends(run)
        (line,) = endings(run.settings[0], ends)
    counts = [line[key] for key in ("episodes", "truncated", "invalid", "failed", "left")]
    assert counts == [5, 1, 1, 1, 2]
    assert all(one.partner_reward in (0.0, 1.0) for of in ends.values() for one in of if one.status != "failed")
