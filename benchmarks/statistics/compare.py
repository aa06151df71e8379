"""Compare methods by pairs: effects with intervals, corrected tests, and verdicts that admit too few seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from goldenrule.benchmarks.statistics.bootstrap import Options, Statistic, estimate, even_weights, mean_of
from goldenrule.benchmarks.statistics.intervals import ROUNDING, SHARE, Bounds, Estimate
from goldenrule.benchmarks.statistics.scores import Array, Indices, Sample, Scores, align
from goldenrule.benchmarks.statistics.tests import (
    ALPHA,
    EXACT,
    POWER,
    detectable_errors,
    holm,
    improvement_of,
    least_p,
    least_units,
    seeds_needed,
    sign_flip,
)
from goldenrule.common.text import counted

Answer = Literal["better", "worse", "not distinguishable", "too few seeds"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One method against another; one line of a table.

    Attributes:
        stratum: where; none for all strata.
        method, baseline: differences are method less baseline.
        verdict: `better` or `worse` (the corrected p-value is at most alpha and the interval excludes zero),
            `not distinguishable` (so many seeds could have answered, and did not), or `too few seeds` (no result
            whatever could have answered, or there is no interval).
        because: the numbers behind the verdict, in a sentence.
        strata, seeds, pairs: how many strata are averaged, over how many seeds, and places averaged within them.
        method_mean, baseline_mean: over the same pairs; none without pairs.
        effect, low, high: mean paired difference (over the seeds of a stratum, then over strata) with its interval.
        no_interval: why there is no interval.
        p, p_exact, p_holm: the sign-flip test, whether it enumerated all patterns, and corrected for the whole table.
        improvement, improvement_low, improvement_high: probability of improvement of the method over the baseline.
        won, tied, lost: seeds where the difference is positive, zero, negative.
        deviation: standard deviation of the seeds' differences within strata, pooled; none below two seeds.
        error_size: standard error of the effect; none below two seeds.
        detectable: the true difference that the wanted power finds after the most severe correction the table may ask
            (alpha over the number of tests); none where the deviation is unknown or so few seeds find none.
        seeds_needed: where it is not distinguishable, how many seeds a stratum would find a true difference as large as
            the observed one, at the same level; none where that is unknown, or takes more than a million.
        pairs_planned, pairs_dropped, seeds_dropped, strata_dropped, dropped_because: see `Dropped`.
        without_values: which of the two have no value at all here.
    """

    stratum: str | None
    method: str
    baseline: str
    strata: int
    seeds: int
    pairs: int
    method_mean: float | None
    baseline_mean: float | None
    effect: float | None
    low: float | None
    high: float | None
    no_interval: str | None
    p: float | None
    p_exact: bool
    improvement: float | None
    improvement_low: float | None
    improvement_high: float | None
    won: int
    tied: int
    lost: int
    deviation: float | None
    error_size: float | None
    pairs_planned: int
    pairs_dropped: int
    seeds_dropped: int
    strata_dropped: int
    dropped_because: Mapping[str, int]
    without_values: Sequence[str] = ()
    p_holm: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    verdict: Answer = "too few seeds"
    because: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Comparisons of one metric that were corrected together; `tests` of them had a p-value."""

    metric: str
    options: Options
    tests: int
    comparisons: tuple[Comparison, ...]

    def rows(self) -> list[dict[str, Any]]:
        """The lines as plain data, for JSON, a data frame or a page."""
        return [{"figure": self.metric, **asdict(line)} for line in self.comparisons]


def compare(
    scores: Scores,
    *,
    methods: Sequence[str] | None = None,
    baseline: str | None = None,
    each_stratum: bool = False,
    options: Options | None = None,
    beside: int = 0,
) -> Table:
    """Compare methods by pairs, and correct for all comparisons at once.

    A place that one method lacks is left out for every method of the stratum (of the table, where there is one line
    over all). A method without any value there is left out itself, and takes nothing from the others.

    Args:
        scores: one metric of all methods.
        methods: which; all that have a row if not given.
        baseline: compare each of the others with this one; every two if not given, the later in the list against the
            earlier.
        each_stratum: a line for each stratum in place of one over all.
        options: how.
        beside: how many comparisons of other tables it will be corrected with (`corrected`), so that p-values are
            drawn finely enough.

    Raises:
        UserError: a method without rows.
    """
    options = options or Options()
    names = list(scores.methods if methods is None else methods)
    if baseline is not None:
        names = [baseline, *(name for name in names if name != baseline)]
    couples = [(b, a) for a, b in itertools.combinations(names, 2) if baseline in (None, a)]
    parts = [(s, scores.within(s)) for s in scores.strata] if each_stratum else [(None, scores)]
    patterns = max(options.resamples, math.ceil(20 * (len(couples) * len(parts) + beside) / ALPHA))
    lines = []
    for stratum, part in parts:
        alive = [name for name in names if part.has_values(name)]
        common = align(part, alive)
        for couple in couples:
            sample = common if set(couple) <= set(alive) else align(part, couple)
            line = _pair(sample, couple, part, stratum, options, patterns)
            lines.append(replace(line, without_values=[name for name in couple if name not in alive]))
    return _judged(scores.metric, lines, options)


def corrected(*tables: Table) -> list[Table]:
    """The same tables as one family: p-values, verdicts and what is detectable allow for all their comparisons.

    All must have the same options.
    """
    one = tables[0]
    family = _judged(one.metric, [line for table in tables for line in table.comparisons], one.options)
    lines = iter(family.comparisons)
    return [
        replace(table, tests=family.tests, comparisons=tuple(itertools.islice(lines, len(table.comparisons))))
        for table in tables
    ]


def _pair(
    sample: Sample, couple: tuple[str, str], scores: Scores, stratum: str | None, options: Options, patterns: int
) -> Comparison:
    """Results of two methods of an aligned sample, before any correction."""
    x, y, strata = sample.of(couple[0]), sample.of(couple[1]), sample.strata
    differences, weights = x - y, even_weights(strata)
    most = scores.bounds[1] - scores.bounds[0]

    def draws(what: str) -> np.random.Generator:
        return options.draws(what, scores.metric, stratum, *couple)

    def interval(what: str, statistic: Statistic, bounds: Bounds) -> Estimate:
        (found,) = estimate(statistic, strata, options.resamples, draws(what), bounds=bounds)
        return found

    effect = interval("effect", mean_of(differences), (-most, most))
    better = interval("improvement", improvement_of(x, y, strata), SHARE)
    deviation, error_size = _spread(differences, strata)
    return Comparison(
        stratum,
        *couple,
        strata=len(sample.names),
        seeds=len(differences),
        pairs=sample.places,
        method_mean=float(weights @ x) if len(x) else None,
        baseline_mean=float(weights @ y) if len(y) else None,
        effect=effect.value,
        low=effect.low,
        high=effect.high,
        no_interval=effect.reason,
        p=sign_flip(differences, weights, patterns, draws("sign flips")),
        p_exact=len(differences) <= EXACT,
        improvement=better.value,
        improvement_low=better.low,
        improvement_high=better.high,
        won=int((differences > 0).sum()),
        tied=int((differences == 0).sum()),
        lost=int((differences < 0).sum()),
        deviation=deviation,
        error_size=error_size,
        pairs_planned=sample.dropped.planned,
        pairs_dropped=sample.dropped.places,
        seeds_dropped=sample.dropped.seeds,
        strata_dropped=sample.dropped.strata,
        dropped_because=sample.dropped.reasons,
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


def _judged(metric: str, lines: Sequence[Comparison], options: Options) -> Table:
    """The lines with corrected p-values and verdicts."""
    p_values = [line.p for line in lines]
    tests = sum(p is not None for p in p_values)
    judged = []
    for k, (line, p_holm) in enumerate(zip(lines, holm(p_values), strict=True)):
        if line.p is None or p_holm is None:
            names = " and ".join(line.without_values)
            why = f"{names} finished nothing here" if names else "what one finished the other did not"
            judged.append(replace(line, because=f"no seed has both results: {why}"))
            continue
        # The smallest corrected p-value that so many units could have given beside the others' p-values.
        best = holm([*p_values[:k], min(line.p, least_p(line.seeds)), *p_values[k + 1 :]])[k] or 0.0
        alpha = ALPHA / tests
        line = replace(line, p_holm=p_holm, detectable=_detectable(line, alpha), seeds_needed=None)
        verdict, because = judge(line, best, tests, options)
        if verdict == "not distinguishable":
            if line.effect and line.deviation:
                needed = seeds_needed(line.effect, line.deviation, strata=line.strata, alpha=alpha)
                line = replace(line, seeds_needed=needed)
            because += prospects(line)
        judged.append(replace(line, verdict=verdict, because=because))
    return Table(metric, options, tests, tuple(judged))


def _detectable(line: Comparison, alpha: float) -> float | None:
    if not line.error_size:  # where all differences agree, the deviation of others is unknown
        return None
    errors = detectable_errors(line.seeds, line.strata, alpha)
    return None if math.isinf(errors) else errors * line.error_size


def judge(line: Comparison, least_holm: float, tests: int, options: Options) -> tuple[Answer, str]:
    """The verdict of a comparison, and the numbers behind it. None denies a difference: see `prospects`.

    Where all differences agree and the metric has no known range, there is no interval, and the exact test alone
    decides.

    Args:
        line: the comparison, its p-values corrected.
        least_holm: the smallest corrected p-value that so many pairs could have given.
        tests: how many tests were corrected for.
        options: whether more is better.
    """
    effect, low, high = line.effect or 0.0, line.low, line.high
    seeds = counted(line.seeds, "seed") + f" in {line.strata} strata" * (line.strata > 1)
    if least_holm > ALPHA:
        return "too few seeds", (
            f"{seeds} cannot tell: the smallest possible p, corrected for {counted(tests, 'comparison')}, is "
            f"{least_holm:.2g}, above {ALPHA:.2g}; {least_units(ALPHA / tests)} could"
        )
    if low is None or high is None:
        if line.error_size is None or line.error_size > ROUNDING * abs(effect):
            return "too few seeds", line.no_interval or "there is no interval"
        span, excludes_zero = f"no interval ({line.no_interval})", True
    else:
        span, excludes_zero = f"{low:+.3g} to {high:+.3g}", low > 0 or high < 0
    because = f"mean difference {effect:+.3g} over {seeds}, {span}, p {line.p:.2g}, corrected {line.p_holm:.2g}"
    if line.p_holm is not None and line.p_holm <= ALPHA and excludes_zero:
        return "better" if (effect > 0) == options.higher_is_better else "worse", because
    return "not distinguishable", because


def prospects(line: Comparison) -> str:
    """How large a difference may hide in a comparison that is not distinguishable, and what it would take to find."""
    text = ""
    if line.detectable is not None:
        text += f"; a t test of so many finds a difference of {line.detectable:.3g} {POWER:.0%} of the time"
    if line.seeds_needed is not None:
        each = " in each" if line.strata > 1 else ""
        text += f", and one of {abs(line.effect or 0.0):.3g} takes {line.seeds_needed:,} seeds{each}"
    return text
