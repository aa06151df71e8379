"""What people did in the human dialogues, and how far "my reward is yours" goes: the figures to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from goldenrule.common.seeding import generator
from goldenrule.envs.datasets.casino import HumanDialogue, load_casino
from goldenrule.envs.datasets.files import DataError
from goldenrule.envs.scenarios.campsite.language import efficient

Array = NDArray[np.float64]


ENOUGH = 10
"""Dialogues that an interval needs."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval, by a percentile bootstrap over dialogues; `None` where it is not defined.

    Fewer than `ENOUGH` dialogues have no interval: resamples of a few hardly differ, and would tell of certainty.

    Attributes:
        value: the figure on all dialogues.
        low, high: 2.5% and 97.5% of the figure over resamples of the dialogues.
        n: how many dialogues.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def bootstrap(
    rows: Array, figure: Callable[[Array], float], *, seed: int = 0, resamples: int = 1000, name: str = ""
) -> Estimate:
    """A figure of `rows` (one row a dialogue) and its interval. Both people of a dialogue are drawn together."""
    n = len(rows)
    value = float(figure(rows)) if n else float("nan")
    if not np.isfinite(value):
        return Estimate(None, None, None, n)
    if n < ENOUGH:
        return Estimate(value, None, None, n)
    rng = generator(seed, "bootstrap", name)
    draws = np.array([figure(rows[rng.integers(0, n, n)]) for _ in range(resamples)])
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Estimate(value, None, None, n)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, float(low), float(high), n)


def spearman(pairs: Array) -> float:
    """Spearman's rank correlation of two columns, ties by mean rank; NaN where a column is constant."""
    a, b = rankdata(pairs[:, 0]), rankdata(pairs[:, 1])
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else float("nan")


def both_ways(first: Sequence[float], second: Sequence[float]) -> Array:
    """Rows (own 0, partner 0, own 1, partner 1): each dialogue seen from both seats."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return np.stack([a, b, b, a], axis=1)


def spearman_both(rows: Array) -> float:
    """Spearman of own with partner's over both seats; `rows` as `both_ways` makes them."""
    return spearman(rows.reshape(-1, 2))


def human_figures(dialogues: Sequence[HumanDialogue], seed: int = 0) -> dict[str, Estimate]:
    """What people reached, with intervals by dialogue.

    Returns:
        `own_points` (of a person), `joint_points`, `agreement_share`, `pareto_share` (of the agreements: nobody could
        have had more without the other losing) and `pareto_share_of_all` (no agreement counts as inefficient).
    """
    scored = np.array([[p.points for p in d.people] for d in dialogues], dtype=float).reshape(-1, 2)
    agreed = np.array([d.deal() is not None for d in dialogues], dtype=float)
    pareto = np.array([_is_efficient(d) for d in dialogues], dtype=float)

    def mean(values: Array, name: str) -> Estimate:
        return bootstrap(values, lambda rows: float(rows.mean()), seed=seed, name=name)

    return {
        "own_points": mean(scored, "own_points"),
        "joint_points": mean(scored.sum(1), "joint_points"),
        "agreement_share": mean(agreed, "agreement_share"),
        "pareto_share": mean(pareto[agreed > 0], "pareto_share"),
        "pareto_share_of_all": mean(pareto, "pareto_share_of_all"),
    }


def human_reference(scenario: str) -> dict[str, Any] | None:
    """What people reached in the dialogues that a scenario is made of; `None` for scenarios without such dialogues.

    Keys: `data`, `dialogues`, `figures` (as in the table; none without the data) and `reason`.
    """
    if scenario != "campsite-v0":
        return None
    try:
        dialogues = load_casino()
    except DataError as error:
        return {"data": "casino", "dialogues": 0, "figures": {}, "reason": str(error)}
    figures = {
        name: {"mean": one.value, "low": one.low, "high": one.high, "n": one.n}
        for name, one in human_figures(dialogues).items()
    }
    return {"data": "casino", "dialogues": len(dialogues), "figures": figures, "reason": None}


def _is_efficient(dialogue: HumanDialogue) -> bool:
    deal = dialogue.deal()
    first, second = (p.person.order for p in dialogue.people)
    return deal is not None and deal in efficient(first, second)


def my_reward_is_yours(dialogues: Sequence[HumanDialogue], seed: int = 0) -> dict[str, Estimate]:
    """How well one's own reward ranks the partner's: Spearman over all people, intervals by dialogue.

    Returns:
        `satisfaction` and `points` (own with partner's), and `points_satisfaction` (own points with own satisfaction).
    """
    first, second = [d.people[0] for d in dialogues], [d.people[1] for d in dialogues]
    rows = {
        "satisfaction": both_ways([p.satisfaction for p in first], [p.satisfaction for p in second]),
        "points": both_ways([p.points for p in first], [p.points for p in second]),
        "points_satisfaction": np.array(
            [[a.points, a.satisfaction, b.points, b.satisfaction] for a, b in zip(first, second, strict=True)],
            dtype=float,
        ).reshape(-1, 4),
    }
    return {name: bootstrap(values, spearman_both, seed=seed, name=name) for name, values in rows.items()}
