"""Two runs against each other: what differs, by how much, and whether seeds can tell.

Cells are paired where scenario, knobs, method and seed agree; what only one run has is listed, and is in no metric. The
runs are A and B and stand where a table of verdicts has methods: differences are B less A, over the episodes that
neither failed. Verdicts are corrected by Holm for all lines of a metric.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from goldenrule.benchmarks.analysis.common_episodes import complete_pair, setting_key
from goldenrule.benchmarks.analysis.verdicts import OPTIONS
from goldenrule.benchmarks.evaluation.metrics import METRICS
from goldenrule.benchmarks.statistics import SETTING, STRATUM, Table, compare, corrected, read_scores
from goldenrule.benchmarks.storage.reader import Run, StoredCell, setting_name
from goldenrule.benchmarks.storage.store import VOLATILE
from goldenrule.common.errors import UserError
from goldenrule.common.text import visible

A, B = "A", "B"

ASKED = ("episodes", "checkpoint", "partner")
"""What a configuration says of all cells."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What paired cells agree in; knobs as JSON, the seed as text."""

    method: str
    scenario: str
    knobs: str
    seed: str

    @property
    def setting(self) -> str:
        """Scenario and knobs in words."""
        return setting_name(self.scenario, json.loads(self.knobs))


@dataclass(frozen=True, slots=True)
class FigureDiff:
    """One metric of both runs: a line a method where it has several conditions, and a line a method and condition."""

    figure: str
    methods: Sequence[Row]
    settings: Sequence[Row]

    @property
    def same(self) -> bool:
        """Whether both runs have the same value in every pair."""
        return all(line["won"] == line["lost"] == 0 for line in self.settings)


@dataclass(frozen=True, slots=True)
class Diff:
    """Two runs against each other.

    Attributes:
        paired: how many cells both have.
        identical: how many of them have the same row, but for times and versions.
        failed_a, failed_b: how many of them failed in each.
        only_a, only_b: cells that one run alone has.
        environment: what differs between the runs' environments and configurations, as pairs.
        figures: metrics that both have.
    """

    paired: int
    identical: int
    failed_a: int
    failed_b: int
    only_a: Sequence[Key]
    only_b: Sequence[Key]
    environment: Mapping[str, tuple[Any, Any]]
    figures: Sequence[FigureDiff]


def diff(a: Run, b: Run, figures: Sequence[str] | None = None) -> Diff:
    """Compare two runs.

    Args:
        a, b: the runs.
        figures: which metrics; all that both have if not given.

    Raises:
        UserError: an unknown metric, one that not both have, or two rows of one run that cannot be told apart.
    """
    for name in figures or ():
        if name not in METRICS:
            raise UserError(f"no figure {name!r}; expected some of {', '.join(METRICS)}")
    one, other = _by_key(a), _by_key(b)
    both = [key for key in one if key in other]
    rows: list[Row] = []
    for key in both:
        pair = complete_pair(one[key].row, a, other[key].row, b)
        about = {"of": key.method, "scenario": key.scenario, "knobs": json.loads(key.knobs), "seed": key.seed}
        rows += [row | about | {"method": side} for side, row in zip((A, B), pair, strict=True)]
    shared = [name for name in METRICS if {row["method"] for row in rows if row[name] is not None} == {A, B}]
    for name in figures or ():
        if name not in shared:
            raise UserError(f"figure {name!r} is in no cell that both runs have; leave --figures out to see what is")
    volatile = {*VOLATILE, "place"}
    return Diff(
        paired=len(both),
        identical=sum(
            all(value == other[key].row.get(name) for name, value in one[key].row.items() if name not in volatile)
            for key in both
        ),
        failed_a=sum(not one[key].done for key in both),
        failed_b=sum(not other[key].done for key in both),
        only_a=sorted(key for key in one if key not in other),
        only_b=sorted(key for key in other if key not in one),
        environment=_environment(a, b),
        figures=[_compare_metric(name, rows) for name in figures or shared],
    )


def _by_key(run: Run) -> dict[Key, StoredCell]:
    found: dict[Key, StoredCell] = {}
    for cell in run.cells:
        # 1 and 1.0 are one value.
        knobs = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in cell.knobs.items()}
        key = Key(cell.method, cell.scenario, json.dumps(knobs, sort_keys=True), cell.seed)
        if key in found:
            raise UserError(
                f"{str(run.folder)!r} has two rows of {key.method} on {key.setting} with seed {key.seed}; "
                "expected one: runs like this cannot be paired"
            )
        found[key] = cell
    return found


def _compare_metric(name: str, rows: Sequence[Row]) -> FigureDiff:
    """The lines of one metric. Less is better of the gap, of which the size is compared: both signs are wrong."""
    better = METRICS[name].better
    if better < 0:
        rows = [{**row, name: None if row[name] is None else abs(row[name])} for row in rows]
    options = replace(OPTIONS, higher_is_better=better >= 0)
    methods = sorted({row["of"] for row in rows if row[name] is not None})
    mine = {method: [row for row in rows if row["of"] == method] for method in methods}
    several = any(len({setting_key(row) for row in of}) > 1 for of in mine.values())
    beside = len({(row["of"], setting_key(row)) for row in rows}) + len(methods)

    def table(of: Sequence[Row], each: bool) -> Table:
        scores = read_scores(of, name, strata=SETTING if each else STRATUM)
        return compare(scores, methods=[A, B], baseline=A, each_stratum=each, options=options, beside=beside)

    apart = [table(of, True) for of in mine.values()]
    pooled = [table(of, False) for of in mine.values()] if several else []
    tables = corrected(*apart, *pooled)
    lines = [
        [_line(row, method, better) for row in one.rows()]
        for one, method in zip(tables, methods * (1 + several), strict=True)
    ]
    settings = [line for of in lines[: len(apart)] for line in of if not _is_absent(line)]
    return FigureDiff(name, [line for of in lines[len(apart) :] for line in of], settings)


def _is_absent(line: Row) -> bool:
    """Whether neither run has the metric in any pair of this line."""
    missing = {side: sum(n for why, n in line["dropped_because"].items() if why[0] == side) for side in (A, B)}
    return all(count == line["pairs_planned"] for count in missing.values())


def _line(row: Row, method: str, better: int) -> Row:
    """A line of the table in the words of two runs."""
    names = {"method_mean": "b_mean", "baseline_mean": "a_mean"}
    line = {names.get(key, key): value for key, value in row.items() if key not in ("figure", "method", "baseline")}
    stratum = line.pop("stratum")
    if stratum is not None:
        line["scenario"], line["knobs"] = json.loads(stratum)
    if not better:
        line["verdict"] = {"better": "higher", "worse": "lower"}.get(line["verdict"], line["verdict"])
    return {**line, "of": method}


def _environment(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    """Commit, Python, versions, and what all cells were asked for, where they differ."""

    def told(run: Run) -> Row:
        about = {key: run.environment.get(key) for key in ("commit", "python")}
        about |= {key: run.config.get(key) for key in ASKED}
        return about | (run.environment.get("versions") or {}) | (run.config.get("training") or {})

    one, other = told(a), told(b)
    names = dict.fromkeys((*one, *other))
    return {visible(name, 80): (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
