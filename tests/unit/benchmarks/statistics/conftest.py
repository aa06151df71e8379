"""Rows of made-up results of which the true means are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from goldenrule.benchmarks.statistics import Scores, read_scores

Row = dict[str, Any]


def _row(method: str, seed: int, value: Any, scenario: str = "s", knobs: Row | None = None, **more: Any) -> Row:
    return {"method": method, "scenario": scenario, "knobs": knobs or {}, "seed": seed, "gain": value, **more}


def _runs(
    shifts: dict[str, float], seeds: int = 10, noise: float = 0.3, scenarios: tuple[str, ...] = ("s",)
) -> list[Row]:
    draw = np.random.Generator(np.random.PCG64(42))
    rows = []
    for scenario in scenarios:
        for seed in range(seeds):
            common = draw.normal(0, 5)
            rows += [_row(m, seed, common + s + draw.normal(0, noise), scenario) for m, s in shifts.items()]
    return rows


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    """One result, `gain`."""
    return _row


@pytest.fixture(scope="session")
def runs() -> Callable[..., list[Row]]:
    """Rows of methods with these true means; each seed shifts all methods alike."""
    return _runs


@pytest.fixture(scope="session")
def scores() -> Callable[..., Scores]:
    """The same, read."""
    return lambda *arguments, **named: read_scores(_runs(*arguments, **named), "gain")
