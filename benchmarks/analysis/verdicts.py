"""Which methods differ: every method against the first, paired by scenario, knobs and seed.

A line for each method over all settings and, where there are several, one for each setting. The former are what a run
is asked for and are corrected among themselves; so are the latter, which tell where in it a difference lies.
The terminal's lines after a sweep, those of `report` and those of the page are these.

Where episodes failed, episodes are paired instead of the means of cells: what one method lacks is left out for all. A
method that finished nothing is named and left out itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.evaluation.metrics import episode_metrics
from goldenrule.benchmarks.statistics import Bootstrap, Options, compare, read_scores
from goldenrule.benchmarks.statistics.intervals import LEAST_UNITS
from goldenrule.benchmarks.statistics.samples import SETTING
from goldenrule.benchmarks.storage.reader import episode_figures
from goldenrule.benchmarks.storage.schema import FILE
from goldenrule.common.text import clean

FIGURE = "partner_reward"
RESAMPLES = 2000
SETTINGS = 200
"""Settings up to which each has lines of its own; with more the correction would leave nothing to tell."""

REASONS, LONGEST = 3, 160
"""Reasons told of one line at most, and the characters of each."""

Row = Mapping[str, Any]
Line = dict[str, Any]
Stored = Mapping[str, Sequence[tuple[int, str, str | None, float | None]]]


def comparisons(rows: Sequence[Row], figure: str = FIGURE, folder: Path | None = None) -> list[Line]:
    """The lines of the table, as plain data (`goldenrule.benchmarks.statistics.Table.rows`).

    Args:
        rows: of all cells that have one, in the order of the run; the first method is the baseline.
        figure: which column is compared, of cells and of episodes.
        folder: where the episodes are stored; without it the means of cells are compared, whatever episodes failed.

    Returns:
        Lines over all settings first: their `stratum` is none. That of the others is their setting (`setting_of`).
        Nothing where there is one method only.
    """
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    if len(methods) < 2:
        return []
    if folder is not None and any(row.get("episodes_failed") for row in rows):
        rows = _by_episode(rows, figure, folder)
    apart = read_scores(rows, figure, strata=SETTING)
    options, several = Options(bootstrap=Bootstrap(resamples=RESAMPLES)), 1 < len(apart.strata) <= SETTINGS
    about: Any = {"methods": methods, "baseline": methods[0], "options": options}
    tables = [compare(read_scores(rows, figure), **about)]
    if several:
        tables.append(compare(apart, **about, each_stratum=True))
    return [{**line, "tests": table.tests} for table in tables for line in table.rows()]


def setting_of(row: Row) -> str:
    """What the lines of a row's setting have as their `stratum`."""
    (stratum,) = read_scores([{**row, "": 0.0}], "", strata=SETTING).strata
    return stratum


def _by_episode(rows: Sequence[Row], figure: str, folder: Path) -> list[Line]:
    """A row an episode. A cell that failed lacks all the episodes that others have."""
    stored = _stored(folder, figure)
    most = 1 + max((number for of in stored.values() for number, *_ in of), default=-1)
    long = []
    for row in rows:
        place = {key: row[key] for key in ("method", "scenario", "knobs", "seed")}
        lacking = [(number, row["status"], row["error"], None) for number in range(most)]
        for number, status, error, value in stored.get(row["cell"], []) if row["status"] == "done" else lacking:
            long.append(place | {"episode": number, "status": status, "error": error, figure: value})
    return long


def _stored(folder: Path, figure: str) -> Stored:
    """Number, status, error and one figure of every episode, by cell."""
    if (folder / FILE).is_file():
        return episode_figures(folder, figure)
    from goldenrule.benchmarks.storage.reader import read_run  # its package draws figures: only where it is needed

    found: dict[str, list[tuple[int, str, str | None, float | None]]] = {}
    with read_run(folder) as run:
        for name, cell in run.by_id.items():
            found[name] = [
                (one["episode"], one["status"], one["error"], episode_metrics(one)[figure])
                for one in run.log.episodes(cell)
            ]
    return found


def left_out(line: Line) -> str:
    """How many pairs of a line were left out, and why; nothing where none was."""
    if not line["pairs_dropped"]:
        return ""
    counted = sorted(line["dropped_because"].items(), key=lambda item: (-item[1], item[0]))
    told = [f"{count} times {clean(reason[:LONGEST])}{'…' * (len(reason) > LONGEST)}" for reason, count in counted]
    reasons = "; ".join(told[:REASONS] + [f"{len(told) - REASONS} more reasons"] * (len(told) > REASONS))
    return f"{line['pairs_dropped']} of {line['pairs_planned']} pairs left out, for all methods alike ({reasons})"


def how(lines: Sequence[Line]) -> str:
    """How the lines were found."""
    apart = next((line["tests"] for line in lines if line["stratum"] is not None), 0)
    more = f" over all settings, and for the {apart} of single settings among themselves" if apart else ""
    tests = lines[0]["tests"]
    return (
        "Paired by scenario, knobs and seed; a seed counts once a scenario, its settings averaged; 95% BCa bootstrap "
        f"over seeds, from {LEAST_UNITS} on; sign-flip test, corrected by Holm for "
        f"{tests} comparison{'s' * (tests != 1)}{more}. "
        "P(improves): how likely a seed of the method beats one of the baseline."
        + (" Over several scenarios rewards are averaged as they are." if lines[0]["strata"] > 1 else "")
    )
