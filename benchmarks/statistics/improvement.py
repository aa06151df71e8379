"""Probability of improvement: how likely a run of one method beats a run of another, on average over strata."""

from __future__ import annotations

import numpy as np

from goldenrule.benchmarks.statistics.aggregates import Statistic
from goldenrule.benchmarks.statistics.samples import Array, Indices


def improvement_of(x: Array, y: Array, strata: Indices) -> Statistic:
    """`P(X > Y) + 0.5 P(X = Y)` within each stratum, averaged over strata, under weights.

    Every value of X is held against every value of Y of its stratum, whatever their seeds: within a stratum this is the
    statistic of Mann & Whitney (1947, "On a Test of Whether one of Two Random Variables is Stochastically Larger than
    the Other") divided by the number of pairs, and the average is that of Agarwal et al. 2021, section 4.3, arXiv
    2108.13264. rliable draws the runs of X and Y apart; here a resample takes both results of a seed, for they share
    its dialogues.

    Args:
        x, y: `[units]`, values of two methods for the same units.
        strata: `[units]`, from 0 without a gap.
    """
    members = [np.flatnonzero(strata == k) for k in range(int(strata.max()) + 1)] if len(strata) else []
    orders = [own[np.argsort(y[own], kind="stable")] for own in members]
    ranks = [
        (np.searchsorted(y[order], x[own], "left"), np.searchsorted(y[order], x[own], "right"))
        for own, order in zip(members, orders, strict=True)
    ]

    def aggregate(weights: Array) -> Array:
        total = np.zeros(len(weights))
        for own, order, (below, reached) in zip(members, orders, ranks, strict=True):
            share = weights[:, own] * len(members)
            up_to = np.zeros((len(weights), len(own) + 1))
            np.cumsum(weights[:, order] * len(members), axis=1, out=up_to[:, 1:])
            total += np.einsum("bi,bi->b", share, 0.5 * (up_to[:, below] + up_to[:, reached]))
        return (total / len(members))[:, None]

    return aggregate


def won_tied_lost(differences: Array) -> tuple[int, int, int]:
    """Seeds with a positive, a zero and a negative difference."""
    signs = np.sign(differences)
    return int((signs > 0).sum()), int((signs == 0).sum()), int((signs < 0).sum())
