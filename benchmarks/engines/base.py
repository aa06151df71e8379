"""What every engine is given and gives: cells to run, a store for what comes of them, a watch to tell.

What comes of a cell depends on the cell alone. Whichever engine ran it, on however many workers, in whatever order: the
rows are the same but for the columns named `VOLATILE`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.schema import RunRecord


class Store(Protocol):
    """Where finished cells go; `RunDirectory` and `ResultStore` are such places."""

    def commit(self, *outcomes: RunRecord) -> None:
        """Save what came of one or more cells for good."""


class Watch(Protocol):
    """Who is told what is going on."""

    def started(self, cell: Cell) -> None:
        """A cell begins."""

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates."""

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved."""


class Unwatched(Watch):
    """A watch that does not look."""

    def started(self, cell: Cell) -> None:
        """See nothing."""
        return None

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """See nothing."""
        return None

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """See nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Pool:
    """How to run.

    Attributes:
        workers: processes; 0 runs in this one.
        weights: folder under which trained networks are kept, by cell id; `None` keeps none.
    """

    workers: int = 1
    weights: Path | None = None

    def folder(self, cell: Cell) -> Path | None:
        """Where the network of `cell` is kept."""
        return self.weights / cell.id if self.weights is not None else None


class Settling:
    """Saves what came of cells, then tells the watch. A context manager: what is left is saved on the way out.

    Cells that finish shortly after one another are saved in one go: they wait for the disk together.

    Args:
        store: where they go.
        watch: who is told.
    """

    LINGER = 0.05
    """Seconds that a cell may wait for others. One that took ten times as long or more waits for none."""

    def __init__(self, store: Store, watch: Watch) -> None:
        self._store, self._watch = store, watch
        self._finished: list[tuple[Cell, RunRecord]] = []
        self._due = 0.0

    def __enter__(self) -> Settling:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()

    def add(self, cell: Cell, outcome: RunRecord) -> None:
        """Take in what came of a cell."""
        now = time.monotonic()
        if not self._finished:
            self._due = now + self.LINGER
        if outcome.row["seconds"] >= 10 * self.LINGER:
            self._due = now
        self._finished.append((cell, outcome))

    @property
    def left(self) -> float | None:
        """Seconds until `settle` is due; `None` where nothing waits for it."""
        return max(0.0, self._due - time.monotonic()) if self._finished else None

    def settle(self) -> None:
        """Save all that waits, for good."""
        finished, self._finished = self._finished, []
        if finished:
            self._store.commit(*(outcome for _, outcome in finished))
        for cell, outcome in finished:
            self._watch.finished(cell, outcome.row)
