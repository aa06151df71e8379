"""The table: every comparison with its interval, its corrected p-value, its verdict and what was left out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from goldenrule.benchmarks.statistics.comparison import Options, Paired, pair
from goldenrule.benchmarks.statistics.holm import holm
from goldenrule.benchmarks.statistics.samples import Scores, align
from goldenrule.benchmarks.statistics.sign_flip import least_p
from goldenrule.benchmarks.statistics.verdict import Evidence, Verdict, judge
from goldenrule.common.errors import UserError


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table.

    Attributes:
        paired: the two methods' paired results.
        p_holm: the test's p-value, corrected for all comparisons of the table; none without pairs.
        detectable: the difference found with the wanted power after the most severe correction the table may ask
            (alpha over the number of tests); none where the deviation cannot be told or so few seeds find none.
        needed: where it is not distinguishable, how many seeds a stratum would find a true difference as large as the
            observed one, likewise corrected; none where it cannot be told, or takes more than a million.
        verdict: what it comes to.
    """

    paired: Paired
    p_holm: float | None
    detectable: float | None
    needed: int | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Table:
    """Comparisons that were corrected together.

    Attributes:
        figure: what was compared.
        options: how.
        tests: how many comparisons had a p-value.
        comparisons: the lines.
    """

    figure: str
    options: Options
    tests: int
    comparisons: tuple[Comparison, ...]

    def rows(self) -> list[dict[str, Any]]:
        """The lines as plain data, for JSON, a data frame or a page."""
        return [{"figure": self.figure, **_row(line)} for line in self.comparisons]


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

    Args:
        scores: one figure of all methods.
        methods: which; all that have a row if not given.
        baseline: compare each of the others with this one; every two if not given, the later in the list against the
            earlier.
        each_stratum: a line for each stratum in place of one over all.
        options: how; the defaults are 95% BCa intervals from 10,000 resamples.
        beside: how many comparisons of other tables it will be corrected with (`corrected`), so that p-values are
            drawn finely enough.

    Raises:
        UserError: a method without rows, one named twice, or fewer than two.
    """
    options = Options() if options is None else options
    names = list(scores.methods if methods is None else methods)
    if baseline is not None:
        names = [baseline, *(name for name in names if name != baseline)]
    if len(set(names)) < len(names) or len(names) < 2:
        raise UserError(f"methods: got {', '.join(names) or 'none'}; expected two or more, each named once")
    couples = (
        [(later, earlier) for earlier, later in itertools.combinations(names, 2)]
        if baseline is None
        else [(name, baseline) for name in names[1:]]
    )
    parts = [(s, scores.within(s)) for s in scores.strata] if each_stratum else [(None, scores)]
    tests = len(couples) * len(parts) + beside
    patterns = max(options.bootstrap.resamples, math.ceil(20 * tests / options.alpha))
    found = []
    for stratum, part in parts:
        alive = [name for name in names if part.values.get(name)]
        common = align(part, alive) if options.alike == "table" else None
        for couple in couples:
            sample = common if common is not None and set(couple) <= set(alive) else align(part, couple)
            one = pair(sample, couple, scores.figure, stratum, options, patterns)
            found.append(replace(one, silent=tuple(name for name in couple if name not in alive)))
    return Table(scores.figure, options, sum(one.test.p is not None for one in found), _judged(found, options))


def corrected(*tables: Table) -> list[Table]:
    """The same tables as one family: p-values, verdicts and what is detectable allow for all their comparisons.

    All must have the same options.
    """
    lines = iter(_judged([line.paired for table in tables for line in table.comparisons], tables[0].options))
    tests = sum(table.tests for table in tables)
    return [replace(table, tests=tests, comparisons=tuple(next(lines) for _ in table.comparisons)) for table in tables]


def _judged(found: Sequence[Paired], options: Options) -> tuple[Comparison, ...]:
    p_values = [one.test.p for one in found]
    tests = sum(p is not None for p in p_values)
    lines = []
    for k, (one, p_holm) in enumerate(zip(found, holm(p_values), strict=True)):
        if p_holm is None:
            lines.append(Comparison(one, None, None, None, _nothing(one.silent)))
            continue
        smallest = one.detectable(options.alpha / tests, options.power)
        evidence = Evidence(
            one.effect,
            one.test.p,
            p_holm,
            _within_reach(p_values, k, one.effect.units),
            tests,
            smallest,
            options.power,
            options.alpha,
            options.higher_is_better,
            one.strata,
        )
        verdict, needed = judge(evidence), None
        if verdict.answer == "not distinguishable":
            needed = one.needed(options.alpha / tests, options.power)
            verdict = judge(replace(evidence, needed=needed))
        lines.append(Comparison(one, p_holm, smallest, needed, verdict))
    return tuple(lines)


def _within_reach(p_values: Sequence[float | None], place: int, units: int) -> float | None:
    """The smallest corrected p-value that so many units could have given beside the others' p-values."""
    own = p_values[place]
    best = None if own is None else min(own, least_p(units))
    return holm([*p_values[:place], best, *p_values[place + 1 :]])[place]


def _nothing(silent: Sequence[str]) -> Verdict:
    """The verdict where there is no pair."""
    why = f"{' and '.join(silent)} finished nothing here" if silent else "what one finished the other did not"
    return Verdict("too few seeds", f"no seed has both results: {why}")


def _row(line: Comparison) -> dict[str, Any]:
    one = line.paired
    return {
        "stratum": one.stratum,
        "method": one.method,
        "baseline": one.baseline,
        "verdict": line.verdict.answer,
        "because": line.verdict.because,
        "strata": one.strata,
        "seeds": one.effect.units,
        "pairs": one.pairs,
        "method_mean": one.means[0] if one.means else None,
        "baseline_mean": one.means[1] if one.means else None,
        "effect": one.effect.value,
        "low": one.effect.low,
        "high": one.effect.high,
        "no_interval": one.effect.reason,
        "p": one.test.p,
        "p_exact": one.test.exact,
        "p_holm": line.p_holm,
        "improvement": one.improvement.value,
        "improvement_low": one.improvement.low,
        "improvement_high": one.improvement.high,
        "won": one.won,
        "tied": one.tied,
        "lost": one.lost,
        "deviation": one.deviation,
        "detectable": line.detectable,
        "seeds_needed": line.needed,
        "pairs_planned": one.dropped.planned,
        "pairs_dropped": one.dropped.places,
        "seeds_dropped": one.dropped.seeds,
        "strata_dropped": one.dropped.strata,
        "dropped_because": dict(one.dropped.reasons),
    }
