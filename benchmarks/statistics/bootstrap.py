"""Bootstrap intervals, percentile and BCa, of any aggregate of a stratified sample; interquartile means and profiles.

A unit is a seed within a stratum. A resample draws as many seeds as a stratum has, from that stratum, with replacement;
the strata themselves stay, for the question is what other seeds would have given under the same settings. All strata
weigh the same, however many seeds each has. Every resample is the same values under other weights, so that an aggregate
of ten thousand resamples is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from goldenrule.benchmarks.statistics.intervals import LEAST_SEEDS, ROUNDING, UNBOUNDED, Bounds, Estimate, unanimous
from goldenrule.benchmarks.statistics.scores import Array, Indices, Scores, align
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator

Kind = Literal["bca", "percentile"]
Statistic = Callable[[Array], Array]
"""Weights `[resamples, units]`, each row summing to one, to results `[resamples, columns]`."""

SHARE: Bounds = (0.0, 1.0)

LEAST_UNITS = 5
"""Seeds of all strata from which on there is a bootstrap interval. It ends within the values, and all n of these lie on
one side of the median once in 2^(n-1) times: at best, 3 seeds cover it 75 times in 100, 4 seeds 87, and 5 seeds 94."""

CHUNK = 250_000
"""Weights held at a time: 2 MB, which stay in the processor's cache however many resamples and units there are."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are computed.

    Attributes:
        kind: `bca` (bias-corrected and accelerated) or `percentile`.
        confidence: nominal coverage, above 0 and below 1.
        resamples: how many resamples, at least 100.
        widen: whether the levels make up for few seeds; see `tail_distance`. Without, as rliable and SciPy do it.
    """

    kind: Kind = "bca"
    confidence: float = 0.95
    resamples: int = 10_000
    widen: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("bca", "percentile"):
            raise UserError(f"interval: {self.kind!r} is unknown; expected bca or percentile")
        if not 0 < self.confidence < 1:
            raise UserError(f"confidence: got {self.confidence}; expected a number above 0 and below 1, such as 0.95")
        if self.resamples < 100:
            raise UserError(f"resamples: got {self.resamples}; expected 100 or more")


@dataclass(frozen=True, slots=True)
class Options:
    """How a table of methods is made.

    Attributes:
        bootstrap: kind and size of the intervals; the level of tests and verdicts is 1 less its confidence.
        power: the probability that `detectable` differences are found with.
        higher_is_better: whether more of the metric is good.
        seed: of the random draws.
    """

    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    power: float = 0.8
    higher_is_better: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.alpha < self.power < 1:
            raise UserError(f"power: got {self.power}; expected a number above {self.alpha:.2g} and below 1")

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return round(1 - self.bootstrap.confidence, 12)

    def draws(self, what: str, metric: str, stratum: str | None, *methods: str) -> np.random.Generator:
        """A generator of its own for each use, the same whichever of two methods is named first."""
        return generator(self.seed, "statistics", what, metric, stratum or "", *sorted(methods))


# Weights


def even_weights(strata: Indices) -> Array:
    """Weights of the sample itself, `[units]`: each stratum's sum is the same, and all sum to one."""
    sizes = np.bincount(strata)
    weights: Array = 1.0 / (len(sizes) * sizes[strata])
    return weights


