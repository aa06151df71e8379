"""Runs cells side by side in processes of this machine, and commits each as it finishes.

What comes of a cell depends on the cell alone, so neither the number of workers nor their order shows in the rows. A
cell that raises becomes a failed row. A cell whose process dies (killed, out of memory, a crash) is begun anew in
another process, `RETRIES` times; then it is a failed row as well. The others go on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from goldenrule.benchmarks.cell import Cell, failed_row
from goldenrule.benchmarks.engines import forks
from goldenrule.benchmarks.engines.base import Pool, Store, Watch, settling
from goldenrule.benchmarks.engines.worker import attempt, serve
from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.results.outcome import Outcome

RETRIES = 2
"""How often a cell whose process died is begun anew: what killed it may have come from outside, or it may not."""


def run_cells(cells: Sequence[Cell], store: Store, watch: Watch, pool: Pool) -> None:
    """Run every cell and commit each when it is finished.

    Raises:
        KeyboardInterrupt: as it came; all workers are gone and what was finished is in the store.
        UserError: the store cannot be written, or no process can be started; likewise.
    """
    if pool.workers == 0:
        with _one_thread():
            for cell in cells:
                watch.started(cell)
                with settling(store, watch) as finished:
                    finished.append((cell, attempt(cell, pool.folder(cell), _reporter(watch, cell))))
        return
    waiting = list(reversed(cells))
    staff: list[_Worker] = []
    try:
        while len(staff) < min(pool.workers, len(cells)):
            staff.append(_Worker())
        for worker in staff:
            worker.take(waiting, watch, pool)
        while busy := [worker for worker in staff if worker.cell is not None]:
            with settling(store, watch) as finished:
                for channel in wait([worker.channel for worker in busy]):
                    worker = next(one for one in busy if one.channel is channel)
                    ended = worker.listen(watch, pool)
                    if ended is not None:
                        finished.append(ended)
                        worker.take(waiting, watch, pool)  # at once, so that it does not wait for the disk
    finally:
        for worker in staff:
            worker.stop()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker: sums over several threads differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _reporter(watch: Watch, cell: Cell) -> Any:
    return lambda done, total: watch.advanced(cell, done, total)


@dataclass(slots=True)
class _Worker:
    """One process and the cell it works on. A process that has died is replaced when there is more to do."""

    cell: Cell | None = None
    began: float = 0.0
    deaths: int = 0
    channel: Connection = field(init=False)
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self._hire()

    def _hire(self) -> None:
        try:
            self.channel, self.process = forks.child(serve)
        except OSError as error:
            raise UserError(
                f"no more worker processes can be started ({error.strerror or error}); "
                "name fewer with --workers. What is finished is kept"
            ) from error

    def take(self, waiting: list[Cell], watch: Watch, pool: Pool) -> None:
        """Begin the next cell, if there is one."""
        self.cell, self.deaths = waiting.pop() if waiting else None, 0
        if self.cell is None:
            return
        self._send(self.cell, pool)
        self.began = time.perf_counter()
        watch.started(self.cell)

    def _send(self, cell: Cell, pool: Pool) -> None:
        if not self.process.is_alive():
            self.channel.close()
            self._hire()
        with contextlib.suppress(BrokenPipeError):  # it died just now: `listen` will see
            self.channel.send((cell, pool.folder(cell)))

    def listen(self, watch: Watch, pool: Pool) -> tuple[Cell, Outcome] | None:
        """Take one message of the process; the cell and what came of it when it is finished, for better or worse."""
        cell = self.cell
        assert cell is not None
        try:
            kind, *content = self.channel.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            self.deaths += 1
            if self.deaths <= RETRIES:
                self._send(cell, pool)
                return None
            reason = f"its process died {self.deaths} times ({forks.cause(self.process.exitcode)})"
            return cell, Outcome(failed_row(cell, reason, time.perf_counter() - self.began))
        if kind == "update":
            watch.advanced(cell, *content)
            return None
        return cell, content[0]

    def stop(self) -> None:
        """End the process; it holds nothing that is not in the store."""
        self.channel.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
