"""Aggregates of values as functions of weights.

Every resample of a bootstrap is the same values under other weights. Written so, an aggregate of ten thousand resamples
is one matrix product, and a jackknife or a full enumeration needs no second code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from goldenrule.benchmarks.statistics.samples import Array

Aggregate = Literal["mean", "iqm"]
Statistic = Callable[[Array], Array]
"""Weights `[resamples, units]`, each row summing to one, to results `[resamples, columns]`."""


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


def iqm_of(values: Array) -> Statistic:
    """Interquartile mean of values `[units]` under weights."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]

    def aggregate(weights: Array) -> Array:
        sorted_weights = weights[:, order]
        above = np.cumsum(sorted_weights, axis=1)
        total = above[:, -1:]
        kept = np.minimum(above, 0.75 * total) - np.maximum(above - sorted_weights, 0.25 * total)
        middle: Array = np.maximum(kept, 0.0) @ ascending / (0.5 * total[:, 0])
        return middle[:, None]

    return aggregate


def mean_of(values: Array) -> Statistic:
    """Mean of values `[units]`, or of each column of `[units, columns]`, under weights."""
    columns = values if values.ndim == 2 else values[:, None]
    return lambda weights: weights @ columns


AGGREGATES: dict[Aggregate, Callable[[Array], Statistic]] = {"mean": mean_of, "iqm": iqm_of}