def bootstrap_weights(strata: Indices, resamples: int, rng: np.random.Generator) -> Iterator[Array]:
    """Weights of the resamples, `[some, units]` at a time, `resamples` in all; `strata` ascend from 0 without a gap."""
    units, sizes = len(strata), np.bincount(strata)
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    even = even_weights(strata)
    at_once = max(1, CHUNK // units)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = first[strata] + rng.integers(0, sizes[strata], size=(count, units))
        flat = (np.arange(count)[:, None] * units + drawn).ravel()
        yield np.bincount(flat, minlength=count * units).reshape(count, units) * even


def jackknife_weights(strata: Indices, left_out: Indices | None = None) -> Array:
    """Row `i` leaves unit `i` (or `left_out[i]`) out and lets the others of its stratum share its weight.

    Every stratum must have two units. Shape `[units, units]`, or `[len(left_out), units]`.
    """
    out = np.arange(len(strata)) if left_out is None else left_out
    even, sizes = even_weights(strata), np.bincount(strata)
    grown = even * sizes[strata] / (sizes[strata] - 1)
    weights: Array = np.where(strata[out, None] == strata[None, :], grown, even)
    weights[np.arange(len(out)), out] = 0.0
    return weights


# Aggregates


def mean_of(values: Array) -> Statistic:
    """Mean of values `[units]`, or of each column of `[units, columns]`, under weights."""
    columns = values if values.ndim == 2 else values[:, None]
    return lambda weights: weights @ columns


def iqm_of(values: Array) -> Statistic:
    """Interquartile mean of values `[units]` under weights."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]

    def aggregate(weights: Array) -> Array:
        sorted_weights = weights[:, order]
        above = np.cumsum(sorted_weights, axis=1)
        total = above[:, -1:]
        # The part of each weight that lies between the quartiles of all weight.
        kept = np.minimum(above, 0.75 * total) - np.maximum(above - sorted_weights, 0.25 * total)
        middle: Array = np.maximum(kept, 0.0) @ ascending / (0.5 * total[:, 0])
        return middle[:, None]

    return aggregate


def statistic_of(rows: Array, function: Callable[[Array], float]) -> Statistic:
    """Any function of the rows `[units, ...]` of one stratum, such as a rank correlation, under resampled weights."""
    place = np.arange(len(rows))
    return lambda weights: np.array(
        [[function(rows[np.repeat(place, np.rint(line * len(rows)).astype(np.intp))])] for line in weights]
    )


def iqm(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Interquartile mean: the mean of the middle half.

    Exactly a quarter of the weight is cut off at each end, so that the values on the two edges count in part. With n
    equal weights and n a multiple of 4 this is `scipy.stats.trim_mean(values, 0.25)`, which rliable uses. Otherwise
    that one cuts `floor(n / 4)` whole values at each end: none of 3 and 1 of 7, which for the few seeds of a usual
    run is close to the plain mean under another name, and jumps from one n to the next. Fractions also let strata
    with unequal numbers of seeds weigh the same.

    Args:
        values: `[n]`, at least one, of comparable scale: of scenarios with different rewards, normalise first.
        weights: `[n]`, not negative, of any sum above zero; equal if not given.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3,
    arXiv 2108.13264.
    """
    plain = np.asarray(values, dtype=np.float64)
    rows = np.ones((1, len(plain))) if weights is None else np.asarray(weights, dtype=np.float64)[None]
    return float(iqm_of(plain)(rows / rows.sum())[0, 0])


# Intervals


def estimate(
    statistic: Statistic,
    strata: Indices,
    how: Bootstrap,
    rng: np.random.Generator,
    *,
    bounds: Bounds = UNBOUNDED,
    iqm: bool = False,
) -> Estimate:
    """An aggregate of one column with its interval, where there are enough seeds (`too_few`).

    Args:
        statistic: the aggregate under weights.
        strata: `[units]`, the stratum of each unit, from 0 without a gap.
        how, rng: kind and size of the bootstrap, and what draws the resamples.
        bounds: valid range of the aggregate, for where all resamples agree (`unanimous`).
        iqm: whether it is an interquartile mean.
    """
    if not len(strata):
        return Estimate(None, None, None, 0, "no seed is left")
    value = float(statistic(even_weights(strata)[None])[0, 0])
    if reason := too_few(strata):
        return Estimate(value, None, None, len(strata), reason)
    low, high = intervals(statistic, strata, how, rng, bounds=bounds, iqm=iqm)
    if np.isnan(low[0]):
        return unanimous(value, len(strata), UNBOUNDED)  # none, with the reason
    return Estimate(value, float(low[0]), float(high[0]), len(strata))


def too_few(strata: Indices) -> str | None:
    """Why so few seeds have no bootstrap interval: it would leave chance out. None where they have one."""
    sizes = np.bincount(strata)
    if len(sizes) > 1 and (few := int((sizes < LEAST_SEEDS).sum())):
        return f"an interval needs {LEAST_SEEDS} seeds a stratum; {few} of {len(sizes)} strata have fewer"
    return f"an interval needs {LEAST_UNITS} seeds" if len(strata) < LEAST_UNITS else None


def intervals(
    statistic: Statistic,
    strata: Indices,
    how: Bootstrap,
    rng: np.random.Generator,
    *,
    bounds: Bounds = UNBOUNDED,
    iqm: bool = False,
) -> tuple[Array, Array]:
    """Low and high ends, `[columns]` each. Every stratum must have two units.

    Where all resamples agree, the ends come from `bounds` (see `unanimous`), or are NaN without.

    Source: Efron 1987, "Better Bootstrap Confidence Intervals", JASA 82.
    """
    drawn = np.concatenate([statistic(weights) for weights in bootstrap_weights(strata, how.resamples, rng)])
    value = statistic(even_weights(strata)[None])[0]
    ends_at = np.array([[-1.0], [1.0]]) * tail_distance(strata, how)
    levels = np.tile(ndtr(ends_at), value.shape)
    if how.kind == "bca":
        levels = _bca_levels(drawn, value, acceleration(statistic, strata), ends_at)
    ends = [np.quantile(column, level) for column, level in zip(drawn.T, levels.T, strict=True)]
    low, high = np.array(ends).T
    for k in np.flatnonzero(np.ptp(drawn, axis=0) <= ROUNDING * np.abs(drawn).max(axis=0)):
        low[k], high[k] = _unanimous(float(value[k]), strata, how, bounds, iqm)
    return low, high


def _unanimous(value: float, strata: Indices, how: Bootstrap, bounds: Bounds, iqm: bool) -> tuple[float, float]:
    """Ends of `unanimous` over strata in each of which all seeds agree.

    Where all strata are at one end of the range, each has the same room for unseen values, and most is unseen on
    average where it is so evenly: as of one sample of as many seeds as all have that the smallest has. Elsewhere all
    the room may be in one stratum, and the seeds of the smallest alone are a safe number.
    """
    sizes = np.bincount(strata)
    several = len(sizes) > 1
    at_end = any(abs(value - end) <= ROUNDING * abs(end) for end in bounds)
    n = int(sizes.min()) * (len(sizes) if at_end else 1)
    # An interquartile mean is no average over strata, of which values may differ.
    found = unanimous(value, n, UNBOUNDED if iqm and several else bounds, how.confidence, iqm=iqm)
    return (np.nan, np.nan) if found.low is None or found.high is None else (found.low, found.high)


def tail_distance(strata: Indices, how: Bootstrap) -> float:
    """How far out the ends lie, in standard deviations of a normal distribution: 1.96 for 95% and very many seeds.

    The bootstrap takes the deviation of n values as that of n, not n - 1, and the normal distribution for Student's, so
    that its intervals from few seeds are too narrow. Of nominal 95% BCa intervals of a mean over 5, 10 and 20 seeds in
    one stratum, 84, 90 and 93 in 100 cover it where values are normal, and 75, 83 and 87 where they are log-normal
    (1,500 samples each). At this distance it is 92, 94 and 95, and 82, 89 and 90 (1,000 samples each).

    Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap" (expanded percentile interval), arXiv
    1411.5279; here with the degrees of freedom of all strata.
    """
    tail = (1 - how.confidence) / 2
    if not how.widen:
        return -float(ndtri(tail))
    sizes = np.bincount(strata)
    too_narrow = float(np.sqrt((1 / sizes).sum() / ((sizes - 1) / sizes**2).sum()))
    return too_narrow * float(student.isf(tail, len(strata) - len(sizes)))


def acceleration(statistic: Statistic, strata: Indices) -> Array:
    """Efron's `a` by the jackknife within strata, `[columns]`: how fast the deviation changes with the value.

    With several strata, units of stratum s have influence `(n_s - 1) (mean of leave-one-out - leave-one-out)`, and
    `a = sum(influence^3 / n_s^3) / (6 sum(influence^2 / n_s^2)^1.5)`. Zero where nothing varies.
    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", section 14.3, summed over samples.
    """
    units = np.arange(len(strata))
    pieces = np.array_split(units, -(-(len(strata) ** 2) // CHUNK))
    left_out = np.concatenate([statistic(jackknife_weights(strata, piece)) for piece in pieces])
    sizes = np.bincount(strata)[:, None]
    centre = np.zeros((len(sizes), left_out.shape[1]))
    np.add.at(centre, strata, left_out)
    scaled = ((centre / sizes)[strata] - left_out) * ((sizes - 1) / sizes)[strata]
    square = (scaled**2).sum(axis=0)
    safe = np.where(square > 0, square, 1.0)
    result: Array = np.where(square > 0, (scaled**3).sum(axis=0) / (6 * safe**1.5), 0.0)
    return result


def _bca_levels(drawn: Array, value: Array, a: Array, ends_at: Array) -> Array:
    """Quantile levels, `[2, columns]`, of ends that lie at `ends_at`, `[2, 1]`, under a normal distribution.

    Ties with the value itself count half, and the bias stays within what was drawn.
    """
    close = ROUNDING * np.abs(drawn).max(axis=0)
    below = 0.5 * ((drawn < value - close).mean(axis=0) + (drawn <= value + close).mean(axis=0))
    half = 0.5 / len(drawn)
    bias = ndtri(np.clip(below, half, 1 - half))
    moved = bias + ends_at
    levels: Array = ndtr(bias + moved / np.maximum(1 - a * moved, ROUNDING))
    return levels


# Methods by themselves, over the places that all of them have


@dataclass(frozen=True, slots=True)
class Profile:
    """Share of runs strictly above each threshold (a run-score distribution), over `units` runs.

    Strata weigh the same. The band is pointwise: each threshold's interval by itself; none with `too_few` seeds.
    """

    thresholds: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    units: int


def aggregate(
    scores: Scores, *, methods: Sequence[str] | None = None, options: Options | None = None
) -> dict[str, Estimate]:
    """Interquartile mean of each method over its runs, with stratified bootstrap intervals.

    Args:
        scores: one metric of all methods. Strata are pooled as they are: over scenarios whose rewards differ in
            range, give a normalised metric.
        methods: all that have a row if not given. One of which every run failed leaves nothing for any: name others.
        options: how.

    Raises:
        UserError: a method without rows.
    """
    options = options or Options()
    sample = align(scores, scores.methods if methods is None else methods)
    estimates = {}
    for name in sample.methods:
        rng = options.draws("iqm", scores.metric, None, name)
        statistic = iqm_of(sample.of(name))
        estimates[name] = estimate(statistic, sample.strata, options.bootstrap, rng, bounds=scores.bounds, iqm=True)
    return estimates


def profile(
    scores: Scores,
    thresholds: Sequence[float],
    *,
    methods: Sequence[str] | None = None,
    options: Options | None = None,
) -> dict[str, Profile]:
    """Share of each method's runs above each threshold, with pointwise bands.

    Arguments as for `aggregate`; thresholds ascend.

    Raises:
        UserError: a method without rows, no run that all methods finished, or thresholds that do not ascend.
    """
    options = options or Options()
    sample = align(scores, scores.methods if methods is None else methods)
    profiles = {}
    for name in sample.methods:
        rng = options.draws("profile", scores.metric, None, name)
        profiles[name] = profile_of(sample.of(name), sample.strata, thresholds, options.bootstrap, rng)
    return profiles


def profile_of(
    values: Array, strata: Indices, thresholds: Sequence[float], how: Bootstrap, rng: np.random.Generator
) -> Profile:
    """Run-score distribution of values `[units]`.

    Source: Agarwal et al. 2021, section 4.2, arXiv 2108.13264; Dolan & More 2002 for profiles as such.

    Raises:
        UserError: no values, or thresholds that are none or not ascending.
    """
    if not len(values):
        raise UserError("a profile needs at least one run that finished; there is none")
    taus = np.asarray(thresholds, dtype=np.float64)
    if not len(taus) or not np.isfinite(taus).all() or (np.diff(taus) <= 0).any():
        raise UserError("thresholds: expected one or more finite numbers, each above the one before")
    above = mean_of((values[:, None] > taus).astype(np.float64))
    shares = above(even_weights(strata)[None])[0]
    low = high = None
    if too_few(strata) is None:
        low, high = (tuple(ends.tolist()) for ends in intervals(above, strata, how, rng, bounds=SHARE))
    return Profile(tuple(taus.tolist()), tuple(shares.tolist()), low, high, len(values))
