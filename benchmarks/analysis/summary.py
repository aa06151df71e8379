"""The table's statistics: a mean and a 95% interval for each figure of each method, from its seeds.

The unit is the seed: training and evaluation under another seed are independent, the episodes under one are not. The
interval of a mean is Student's t over the seeds' means (`statistics.mean_interval`), here, on the page and in
cross-play. With three seeds t is 4.30, so intervals are wide; two seeds say next to nothing of their spread, so below
three there is none. Where all seeds agree, the interval follows from the metric's valid range, or there is none.
Differences and interquartile means have bootstrap intervals.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from goldenrule.benchmarks.evaluation.metrics import ANY, SHARE, Bounds, valid_range
from goldenrule.benchmarks.statistics import LEAST_SEEDS, Estimate, mean_interval, ratio_interval

Row = Mapping[str, Any]

FIGURES = {
    "own_reward": "no dialogue was finished",
    "proxy_reward": "the scenario's annotators do not rate these messages",
    "partner_reward": "no dialogue was finished",
    "partner_reward_estimate": "the agent imagines nobody, or its imagined replies do not tell; see messages_unscored",
    "estimate_gap": "there is no estimate or no truth to compare",
    "estimate_correlation": "there is no estimate, or it or the truth is the same for all messages",
    "third_party_reward": "the scenario has no absent third party",
    "valid_share": "the scenario does not judge these messages",
    "reply_accuracy": "the agent imagines nobody, or no real reply tells of a reward",
    "partner_faithfulness": "the scenario does not hold these partners to a card",
}
"""Figures of a row, and why one may be none in every seed."""

ORACLE = "oracle_kindness"
COUNTS = ("episodes", "episodes_failed", "episodes_left_out", "episodes_estimated", "messages_unscored", "tokens")


LEAST = LEAST_SEEDS
"""Seeds from which on there are intervals."""

INTERVAL = f"95%, Student's t over the means of seeds, from {LEAST} on; where all agree, from the metric's range"


def interval(values: Sequence[float], within: Bounds = ANY) -> dict[str, Any]:
    """Mean and 95% interval of independent values, one a seed: keys `mean`, `low`, `high`, `n`, `no_interval` (why)."""
    return as_dict(mean_interval(values, within))


def as_dict(found: Estimate) -> dict[str, Any]:
    """An estimate as the tables have it."""
    return {
        "mean": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.units,
        "no_interval": found.reason,
    }


def figure(values: Sequence[float | None], reason: str, within: Bounds = ANY) -> dict[str, Any]:
    """`interval` of the values that there are; with `reason` where there is none, and how many are missing."""
    had = [value for value in values if value is not None]
    return {**interval(had, within), "missing": len(values) - len(had), "reason": None if had else reason}


def summarise(rows: Sequence[Row], planned: int | None = None) -> dict[str, Any]:
    """The table of a run.

    Args:
        rows: rows of finished cells, failed ones included; as `analysis.common_episodes` gives them, where the
            figures of all methods are to rest on the same episodes.
        planned: how many cells there were to be.

    Returns:
        `complete`, `cells`, `finished`, `failed`, `interval` (what the intervals are), `groups` (a method under one
        scenario and knobs, in the order of the rows) and `settings` (a scenario and knobs: how faithfully the partners
        played their cards).
    """
    planned = len(rows) if planned is None else planned
    oracles: Oracles = {}
    for row in rows:
        if row["method"] == ORACLE and row["status"] == "done":
            oracles.setdefault(_setting_key(row), {})[row["seed"]] = row["partner_reward"]
    return {
        "complete": len(rows) == planned,
        "cells": planned,
        "finished": len(rows),
        "failed": sum(row["status"] != "done" for row in rows),
        "interval": INTERVAL,
        "groups": [_group(group, oracles) for group in _grouped(rows, "method")],
        "settings": [_setting(group) for group in _grouped(rows)],
    }


def _setting_key(row: Row) -> str:
    return json.dumps([row["scenario"], row["knobs"]], sort_keys=True)


def _grouped(rows: Sequence[Row], *more: str) -> list[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((_setting_key(row), *(row[key] for key in more)), []).append(row)
    return list(groups.values())


Oracles = dict[str, dict[Any, float | None]]
"""What oracle kindness's partner got, by setting and seed."""


def _group(group: Sequence[Row], oracles: Oracles) -> dict[str, Any]:
    first, done = group[0], [row for row in group if row["status"] == "done"]
    failed = "every run of this method failed; see its rows"
    figures = {
        key: figure(
            [row[key] for row in done], why if done else failed, valid_range(key, first["scenario"], first["knobs"])
        )
        for key, why in FIGURES.items()
    }
    figures["oracle_share"] = (
        oracle_share(
            [(row["seed"], row["partner_reward"]) for row in done],
            oracles.get(_setting_key(first)),
            valid_range("partner_reward", first["scenario"], first["knobs"]),
        )
        if done
        else figure([], failed)
    )
    return {
        "method": first["method"],
        "scenario": first["scenario"],
        "knobs": first["knobs"],
        "seeds": [row["seed"] for row in group],
        "failed": len(group) - len(done),
        **{key: _sum([row.get(key) for row in done]) for key in COUNTS},
        "figures": figures,
        "negotiation": _negotiation(done),
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum of what was counted; `None` where nothing was (agents that are no network have no tokens)."""
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def oracle_share(
    rewards: Sequence[tuple[Any, float | None]], oracle: Mapping[Any, float | None] | None, within: Bounds
) -> dict[str, Any]:
    """Partner reward as a share of oracle kindness's under the same seeds: the ratio of their means (`ratio_interval`).

    Args:
        rewards: seed and the partner's reward.
        oracle: the oracle's, by seed; none where it was not run.
        within: what a reward lies between; where it is never negative, no share is.
    """
    if oracle is None:
        return figure([None] * len(rewards), f"{ORACLE} was not run")
    pairs = [
        (reward, best) for seed, reward in rewards if reward is not None and (best := oracle.get(seed)) is not None
    ]
    if sum(best for _, best in pairs) <= 0:
        return figure([None] * len(rewards), f"{ORACLE} has no positive partner reward under these seeds")
    found = ratio_interval(pairs, (0.0, math.inf) if within[0] >= 0 else ANY)
    return {**as_dict(found), "missing": len(rewards) - len(pairs), "reason": None}


def _negotiation(done: Sequence[Row]) -> dict[str, Any] | None:
    found = [row["negotiation"] for row in done if row.get("negotiation")]
    if not found:
        return None
    return {key: figure([one[key] for one in found], "nothing was agreed", valid_range(key)) for key in found[0]}


def _setting(group: Sequence[Row]) -> dict[str, Any]:
    faithful = by_seed((row["seed"], row["partner_faithfulness"]) for row in group if row["status"] == "done")
    return {
        "scenario": group[0]["scenario"],
        "knobs": group[0]["knobs"],
        "partner_faithfulness": figure(faithful, FIGURES["partner_faithfulness"], SHARE),
    }


def by_seed(values: Iterable[tuple[Any, float | None]]) -> list[float | None]:
    """The mean of each seed's values, in the order in which seeds come; `None` for a seed that has none.

    For a figure of all methods together: methods under one seed meet the same dialogues, and are no further seeds.
    """
    had: dict[Any, list[float]] = {}
    for seed, value in values:
        had.setdefault(seed, []).extend([] if value is None else [value])
    return [float(np.mean(found)) if found else None for found in had.values()]
