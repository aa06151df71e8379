"""Which episodes count: what one method failed is left out for all methods of its table.

A table holds the methods of one setting (a scenario under its knobs). An episode that failed under one of them is left
out of the figures of all of them, and so is a seed whose cell failed: the failed may well have been the hard ones. A
method that finished nothing in the setting has no figures; it is counted and named, and takes nothing from the others.
A cell that has no row yet is no failure. Where nothing failed, rows stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.evaluation.metrics import run_metrics

if TYPE_CHECKING:
    from goldenrule.benchmarks.storage.reader import Run

Row = Mapping[str, Any]

LEFT_OUT = "episodes_left_out"
"""How many finished episodes of a row are left out because another method failed them."""


def alike_in(folder: Path, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """`alike` of rows whose episodes lie in a folder, of `compare` or of a sweep. Read only where something failed."""
    if not any(map(_failed, rows)):
        return [{**row, LEFT_OUT: 0} for row in rows]
    from goldenrule.benchmarks.storage.reader import read_run  # its package draws figures: only where it is needed

    with read_run(folder) as run:
        return alike(rows, run)


def alike(rows: Sequence[Row], run: Run) -> list[dict[str, Any]]:
    """Rows whose figures rest on the same episodes for all methods of a setting.

    Args:
        rows: of cells, in any order.
        run: has their episodes. What of them cannot be counted again is told among its problems, and has no figures.

    Returns:
        A row for each, in order. Those that lost episodes have their figures counted again; those that lost all have
        none. Counts of episodes and failures are those of the row as it was; `LEFT_OUT` says how many it lost.
    """
    settings: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        key = json.dumps([row.get("scenario"), row.get("knobs")], sort_keys=True, default=str)
        settings.setdefault(key, []).append(place)
    found = [{**row, LEFT_OUT: 0} for row in rows]
    for places in settings.values():
        if any(_failed(rows[place]) for place in places):
            for place, row in _setting({place: rows[place] for place in places}, run):
                found[place] = row
    return found


def _failed(row: Row) -> bool:
    return row.get("status") != "done" or bool(row.get("episodes_failed"))


def _setting(rows: Mapping[int, Row], run: Run) -> Iterator[tuple[int, dict[str, Any]]]:
    """Those rows of one setting that lose episodes, each with its place."""
    finished = {place: _finished(row, run) for place, row in rows.items()}
    alive = {str(rows[place].get("method")) for place, numbers in finished.items() if numbers}
    mine = {place: row for place, row in rows.items() if str(row.get("method")) in alive}
    common: dict[str, frozenset[int]] = {}
    for place, row in mine.items():
        seed = str(row.get("seed"))
        common[seed] = common.get(seed, finished[place]) & finished[place]
    for place, row in mine.items():
        kept = common[str(row.get("seed"))]
        if finished[place] - kept:
            yield place, only(row, kept, run)


def _finished(row: Row, run: Run) -> frozenset[int]:
    cell = run.by_id.get(str(row.get("cell")))
    return frozenset() if cell is None or row.get("status") != "done" else run.log.finished(cell)


def only(row: Row, kept: frozenset[int], run: Run) -> dict[str, Any]:
    """The row with its figures from the kept ones of its episodes."""
    lost = len(_finished(row, run) - kept)
    return {**row, **(_figures(row, kept, run) if lost else {}), LEFT_OUT: lost}


def both(row: Row, run: Run, other_row: Row, other: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two rows whose figures rest on the episodes that neither failed; as they are where neither failed any."""
    if not (_failed(row) or _failed(other_row)):
        return {**row, LEFT_OUT: 0}, {**other_row, LEFT_OUT: 0}
    kept = _finished(row, run) & _finished(other_row, other)
    return only(row, kept, run), only(other_row, kept, other)


def _figures(row: Row, kept: frozenset[int], run: Run) -> dict[str, Any]:
    records = [record for record in run.log.episodes(run.by_id[str(row.get("cell"))]) if record["episode"] in kept]
    counted = run_metrics(records)
    return {key: value for key, value in counted.items() if key not in ("episodes", "episodes_failed")}
