"""Progress of the runs of a sweep: bars on a terminal, plain lines elsewhere. Both say how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from goldenrule.benchmarks.storage.reader import varying_knobs
from goldenrule.common.text import brief, clean, counted, typed

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell


def cell_names(cells: Iterable[Cell] | Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names by id for cells, or rows of cells, that are told side by side.

    Like `untrained on third_party-v0 (absent 2), seed 0`: the scenario is told where there are several, a knob where it
    varies within a scenario.
    """
    rows: list[Mapping[str, Any]] = [
        one
        if isinstance(one, Mapping)
        else {"cell": one.id, "method": one.method, "scenario": one.scenario, "knobs": one.knobs, "seed": one.seed}
        for one in cells
    ]
    varying = varying_knobs((row["scenario"], row["knobs"]) for row in rows)

    def name(row: Mapping[str, Any]) -> str:
        told = ", ".join(f"{k} {typed(row['knobs'][k])}" for k in varying[row["scenario"]] if k in row["knobs"])
        where = f" on {row['scenario']}" if len(varying) > 1 else ""
        return clean(f"{row['method']}{where}{f' ({told})' if told else ''}, seed {row['seed']}")

    return {row["cell"]: name(row) for row in rows}


def progress_for(as_json: bool) -> Callable[[Sequence[Cell]], Bars | Lines]:
    """What shows the progress of some cells: bars on a terminal where nothing else reads along, else lines."""
    console = Console(stderr=True)
    bars = console.is_terminal and not as_json
    return lambda todo: Bars(todo, console) if bars else Lines(todo, sys.stderr)


def duration(seconds: float) -> str:
    """`75` as `1 min 15 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def closing_line(name: str, row: dict[str, Any]) -> str:
    """How a cell ended."""
    if row["status"] != "done":
        return f"failed  {name}: {clean(brief(row['error']))}"
    reward = row["partner_reward"]
    told = "no partner reward" if reward is None else f"partner reward {reward:.2f}"
    return f"done    {name}: {told} ({duration(row['seconds'])})"


class Lines:
    """Plain lines, for logs and pipes.

    Args:
        cells: all there is to do.
        stream: where to write.
        every: seconds between lines about one cell's updates.
    """

    def __init__(self, cells: Sequence[Cell], stream: TextIO, every: float = 15.0) -> None:
        self._stream, self._every, self._names = stream, every, cell_names(cells)
        self._total, self._finished, self._began = len(cells), 0, time.monotonic()
        self._last_line: dict[str, float] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def started(self, cell: Cell) -> None:
        """A cell begins."""
        self._last_line[cell.id] = time.monotonic()
        self._print(f"begin   {self._names[cell.id]}")

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates; printed now and then."""
        if time.monotonic() - self._last_line[cell.id] >= self._every:
            self._last_line[cell.id] = time.monotonic()
            self._print(f"        {self._names[cell.id]}: update {done} of {total}")

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved."""
        self._finished += 1
        left = self._total - self._finished
        rest = duration((time.monotonic() - self._began) / self._finished * left)
        line = closing_line(self._names[cell.id], row)
        self._print(f"{line}; {left} to go, about {rest} left" if left else line)


class Bars:
    """Bars on a terminal: one for all cells, one for each that runs.

    Args:
        cells: all there is to do.
        console: where to draw.
    """

    def __init__(self, cells: Sequence[Cell], console: Console) -> None:
        self._names, self._count, self._finished = cell_names(cells), len(cells), 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            speed_estimate_period=3600,  # cells take minutes
        )
        self._all = self._progress.add_task("all", total=self._count, note=f"0 of {counted(self._count, 'run')}")
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _update_all(self) -> None:
        running = sum(task.percentage / 100 for task in self._progress.tasks if task.id != self._all)
        note = f"{self._finished} of {counted(self._count, 'run')}"
        self._progress.update(self._all, completed=self._finished + running, note=note)

    def started(self, cell: Cell) -> None:
        """A cell begins."""
        name = self._names[cell.id]
        self._bars[cell.id] = self._progress.add_task(name, total=1, note="begins")

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates; evaluation is one more step."""
        note = f"update {done} of {total}" if done < total else "evaluates"
        self._progress.update(self._bars[cell.id], completed=done, total=total + 1, note=note)
        self._update_all()

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved: its bar gives way to a line."""
        self._finished += 1
        self._progress.remove_task(self._bars.pop(cell.id))
        self._progress.console.print(Text(closing_line(self._names[cell.id], row)))
        self._update_all()
