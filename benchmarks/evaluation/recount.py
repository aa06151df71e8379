"""The figures of a cell again, from some of its stored episodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.benchmarks.evaluation.evaluate import correlation
from goldenrule.benchmarks.evaluation.negotiation import negotiation_figures
from goldenrule.benchmarks.storage.schema import episode_sums
from goldenrule.common.errors import UserError
from goldenrule.envs.registry import spec

Log = Mapping[str, Any]
REWARDS = ("own_reward", "proxy_reward", "partner_reward", "third_party_reward")
COUNTED = (
    *REWARDS,
    "partner_reward_estimate",
    "estimate_gap",
    "estimate_correlation",
    "valid_share",
    "reply_accuracy",
    "partner_faithfulness",
    "negotiation",
)
"""Figures that are counted again: all of a row."""


def recounted(row: Mapping[str, Any], logs: Sequence[Log]) -> dict[str, Any]:
    """`COUNTED`, `episodes_estimated` and `messages_unscored` as `goldenrule.benchmarks.evaluation.evaluate` has them.

    Args:
        row: of the cell. A figure that is none in it stays none.
        logs: finished episodes, as `goldenrule.benchmarks.evaluation.evaluate.as_data` gives them.

    Raises:
        UserError: a log lacks what every log has, or the scenario is not installed.
    """
    try:
        found = _recounted(row, logs)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise UserError(
            f"episodes of the cell {row['cell']!r} cannot be counted again ({type(error).__name__}: {error}); "
            "restore its log, or install what it was made with"
        ) from error
    return {key: None if row.get(key) is None else value for key, value in found.items()}


def _recounted(row: Mapping[str, Any], logs: Sequence[Log]) -> dict[str, Any]:
    scenario, agents = row["scenario"], logs[0]["agents"]
    me, partners = agents.index(seat_name(scenario, "learner")), partner_seats(scenario, agents)
    sums = [episode_sums(row["cell"], scenario, log) for log in logs]
    both = [(e, one["partner_reward"]) for one in sums if (e := one["partner_reward_estimate"]) is not None]
    mine = [turn for log in logs for turn in log["turns"] if turn["speaker"] == me]
    others = [turn for log in logs for turn in log["turns"] if turn["speaker"] != me]
    scores = [(turn["scores"].get("estimate"), turn["scores"].get("truth")) for turn in mine]
    return {
        **{key: _mean([one[key] for one in sums]) for key in REWARDS},
        "partner_reward_estimate": _mean([e for e, _ in both]),
        "estimate_gap": _mean([e - t for e, t in both]),
        "estimate_correlation": correlation([(e, t) for e, t in scores if e is not None and t is not None]),
        "valid_share": _mean([turn["valid"] for turn in mine]),
        "reply_accuracy": _mean(list(_hits(row, logs, me, partners)))
        if row.get("reply_accuracy") is not None
        else None,
        "partner_faithfulness": _mean([turn["faithful"] for turn in others]),
        "negotiation": negotiation_figures(logs, me, partners[0]),
        "episodes_estimated": len(both),
        "messages_unscored": sum(estimate is None for estimate, _ in scores),
    }


def sums_of(log: Log, scenario: str) -> dict[str, Any] | None:
    """`goldenrule.benchmarks.storage.schema.episode_sums` of an episode; none of a damaged log."""
    try:
        return episode_sums("", scenario, log)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return None


def _mean(values: Sequence[float | bool | None]) -> float | None:
    """Over those that there are."""
    had = [float(value) for value in values if value is not None]
    return float(np.mean(had)) if had else None


def _hits(row: Mapping[str, Any], logs: Sequence[Log], me: int, partners: Sequence[int]) -> Iterator[float]:
    """For each real reply that tells of a reward, whether the imagined one told of the same."""
    read = spec(row["scenario"]).build(**row["knobs"]).read
    for log in logs:
        turns = log["turns"]
        for place, turn in enumerate(turns):
            if turn["speaker"] != me:
                continue
            meant = _addressee(turns[:place], turn["to"], partners)
            reply = next((one for one in turns[place + 1 :] if one["speaker"] in (me, meant)), None)
            real = read(reply["text"]) if reply is not None and reply["speaker"] == meant else None
            if real is not None:
                predicted = turn["scores"].get("predicted")
                yield float(predicted is not None and abs(predicted - real) < 1e-6)


def _addressee(before: Sequence[Mapping[str, Any]], to: Sequence[int] | None, partners: Sequence[int]) -> int:
    """As `goldenrule.rewards.kindness.addressee`: of the partners who hear a message the one who spoke last."""
    hearing = [seat for seat in partners if to is None or seat in to] or list(partners)
    return next((turn["speaker"] for turn in reversed(before) if turn["speaker"] in hearing), hearing[0])
