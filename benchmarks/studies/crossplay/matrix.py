"""The matrix of a cross-play (what every pair got) and its rating (a line an agent), with intervals over seeds.

*Payoff* is the round-robin score of Axelrod's tournaments: the mean an episode over all partners, each counting
alike; beside it stands the same mean of what these partners got, which is how kind it was to them. (Axelrod 1980,
"Effective Choice in the Prisoner's Dilemma", Journal of Conflict Resolution 24.) A copy of an agent that is added to
a population shifts such means: they are of this population and no other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.benchmarks.analysis.summary import INTERVAL, interval
from goldenrule.benchmarks.evaluation.metrics import valid_range
from goldenrule.benchmarks.statistics.scores import Array
from goldenrule.benchmarks.storage.reader import open_results
from goldenrule.envs.registry import ANY, SHARE, Range, spec

COUNTS = ("episodes", "episodes_failed", "episodes_truncated", "episodes_invalid")

SHARES = ("own_valid", "partner_valid", "own_faithful", "partner_faithful")
"""Shares of each side's judged messages that made sense, and that were true to its card."""
METRICS = ("own", "partner", "joint", "third_party", "agreement", "estimate_gap", *SHARES)
"""Metrics of a pair, in the order of the last axis of values."""

RATED = {
    "own": ("own", "partner"),
    "partner": ("partner", "own"),
    "joint": ("joint", "joint"),
    "third_party": ("third_party", "third_party"),
    "own_held_out": ("own", "partner"),
    "partner_held_out": ("partner", "own"),
    "joint_self": ("joint", "joint"),
    "valid": ("own_valid", "partner_valid"),
    "faithful": ("own_faithful", "partner_faithful"),
}
"""Metrics of an agent: which metric of a pair it is where the agent learns, and where it is the partner."""

_KEYS = {
    "own": "own_reward",
    "partner": "partner_reward",
    "third_party": "third_party_reward",
    "estimate_gap": "estimate_gap",
}
"""Keys in a row of those that are there as they are."""

Pair = tuple[str, str]
"""Names of the agents in the learner's seat and in the partner's."""
Entry = tuple[int, str]
"""Index of a pair, and one of its metrics."""


def meetings(members: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Every ordered pair that meets. Who is held out meets the population only.

    Args:
        members: by `name`; whether each can sit in the `learner`'s and the `partner`'s seat, and is `held_out`.
    """
    return [
        (row["name"], column["name"])
        for row in members
        for column in members
        if row["learner"] and column["partner"] and not (row["held_out"] and column["held_out"])
    ]


def summarise(about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """Matrix and rating.

    Args:
        about: what was asked for (`studies.crossplay.population.plan`).
        rows: of its pairings, failed ones included.
        folder: where their dialogues are stored.

    Returns:
        `about`'s own keys; `complete`, `cells`, `finished`, `failed`; `pairs`, a record an ordered pair (`row` in the
        learner's seat, `column` in the partner's) with `figures` (means an episode, intervals over seeds) and counts;
        `rating`, see `rate`.

    Raises:
        UserError: no results in the folder, or they are damaged.
    """
    seeds, pairs = list(about["seeds"]), meetings(about["members"])
    shares, errors = _dialogues(folder, about["scenario"], about["knobs"])
    asked = {(*pair, seed) for pair in pairs for seed in seeds}
    met = {key: row for row in rows if (key := (*_pair(row), row["seed"])) in asked}
    values = np.full((len(seeds), len(pairs), len(METRICS)), np.nan)
    for s, seed in enumerate(seeds):
        for k, pair in enumerate(pairs):
            row = met.get((*pair, seed))
            if row is not None and row["status"] == "done":
                metrics = _metrics(row) | shares.get(row["cell"], {})
                values[s, k] = [np.nan if (value := metrics.get(name)) is None else value for name in METRICS]
    ranges = _ranges(about)
    of_pairs = [[met[key] for seed in seeds if (key := (*pair, seed)) in met] for pair in pairs]
    return {
        **about,
        "interval": INTERVAL,
        "complete": len(met) == len(asked),
        "cells": len(asked),
        "finished": len(met),
        "failed": sum(row["status"] != "done" for row in met.values()),
        "pairs": [
            _record(pair, of, errors)
            | {"figures": {name: _over_seeds(values[:, k, m], [ranges[name]]) for m, name in enumerate(METRICS)}}
            for k, (pair, of) in enumerate(zip(pairs, of_pairs, strict=True))
        ],
        "rating": rate(about, pairs, values),
    }


def _pair(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row["params"].get("learner"), row["params"].get("partner")


def _record(pair: Pair, rows: Sequence[Mapping[str, Any]], errors: Mapping[str, str]) -> dict[str, Any]:
    """A pair in the summary. Its `reason` is that of the first run that failed, else of the first dialogue."""
    done = [row for row in rows if row["status"] == "done"]
    reasons = [str(row["error"]) for row in rows if row["status"] != "done"]
    reasons += [errors[row["cell"]] for row in done if row["cell"] in errors]
    return {
        "row": pair[0],
        "column": pair[1],
        "seeds": len(done),
        "seeds_failed": len(rows) - len(done),
        **{name: sum(row[name] or 0 for row in done) for name in COUNTS},
        "reason": next(iter(reasons), None),
    }


def _metrics(row: Mapping[str, Any]) -> dict[str, float | None]:
    """Metrics of one pairing under one seed that its row has: means an episode."""
    own, partner = row["own_reward"], row["partner_reward"]
    joint = None if own is None or partner is None else own + partner
    agreement = (row.get("negotiation") or {}).get("agreement_share")
    return {name: row[key] for name, key in _KEYS.items()} | {"joint": joint, "agreement": agreement}


def _ranges(about: Mapping[str, Any]) -> dict[str, Range]:
    """Valid range of each metric of a pair. Without a scenario in `about`, rewards may be anything."""
    found = {name: valid_range(key, about.get("scenario"), about.get("knobs")) for name, key in _KEYS.items()}
    low, high = zip(found["own"], found["partner"], strict=True)
    return found | {"joint": (sum(low), sum(high))} | dict.fromkeys(("agreement", *SHARES), SHARE)


def _over_seeds(values: Array, ranges: Sequence[Range]) -> dict[str, Any]:
    """`analysis.summary.interval` over the seeds that have a value, of a mean of metrics that have these ranges."""
    within = (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else ANY
    return interval(values[~np.isnan(values)].tolist(), within)


_FAILED = "SELECT cell, error, min(episode) FROM episodes WHERE status = 'failed' GROUP BY cell"
_JUDGED = """
SELECT e.cell, iif(json_extract(t.value, '$.speaker') = {learner}, 'own', 'partner') AS side,
       avg(json_extract(t.value, '$.valid')), avg(json_extract(t.value, '$.faithful'))
