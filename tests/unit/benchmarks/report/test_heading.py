"""What the page says of its own tables: whose knobs, how many seeds, which colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.report.page import _facts, write_report
from goldenrule.benchmarks.report.theme import colours
from goldenrule.benchmarks.storage.reader import read_run

Maker = Callable[..., Path]
Row = dict[str, Any]
MADE: Row = {"seeds": (0, 1, 2), "count": 2, "updates": 1}


def test_knobs_stand_with_their_scenario(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Row, episodes: list[Row]) -> None:
        if row["seed"] == 2:
            row |= {"scenario": "campsite-v0", "knobs": {"turns": 6, "similarity": 0.2}}

    with read_run(run_maker(tmp_path / "run", **MADE, similarities=(0.0, 0.5), change=change)) as run:
        told = dict(_facts(run, None))
    assert told["Scenarios"] == "hidden_needs-v0 (similarity 0.0 / 0.5, cue 1.0); campsite-v0 (turns 6, similarity 0.2)"
    assert "Knobs" not in told


def test_a_method_that_finished_no_episode_has_no_seeds(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Row, episodes: list[Row]) -> None:
        if row["method"] == "rlhf_ppo":
            for episode in episodes:
                episode |= {"status": "failed", "error": "it refused"}
            row |= {"partner_reward": None, "episodes": 0, "episodes_failed": 2}

    page = write_report(run_maker(tmp_path / "run", **MADE, change=change)).read_text("utf-8")
    assert ">0 of 3</td>" in page
    assert ">3</td>" in page


def test_no_two_methods_of_a_figure_share_a_colour() -> None:
    methods = ["untrained", "scripted", *(f"mine{k}" for k in range(12))]
    assert len(set(colours(methods).values())) == len(methods)
