"""One line an agent, from all it met.

*Payoff* is the round-robin score of Axelrod's tournaments: the mean an episode over all partners, each counting
alike; beside it stands the same mean of what these partners got, which is how kind it was to them. (Axelrod 1980,
"Effective Choice in the Prisoner's Dilemma", Journal of Conflict Resolution 24.) A copy of an agent that is added to
a population shifts such means: they are of this population and no other.

*Strength*, where both seats are of one role, is who ends with more: the Bradley-Terry model P(i gets more than j) =
1 / (1 + exp(t_j - t_i)), in Elo points (400 are odds of ten to one) around a mean of zero. Equal shares count half to
each side, and each pair that met is given one equal dialogue besides, so that who always ends with more is not
infinitely strong. (Bradley & Terry 1952, "Rank Analysis of Incomplete Block Designs", Biometrika 39.) To be strong is
not to be good: it stands beside the payoffs, and in place of none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goldenrule.benchmarks.statistics.intervals import Bootstrap, intervals, too_few
from goldenrule.benchmarks.statistics.resampling import even_weights
from goldenrule.benchmarks.statistics.samples import Array
from goldenrule.benchmarks.studies.crossplay.figures import SHARES, Figure, bounds_of, spreads
from goldenrule.common.seeding import generator
from goldenrule.envs.registry import ANY
from goldenrule.envs.registry import Range as Bounds

ELO = 400 / math.log(10)
PRIOR = 1.0
"""Equal dialogues given to each pair that met."""
RESAMPLES = 2000
STEP, STEPS, CLOSE = 1.0, 200, 1e-9

FIGURES = ("own", "partner", "joint", "third_party", "agreement", "estimate_gap", *SHARES)
"""Figures of a pair, in the order of the values that are rated."""
OWN, PARTNER, JOINT, THIRD = (FIGURES.index(name) for name in ("own", "partner", "joint", "third_party"))
OWN_VALID, PARTNER_VALID, OWN_FAITHFUL, PARTNER_FAITHFUL = (FIGURES.index(name) for name in SHARES)
Entry = tuple[int, int]
"""Number of a pair, and which of its figures."""

NAMES = (
    "own",
    "partner",
    "joint",
    "third_party",
    "own_held_out",
    "partner_held_out",
    "joint_self",
    "valid",
    "faithful",
)


def rate(
    about: Mapping[str, Any], pairs: Sequence[tuple[str, str]], values: Array, compared: Array
) -> list[dict[str, Any]]:
    """A line an agent, or an agent and seat where the seats are of different roles; the strongest, or kindest, first.

    Args:
        about: `members`, in order, and whether the scenario is `symmetric`.
        pairs: ordered pairs of names, the learner's seat first.
        values: `[seeds, pairs, figures]`, see `FIGURES`; not a number where there is none.
        compared: `[seeds, pairs, 3]`: dialogues in which the learner's seat got more, less, the same.

    Returns:
        Records `agent`, `held_out`, `seat` (`both`, `learner`, `partner`), and figures: `own`, `partner` (what its
        partners got), `joint`, `third_party` over everyone it met (but itself, where the seats are alike);
        `own_held_out`, `partner_held_out` over held-out partners; `joint_self` in self-play; `valid` and
        `faithful`, shares of its judged messages that made sense and that were true to its card; `strength`.
    """
    even, members = bool(about["symmetric"]), about["members"]
    held_out = {one["name"] for one in members if one["held_out"]}
    strengths = _strengths([one["name"] for one in members], pairs, compared) if even else {}
    lines: list[dict[str, Any]] = []
    wanted: list[list[Entry]] = []
    for one in members:
        for seat in ("both",) if even else [which for which in ("learner", "partner") if one[which]]:
            lines.append({"agent": one["name"], "held_out": one["held_out"], "seat": seat})
            wanted += _wanted(one["name"], seat, pairs, held_out)
    within = [_bounds(entries, about) for entries in wanted]
    found = spreads(np.stack([_mean(values, entries) for entries in wanted], axis=1), within) if wanted else []
    for place, line in enumerate(lines):
        line |= zip(NAMES, found[len(NAMES) * place : len(NAMES) * (place + 1)], strict=True)
        line["strength"] = strengths.get(line["agent"])
    return sorted(lines, key=_first)


def _wanted(name: str, seat: str, pairs: Sequence[tuple[str, str]], held_out: set[str]) -> list[list[Entry]]:
    """For each of `NAMES`, which figures of which pairs it is the mean of."""
    as_learner = [k for k, (row, column) in enumerate(pairs) if row == name and (seat != "both" or column != name)]
    as_partner = [k for k, (row, column) in enumerate(pairs) if column == name and (seat != "both" or row != name)]
    if seat == "learner":
        as_partner = []
    elif seat == "partner":
        as_learner = []
    apart = {k for k, pair in enumerate(pairs) if held_out.intersection(pair) and name not in held_out}
    alone = [k for k, pair in enumerate(pairs) if pair == (name, name)] if seat == "both" else []

    def mine(learner: int, partner: int, among: set[int] | None = None) -> list[Entry]:
        found = [(k, learner) for k in as_learner] + [(k, partner) for k in as_partner]
        return [entry for entry in found if among is None or entry[0] in among]

    return [
        mine(OWN, PARTNER),
        mine(PARTNER, OWN),
        mine(JOINT, JOINT),
        mine(THIRD, THIRD),
        mine(OWN, PARTNER, apart),
        mine(PARTNER, OWN, apart),
        [(k, JOINT) for k in alone],
        mine(OWN_VALID, PARTNER_VALID),
        mine(OWN_FAITHFUL, PARTNER_FAITHFUL),
    ]


def _bounds(entries: Sequence[Entry], about: Mapping[str, Any]) -> Bounds:
    """Between what the mean of entries lies: as low as their lowest, as high as their highest."""
    ends = [bounds_of(FIGURES[which], about) for which in {which for _, which in entries}] or [ANY]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _mean(values: Array, entries: Sequence[Entry]) -> Array:
    """Mean of the entries under each seed, not a number where a reward is missing or there is nothing.

    A share that is missing is no gap: there was nothing to judge.
    """
    if not entries:
        return np.full(len(values), np.nan)
    at, which = zip(*entries, strict=True)
    found = values[:, list(at), list(which)]
    there = ~np.isnan(found)
    counted = there.sum(axis=1)
    enough = counted > 0 if which[0] >= OWN_VALID else counted == len(entries)
    mean: Array = np.where(enough, np.where(there, found, 0.0).sum(axis=1) / np.maximum(counted, 1), np.nan)
    return mean


def _first(line: Mapping[str, Any]) -> tuple[bool, float]:
    """Sorts by strength, of learners by what their partners got, of partners by what they got."""
    figure = line["strength"] or line["own" if line["seat"] == "partner" else "partner"]
    return line["seat"] == "partner", math.inf if figure["mean"] is None else -figure["mean"]


def _strengths(names: Sequence[str], pairs: Sequence[tuple[str, str]], compared: Array) -> dict[str, Figure]:
    """Strength of each who met another, with its interval over seeds."""
    place = {name: k for k, name in enumerate(names)}
    wins = np.zeros((len(compared), len(names), len(names)))
    for k, (row, column) in enumerate(pairs):
        if row != column:
            wins[:, place[row], place[column]] += compared[:, k, 0] + compared[:, k, 2] / 2
            wins[:, place[column], place[row]] += compared[:, k, 1] + compared[:, k, 2] / 2
    met = (wins.sum(0) + wins.sum(0).T) > 0
    rated = np.flatnonzero(met.any(axis=1))
    nothing: Figure = {"mean": None, "low": None, "high": None, "n": 0}
    found = {name: dict(nothing) for name in names}
    counted = wins[:, rated][:, :, rated]
    there = counted.sum((1, 2)) > 0
    if not there.any():
        return found
    counted, prior = counted[there], met[np.ix_(rated, rated)] * PRIOR / 2
    seeds = len(counted)

    def statistic(weights: Array) -> Array:
        return strength(np.tensordot(weights * seeds, counted, axes=1) + prior)

    one_stratum = np.zeros(seeds, dtype=np.intp)
    value = statistic(even_weights(one_stratum)[None])[0]
    low = high = [None] * len(rated)
    if too_few(one_stratum) is None:
        rng = generator(0, "crossplay", "strength")
        ends = intervals(statistic, one_stratum, Bootstrap(resamples=RESAMPLES), rng)
        low, high = (end.tolist() for end in ends)
    for k, which in enumerate(rated):
        found[names[int(which)]] = {"mean": float(value[k]), "low": low[k], "high": high[k], "n": seeds}
    return found


def strength(wins: Array) -> Array:
    """Bradley-Terry strengths in Elo points, each row's mean zero, by Newton's method with bounded steps.

    Args:
        wins: `[batch, agents, agents]`: how often the one in the row got more than the one in the column; fractions
            count. Everyone must be tied to everyone by pairs that both have won, or there is no finite maximum.

    Returns:
        `[batch, agents]`.
    """
    games = wins + wins.transpose(0, 2, 1)
    size = wins.shape[1]
    at = np.zeros(wins.shape[:2])
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(at[:, None, :] - at[:, :, None]))
        gradient = (wins - games * expected).sum(axis=2)
        if np.abs(gradient).max() < CLOSE * max(1.0, games.max()):
            break
        doubt = games * expected * (1 - expected)
        curvature = -doubt
        diagonal = np.arange(size)
        curvature[:, diagonal, diagonal] += doubt.sum(axis=2)
        # Strengths are known up to a constant: what is added fixes it and leaves the step itself alone.
        curvature += curvature[:, diagonal, diagonal].mean(axis=1)[:, None, None] / size
        at += np.clip(np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0], -STEP, STEP)
        at -= at.mean(axis=1, keepdims=True)
    return ELO * at
