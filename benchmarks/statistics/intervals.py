"""Confidence intervals of a mean over independent units (seeds): Student's t, ratios of means, and unanimous samples.

A sample whose values all agree has no spread to estimate an error from. `mean +- t * 0` would claim certainty, so such
a sample gets an interval from the metric's valid range (`unanimous`), or none with the reason.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-math.inf, math.inf)
SHARE: Bounds = (0.0, 1.0)

CONFIDENCE = 0.95
"""Nominal coverage of every interval."""
TAIL = (1 - CONFIDENCE) / 2
"""What an interval may miss on each side."""

LEAST_SEEDS = 3
"""Seeds (of a stratum) from which on there is an interval: two say next to nothing of their spread (t is 12.7)."""

ROUNDING = 1e-12
"""Values closer than this share of the largest one are the same."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value over a number of units with its confidence interval; what is missing is none, with the reason why."""

    value: float | None
    low: float | None
    high: float | None
    units: int
    reason: str | None = None


def mean_interval(values: Sequence[float], bounds: Bounds = UNBOUNDED) -> Estimate:
    """Mean and 95% Student interval, `mean +- t(0.975, n - 1) * s / sqrt(n)`, of independent values.

    Args:
        values: one a seed.
        bounds: valid range of the mean; the interval is clipped to it, which costs no coverage.
    """
    if not len(values):
        return Estimate(None, None, None, 0, "no seed has a value")
    return _student(float(np.mean(values)), np.asarray(values, dtype=np.float64), bounds)


def ratio_interval(pairs: Sequence[tuple[float, float]], bounds: Bounds = UNBOUNDED) -> Estimate:
    """Ratio of the means of two metrics of the same seeds, with its 95% interval.

    The sum over seeds of the first divided by that of the second: no seed is left out because its own ratio is not
    defined, and none weighs more because its denominator is small. The interval is Student's t on the linearised
    ratio, `(first - ratio * second) / mean of second`.

    Args:
        pairs: numerator and denominator, one a seed; the denominators' mean must not be zero.
        bounds: as for `mean_interval`.

    Source: Cochran 1977, "Sampling Techniques", section 6.4.
    """
    first, second = np.asarray(pairs, dtype=np.float64).T
    value = float(first.sum() / second.sum())
    return _student(value, value + (first - value * second) / second.mean(), bounds)


def _student(value: float, values: NDArray[np.float64], bounds: Bounds) -> Estimate:
    """Interval of `value`, the mean of `values`."""
    n = len(values)
    if n < LEAST_SEEDS:
        return Estimate(value, None, None, n, f"an interval needs {LEAST_SEEDS} seeds")
    if agree(values):
        return unanimous(value, n, bounds)
    half = _quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    # A value outside its range is a fault elsewhere; its interval still contains it.
    low, high = max(value - half, min(bounds[0], value)), min(value + half, max(bounds[1], value))
    return Estimate(value, low, high, n)


@functools.cache
def _quantile(freedom: int) -> float:
    """Student's t(0.975): slow to compute, and needed in every field of a table."""
    return float(student.ppf((1 + CONFIDENCE) / 2, freedom))


def agree(values: NDArray[np.float64]) -> bool:
    """Whether all values are the same but for rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def unanimous(value: float, n: int, bounds: Bounds, *, iqm: bool = False) -> Estimate:
    """Interval of a mean of which n independent values all are `value`.

    Where the value occurs with probability p, n of n values show it with probability p^n. So p is at least
    `tail^(1 / n)` with `tail = 0.025`, the exact limit of Clopper & Pearson 1934 ("The Use of Confidence
    or Fiducial Limits Illustrated in the Case of the Binomial", Biometrika 26) for n of n. The rest of the probability,
    `unseen = 1 - tail^(1 / n)`, may lie anywhere in [a, b], so the mean lies between `value - unseen * (value - a)` and
    `value + unseen * (b - value)`. No other property of the distribution is used; of a metric that is 0 or 1 this is
    Clopper & Pearson's interval itself. Ten seeds that all are 1.0 have [0.69, 1].

    Args:
        value: the common value.
        n: how many.
        bounds: valid range [a, b]. Without two finite ends there is no interval, and the reason says so.
        iqm: whether the interquartile mean is estimated: a quarter of the unseen values may be cut off at each end, but
            those that are not weigh twice.
    """
    if not all(map(math.isfinite, bounds)):
        return Estimate(value, None, None, n, f"all {n} seeds agree, which leaves no spread to base an interval on")
    unseen = 1 - TAIL ** (1 / n)
    if iqm:
        unseen = min(1.0, max(unseen, 2 * unseen - 0.5))
    low, high = min(bounds[0], value), max(bounds[1], value)
    return Estimate(value, value - unseen * (value - low), value + unseen * (high - value), n)
