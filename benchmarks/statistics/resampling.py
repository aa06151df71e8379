"""Weights of units under the stratified bootstrap and its jackknife.

A unit is a seed within a stratum. Resampling draws as many seeds as a stratum has, from that stratum, with replacement;
the strata themselves stay, for the question is what other seeds would have given under the same settings. All strata
count alike, however many seeds each has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from goldenrule.benchmarks.statistics.samples import Array, Indices

CHUNK = 4_000_000
"""Weights held at a time: 32 MB, whatever the number of resamples."""


def even_weights(strata: Indices) -> Array:
    """Weights of the sample itself, `[units]`: each stratum's sum is the same, and all sum to one."""
    sizes = np.bincount(strata)
    weights: Array = 1.0 / (len(sizes) * sizes[strata])
    return weights


def bootstrap_weights(strata: Indices, resamples: int, rng: np.random.Generator) -> Iterator[Array]:
    """Weights of the resamples, `[some, units]` at a time, `resamples` in all.

    Args:
        strata: `[units]`, ascending from 0 without a gap.
        resamples: how many.
        rng: draws which units a resample has.
    """
    units, sizes = len(strata), np.bincount(strata)
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    even = even_weights(strata)
    at_once = max(1, CHUNK // units)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = first[strata] + rng.integers(0, sizes[strata], size=(count, units))
        flat = (np.arange(count)[:, None] * units + drawn).ravel()
        yield np.bincount(flat, minlength=count * units).reshape(count, units) * even


def jackknife_weights(strata: Indices) -> Array:
    """Row `i` leaves unit `i` out and lets the others of its stratum share its weight, `[units, units]`.

    Every stratum must have two units.
    """
    even, sizes = even_weights(strata), np.bincount(strata)
    same = strata[:, None] == strata[None, :]
    grown = even * sizes[strata] / (sizes[strata] - 1)
    weights: Array = np.where(same, grown, even)
    np.fill_diagonal(weights, 0.0)
    return weights
