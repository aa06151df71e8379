"""Figures of each method by itself, over the places that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenrule.benchmarks.statistics.aggregates import AGGREGATES, Aggregate
from goldenrule.benchmarks.statistics.comparison import Options
from goldenrule.benchmarks.statistics.intervals import Estimate, estimate
from goldenrule.benchmarks.statistics.profiles import Profile, profile_of
from goldenrule.benchmarks.statistics.samples import Dropped, Scores, align
from goldenrule.common.errors import UserError


@dataclass(frozen=True, slots=True)
class Aggregated:
    """One figure of several methods.

    Attributes:
        estimates: method -> the aggregate with its interval.
        dropped: what was left out of all of them.
    """

    estimates: dict[str, Estimate]
    dropped: Dropped


@dataclass(frozen=True, slots=True)
class Profiles:
    """Performance profiles of several methods.

    Attributes:
        profiles: method -> its run-score distribution.
        dropped: what was left out of all of them.
    """

    profiles: dict[str, Profile]
    dropped: Dropped


def aggregate(
    scores: Scores,
    kind: Aggregate = "iqm",
    *,
    methods: Sequence[str] | None = None,
    options: Options | None = None,
) -> Aggregated:
    """Interquartile mean or mean of each method over its runs, with stratified bootstrap intervals.

    Args:
        scores: one figure of all methods. Strata are pooled as they are: over scenarios whose rewards differ in
            range, give a normalised figure.
        kind: `iqm` or `mean`.
        methods: which; all that have a row if not given. One of which every run failed leaves nothing for any: name
            the others.
        options: how.

    Raises:
        UserError: a method without rows, or an unknown kind.
    """
    if kind not in AGGREGATES:
        raise UserError(f"aggregate: {kind!r} is unknown; expected {' or '.join(AGGREGATES)}")
    options = Options() if options is None else options
    sample = align(scores, scores.methods if methods is None else methods)
    estimates = {
        name: estimate(
            AGGREGATES[kind](sample.of(name)),
            sample.strata,
            options.bootstrap,
            options.draws(kind, scores.figure, None, name),
        )
        for name in sample.methods
    }
    return Aggregated(estimates, sample.dropped)


def profile(
    scores: Scores,
    thresholds: Sequence[float],
    *,
    methods: Sequence[str] | None = None,
    options: Options | None = None,
) -> Profiles:
    """Share of each method's runs above each threshold, with pointwise bands.

    Arguments as for `aggregate`; thresholds ascend.

    Raises:
        UserError: a method without rows, no run that all methods finished, or thresholds that do not ascend.
    """
    options = Options() if options is None else options
    sample = align(scores, scores.methods if methods is None else methods)
    profiles = {
        name: profile_of(
            sample.of(name),
            sample.strata,
            thresholds,
            options.bootstrap,
            options.draws("profile", scores.figure, None, name),
        )
        for name in sample.methods
    }
    return Profiles(profiles, sample.dropped)
