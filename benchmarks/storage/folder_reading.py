"""Reads a run directory. What is missing or damaged becomes a sentence on the page, never a guess and never a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.storage.stored import Run, StoredCell, note, shown


@dataclass(slots=True)
class FolderLog:
    """Episodes and curves of a run directory, in a file a cell.

    Attributes:
        folder: of the run.
        problems: the run's own.
        episodes_in, rows_in: see `Log`.
    """

    folder: Path
    problems: list[str] = field(default_factory=list)
    episodes_in: str = "episodes/"
    rows_in: str = "rows.jsonl"

    def episodes(self, cell: StoredCell) -> Iterator[dict[str, Any]]:
        """The cell's episodes, one after the other; lines that cannot be read are counted among the problems."""
        path = self._file("episodes", cell, ".jsonl")
        if path is not None:
            yield from _lines(path, self.problems)
        elif cell.done and cell.id is not None:
            note(self.problems, f"episodes/{shown(cell.id, 80)}.jsonl is missing: its conversations are not shown")

    def episode(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """The episode that says it is number `place`."""
        return next((one for one in self.episodes(cell) if one.get("episode") == place), None)

    def finished(self, cell: StoredCell) -> frozenset[int]:
        """Numbers of the cell's episodes that did not fail."""
        numbers = [one.get("episode") for one in self.episodes(cell) if one.get("status") != "failed"]
        return frozenset(number for number in numbers if isinstance(number, int))

    def sums(self, cell: StoredCell, place: int) -> None:
        """Nothing is kept beside the log."""

    def curve(self, cell: StoredCell) -> Any:
        """What the curve's file holds; nothing where there is none."""
        path = self._file("curves", cell, ".json")
        return _json(path, self.problems, []) if path is not None else []

    def close(self) -> None:
        """Nothing is held open."""

    def _file(self, folder: str, cell: StoredCell, suffix: str) -> Path | None:
        if cell.id is None:
            return None
        path = self.folder / folder / f"{cell.id}{suffix}"
        return path if path.is_file() else None


def read_folder(folder: Path) -> Run:
    """What lies in the run directory `folder`, which holds its rows or its configuration."""
    rows = folder / "rows.jsonl"
    problems: list[str] = []
    config, environment = (_mapping(folder, name, problems) for name in ("config", "environment"))
    cells = [_cell(row, problems) for row in _lines(rows, problems)] if rows.is_file() else []
    if not cells:
        note(problems, "rows.jsonl holds no row: no cell had finished")
    listed = config.get("cells")
    planned = len(listed) if isinstance(listed, list) else None
    waiting = 0 if planned is None else planned - len(cells)
    if waiting > 0:
        note(problems, f"{waiting} of {planned} cells had not finished when this was read")
    summary = _mapping(folder, "summary", []) if (folder / "summary.json").is_file() else {}
    return Run(folder, config, environment, summary, cells, planned, FolderLog(folder, problems), problems)


def _cell(row: Mapping[str, Any], problems: list[str]) -> StoredCell:
    name = row.get("cell")
    plain = isinstance(name, str) and 0 < len(name) < 200 and not set(name) & set("/\\\0") and name not in (".", "..")
    if not plain:
        note(problems, f"a row of {shown(row.get('method', '?'), 80)} names no cell: its episodes are not shown")
    return StoredCell.of(row, name if plain else None)


def _mapping(folder: Path, name: str, problems: list[str]) -> Mapping[str, Any]:
    path = folder / f"{name}.json"
    if not path.is_file():
        note(problems, f"{name}.json is missing")
        return {}
    found = _json(path, problems, {})
    return found if isinstance(found, dict) else {"": found}


def _json(path: Path, problems: list[str], otherwise: Any) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        note(problems, f"{_place(path)} cannot be read: {shown(str(error), 200)}")
        return otherwise


def _lines(path: Path, problems: list[str]) -> Iterator[dict[str, Any]]:
    damaged = 0
    with path.open("rb") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            if isinstance(entry, dict):
                yield entry
            else:
                damaged += 1
    if damaged:
        note(problems, f"{_place(path)}: {damaged} line{'s' * (damaged > 1)} cut short or damaged, left out")


def _place(path: Path) -> str:
    return shown(
        path.name if path.parent.name not in ("episodes", "curves") else f"{path.parent.name}/{path.name}", 120
    )
