"""How small a difference so many seeds can find, and how many seeds a difference takes.

For normal differences. Of many seeds, the sign-flip test that gives the verdicts has the power of the paired two-sided
t test, whose statistic under a true difference follows Student's noncentral t. Of few it has less, and below
`least_units` none: it rejects where at most `count` of the 2^(n-1) patterns of n signs reach as far as the real one.
Where `count` is 1 all differences must have one sign, which has a closed form; the share by which this takes more than
the t test falls from there about as 1 / `count` (all patterns of 6 to 14 seeds tried: within 3 in 100 of the power).

Source: Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", chapter 2; Agarwal et al. 2021 on why few
runs need it said.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

from scipy.optimize import brentq
from scipy.stats import nct
from scipy.stats import t as student

from goldenrule.benchmarks.statistics.sign_flip import least_p, least_units
from goldenrule.common.errors import UserError

MOST_PATTERNS = 30
"""Seeds beyond which the sign-flip test has the power of the t test at every level that is asked for."""

MOST_SEEDS = 1_000_000
"""No experiment has more a stratum: a wanted effect that takes more is as good as none."""


def power(noncentrality: float, df: float, alpha: float) -> float:
    """Chance that the two-sided t test with `df` degrees of freedom rejects at `alpha`.

    `noncentrality` is the true difference divided by its standard error.
    """
    edge, distance = float(student.isf(alpha / 2, df)), abs(noncentrality)
    wrong_side = float(nct.cdf(-edge, df, distance))
    return float(nct.sf(edge, df, distance)) + (0.0 if math.isnan(wrong_side) else wrong_side)  # SciPy: NaN where tiny


@functools.cache
def detectable(units: int, strata: int = 1, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The difference, in standard errors, that the sign-flip test finds with probability `wanted`.

    Args:
        units: seeds of all strata together.
        strata: how many those are.
        alpha: level of the test.
        wanted: the probability.

    Returns:
        Infinity where so few seeds cannot answer, however large the difference.

    Raises:
        UserError: no degrees of freedom, or levels that are no levels.
    """
    df = units - strata
    if df < 1:
        raise UserError(f"a spread cannot be told from {df + 1} seed; expected 2 seeds or more in some stratum")
    if not 0 < alpha < wanted < 1:
        raise UserError(f"alpha {alpha} and power {wanted}: expected 0 < alpha < power < 1")
    if units > MOST_PATTERNS:
        return _by_t(df, alpha, wanted)
    if (count := math.floor(alpha / least_p(units) + 1e-9)) < 1:
        return math.inf
    one_sign = math.sqrt(units) * NormalDist().inv_cdf(wanted ** (1 / units))
    more = one_sign / _by_t(df, least_p(units), wanted) - 1
    return _by_t(df, count * least_p(units), wanted) * (1 + more / count)


def _by_t(df: int, alpha: float, wanted: float) -> float:
    """The same of the t test."""
    high = 1.0
    while power(high, df, alpha) < wanted:
        high *= 2
    return float(brentq(lambda nc: power(nc, df, alpha) - wanted, 0.0, high, xtol=1e-10))


def minimum_detectable_effect(
    seeds: int, deviation: float, *, strata: int = 1, alpha: float = 0.05, wanted: float = 0.8
) -> float:
    """The true mean difference that `seeds` paired seeds a stratum find with probability `wanted`.

    Args:
        seeds: paired seeds in each stratum, at least 2.
        deviation: standard deviation of the paired differences within a stratum, in units of the figure.
        strata: strata that are averaged; all with this deviation.
        alpha: level of the test; of k comparisons under Holm's correction, `alpha / k` is safe.
        wanted: the power.

    Returns:
        The difference, in units of the figure; infinity below `least_units(alpha)` seeds in all.

    Raises:
        UserError: fewer than 2 seeds, a negative deviation, or levels that are no levels.
    """
    if deviation < 0 or not math.isfinite(deviation):
        raise UserError(f"deviation: got {deviation}; expected the standard deviation of the differences, 0 or more")
    if seeds < 2 or strata < 1:
        raise UserError(f"seeds {seeds}, strata {strata}: expected 2 seeds or more in 1 stratum or more")
    error = deviation / math.sqrt(strata * seeds)
    found = detectable(strata * seeds, strata, alpha, wanted)
    return found if math.isinf(found) else found * error


def seeds_needed(effect: float, deviation: float, *, strata: int = 1, alpha: float = 0.05, wanted: float = 0.8) -> int:
    """Paired seeds a stratum that find a true mean difference of `effect` with probability `wanted` or more.

    Never fewer than the sign-flip test needs to answer at all. Arguments as for `minimum_detectable_effect`.

    Raises:
        UserError: an effect of zero, or one that takes more than a million seeds.
    """
    if not effect or not math.isfinite(effect):
        raise UserError(f"effect: got {effect}; expected a difference other than 0, in units of the figure")

    def enough(seeds: int) -> bool:
        return minimum_detectable_effect(seeds, deviation, strata=strata, alpha=alpha, wanted=wanted) <= abs(effect)

    least = max(2, math.ceil(least_units(alpha) / strata))
    normal = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(wanted)
    guess = (normal * deviation / effect) ** 2 / strata
    if guess > MOST_SEEDS or not enough(MOST_SEEDS):
        raise UserError(f"effect {effect} with deviation {deviation} takes more than {MOST_SEEDS:,} seeds")
    found = max(least, math.floor(guess))
    while found > least and enough(found - 1):
        found -= 1
    while not enough(found):  # a few more than under the normal distribution
        found += 1
    return found
