"""What every engine is given and gives: cells to run, a store for what comes of them, a watch to tell.

What comes of a cell depends on the cell alone. Whichever engine ran it, on however many workers, in whatever order: the
rows are the same but for the columns named `VOLATILE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from goldenrule.benchmarks.cell import Cell, failed_row
from goldenrule.benchmarks.engines.worker import Outcome
from goldenrule.benchmarks.errors import UserError


class Store(Protocol):
    """Where finished cells go; `RunDirectory` and `SweepStore` are such places."""

    def commit(
        self,
        row: dict[str, Any],
        episodes: Sequence[dict[str, Any]],
        curve: Sequence[dict[str, Any]],
        trace: str | None = None,
    ) -> None:
        """Save a finished cell for good."""


class Watch(Protocol):
    """Who is told what is going on."""

    def started(self, cell: Cell) -> None:
        """A cell begins."""

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates."""

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved."""


class Unwatched:
    """A watch that does not look."""

    def started(self, cell: Cell) -> None:
        """Not looked at."""

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """Not looked at."""

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """Not looked at."""


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


def settle(cell: Cell, outcome: Outcome, store: Store, watch: Watch) -> None:
    """Save what came of a cell and tell the watch."""
    row, episodes, curve, trace = outcome
    try:
        store.commit(row, episodes, curve, trace)
    except UserError:
        raise  # the place cannot be written to: not the cell's fault
    except ValueError as error:  # JSON has no NaN: a result that holds one is no result
        row = failed_row(cell, f"the results cannot be saved: {error}", row["seconds"])
        store.commit(row, [], [])
    watch.finished(cell, row)
