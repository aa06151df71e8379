"""Verdicts of a sweep rest on the same episodes for all methods."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.verdicts import comparisons
from goldenrule.benchmarks.evaluation.metrics import KEYS
from goldenrule.benchmarks.report.terminal import print_comparisons
from goldenrule.benchmarks.storage.reader import rows
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.benchmarks.storage.store import ResultStore

SEEDS = range(3)
PAID = {"a": (1.0, 0.0, None), "b": (1.0, 1.0, 0.0)}
"""Partner's reward in each episode; none where the agent failed."""


def turn(paid: float) -> dict[str, Any]:
    empty: dict[str, Any] = {"absent": {}, "scores": {}, "reasons": {}, "facts": {}, "notes": {}}
    said = {"speaker": 0, "text": "Hm.", "to": None, "rewards": [0.0, paid], "valid": True, "proxy": None}
    return said | empty


def episode(number: int, paid: float | None) -> dict[str, Any]:
    about: dict[str, Any] = {"episode": number, "seed": number, "agents": ["helper_0", "seeker_0"], "error": None}
    about |= {"learner": 0, "partners": [1]}
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
    (line,) = comparisons(rows(swept), folder=swept)
    assert line["baseline_mean"] == 0.5
    assert line["method_mean"] == 1.0  # and not 2/3: its third talk has no partner
    assert (line["pairs_dropped"], line["pairs_planned"]) == (3, 9)
    assert line["dropped_because"] == {"a: failed: it refused": 3}


def test_a_cell_that_failed_takes_its_seed_from_both(swept: Path) -> None:
    found = rows(swept)
    found[-1] |= {"status": "failed", "error": "out of memory"}
    (line,) = comparisons(found, folder=swept)
    assert (line["pairs_dropped"], line["pairs_planned"]) == (5, 9)
    assert line["dropped_because"] == {"a: failed: it refused": 3, "b: failed: out of memory": 3}


def test_without_failures_the_means_of_cells_are_compared(swept: Path) -> None:
    found = [row | {"episodes_failed": 0} for row in rows(swept)]
    (line,) = comparisons(found, folder=swept)
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
