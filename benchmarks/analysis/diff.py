"""Two runs against each other, cell by cell: what differs, by how much, and whether seeds can tell.

Cells are partners where scenario, knobs, method and seed agree. What only one run has is listed, and no part of any
figure. The runs are A and B, differences are B less A; the statistics are those of `goldenrule.benchmarks.statistics`:
the seed is the unit, cells and episodes that failed in either run are left out of both, verdicts are corrected for all
lines of a figure's table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.analysis import common_episodes as alike
from goldenrule.benchmarks.analysis.summary import FIGURES
from goldenrule.benchmarks.statistics import Bootstrap, Options, Scores, Table, compare, corrected, read_scores
from goldenrule.benchmarks.statistics.samples import SETTING, STRATUM
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number, setting_name, shown
from goldenrule.benchmarks.storage.schema import VOLATILE
from goldenrule.common.errors import UserError

A, B = "A", "B"
RESAMPLES = 2000

SMALLER_IS_BETTER = ("estimate_gap",)
"""Figures of which less is good. Of the gap its size is compared: to flatter and to belittle oneself are both wrong."""

NEITHER = ("proxy_reward", "partner_reward_estimate")
"""Figures of which neither more nor less is good: they are `higher` or `lower`."""

OF_ALL_CELLS = ("episodes", "checkpoint", "partner")
"""Settings that cells of two runs may be asked for under one name."""

OF_THE_RUN = (*VOLATILE, "place")
"""Columns that say when, where and by which version a row was made."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What partners agree in.

    Attributes:
        method, scenario: as in the row.
        knobs: as JSON.
        seed: as text.
    """

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
    """One figure of both runs.

    Attributes:
        figure: its name.
        methods: a line a method, over all its settings; a seed counts once a scenario, its settings are averaged first.
        settings: a line a method and setting.
    """

    figure: str
    methods: Sequence[dict[str, Any]]
    settings: Sequence[dict[str, Any]]

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
        environment: what differs between the runs' environments and settings of all cells, as pairs.
        figures: those that both have.
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
        figures: which figures; all that both have if not given.

    Raises:
        UserError: an unknown figure, one that not both have, or two rows of one run that cannot be told apart.
    """
    for name in figures or ():
        if name not in FIGURES:
            raise UserError(f"no figure {name!r}; expected some of {', '.join(FIGURES)}")
    one, other = _by_key(a), _by_key(b)
    both = [key for key in one if key in other]
    pairs = [alike.both(one[key].row, a, other[key].row, b) for key in both]
    rows = {
        side: [(key, pair[place]) for key, pair in zip(both, pairs, strict=True)] for place, side in ((0, A), (1, B))
    }
    found = [
        _figure(name, rows)
        for name in figures or FIGURES
        if all(any(number(row.get(name)) is not None for _, row in side) for side in rows.values())
    ]
    found = [figure for figure in found if figure.settings]
    for name in figures or ():
        if name not in [figure.figure for figure in found]:
            raise UserError(f"figure {name!r} is in no cell that both runs have; leave --figures out to see what is")
    return Diff(
        len(both),
        sum(_same(one[key].row, other[key].row) for key in both),
        sum(not one[key].done for key in both),
        sum(not other[key].done for key in both),
        sorted(key for key in one if key not in other),
        sorted(key for key in other if key not in one),
        _environment(a, b),
        found,
    )


def _by_key(run: Run) -> dict[Key, StoredCell]:
    found: dict[Key, StoredCell] = {}
    for cell in run.cells:
        key = Key(cell.method, cell.scenario, json.dumps(_plain(cell.knobs), sort_keys=True, default=str), cell.seed)
        if key in found:
            where = shown(str(run.folder), 200)
            raise UserError(
                f"'{where}' has two rows of {key.method} on {key.setting} with seed {key.seed}; expected one: "
                "runs like this cannot be paired"
            )
        found[key] = cell
    return found


