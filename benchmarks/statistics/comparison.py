"""One method against another: paired differences, their test and their interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from goldenrule.benchmarks.statistics.aggregates import mean_of
from goldenrule.benchmarks.statistics.improvement import improvement_of, won_tied_lost
from goldenrule.benchmarks.statistics.intervals import Bootstrap, Estimate, estimate
from goldenrule.benchmarks.statistics.power import detectable, seeds_needed
from goldenrule.benchmarks.statistics.resampling import even_weights
from goldenrule.benchmarks.statistics.samples import Array, Dropped, Indices, Sample
from goldenrule.benchmarks.statistics.sign_flip import SignFlip, sign_flip
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator


@dataclass(frozen=True, slots=True)
class Options:
    """How a table is made.

    Attributes:
        bootstrap: kind and size of the intervals; the level of tests and verdicts is 1 less its confidence.
        power: the probability that `detectable` differences are found with.
        higher_is_better: whether more of the figure is good.
        alike: what is left out alike: a place that one method lacks, for every method of the `table` (or of the line,
            where each stratum has lines of its own), or only for the `pair` it is compared in. A method without any
            figure there is left out itself, and takes nothing from the others.
        seed: of the random draws.
    """

    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    power: float = 0.8
    higher_is_better: bool = True
    alike: Literal["pair", "table"] = "table"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.alike not in ("pair", "table"):
            raise UserError(f"alike: {self.alike!r} is unknown; expected pair or table")
        if not self.alpha < self.power < 1:
            raise UserError(f"power: got {self.power}; expected a number above {self.alpha:.2g} and below 1")

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return round(1 - self.bootstrap.confidence, 12)

    def draws(self, what: str, figure: str, stratum: str | None, *methods: str) -> np.random.Generator:
        """A generator of its own for each use, the same whichever of two methods is named first."""
        return generator(self.seed, "statistics", what, figure, stratum or "", *sorted(methods))


@dataclass(frozen=True, slots=True)
class Paired:
    """Paired results of two methods, before any correction.

    Attributes:
        method, baseline: who is compared; differences are method less baseline.
        stratum: the stratum, or none for all of them.
        strata: how many strata are averaged.
        pairs: places that both have; they are averaged within seeds.
        means: of the method and of the baseline, over the same pairs; none without pairs.
        effect: mean paired difference: over the seeds of a stratum, then over strata.
        improvement: probability of improvement of the method over the baseline.
        won, tied, lost: seeds where the difference is positive, zero, negative.
        deviation: standard deviation of the seeds' differences within strata, pooled; none below two seeds.
        error_size: standard error of the effect by that deviation.
        test: the sign-flip test.
        dropped: what was left out of both.
        silent: which of the two have no figure at all here.
    """

    method: str
    baseline: str
    stratum: str | None
    strata: int
    pairs: int
    means: tuple[float, float] | None
    effect: Estimate
    improvement: Estimate
    won: int
    tied: int
    lost: int
    deviation: float | None
    error_size: float | None
    test: SignFlip
    dropped: Dropped
    silent: tuple[str, ...] = ()

    def needed(self, alpha: float, power: float) -> int | None:
        """Seeds a stratum that find a true difference as large as the observed one; none where it cannot be told."""
        if not self.effect.value or self.deviation is None:
            return None
        try:
            return seeds_needed(self.effect.value, self.deviation, strata=self.strata, alpha=alpha, wanted=power)
        except UserError:  # more than anyone has
            return None

    def detectable(self, alpha: float, power: float) -> float | None:
        """The difference that so many seeds of this deviation find with this probability; none where they cannot."""
        if self.error_size is None:
            return None
        found = detectable(self.effect.units, self.strata, alpha, power)
        return None if math.isinf(found) else found * self.error_size


def pair(
    sample: Sample, couple: tuple[str, str], figure: str, stratum: str | None, options: Options, patterns: int
) -> Paired:
    """Compare two methods of an aligned sample.

    Args:
        sample: values of both, and perhaps of others.
        couple: method and baseline.
        figure, stratum: name the random draws.
        options: how.
        patterns: of the sign-flip test, where it cannot try them all.
    """
    method, baseline = couple
    x, y, strata = sample.of(method), sample.of(baseline), sample.strata
    differences = x - y
    weights = even_weights(strata)
    means = (float(weights @ x), float(weights @ y)) if len(x) else None
    deviation, error = _spread(differences, strata)

    def draws(what: str) -> np.random.Generator:
        return options.draws(what, figure, stratum, method, baseline)

    won, tied, lost = won_tied_lost(differences)
    return Paired(
        method,
        baseline,
        stratum,
        len(sample.names),
        sample.places,
        means,
        estimate(mean_of(differences), strata, options.bootstrap, draws("effect")),
        estimate(improvement_of(x, y, strata), strata, options.bootstrap, draws("improvement"), share=True),
        won,
        tied,
        lost,
        deviation,
        error,
        sign_flip(differences, weights, patterns, draws("sign flips")),
        sample.dropped,
    )


def _spread(differences: Array, strata: Indices) -> tuple[float | None, float | None]:
    """Pooled deviation within strata, and the standard error of the mean of the strata's means."""
    sizes = np.bincount(strata)
    freedom = len(differences) - len(sizes)
    if freedom < 1:
        return None, None
    centres = np.bincount(strata, differences) / sizes
    deviation = math.sqrt(float(((differences - centres[strata]) ** 2).sum()) / freedom)
    return deviation, deviation * math.sqrt(float((1 / sizes).sum())) / len(sizes)
