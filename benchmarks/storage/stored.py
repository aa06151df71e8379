"""A run as it was stored, whatever holds it: a run directory of `compare` or the results of a sweep."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from goldenrule.common.text import clean

LONGEST = 1200
"""Characters of one text that the page carries; the rest stays in the run's own files."""


def shown(value: Any, longest: int = LONGEST) -> str:
    """Any value as one visible line: hidden and bidi characters spelt out, cut after `longest` characters."""
    plain = value if isinstance(value, str) else str(value) if type(value) is int else None
    text = json.dumps(value, ensure_ascii=False, default=str) if plain is None else plain
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
    """One row, and the name of what is kept beside it.

    Attributes:
        id: name of the cell; `None` where the row names none.
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

    @classmethod
    def of(cls, row: Mapping[str, Any], name: str | None) -> StoredCell:
        """The cell of a row that is called `name`."""
        knobs = row.get("knobs")
        texts = {key: shown(row.get(key, "?"), 80) for key in ("method", "scenario", "status", "seed")}
        return cls(name, row, knobs=knobs if isinstance(knobs, dict) else {}, **texts)

    @property
    def done(self) -> bool:
        """Whether the row has figures."""
        return self.status == "done"

    @property
    def held(self) -> int | None:
        """How many episodes the row says were held, failed ones included; `None` where it does not say."""
        counts = [self.value(key) for key in ("episodes", "episodes_failed")]
        return None if None in counts else int(sum(count for count in counts if count is not None))

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


class Log(Protocol):
    """What is kept beside the rows. Read piece by piece: it may be larger than memory.

    Attributes:
        episodes_in, rows_in: where episodes and rows lie, for readers of the page.
    """

    episodes_in: str
    rows_in: str

    def episodes(self, cell: StoredCell) -> Iterator[dict[str, Any]]:
        """The cell's episodes, in order; those that cannot be read are left out and told among the problems."""

    def episode(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """The cell's episode number `place`, if there is one."""

    def finished(self, cell: StoredCell) -> frozenset[int]:
        """Numbers of the cell's episodes that did not fail."""

    def sums(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """What is kept beside episode number `place`, by column; `None` where nothing is but its log."""

    def curve(self, cell: StoredCell) -> Any:
        """What is stored as the cell's learning curve."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass
class Run:
    """A run, as far as it could be read. A context manager, which lets go of the files.

    Attributes:
        folder: where it lies.
        config, environment, summary: what was asked for, where it ran, its table; empty where missing.
        cells: one for each row, in the order of the rows.
        planned: how many cells there were to be; `None` where that is not known.
        log: its episodes and curves.
        problems: what was missing or damaged, a sentence each; grows as more is read.
    """

    folder: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    summary: Mapping[str, Any]
    cells: Sequence[StoredCell]
    planned: int | None
    log: Log
    problems: list[str] = field(default_factory=list)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()

    @property
    def is_crossplay(self) -> bool:
        """Whether its methods are pairs of agents, which stand each by themselves."""
        return isinstance(self.config.get("members"), list)

    @cached_property
    def by_id(self) -> dict[str, StoredCell]:
        """Those cells that have a name, by it."""
        return {cell.id: cell for cell in self.cells if cell.id is not None}

    @cached_property
    def methods(self) -> list[str]:
        """Method names, in the order of the rows."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @cached_property
    def varying(self) -> list[str]:
        """Names of the knobs that differ between rows of one scenario."""
        names: dict[tuple[str, str], set[str]] = {}
        different = {(cell.scenario, id(cell.knobs)): cell for cell in self.cells}  # many rows share theirs
        for cell in different.values():
            for name, value in cell.knobs.items():
                names.setdefault((cell.scenario, name), set()).add(json.dumps(value, default=str))
        return list(dict.fromkeys(name for (_, name), values in names.items() if len(values) > 1))

    @cached_property
    def settings(self) -> list[Setting]:
        """The cells grouped by scenario and knobs, in the order of the rows."""
        groups: dict[str, list[StoredCell]] = {}
        for cell in self.cells:
            groups.setdefault(self.label(cell), []).append(cell)
        return [Setting(label, cells) for label, cells in groups.items()]

    def label(self, cell: StoredCell) -> str:
        """The cell's scenario, and the knobs that differ within the run."""
        knobs = ", ".join(f"{shown(k, 40)} {shown(cell.knobs[k], 40)}" for k in self.varying if k in cell.knobs)
        return cell.scenario + (f", {knobs}" if knobs else "")

    def curve(self, cell: StoredCell) -> list[dict[str, Any]]:
        """The cell's training curve, one entry an update; empty for methods that do not train."""
        entries = self.log.curve(cell)
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def note(problems: list[str], sentence: str) -> None:
    """Each sentence once, however often something is read."""
    if sentence not in problems:
        problems.append(sentence)
