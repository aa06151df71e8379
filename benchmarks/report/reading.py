"""Reads a run directory. What is missing or damaged becomes a sentence on the page, never a guess and never a crash."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.errors import UserError
from goldenrule.envs.render import clean

LONGEST = 1200
"""Characters of one text that the page carries; the rest stays in the run's own files."""


def shown(value: Any, longest: int = LONGEST) -> str:
    """Any value as one visible line: hidden and bidi characters spelt out, cut after `longest` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    kept = clean(text[:longest])
    return kept if len(text) <= longest else f"{kept} … ({len(text) - longest:,} more characters)"


def number(value: Any) -> float | None:
    """A finite number, or `None` for anything else: NaN, infinity and truth values are no figures."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


@dataclass(frozen=True, slots=True, eq=False)
class StoredCell:
    """One row, and the name of the files beside it.

    Attributes:
        id: stem of the cell's files; `None` where the row names none.
        row: the row as it was written.
        method, scenario, status: of the row, as visible text.
        seed: of the row, as visible text.
        knobs: of the row.
    """

    id: str | None
    row: Mapping[str, Any]
    method: str
    scenario: str
    status: str
    seed: str
    knobs: Mapping[str, Any]

    @property
    def done(self) -> bool:
        """Whether the row has figures."""
        return self.status == "done"

    def value(self, key: str) -> float | None:
        """The row's figure called `key`; `None` where the cell failed or has no such figure."""
        return number(self.row.get(key)) if self.done else None

    def nested(self, key: str) -> Mapping[str, Any]:
        """The row's figures that lie together under `key`; empty where the cell failed or has none."""
        found = self.row.get(key)
        return found if self.done and isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Setting:
    """The cells of one scenario under one choice of knobs.

    Attributes:
        label: the scenario and the knobs that tell this setting from others of the run.
        cells: in the order of the rows.
    """

    label: str
    cells: Sequence[StoredCell]

    def of(self, method: str) -> list[StoredCell]:
        """The cells of one method, one a seed."""
        return [cell for cell in self.cells if cell.method == method]


@dataclass(slots=True)
class Run:
    """A run directory, as far as it could be read.

    Attributes:
        folder: where it lies.
        config, environment, summary: the files of those names; empty where missing.
        cells: one for each row, in the order of the rows.
        problems: what was missing or damaged, a sentence each; grows as more is read.
    """

    folder: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    summary: Mapping[str, Any]
    cells: Sequence[StoredCell]
    problems: list[str] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """Method names, in the order of the rows."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @property
    def varying(self) -> list[str]:
        """Names of the knobs that differ between rows of one scenario."""
        names: dict[str, set[str]] = {}
        for cell in self.cells:
            for name, value in cell.knobs.items():
                names.setdefault(f"{cell.scenario}\0{name}", set()).add(json.dumps(value, default=str))
        return list(dict.fromkeys(key.split("\0")[1] for key, values in names.items() if len(values) > 1))

    @property
    def settings(self) -> list[Setting]:
        """The cells grouped by scenario and knobs, in the order of the rows."""
        groups: dict[str, list[StoredCell]] = {}
        varying = self.varying
        for cell in self.cells:
            knobs = ", ".join(f"{shown(k, 40)} {shown(cell.knobs[k], 40)}" for k in varying if k in cell.knobs)
            groups.setdefault(cell.scenario + (f", {knobs}" if knobs else ""), []).append(cell)
        return [Setting(label, cells) for label, cells in groups.items()]

    def episodes(self, cell: StoredCell) -> Iterator[dict[str, Any]]:
        """The cell's episodes, one after the other; lines that cannot be read are counted among the problems."""
        path = self._file("episodes", cell, ".jsonl")
        if path is not None:
            yield from _lines(path, self.problems)
        elif cell.done and cell.id is not None:
            _note(self.problems, f"episodes/{shown(cell.id, 80)}.jsonl is missing: its conversations are not shown")

    def curve(self, cell: StoredCell) -> list[dict[str, Any]]:
        """The cell's training curve, one entry an update; empty for methods that do not train."""
        path = self._file("curves", cell, ".json")
        entries = _json(path, self.problems, []) if path is not None else []
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

    def _file(self, folder: str, cell: StoredCell, suffix: str) -> Path | None:
        if cell.id is None:
            return None
        path = self.folder / folder / f"{cell.id}{suffix}"
        return path if path.is_file() else None


def read_run(folder: Path) -> Run:
    """What lies in the run directory `folder`.

    Raises:
        UserError: it is no run directory.
    """
    rows = folder / "rows.jsonl"
    if not rows.is_file() and not (folder / "config.json").is_file():
        raise UserError(
            f"no run in {shown(str(folder))!r}: neither rows.jsonl nor config.json is there; name the folder of a run"
        )
    problems: list[str] = []
    config, environment = (_mapping(folder, name, problems) for name in ("config", "environment"))
    cells = [_cell(row, problems) for row in _lines(rows, problems)] if rows.is_file() else []
    if not cells:
        _note(problems, "rows.jsonl holds no row: no cell had finished")
    planned = config.get("cells")
    waiting = len(planned) - len(cells) if isinstance(planned, list) else 0
    if waiting > 0:
        _note(problems, f"{waiting} of {len(planned or [])} cells had not finished when this page was made")
    summary = _mapping(folder, "summary", []) if (folder / "summary.json").is_file() else {}
    return Run(folder, config, environment, summary, cells, problems)


def _cell(row: Mapping[str, Any], problems: list[str]) -> StoredCell:
    name = row.get("cell")
    plain = isinstance(name, str) and 0 < len(name) < 200 and not set(name) & set("/\\\0") and name not in (".", "..")
    if not plain:
        _note(problems, f"a row of {shown(row.get('method', '?'), 80)} names no cell: its episodes are not shown")
    knobs = row.get("knobs")
    texts = {key: shown(row.get(key, "?"), 80) for key in ("method", "scenario", "status", "seed")}
    return StoredCell(name if plain else None, row, knobs=knobs if isinstance(knobs, dict) else {}, **texts)


def _mapping(folder: Path, name: str, problems: list[str]) -> Mapping[str, Any]:
    path = folder / f"{name}.json"
    if not path.is_file():
        _note(problems, f"{name}.json is missing")
        return {}
    found = _json(path, problems, {})
    return found if isinstance(found, dict) else {"": found}


def _json(path: Path, problems: list[str], otherwise: Any) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        _note(problems, f"{_place(path)} cannot be read: {shown(str(error), 200)}")
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
        _note(problems, f"{_place(path)}: {damaged} line{'s' * (damaged > 1)} cut short or damaged, left out")


def _place(path: Path) -> str:
    return shown(
        path.name if path.parent.name not in ("episodes", "curves") else f"{path.parent.name}/{path.name}", 120
    )


def _note(problems: list[str], sentence: str) -> None:
    """Each sentence once, however often a file is read."""
    if sentence not in problems:
        problems.append(sentence)
