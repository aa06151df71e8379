"""Verdicts: which methods differ from the first, paired by scenario, knobs and seed.

A line for each method over all conditions and, where there are several, one for each condition. The former are what a
run is asked for and are corrected among themselves; so are the latter, which tell where in it a difference lies.
Terminal, page and JSON show these lines.

Where episodes failed, episodes are paired instead of the means of runs (complete cases). A method that finished nothing
is named and left out itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenrule.benchmarks.evaluation.metrics import valid_range
from goldenrule.benchmarks.statistics import LEAST_UNITS, SETTING, Options, compare, read_scores
from goldenrule.benchmarks.storage.reader import Run
from goldenrule.common.text import clean, counted
from goldenrule.envs.registry import ANY, Range

METRIC = "partner_reward"
OPTIONS = Options(resamples=2000)
SETTINGS = 200
"""Conditions up to which each has lines of its own; with more the correction would leave nothing to find."""

OPEN = ("too few seeds", "not distinguishable")
"""Verdicts whose reason is shown."""

REASONS, LONGEST = 3, 160
"""Reasons shown of one line at most, and the characters of each."""

Row = Mapping[str, Any]
Line = dict[str, Any]


def comparisons(rows: Sequence[Row], run: Run | None = None) -> list[Line]:
    """The lines of the table of `METRIC`, as plain data (`goldenrule.benchmarks.statistics.Table.rows`).

    Args:
        rows: of all runs that have one, in order; the first method is the baseline.
        run: has their episodes; without it the means of runs are compared, whatever episodes failed.

    Returns:
        Lines over all conditions first: their `stratum` is none. That of the others is their condition (`of_setting`).
        Nothing where there is one method only.
    """
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    if len(methods) < 2:
        return []
    if run is not None and any(row["episodes_failed"] for row in rows):
        rows = _by_episode(rows, run)
    bounds = widest_range(rows, METRIC)
    apart = read_scores(rows, METRIC, strata=SETTING, bounds=bounds)
    about: Any = {"methods": methods, "baseline": methods[0], "options": OPTIONS}
    tables = [compare(read_scores(rows, METRIC, bounds=bounds), **about)]
    if 1 < len(apart.strata) <= SETTINGS:
        tables.append(compare(apart, **about, each_stratum=True))
    return [{**line, "tests": table.tests} for table in tables for line in table.rows()]


def widest_range(rows: Sequence[Row], metric: str) -> Range:
    """Valid range of a metric over all settings of the rows."""
    distinct = {(row["scenario"], id(row["knobs"])): row["knobs"] for row in rows}  # many rows share their knobs
    ranges = [valid_range(metric, scenario, knobs) for (scenario, _), knobs in distinct.items()] or [ANY]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def comparisons_of(run: Run) -> list[Line]:
    """`comparisons` of a stored run; nothing of a cross-play, whose pairs are no methods."""
    return [] if run.is_crossplay else comparisons([cell.row for cell in run.cells], run)


def over_all(lines: Sequence[Line]) -> list[Line]:
    """The lines over all conditions."""
    return [line for line in lines if line["stratum"] is None]


def of_setting(lines: Sequence[Line], rows: Sequence[Row]) -> list[Line]:
    """The lines of the condition that `rows` share; those over all where there is but one."""
    if all(line["stratum"] is None for line in lines):
        return over_all(lines)
    (stratum,) = read_scores([{**rows[0], "": 0.0}], "", strata=SETTING).strata
    methods = {row["method"] for row in rows}
    return [line for line in lines if line["stratum"] == stratum and line["method"] in methods]


def _by_episode(rows: Sequence[Row], run: Run) -> list[Line]:
    """A row an episode. A run that failed lacks all the episodes that others have."""
    stored = run.columns("episode", "status", "error", METRIC)
    most = 1 + max((number for of in stored.values() for number, *_ in of), default=-1)
    long = []
    for row in rows:
        place = {key: row[key] for key in ("method", "scenario", "knobs", "seed")}
        lacking = [(number, row["status"], row["error"], None) for number in range(most)]
        for number, status, error, value in stored.get(row["cell"], []) if row["status"] == "done" else lacking:
            long.append(place | {"episode": number, "status": status, "error": error, METRIC: value})
    return long


def remarks(line: Line) -> list[str]:
    """The numbers behind an open verdict, and which pairs were left out."""
    found = [str(line["because"])] if line["verdict"] in OPEN else []
    if not line["pairs_dropped"]:
        return found
    dropped = sorted(line["dropped_because"].items(), key=lambda item: (-item[1], item[0]))
    told = [
        f"{counted(count, 'time')} {clean(reason[:LONGEST])}{'…' * (len(reason) > LONGEST)}"
        for reason, count in dropped
    ]
    reasons = "; ".join(told[:REASONS] + [counted(len(told) - REASONS, "more reason")] * (len(told) > REASONS))
    pairs = f"{line['pairs_dropped']} of {counted(line['pairs_planned'], 'pair')}"
    return [*found, f"{pairs} left out, for all methods alike ({reasons})"]


def notes_on(lines: Sequence[Line]) -> dict[str, list[str]]:
    """The remarks on the lines, each with the methods that it holds for."""
    notes: dict[str, list[str]] = {}
    for line in lines:
        for remark in remarks(line):
            notes.setdefault(remark, []).append(str(line["method"]))
    return notes


def how(lines: Sequence[Line]) -> str:
    """How the lines were found."""
    apart = next((line["tests"] for line in lines if line["stratum"] is not None), 0)
    more = f" over all settings, and for the {apart} of single settings among themselves" if apart else ""
    tests = lines[0]["tests"]
    return (
        "Paired by scenario, knobs and seed; a seed counts once a scenario, its settings averaged; 95% BCa bootstrap "
        f"over seeds, from {LEAST_UNITS} on (where all agree, from the range of rewards); "
        "sign-flip test, corrected by Holm for "
        f"{counted(tests, 'comparison')}{more}. "
        "P(improves): how likely a seed of the method beats one of the baseline."
        + (" Over several scenarios rewards are averaged as they are." if lines[0]["strata"] > 1 else "")
    )
