"""What the page says of its own tables: whose knobs, how many seeds, what columns rest on, which colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.analysis.summarising import overview, remarks
from goldenrule.benchmarks.analysis.verdicts import LONGEST, left_out
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
            row |= {"partner_reward": None, "episodes": 0, "episodes_failed": 2}

    folder = run_maker(tmp_path / "run", **MADE, change=change)
    with read_run(folder) as run:
        found = {line.method: (line.done, line.seeds) for line in overview(run, run.settings[0])}
    assert found == {"rlhf_ppo": (0, 3), "empathetic_kindness": (3, 3)}
    assert ">0 of 3</td>" in write_report(folder).read_text("utf-8")


def test_columns_that_rest_on_fewer_dialogues_say_so(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Row, episodes: list[Row]) -> None:
        row |= {"episodes_estimated": 1 if row["method"] == "rlhf_ppo" else 2, "partner_faithfulness": 0.95}

    with read_run(run_maker(tmp_path / "run", **MADE, change=change)) as run:
        first, second = remarks(run, run.settings[0])
    assert "Estimate and gap rest on fewer dialogues" in first
    assert "(rlhf_ppo 3 of 6)" in first
    assert second == "Partners were true to their cards in 95% of their messages."


def test_no_two_methods_of_a_figure_share_a_colour() -> None:
    methods = ["untrained", "scripted", *(f"mine{k}" for k in range(12))]
    assert len(set(colours(methods).values())) == len(methods)


def test_long_reasons_are_cut() -> None:
    line = {
        "pairs_dropped": 9,
        "pairs_planned": 9,
        "dropped_because": {f"a: {k}{'x' * 9999}\x1b": k for k in range(1, 6)},
    }
    told = left_out(line)
    assert len(told) < 4 * LONGEST
    assert "\x1b" not in told
    assert told.startswith("9 of 9 pairs left out, for all methods alike (5 times a: 5xxx")
    assert told.endswith("; 2 more reasons)")
