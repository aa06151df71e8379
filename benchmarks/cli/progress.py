"""What is running, how far it is and how long it will take: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.reader import Names
from goldenrule.common.text import brief, clean

EVALUATION_UNITS = 6
"""What starting and evaluating a cell costs, in updates; only the estimate of the time left depends on it."""


class Clock:
    """How much of the work is done, and from that the time left.

    Args:
        cells: all there is to do.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.total = {cell.id: EVALUATION_UNITS + (_updates(cell)) for cell in cells}
        self.done = dict.fromkeys(self.total, 0.0)
        self.finished = 0
        self.began = time.monotonic()

    def advance(self, cell: Cell, done: int, total: int) -> None:
        """`cell` has made `done` of `total` updates."""
        self.done[cell.id] = (self.total[cell.id] - EVALUATION_UNITS) * done / max(1, total)

    def finish(self, cell: Cell) -> None:
        """`cell` is finished."""
        self.done[cell.id] = self.total[cell.id]
        self.finished += 1

    @property
    def share(self) -> float:
        """Share of the work done, 0 to 1."""
        return sum(self.done.values()) / max(1e-9, sum(self.total.values()))

    def left(self) -> str:
        """The time left, in words."""
        share, elapsed = self.share, time.monotonic() - self.began
        if share < 0.02:
            return "time left not known yet"
        return f"about {duration(elapsed * (1 - share) / share)} left"


def _updates(cell: Cell) -> int:
    return cell.settings.training.updates if cell.chosen.train is not None or cell.chosen.kind == "sb3" else 0


def duration(seconds: float) -> str:
    """`75` as `1 min 15 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def closing(called: str, row: dict[str, Any]) -> str:
    """How a cell ended, in a line."""
    if row["status"] != "done":
        return f"failed  {called}: {clean(brief(row['error']))}"
    reward = row["partner_reward"]
    told = "no partner reward" if reward is None else f"partner reward {reward:.2f}"
    return f"done    {called}: {told} ({duration(row['seconds'])})"


class Lines:
    """Plain lines, for logs and pipes.

    Args:
        cells: all there is to do.
        stream: where to write.
        every: seconds between lines about one cell's updates.
    """

    def __init__(self, cells: Sequence[Cell], stream: TextIO, every: float = 15.0) -> None:
        self.clock, self.stream, self.every = Clock(cells), stream, every
        self._names, self._told = Names.of_cells(cells), dict[str, float]()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.flush()

    def _called(self, cell: Cell) -> str:
        return clean(self._names.cell(cell))

    def _say(self, line: str) -> None:
        print(line, file=self.stream, flush=True)

    def started(self, cell: Cell) -> None:
        """Tell that a cell begins."""
        self._told[cell.id] = time.monotonic()
        self._say(f"begin   {self._called(cell)}")

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """Tell of updates, now and then."""
        self.clock.advance(cell, done, total)
        if time.monotonic() - self._told[cell.id] >= self.every:
            self._told[cell.id] = time.monotonic()
            self._say(f"        {self._called(cell)}: update {done} of {total}; {self.clock.left()}")

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """Tell how a cell ended."""
        self.clock.finish(cell)
        left = len(self.clock.total) - self.clock.finished
        self._say(closing(self._called(cell), row) + (f"; {left} to go, {self.clock.left()}" if left else ""))


class Bars:
    """Bars on a terminal: one for all cells, one for each that runs.

    Args:
        cells: all there is to do.
        console: where to draw.
    """

    def __init__(self, cells: Sequence[Cell], console: Console) -> None:
        self.clock, self._names = Clock(cells), Names.of_cells(cells)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("all", total=1.0, note="")
        self._bars: dict[str, TaskID] = {}
        self._tell()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _tell(self) -> None:
        note = f"{self.clock.finished} of {len(self.clock.total)} runs; {self.clock.left()}"
        self._progress.update(self._all, completed=self.clock.share, note=note)

    def started(self, cell: Cell) -> None:
        """Draw a bar for the cell."""
        total = max(1, _updates(cell))
        self._bars[cell.id] = self._progress.add_task(clean(self._names.cell(cell)), total=total, note="begins")

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """Move its bar."""
        self.clock.advance(cell, done, total)
        note = f"update {done} of {total}" if done < total else "evaluates"
        self._progress.update(self._bars[cell.id], completed=done, total=total, note=note)
        self._tell()

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """Take its bar away and leave a line."""
        self.clock.finish(cell)
        self._progress.remove_task(self._bars.pop(cell.id))
        self._progress.console.print(Text(closing(clean(self._names.cell(cell)), row)))
        self._tell()
