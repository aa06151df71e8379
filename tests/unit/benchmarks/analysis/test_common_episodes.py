"""Which episodes count: the same for all methods of a table, in every table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.common_episodes import LEFT_OUT, complete_cases, with_complete_cases
from goldenrule.benchmarks.analysis.diff import diff
from goldenrule.benchmarks.analysis.summary import endings, findings_of, read_ends
from goldenrule.benchmarks.analysis.verdicts import comparisons
from goldenrule.benchmarks.storage.reader import read_run

Maker = Callable[..., Path]
Row = dict[str, Any]
METHODS = ("untrained", "rlhf_ppo", "naive_kindness")
SMALL: Row = {"methods": METHODS, "seeds": (0, 1), "count": 4, "updates": 1}
WORST = {("rlhf_ppo", 0): (0, 1), ("naive_kindness", 1): (3,)}
"""Which episodes fail, by method and seed."""


def refuse(row: Row, episodes: list[Row]) -> None:
    failing = WORST.get((row["method"], row["seed"]), ())
    for number in failing:
        episodes[number] |= {"status": "failed", "error": "it refused", "turns": []}
    row |= {"episodes": 4 - len(failing), "episodes_failed": len(failing)}
    paid = [sum(turn["rewards"][1] for turn in one["turns"]) for one in episodes if one["status"] != "failed"]
    row["partner_reward"] = sum(paid) / len(paid) if paid else None


@pytest.fixture(scope="module")
def folder(run_maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_maker(tmp_path_factory.mktemp("alike") / "run", **SMALL, change=refuse)


def paid(folder: Path, method: str, seed: int, numbers: tuple[int, ...]) -> float:
    """By hand, from the log."""
    with read_run(folder) as run:
        cell = next(one for one in run.cells if (one.method, one.seed) == (method, str(seed)))
        logs = [log for log in run.episodes(cell) if log["episode"] in numbers]
    assert len(logs) == len(numbers)
    return sum(turn["rewards"][1] for log in logs for turn in log["turns"]) / len(numbers)


def expected(folder: Path, method: str) -> float:
    return expected_of(folder, method, {0: (2, 3), 1: (0, 1, 2)})


def expected_of(folder: Path, method: str, kept: dict[int, tuple[int, ...]]) -> float:
    return sum(paid(folder, method, seed, numbers) for seed, numbers in kept.items()) / len(kept)


def test_what_one_method_failed_is_left_out_for_all_in_every_table(folder: Path) -> None:
    with read_run(folder) as run:
        rows = [cell.row for cell in run.cells]
        terminal = {group["method"]: group for group in findings_of(run).summary["groups"]}
        (setting,) = with_complete_cases(run).settings
        ended = {line["method"]: line for line in endings(setting, read_ends(run))}
        lines = {line["method"]: line for line in comparisons(rows, run)}
    for method in METHODS:
        wanted = pytest.approx(expected(folder, method))
        assert terminal[method]["figures"]["partner_reward"]["mean"] == wanted
        assert ended[method]["paid"]["mean"] == wanted
        assert method == METHODS[0] or lines[method]["method_mean"] == wanted
    (baseline,) = {line["baseline_mean"] for line in lines.values()}
    assert baseline == pytest.approx(expected(folder, METHODS[0]))
    assert [terminal[m]["episodes_left_out"] for m in METHODS] == [3, 1, 2]


def test_a_method_that_finished_nothing_leaves_the_others_theirs(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Row, episodes: list[Row]) -> None:
        if row["method"] == "rlhf_ppo":
            row |= {"status": "failed", "error": "out of memory"}

    folder = run_maker(tmp_path / "run", **SMALL, change=change)
    with read_run(folder) as run:
        rows = [cell.row for cell in run.cells]
        found = complete_cases(rows, run)
    assert [row[LEFT_OUT] for row in found] == [0] * 6
    assert [row["partner_reward"] for row in found] == [row["partner_reward"] for row in rows]
    with read_run(folder) as run:
        dead, other = comparisons(rows, run)
    assert dead["because"] == "no seed has both results: rlhf_ppo finished nothing here"
    assert (other["seeds"], other["pairs_dropped"]) == (2, 0)


def test_a_cell_that_failed_takes_its_seed_from_all(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Row, episodes: list[Row]) -> None:
        if (row["method"], row["seed"]) == ("rlhf_ppo", 1):
            row |= {"status": "failed", "error": "out of memory"}

    with read_run(run_maker(tmp_path / "run", **SMALL, change=change)) as run:
        found = {(row["method"], row["seed"]): row for row in complete_cases([cell.row for cell in run.cells], run)}
    assert found["untrained", 1]["partner_reward"] is found["untrained", 1]["negotiation"] is None
    assert found["untrained", 1][LEFT_OUT] == 4
    assert found["untrained", 0]["partner_reward"] is not None


def test_where_nothing_failed_no_episode_is_read() -> None:
    row = {"scenario": "s", "knobs": {}, "status": "done", "episodes_failed": 0, "partner_reward": 0.5}
    unread: Any = None
    assert complete_cases([row], unread) == [row | {LEFT_OUT: 0}]


def test_two_runs_are_compared_over_the_episodes_that_neither_failed(run_maker: Maker, tmp_path: Path) -> None:
    a, b = (run_maker(tmp_path / name, **SMALL, change=change) for name, change in (("a", refuse), ("b", lone)))
    with read_run(a) as one, read_run(b) as other:
        (found,) = diff(one, other, ["partner_reward"]).figures
    line = next(line for line in found.settings if line["of"] == "rlhf_ppo")
    assert line["a_mean"] == line["b_mean"] == pytest.approx(expected_of(a, "rlhf_ppo", {0: (2, 3), 1: (0, 1, 2, 3)}))


def lone(row: Row, episodes: list[Row]) -> None:
    """Nothing failed, and the same was paid."""
    paid = [sum(turn["rewards"][1] for turn in one["turns"]) for one in episodes]
    row["partner_reward"] = sum(paid) / len(paid)
