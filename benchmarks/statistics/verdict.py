"""What a comparison comes to, in one of four answers, with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goldenrule.benchmarks.statistics.intervals import Estimate
from goldenrule.benchmarks.statistics.sign_flip import least_units

Answer = Literal["better", "worse", "not distinguishable", "too few seeds"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict rests on.

    Attributes:
        effect: mean paired difference, method less baseline, with its interval.
        p: p-value of the paired test; none without pairs.
        p_holm: the same, corrected for all comparisons of the table.
        least_p_holm: the smallest corrected p-value that so many pairs could have given.
        comparisons: how many tests were corrected for.
        detectable: the difference that so many seeds find with probability `power`; none where it cannot be told.
        power: that probability.
        alpha: level of the verdict.
        higher_is_better: whether more of the figure is good.
        strata: how many strata the seeds lie in.
        needed: how many seeds a stratum would find a difference as large as `effect`; none where it cannot be told.
    """

    effect: Estimate
    p: float | None
    p_holm: float | None
    least_p_holm: float | None
    comparisons: int
    detectable: float | None
    power: float = 0.8
    alpha: float = 0.05
    higher_is_better: bool = True
    strata: int = 1
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer, and a sentence with its numbers.

    Attributes:
        answer: `better` or `worse` (the corrected p-value is at most alpha and the interval leaves zero out),
            `not distinguishable` (so many seeds could have answered, and did not), or `too few seeds` (no result
            whatever could have answered, or there is no interval).
        because: the numbers.
    """

    answer: Answer
    because: str


def judge(evidence: Evidence) -> Verdict:
    """The verdict on one comparison. None denies a difference: `detectable` says how large one may hide."""
    effect, alpha = evidence.effect, evidence.alpha
    value, low, high, p_holm = effect.value, effect.low, effect.high, evidence.p_holm
    if value is None or evidence.p is None or p_holm is None or evidence.least_p_holm is None:
        return Verdict("too few seeds", "no seed has both results")
    if evidence.least_p_holm > alpha:
        enough = least_units(alpha / evidence.comparisons)
        return Verdict(
            "too few seeds",
            f"{_count(evidence)} cannot tell: the smallest possible p, corrected for "
            f"{evidence.comparisons} comparison{'s' * (evidence.comparisons != 1)}, is {evidence.least_p_holm:.2g}, "
            f"above {alpha:.2g}; {enough} could",
        )
    if low is None or high is None:
        return Verdict("too few seeds", effect.reason or "there is no interval")
    numbers = (
        f"mean difference {value:+.3g} over {_count(evidence)}, {low:+.3g} to {high:+.3g}, "
        f"p {evidence.p:.2g}, corrected {p_holm:.2g}"
    )
    if p_holm <= alpha and (low > 0 or high < 0):
        return Verdict("better" if (value > 0) == evidence.higher_is_better else "worse", numbers)
    if evidence.detectable is not None:
        numbers += f"; so many find a difference of {evidence.detectable:.3g} {evidence.power:.0%} of the time"
    if evidence.needed is not None:
        each = " in each" if evidence.strata > 1 else ""
        numbers += f", and one of {abs(value):.3g} takes {evidence.needed:,} seeds{each}"
    return Verdict("not distinguishable", numbers)


def _count(evidence: Evidence) -> str:
    units = evidence.effect.units
    seeds = f"{units} seed{'s' * (units != 1)}"
    return seeds if evidence.strata < 2 else f"{seeds} in {evidence.strata} strata"
