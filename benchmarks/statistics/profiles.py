"""Performance profiles: which share of a method's runs scores above each threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenrule.benchmarks.statistics.aggregates import mean_of
from goldenrule.benchmarks.statistics.intervals import Bootstrap, intervals, too_few
from goldenrule.benchmarks.statistics.resampling import even_weights
from goldenrule.benchmarks.statistics.samples import Array, Indices
from goldenrule.common.errors import UserError


@dataclass(frozen=True, slots=True)
class Profile:
    """A run-score distribution with its band.

    Attributes:
        thresholds: the scores, ascending.
        shares: share of runs strictly above each threshold, strata weighing the same; 0 to 1, falling.
        low, high: the band, pointwise (each threshold's interval by itself); none where there are `too_few` seeds.
        units: how many runs it rests on.
    """

    thresholds: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    units: int


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
        low, high = (tuple(ends.tolist()) for ends in intervals(above, strata, how, rng, share=True))
    return Profile(tuple(taus.tolist()), tuple(shares.tolist()), low, high, len(values))