def _plain(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """1 and 1.0 are one value."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in knobs.items()
    }


def _same(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether all columns that both kinds of run have are the same."""
    shared = [key for key in row if key in other and key not in OF_THE_RUN]
    return all(row[key] == other[key] for key in shared)


Rows = Mapping[str, Sequence[tuple[Key, Mapping[str, Any]]]]


def _figure(name: str, rows: Rows) -> FigureDiff:
    apart = _scores(name, rows, lambda key: (key.scenario, {"knobs": json.loads(key.knobs), "method": key.method}))
    over = {method: _scores(name, _only(rows, method), _setting, STRATUM) for method in _methods(rows)}
    several = len(apart.strata) > len(over)
    tables = [_table(name, apart, len(over) if several else 0, each_stratum=True)]
    if several:
        tables = corrected(*tables, *(_table(name, scores, len(apart.strata)) for scores in over.values()))
    settings, *others = ([_worded(name, one) for one in table.rows() if not _absent(one)] for table in tables)
    for line in settings:
        scenario, place = json.loads(line.pop("stratum"))
        line |= {"scenario": scenario, "knobs": place["knobs"], "of": place["method"]}
    methods = [line | {"of": method} for method, lines in zip(over, others, strict=False) for line in lines]
    for line in methods:
        del line["stratum"]
    return FigureDiff(name, methods, settings)


def _methods(rows: Rows) -> list[str]:
    return sorted({key.method for pairs in rows.values() for key, _ in pairs})


def _only(rows: Rows, method: str) -> Rows:
    return {side: [pair for pair in pairs if pair[0].method == method] for side, pairs in rows.items()}


def _setting(key: Key) -> tuple[str, dict[str, Any]]:
    return key.scenario, json.loads(key.knobs)


def _scores(
    name: str, rows: Rows, stratum: Callable[[Key], tuple[str, dict[str, Any]]], strata: Sequence[str] = SETTING
) -> Scores:
    """The two runs stand where the statistics have methods."""
    long = []
    for side, pairs in rows.items():
        for key, row in pairs:
            scenario, knobs = stratum(key)
            value = number(row.get(name))
            value = abs(value) if value is not None and name in SMALLER_IS_BETTER else value
            status, error = row.get("status"), row.get("error")
            long.append(
                {"method": side, "scenario": scenario, "knobs": knobs, "seed": key.seed, name: value}
                | {"status": status, "error": error}
            )
    return read_scores(long, name, strata=strata)


def _table(name: str, scores: Scores, beside: int, each_stratum: bool = False) -> Table:
    """A line a stratum, or one over all of them."""
    options = Options(bootstrap=Bootstrap(resamples=RESAMPLES), higher_is_better=name not in SMALLER_IS_BETTER)
    return compare(scores, methods=[A, B], baseline=A, each_stratum=each_stratum, options=options, beside=beside)


def _absent(line: Mapping[str, Any]) -> bool:
    """Whether neither run has the figure at any place of this line: it is no figure of this method, then."""
    missing = {A: 0, B: 0}
    for reason, count in line["dropped_because"].items():
        missing[reason[0]] += count
    return all(count == line["pairs_planned"] for count in missing.values())


def _worded(name: str, line: dict[str, Any]) -> dict[str, Any]:
    """The line in the words of two runs."""
    verdict = line["verdict"]
    if name in NEITHER:
        verdict = {"better": "higher", "worse": "lower"}.get(verdict, verdict)
    names = {"method_mean": "b_mean", "baseline_mean": "a_mean"}
    kept = {names.get(key, key): value for key, value in line.items() if key not in ("figure", "method", "baseline")}
    return {**kept, "verdict": verdict}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _environment(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    """Commit, Python, versions, and what all cells were asked for, where they differ."""

    def told(run: Run) -> dict[str, Any]:
        about = {key: run.environment.get(key) for key in ("commit", "python")}
        asked = _mapping(run.config.get("settings", run.config))
        about |= {key: asked[key] for key in OF_ALL_CELLS if key in asked}
        return about | _mapping(run.environment.get("versions")) | _mapping(asked.get("training"))

    one, other = told(a), told(b)
    if ("settings" in a.config) != ("settings" in b.config):  # a sweep keeps what was given, `compare` what it came to
        one, other = ({key: of[key] for key in of if key in one and key in other} for of in (one, other))
    names = dict.fromkeys((*one, *other))
    return {shown(name, 80): (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
