"""Complete-case filtering: metrics use only the episodes that every method finished.

A table holds the methods of one condition (a scenario under its knobs). An episode that failed under one of them is
excluded for all of them, and so is a seed whose run failed: the failed may well have been the hard ones. A method that
finished nothing in the condition has no metrics, and excludes nothing. A run that has no row yet is no failure. Where
nothing failed, rows stay as they are and no episode is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from goldenrule.benchmarks.evaluation.metrics import run_metrics
from goldenrule.benchmarks.storage.reader import Run

Row = Mapping[str, Any]

LEFT_OUT = "episodes_left_out"
"""How many finished episodes of a row are excluded because another method failed them."""


def setting_key(row: Row) -> str:
    """Scenario and knobs of a row, as text."""
    return json.dumps([row["scenario"], row["knobs"]], sort_keys=True)


def with_complete_cases(run: Run) -> Run:
    """The run with the rows that `complete_cases` makes; the pairs of a cross-play stand each by itself."""
    if run.is_crossplay:
        return run
    rows = complete_cases([cell.row for cell in run.cells], run)
    return replace(run, cells=[replace(cell, row=row) for cell, row in zip(run.cells, rows, strict=True)])


def complete_cases(rows: Sequence[Row], run: Run) -> list[dict[str, Any]]:
    """Rows whose metrics rest on the same episodes for all methods of a condition.

    A row for each, in order. Metrics are counted again where episodes are excluded. Counts of episodes and failures
    stay those of the row; `LEFT_OUT` says how many were excluded.
    """
    found = [{**row, LEFT_OUT: 0} for row in rows]
    settings: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        settings.setdefault(setting_key(row), []).append(place)
    for places in settings.values():
        if any(_has_failures(rows[place]) for place in places):
            for place, row in _complete_setting({place: rows[place] for place in places}, run):
                found[place] = row
    return found


def complete_pair(row: Row, run: Run, other_row: Row, other: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two rows, of two runs, whose metrics rest on the episodes that neither failed."""
    if not (_has_failures(row) or _has_failures(other_row)):
        return {**row, LEFT_OUT: 0}, {**other_row, LEFT_OUT: 0}
    kept = _finished_episodes(row, run) & _finished_episodes(other_row, other)
    return _restrict(row, kept, run), _restrict(other_row, kept, other)


def _has_failures(row: Row) -> bool:
    return row["status"] != "done" or bool(row["episodes_failed"])


def _finished_episodes(row: Row, run: Run) -> frozenset[int]:
    return run.finished(run.by_id[row["cell"]]) if row["status"] == "done" else frozenset()


def _complete_setting(rows: Mapping[int, Row], run: Run) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of one condition that lose episodes, by place."""
    finished = {place: _finished_episodes(row, run) for place, row in rows.items()}
    alive = {rows[place]["method"] for place, episodes in finished.items() if episodes}
    mine = {place: row for place, row in rows.items() if row["method"] in alive}
    common: dict[Any, frozenset[int]] = {}
    for place, row in mine.items():
        common[row["seed"]] = common.get(row["seed"], finished[place]) & finished[place]
    for place, row in mine.items():
        if finished[place] - common[row["seed"]]:
            yield place, _restrict(row, common[row["seed"]], run)


def _restrict(row: Row, kept: Collection[int], run: Run) -> dict[str, Any]:
    """The row with its metrics from the kept ones of its episodes."""
    excluded = len(_finished_episodes(row, run) - frozenset(kept))
    if not excluded:
        return {**row, LEFT_OUT: 0}
    records = [record for record in run.episodes(run.by_id[row["cell"]]) if record["episode"] in kept]
    counted = run_metrics(records)
    del counted["episodes"], counted["episodes_failed"]
    return {**row, **counted, LEFT_OUT: excluded}
