"""The table's statistics: a mean and a 95% interval for each figure of each method, from its seeds.

The unit is the seed: training and evaluation under another seed are independent, the episodes under one are not. The
interval is Student's t over the seeds' means, `mean +- t(0.975, n - 1) * s / sqrt(n)`, with the sample deviation `s`.
With three seeds t is 4.30, so intervals are wide, and honest. One seed has none.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

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


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean and 95% interval of independent values: keys `mean`, `low`, `high`, `n`."""
    n = len(values)
    if not n:
        return {"mean": None, "low": None, "high": None, "n": 0}
    mean = float(np.mean(values))
    if n == 1:
        return {"mean": mean, "low": None, "high": None, "n": 1}
    half = _quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


@functools.cache
def _quantile(freedom: int) -> float:
    """Student's t(0.975); slow to work out, and asked for in every cell of a table."""
    return float(student.ppf(0.975, freedom))


def figure(values: Sequence[float | None], reason: str) -> dict[str, Any]:
    """`interval` of the values that there are; with `reason` where there is none, and how many are missing."""
    had = [value for value in values if value is not None]
    return {**interval(had), "missing": len(values) - len(had), "reason": None if had else reason}


def summarise(rows: Sequence[Row], planned: int | None = None) -> dict[str, Any]:
    """The table of a run.

    Args:
        rows: rows of finished cells, failed ones included; as `goldenrule.benchmarks.alike` gives them, where the
            figures of all methods are to rest on the same episodes.
        planned: how many cells there were to be.

    Returns:
        `complete`, `cells`, `finished`, `failed`, `interval` (what the intervals are), `groups` (a method under one
        scenario and knobs, in the order of the rows) and `settings` (a scenario and knobs: how faithfully the partners
        played their cards).
    """
    planned = len(rows) if planned is None else planned
    return {
        "complete": len(rows) == planned,
        "cells": planned,
        "finished": len(rows),
        "failed": sum(row["status"] != "done" for row in rows),
        "interval": "95%, Student's t over the means of seeds",
        "groups": [_group(group, rows) for group in _grouped(rows, "method")],
        "settings": [_setting(group) for group in _grouped(rows)],
    }


def _setting_key(row: Row) -> str:
    return json.dumps([row["scenario"], row["knobs"]], sort_keys=True)


def _grouped(rows: Sequence[Row], *more: str) -> list[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((_setting_key(row), *(row[key] for key in more)), []).append(row)
    return list(groups.values())


def _group(group: Sequence[Row], rows: Sequence[Row]) -> dict[str, Any]:
    first, done = group[0], [row for row in group if row["status"] == "done"]
    failed = "every run of this method failed; see its rows"
    figures = {key: figure([row[key] for row in done], why if done else failed) for key, why in FIGURES.items()}
    figures["oracle_share"] = _oracle_share(done, rows)
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


def _oracle_share(done: Sequence[Row], rows: Sequence[Row]) -> dict[str, Any]:
    """Partner reward as a share of oracle kindness's under the same seed, scenario and knobs."""
    if not done:
        return figure([], "every run of this method failed; see its rows")
    here = _setting_key(done[0])
    oracle = {
        row["seed"]: row["partner_reward"]
        for row in rows
        if row["method"] == ORACLE and row["status"] == "done" and _setting_key(row) == here
    }
    if not oracle:
        return figure([None] * len(done), f"{ORACLE} was not run")
    shares = [
        row["partner_reward"] / top
        if row["partner_reward"] is not None and (top := oracle.get(row["seed"])) is not None and top > 0
        else None
        for row in done
    ]
    return figure(shares, f"{ORACLE} has no positive partner reward under these seeds")


def _negotiation(done: Sequence[Row]) -> dict[str, Any] | None:
    found = [row["negotiation"] for row in done if row.get("negotiation")]
    if not found:
        return None
    return {key: figure([one[key] for one in found], "nothing was agreed") for key in found[0]}


def _setting(group: Sequence[Row]) -> dict[str, Any]:
    faithful = [row["partner_faithfulness"] for row in group if row["status"] == "done"]
    return {
        "scenario": group[0]["scenario"],
        "knobs": group[0]["knobs"],
        "partner_faithfulness": figure(faithful, FIGURES["partner_faithfulness"]),
    }
