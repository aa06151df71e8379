"""The paired test: would the mean difference be as large if each seed's two results had changed places by chance?

Under the hypothesis that the two methods' results of a seed are exchangeable, every pattern of signs of the differences
is equally likely. The p-value is the share of patterns whose mean difference is at least as far from zero as the real
one: exact, whatever the distribution, for any number of seeds. Methods with equal means but different spread are not
exchangeable; for them the test is right in the limit of many seeds. Where their differences are skewed as well (one
near the most that can be had, the other constant) it rejects at 0.05 in 11 of 100 experiments of 6 or 8 seeds and in
7 of 17 seeds, as often as the paired t test does (1,500 samples each).

Source: Fisher 1935, "The Design of Experiments", section 21; Phipson & Smyth 2010, "Permutation P-values Should Never
Be Zero", arXiv 1603.05766, for the Monte Carlo p-value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goldenrule.benchmarks.statistics.resampling import CHUNK
from goldenrule.benchmarks.statistics.samples import Array

EXACT = 17
"""Up to this many differences every pattern is tried: with the first sign held, 65,536 of them."""

ROUNDING = 1e-12
"""Sums closer than this share of the largest possible one are the same."""


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Result of the test.

    Attributes:
        p: two-sided p-value; none without differences.
        exact: whether every pattern was tried.
        patterns: how many patterns were tried.
    """

    p: float | None
    exact: bool
    patterns: int


def sign_flip(differences: Array, weights: Array, patterns: int, rng: np.random.Generator) -> SignFlip:
    """Test the weighted mean of paired differences against zero, two-sided.

    Args:
        differences: `[units]`, one a seed within a stratum.
        weights: `[units]`, of the mean.
        patterns: how many patterns to draw where there are too many to try them all.
        rng: draws them.
    """
    parts = differences * weights
    if not len(parts):
        return SignFlip(None, True, 0)
    exact = len(parts) <= EXACT
    chunks = _every_pattern(len(parts)) if exact else _drawn_patterns(len(parts), patterns, rng)
    least = abs(parts.sum()) - ROUNDING * np.abs(parts).sum()
    tried = reached = 0
    for signs in chunks:
        tried += len(signs)
        reached += int((np.abs(signs @ parts) >= least).sum())
    return SignFlip(reached / tried if exact else (1 + reached) / (1 + tried), exact, tried)


def least_p(units: int) -> float:
    """The smallest p-value that this many differences can give: all of one sign, which 2 of the 2^n patterns are."""
    return min(1.0, 2.0 ** (1 - units))


def least_units(alpha: float) -> int:
    """How many differences it takes before the test can answer at this level at all: 6 at 0.05."""
    return int(np.ceil(1 - np.log2(alpha)))


def _every_pattern(units: int) -> Iterator[Array]:
    """Signs `[patterns, units]`; the first is held, for turning all signs leaves the distance from zero as it is."""
    bits = np.arange(2 ** (units - 1))[:, None] >> np.arange(units) & 1
    yield (1 - 2 * bits).astype(np.float64)


def _drawn_patterns(units: int, patterns: int, rng: np.random.Generator) -> Iterator[Array]:
    at_once = max(1, CHUNK // units)
    for start in range(0, patterns, at_once):
        yield (1 - 2 * rng.integers(0, 2, size=(min(at_once, patterns - start), units))).astype(np.float64)
