"""What every engine is given: cells to run, a store for their results, and a progress callback.

Each has a `run_cells(cells, store, progress, pool)`, which commits every cell to the store when it is finished: what
was finished is there also where it raises.

The result of a cell depends on the cell alone. Whichever engine ran it, on however many workers, in whatever order: the
rows are the same but for the columns named `VOLATILE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.schema import RunRecord


class Store(Protocol):
    """Where finished cells are saved."""

    def commit(self, *outcomes: RunRecord) -> None:
        """Save the results of one or more cells for good."""


class Progress(Protocol):
    """Progress callback."""

    def started(self, cell: Cell) -> None:
        """A cell begins."""
        return None

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates."""
        return None

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved."""
        return None


class NoProgress(Progress):
    """A progress callback that does nothing."""


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
