"""Bootstrap intervals (BCa) of any aggregate of a stratified sample; interquartile means and performance profiles.

A unit is a seed within a stratum. A resample draws as many seeds as a stratum has, from that stratum, with replacement;
the strata themselves stay, for the question is what other seeds would have given under the same settings. All strata
weigh the same, however many seeds each has. Every resample is the same values under other weights, so that an aggregate
of ten thousand resamples is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from goldenrule.benchmarks.statistics.intervals import (
    LEAST_SEEDS,
    ROUNDING,
    SHARE,
    TAIL,
    UNBOUNDED,
    Bounds,
    Estimate,
    unanimous,
)
from goldenrule.benchmarks.statistics.scores import Array, Indices, Scores, align
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator

Statistic = Callable[[Array], Array]
"""Weights `[resamples, units]`, each row summing to one, to results `[resamples, columns]`."""

LEAST_UNITS = 5
"""Seeds of all strata from which on there is a bootstrap interval. It ends within the values, and all n of these lie on
one side of the median once in 2^(n-1) times: at best, 3 seeds cover it 75 times in 100, 4 seeds 87, and 5 seeds 94."""

CHUNK = 250_000
"""Weights held at a time: 2 MB, which stay in the processor's cache however many resamples and units there are."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a table of methods is made.

    Attributes:
        resamples: of each bootstrap interval.
        higher_is_better: whether more of the metric is good.
        seed: of the random draws.
    """

    resamples: int = 10_000
    higher_is_better: bool = True
    seed: int = 0

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
    """Interquartile mean of values `[units]` under weights: the mean of the middle half.

    Exactly a quarter of the weight is cut off at each end, so that the values on the two edges count in part. With n
    equal weights and n a multiple of 4 this is `scipy.stats.trim_mean(values, 0.25)`, which rliable uses. Otherwise
    that one cuts `floor(n / 4)` whole values at each end: none of 3 and 1 of 7, which for the few seeds of a usual
    run is close to the plain mean under another name, and jumps from one n to the next. Fractions also let strata
    with unequal numbers of seeds weigh the same.

    The values should be of comparable scale: of scenarios with different rewards, normalise first.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3,
    arXiv 2108.13264.
    """
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


# Intervals


def estimate(
    statistic: Statistic,
    strata: Indices,
    resamples: int,
    rng: np.random.Generator,
    *,
    bounds: Bounds = UNBOUNDED,
    iqm: bool = False,
) -> list[Estimate]:
    """Each column of an aggregate with its 95% interval, where there are enough seeds (`too_few`).

    Args:
        statistic: the aggregate under weights.
        strata: `[units]`, the stratum of each unit, ascending from 0 without a gap.
        resamples, rng: how many, and what draws them.
        bounds: valid range of the aggregate, for where all resamples agree (`unanimous`).
        iqm: whether it is an interquartile mean.

    Returns:
        One estimate a column; of no units a single one, without a value.
    """
    units = len(strata)
    if not units:
        return [Estimate(None, None, None, 0, "no seed is left")]
    values = statistic(even_weights(strata)[None])[0].tolist()
    if reason := too_few(strata):
        return [Estimate(value, None, None, units, reason) for value in values]
    return [
        _unanimous(value, strata, bounds, iqm) if np.isnan(low) else Estimate(value, low, high, units)
        for value, low, high in zip(values, *intervals(statistic, strata, resamples, rng).tolist(), strict=True)
    ]


def too_few(strata: Indices) -> str | None:
    """Why so few seeds have no bootstrap interval: it would leave chance out. None where they have one."""
    sizes = np.bincount(strata)
    if len(sizes) > 1 and (few := int((sizes < LEAST_SEEDS).sum())):
        return f"an interval needs {LEAST_SEEDS} seeds a stratum; {few} of {len(sizes)} strata have fewer"
    return f"an interval needs {LEAST_UNITS} seeds" if len(strata) < LEAST_UNITS else None


def intervals(statistic: Statistic, strata: Indices, resamples: int, rng: np.random.Generator) -> Array:
    """Low and high ends `[2, columns]`, NaN where all resamples agree. Every stratum must have two units.

    Arguments as for `estimate`.

    Source: Efron 1987, "Better Bootstrap Confidence Intervals", JASA 82.
    """
    drawn = np.concatenate([statistic(weights) for weights in bootstrap_weights(strata, resamples, rng)])
    value = statistic(even_weights(strata)[None])[0]
    ends_at = np.array([[-1.0], [1.0]]) * tail_distance(strata)
    levels = bca_levels(drawn, value, acceleration(statistic, strata), ends_at)
    ends = np.array([np.quantile(column, level) for column, level in zip(drawn.T, levels.T, strict=True)]).T
    ends[:, np.ptp(drawn, axis=0) <= ROUNDING * np.abs(drawn).max(axis=0)] = np.nan
    return ends


def _unanimous(value: float, strata: Indices, bounds: Bounds, iqm: bool) -> Estimate:
    """`unanimous` over strata in each of which all seeds agree.

    Where all strata are at one end of the range, each has the same room for unseen values, and most is unseen on
    average where it is so evenly: as of one sample of as many seeds as all have that the smallest has. Elsewhere all
    the room may be in one stratum, and the seeds of the smallest alone are a safe number.
    """
    sizes = np.bincount(strata)
    at_end = any(abs(value - end) <= ROUNDING * abs(end) for end in bounds)
    n = int(sizes.min()) * (len(sizes) if at_end else 1)
    # An interquartile mean is no average over strata, of which values may differ.
    found = unanimous(value, n, UNBOUNDED if iqm and len(sizes) > 1 else bounds, iqm=iqm)
    return unanimous(value, len(strata), UNBOUNDED) if found.reason else replace(found, units=len(strata))


def tail_distance(strata: Indices) -> float:
    """How far out the ends lie, in standard deviations of a normal distribution: 1.96 for very many seeds.

    The bootstrap takes the deviation of n values as that of n, not n - 1, and the normal distribution for Student's, so
    that its intervals from few seeds are too narrow. Of nominal 95% BCa intervals of a mean over 5, 10 and 20 seeds in
    one stratum, 84, 90 and 93 in 100 cover it where values are normal, and 75, 83 and 87 where they are log-normal
    (1,500 samples each). At this distance it is 92, 94 and 95, and 82, 89 and 90 (1,000 samples each).

    Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap" (expanded percentile interval), arXiv
    1411.5279; here with the degrees of freedom of all strata.
    """
    sizes = np.bincount(strata)
    too_narrow = float(np.sqrt((1 / sizes).sum() / ((sizes - 1) / sizes**2).sum()))
    return too_narrow * float(student.isf(TAIL, len(strata) - len(sizes)))


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


def bca_levels(drawn: Array, value: Array, a: Array, ends_at: Array) -> Array:
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


def aggregate(scores: Scores, options: Options) -> dict[str, Estimate]:
    """Interquartile mean of each method over its seeds, with its interval.

    Strata are pooled as they are: over scenarios whose rewards differ in range, give a normalised metric.
    """
    sample = align(scores, scores.methods)
    found = {}
    for name in sample.methods:
        rng = options.draws("iqm", scores.metric, None, name)
        statistic = iqm_of(sample.of(name))
        (found[name],) = estimate(statistic, sample.strata, options.resamples, rng, bounds=scores.bounds, iqm=True)
    return found


def profile(
    scores: Scores, thresholds: Sequence[float], methods: Sequence[str], options: Options
) -> dict[str, list[Estimate]]:
    """Share of each method's seeds strictly above each of the ascending thresholds (a run-score distribution).

    Strata weigh the same. The band is pointwise: each threshold's interval by itself.

    Source: Agarwal et al. 2021, section 4.2, arXiv 2108.13264; Dolan & More 2002 for profiles as such.

    Raises:
        UserError: a method without rows, or no seed that all methods finished.
    """
    sample = align(scores, methods)
    if not sample.places:
        raise UserError("a profile needs at least one seed that every method finished; there is none")
    found = {}
    for name in sample.methods:
        rng = options.draws("profile", scores.metric, None, name)
        above = mean_of((sample.of(name)[:, None] > np.asarray(thresholds)).astype(np.float64))
        found[name] = estimate(above, sample.strata, options.resamples, rng, bounds=SHARE)
    return found
