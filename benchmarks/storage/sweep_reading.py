"""Reads the results of a sweep: rows at once, episodes a few at a time.

Nothing is kept locked between the pieces: the sweep may still be running.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.storage.load import connect, meta, rows
from goldenrule.benchmarks.storage.opening import translated
from goldenrule.benchmarks.storage.schema import EPISODE_COLUMNS, FILE
from goldenrule.benchmarks.storage.stored import Run, StoredCell, note, shown

SUMS = tuple(name for name in EPISODE_COLUMNS if name not in ("cell", "log"))
AT_ONCE = 16
"""Episodes that are in memory together: their texts may be long."""


@dataclass(slots=True)
class SweepLog:
    """Episodes and curves in `results.sqlite`.

    Attributes:
        path: the file.
        problems: the run's own.
        episodes_in, rows_in: see `Log`.

    Raises:
        UserError: from every method, where the file is damaged.
    """

    path: Path
    problems: list[str] = field(default_factory=list)
    episodes_in: str = FILE
    rows_in: str = FILE
    _db: sqlite3.Connection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._db = connect(self.path)

    def episodes(self, cell: StoredCell) -> Iterator[dict[str, Any]]:
        """The cell's episodes, in order; those that are no JSON objects are counted among the problems."""
        after, damaged = -1, 0
        while True:
            query = "SELECT episode, log FROM episodes WHERE cell = ? AND episode > ? ORDER BY episode LIMIT ?"
            found = self._fetch(query, cell.id, after, AT_ONCE)
            for _, text in found:
                entry = _loaded(text)
                if entry is None:
                    damaged += 1
                else:
                    yield entry
            if len(found) < AT_ONCE:
                break
            after = found[-1][0]
        if damaged:
            note(self.problems, f"{FILE}: {damaged} damaged episode{'s' * (damaged > 1)} of {cell.id}, left out")

    def episode(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """The cell's episode number `place`, if there is one and it can be read."""
        found = self._fetch("SELECT log FROM episodes WHERE cell = ? AND episode = ?", cell.id, place)
        return _loaded(found[0][0]) if found else None

    def finished(self, cell: StoredCell) -> frozenset[int]:
        """Numbers of the cell's episodes that did not fail."""
        query = "SELECT episode FROM episodes WHERE cell = ? AND status != 'failed'"
        return frozenset(number for (number,) in self._fetch(query, cell.id))

    def sums(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """The columns of an episode but for its cell and its log."""
        found = self._fetch(f"SELECT {', '.join(SUMS)} FROM episodes WHERE cell = ? AND episode = ?", cell.id, place)
        return dict(zip(SUMS, found[0], strict=True)) if found else None

    def curve(self, cell: StoredCell) -> Any:
        """The stored curve; nothing where there is none."""
        found = self._fetch("SELECT curve FROM curves WHERE cell = ?", cell.id)
        try:
            return json.loads(found[0][0]) if found else []
        except (ValueError, RecursionError):
            note(self.problems, f"{FILE}: the curve of {shown(cell.id, 80)} cannot be read")
            return []

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _fetch(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with translated(self.path):
            return self._db.execute(query, values).fetchall()


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def read_sweep(folder: Path, everything: bool = False) -> Run:
    """What lies in a sweep's folder.

    Args:
        folder: of the sweep.
        everything: also cells that the sweep no longer names; they are left out, and counted, otherwise.

    Raises:
        UserError: the results are damaged or of another version.
    """
    problems: list[str] = []
    about, found = meta(folder), rows(folder)
    planned = about.get("cells") if isinstance(about.get("cells"), int) else None
    held = sum(row["planned"] for row in found)
    if not found:
        note(problems, f"{FILE} holds no row: no cell had finished")
    if planned is not None and planned > held:
        note(problems, f"{planned - held} of {planned} cells had not finished when this was read")
    left = 0 if everything else len(found) - held
    if left:
        note(
            problems, f"{left} cell{'s' * (left > 1)} of an earlier state of the sweep file left out; {FILE} keeps them"
        )
    cells = [StoredCell.of(row, str(row["cell"])) for row in found if everything or row["planned"]]
    log = SweepLog(folder / FILE, problems)
    config, environment = about.get("sweep"), about.get("environment")
    return Run(
        folder,
        config if isinstance(config, dict) else {},
        environment if isinstance(environment, dict) else {},
        {},
        cells,
        planned,
        log,
        problems,
    )