FROM episodes e, json_each(e.log, '$.turns') t
WHERE e.status != 'failed' AND json_extract(t.value, '$.speaker') IN ({seats}) GROUP BY e.cell, side
"""
"""Means over messages; where nothing was judged, the mean is NULL."""


def _dialogues(
    folder: Path, scenario: str, knobs: Mapping[str, Any]
) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
    """`SHARES` of the dialogues of each cell; and by cell why its first failed dialogue did."""
    names = spec(scenario).build(**knobs).agents
    learner = names.index(seat_name(scenario, "learner"))
    seats = ", ".join(map(str, (learner, *partner_seats(scenario, names))))
    shares: dict[str, dict[str, float | None]] = {}
    with open_results(folder) as db:
        for cell, side, valid, faithful in db.execute(_JUDGED.format(learner=learner, seats=seats)):
            shares.setdefault(cell, {}).update({f"{side}_valid": valid, f"{side}_faithful": faithful})
        return shares, {cell: error for cell, error, _ in db.execute(_FAILED)}


def rate(about: Mapping[str, Any], pairs: Sequence[Pair], values: Array) -> list[dict[str, Any]]:
    """A line an agent, or an agent and seat where the seats are of different roles; the kindest first.

    Args:
        about: `members`, in order, and whether the scenario is `symmetric`.
        pairs: ordered pairs of names, the learner's seat first.
        values: `[seeds, pairs, metrics]`, see `METRICS`; NaN where there is none.

    Returns:
        Records `agent`, `held_out`, `seat` (`both`, `learner`, `partner`), and metrics: `own`, `partner` (what its
        partners got), `joint`, `third_party` over everyone it met (but itself, where the seats are alike);
        `own_held_out`, `partner_held_out` over held-out partners; `joint_self` in self-play; `valid` and
        `faithful`, shares of its judged messages that made sense and that were true to its card.
    """
    held_out, ranges = {one["name"] for one in about["members"] if one["held_out"]}, _ranges(about)
    lines: list[dict[str, Any]] = []
    for one in about["members"]:
        for seat in ("both",) if about["symmetric"] else [which for which in ("learner", "partner") if one[which]]:
            line = {"agent": one["name"], "held_out": one["held_out"], "seat": seat}
            for name in RATED:
                entries = _entries(name, one["name"], seat, pairs, held_out)
                line[name] = _over_seeds(_mean(values, entries), [ranges[metric] for _, metric in entries])
            lines.append(line)
    return sorted(lines, key=_kindest)


def _entries(name: str, agent: str, seat: str, pairs: Sequence[Pair], held_out: set[str]) -> list[Entry]:
    """Which metrics of which pairs a metric of an agent is the mean of."""
    as_learner, as_partner = RATED[name]
    if name == "joint_self":
        return [(k, as_learner) for k, pair in enumerate(pairs) if pair == (agent, agent) and seat == "both"]
    entries = []
    for k, (row, column) in enumerate(pairs):
        if seat == "both" and row == column:
            continue  # self-play stands by itself
        if name.endswith("_held_out") and (agent in held_out or not held_out.intersection((row, column))):
            continue
        if row == agent and seat != "partner":
            entries.append((k, as_learner))
        if column == agent and seat != "learner":
            entries.append((k, as_partner))
    return entries


def _mean(values: Array, entries: Sequence[Entry]) -> Array:
    """Mean of the entries under each seed, NaN where a reward is missing or there is nothing.

    A share that is missing is no gap: there was nothing to judge.
    """
    if not entries:
        return np.full(len(values), np.nan)
    found = values[:, [k for k, _ in entries], [METRICS.index(metric) for _, metric in entries]]
    there = ~np.isnan(found)
    counted = there.sum(axis=1)
    enough = counted > 0 if entries[0][1] in SHARES else counted == len(entries)
    mean: Array = np.where(enough, np.where(there, found, 0.0).sum(axis=1) / np.maximum(counted, 1), np.nan)
    return mean


def _kindest(line: Mapping[str, Any]) -> tuple[bool, float]:
    """Sorts agents by what their partners got, and those rated as partners by what they got."""
    mean = line["own" if line["seat"] == "partner" else "partner"]["mean"]
    return line["seat"] == "partner", math.inf if mean is None else -mean
