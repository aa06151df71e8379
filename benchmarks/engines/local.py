"""Runs cells side by side in processes of this machine, and commits each as it finishes.

What comes of a cell depends on the cell alone, so neither the number of workers nor their order shows in the rows. A
cell that raises, and one whose process dies, become failed rows; the others go on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from goldenrule.benchmarks.cell import Cell, failed_row
from goldenrule.benchmarks.engines.base import Pool, Store, Watch, settle
from goldenrule.benchmarks.engines.worker import attempt, serve


def run_cells(cells: Sequence[Cell], store: Store, watch: Watch, pool: Pool) -> None:
    """Run every cell and commit each when it is finished.

    Raises:
        KeyboardInterrupt: as it came; all workers are gone and what was finished is in the store.
        OSError: the store cannot be written.
    """
    if pool.workers == 0:
        with _one_thread():
            for cell in cells:
                watch.started(cell)
                settle(cell, attempt(cell, pool.folder(cell), _reporter(watch, cell)), store, watch)
        return
    waiting = list(reversed(cells))
    staff = [_Worker() for _ in range(min(pool.workers, len(cells)))]
    try:
        for worker in staff:
            worker.take(waiting, watch, pool)
        while busy := [worker for worker in staff if worker.cell is not None]:
            for channel in wait([worker.channel for worker in busy]):
                worker = next(one for one in busy if one.channel is channel)
                if worker.listen(store, watch):
                    worker.take(waiting, watch, pool)
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
    channel: Connection = field(init=False)
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self._hire()

    def _hire(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        with _quiet_start():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does

    def take(self, waiting: list[Cell], watch: Watch, pool: Pool) -> None:
        """Begin the next cell, if there is one."""
        self.cell = waiting.pop() if waiting else None
        if self.cell is None:
            return
        if not self.process.is_alive():
            self.channel.close()
            self._hire()
        with contextlib.suppress(BrokenPipeError):  # it died just now: `listen` will see
            self.channel.send((self.cell, pool.folder(self.cell)))
        self.began = time.perf_counter()
        watch.started(self.cell)

    def listen(self, store: Store, watch: Watch) -> bool:
        """Take one message of the process; true when its cell is finished, for better or worse."""
        cell = self.cell
        assert cell is not None
        try:
            kind, *content = self.channel.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            reason = f"its process died ({_cause(self.process.exitcode)})"
            settle(cell, (failed_row(cell, reason, time.perf_counter() - self.began), [], [], None), store, watch)
            return True
        if kind == "update":
            watch.advanced(cell, *content)
            return False
        settle(cell, tuple(content), store, watch)
        return True

    def stop(self) -> None:
        """End the process; it holds nothing that is not in the store."""
        self.channel.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _cause(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exitcode).name
        return f"{name}, perhaps out of memory" if name == "SIGKILL" else name
    return f"signal {-exitcode}"


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Children start with one thread each, and leave Ctrl-C to the parent, even while they are still importing."""
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(before, "1"))
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the child
    try:
        yield
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, old)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
