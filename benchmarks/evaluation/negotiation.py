"""What a negotiation came to: points, agreements and whether anyone could have had more for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

KEYS = ("own_points", "partner_points", "joint_points", "agreement_share", "pareto_share", "pareto_share_of_all")
"""As `datasets.human_figures` names them; `partner_points` has no human counterpart, where seats are alike."""


def negotiation_figures(episodes: Sequence[Mapping[str, Any]], me: int, partner: int) -> dict[str, float | None] | None:
    """Means over episodes; `None` for scenarios without deals, and for a share of no agreements.

    Args:
        episodes: as `evaluation.as_data` gives them; failed ones are left out. A talk that was cut ends without an
            agreement and pays nothing.
        me, partner: seats.
    """
    finished = [episode for episode in episodes if episode["status"] != "failed"]
    if not any("offer_0" in turn["facts"] for episode in finished for turn in episode["turns"]):
        return None
    ends = [episode["turns"][-1]["facts"] for episode in finished]
    deals = [end for end in ends if end.get("agreement")]
    return {
        "own_points": _mean([end.get(f"points_{me}", 0) for end in ends]),
        "partner_points": _mean([end.get(f"points_{partner}", 0) for end in ends]),
        "joint_points": _mean([end.get("joint", 0) for end in ends]),
        "agreement_share": len(deals) / len(ends),
        "pareto_share": _mean([bool(end["pareto"]) for end in deals]),
        "pareto_share_of_all": _mean([bool(end.get("pareto")) for end in ends]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
