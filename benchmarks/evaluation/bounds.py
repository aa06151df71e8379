"""Between what a figure lies, whatever happens: no interval of it says more than that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Bounds = tuple[float, float]
ANY: Bounds = (-math.inf, math.inf)
SHARE: Bounds = (0.0, 1.0)

_SHARES = (
    "valid_share",
    "reply_accuracy",
    "partner_faithfulness",
    "agreement_share",
    "pareto_share",
    "pareto_share_of_all",
)
_POINTS: Bounds = (0.0, 36.0)
_DEALS = {"own_points": _POINTS, "partner_points": _POINTS, "joint_points": (0.0, 72.0)}


def bounds(figure: str, scenario: str | None = None, knobs: Mapping[str, Any] | None = None) -> Bounds:
    """The lowest and the highest value that a figure, and its mean, can have.

    Shares lie in [0, 1], correlations in [-1, 1]. True rewards of an episode lie where the scenario's rules put them: a
    seeker of hidden_needs gets 1 or nothing, a camper 0 to 36 points, Anna of false_belief never less than nothing.
    Estimates and everything of other scenarios may be anything.

    Args:
        figure: a column of a row, or a figure of its negotiation.
        scenario, knobs: of the row; without them rewards may be anything.
    """
    if figure in _SHARES:
        return SHARE
    if figure == "estimate_correlation":
        return -1.0, 1.0
    if figure in _DEALS:
        return _DEALS[figure]
    rewards: dict[str | None, dict[str, Bounds]] = {
        "hidden_needs-v0": {"partner_reward": (0.0, _seekers(knobs)), "own_reward": (-math.inf, 0.0)},
        "campsite-v0": {"own_reward": _POINTS, "partner_reward": _POINTS},
        "false_belief-v0": {"partner_reward": (0.0, math.inf)},
    }
    return rewards.get(scenario, {}).get(figure, ANY)


def _seekers(knobs: Mapping[str, Any] | None) -> float:
    found = (knobs or {}).get("seekers")
    return float(found) if isinstance(found, int) and not isinstance(found, bool) else math.inf
