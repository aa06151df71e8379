"""Run cells side by side in processes of this machine, and commit each as it finishes.

The result of a cell depends on the cell alone: neither the number of workers nor their order shows in the rows. A
cell that raises becomes a failed row. A cell whose process dies (killed, out of memory, a crash) is run again in
another process, from its last saved update where it trains, `RETRIES` times; then it is a failed row as well. The
others go on.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

import torch
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from goldenrule.benchmarks.engines.base import Pool, Progress, Store, attempt
from goldenrule.benchmarks.evaluation.run import Cell, failed_row
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError

RETRIES = 2
"""How often a cell whose process died is run again: what killed it may have come from outside, or from the cell."""

REPLACED = 20
"""How often in a row a pool is replaced that broke before any cell was finished."""

POLL = 0.1
"""Seconds between looks at how far cells have got."""

PRELOAD = [
    "goldenrule.benchmarks.cli.main",
    "goldenrule.benchmarks.engines.local",
    *(f"goldenrule.training.methods.{name}" for name in ("rlhf", "naive_kindness", "empathetic_kindness")),
    "goldenrule.training.methods.feedback_kindness",
]
"""What the server that forks workers imports once: otherwise every new worker would import torch, for seconds."""

_UPDATES: Any = None
"""In a worker: shared integers, two a cell of the run: training updates done, and in all."""


def run_cells(cells: Sequence[Cell], store: Store, progress: Progress, pool: Pool) -> None:
    """Run every cell, `pool.workers` at a time, or in this process where it has none.

    Raises:
        KeyboardInterrupt: as it came; all workers are gone.
        UserError: the store cannot be written, or no process can be started; likewise.
    """
    if pool.workers == 0:
        with _one_thread():
            for cell in cells:
                progress.started(cell)
                report = functools.partial(progress.advanced, cell)
                outcome = attempt(cell, pool.folder(cell), report, pool.state(cell))
                store.commit(outcome)
                progress.finished(cell, outcome.row)
        return
    with _Dispatch(cells, store, progress, pool) as dispatch:
        dispatch.run()


class _Dispatch:
    """Hands cells to processes, a few ahead of those that run, and commits what comes back.

    A context manager: all processes have ended when the context does.
    """

    def __init__(self, cells: Sequence[Cell], store: Store, progress: Progress, pool: Pool) -> None:
        self._cells, self._store, self._progress, self._pool = cells, store, progress, pool
        # Lock-free: a worker that is killed must not leave a lock behind that the others wait for.
        self._updates = RawArray(ctypes.c_int32, 2 * len(cells))
        self._waiting = list(reversed(range(len(cells))))
        self._running: dict[ProcessFuture[RunRecord], int] = {}
        self._began: dict[int, float] = {}
        self._deaths: dict[int, int] = {}
        self._seen: dict[int, tuple[int, int]] = {}
        self._replaced = 0
        self._processes = self._start()

    def __enter__(self) -> _Dispatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self) -> None:
        """Run all cells."""
        while self._waiting or self._running:
            if not self._active():
                self._replace()
                continue
            # Twice as many as work: none waits for this process, and few are lost in the queue when one dies.
            while self._waiting and len(self._running) < 2 * self._pool.workers and self._schedule(self._waiting[-1]):
                self._waiting.pop()
            finished = wait(self._running, POLL, FIRST_COMPLETED).done
            self._report()
            for future in [one for one in self._running if one in finished]:
                number = self._running.pop(future)
                outcome = self._outcome(future, number)
                if outcome is None:
                    self._waiting.append(number)
                    continue
                self._replaced = 0
                self._store.commit(outcome)
                self._progress.finished(self._cells[number], outcome.row)

    def _start(self) -> ProcessPool:
        count = min(self._pool.workers, len(self._cells))
        arguments = (dict(os.environ), self._updates)
        return ProcessPool(max_workers=max(1, count), initializer=settle_in, initargs=arguments, context=_context())

    def _active(self) -> bool:
        """Whether the processes take cells; the first call starts them."""
        try:
            return bool(self._processes.active)
        except BrokenProcessPool:
            return False

    def _stop(self) -> None:
        self._processes.stop()
        self._processes.join()

    def _replace(self) -> None:
        """Begin with new processes: a pool is broken where one is killed before it has begun its first cell."""
        self._waiting += reversed(self._running.values())
        self._running.clear()
        self._stop()
        self._replaced += 1
        if self._replaced > REPLACED:
            raise UserError(
                "no more worker processes can be started: they end before they begin; name fewer with --workers. "
                "What is finished is kept"
            )
        self._processes = self._start()

    def _schedule(self, number: int) -> bool:
        """Whether the processes take the cell; a pool that is broken takes none."""
        cell = self._cells[number]
        try:
            places = self._pool.folder(cell), self._pool.state(cell)
            future = self._processes.schedule(run_numbered, (number, cell, *places))
        except RuntimeError:
            return False
        self._running[future] = number
        return True

    def _report(self) -> None:
        for future, number in self._running.items():
            if number not in self._began and (future.running() or future.done()):
                self._began[number] = time.perf_counter()
                self._progress.started(self._cells[number])
            now = (self._updates[2 * number], self._updates[2 * number + 1])
            if now != self._seen.get(number, (0, 0)):
                self._seen[number] = now
                self._progress.advanced(self._cells[number], *now)

    def _outcome(self, future: ProcessFuture[RunRecord], number: int) -> RunRecord | None:
        """The result of a cell; `None` where its process died and it is to be run again."""
        try:
            return future.result()
        except BrokenProcessPool:
            return None
        except ProcessExpired as error:
            self._deaths[number] = deaths = self._deaths.get(number, 0) + 1
            if deaths <= RETRIES:
                return None
            reason = f"its process died {deaths} times ({_cause(error.exitcode)})"
        except Exception as error:  # the cell, or what came of it, cannot be sent from process to process
            reason = f"it cannot be run in a process of its own ({type(error).__name__}: {error})"
        now = time.perf_counter()
        seconds = now - self._began.get(number, now)
        return RunRecord(failed_row(self._cells[number], reason, seconds))


def settle_in(environment: Mapping[str, str], updates: Any) -> None:
    """In a new process: leave Ctrl-C to the parent, take over its environment, and end when the parent does.

    Args:
        environment: variables of the parent; the server that forked this process may have begun with others.
        updates: see `run_numbered`.
    """
    global _UPDATES
    _UPDATES = updates
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(2, 1)  # standard output is for the command's result: what cells print goes to standard error
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    gc.freeze()  # what the server has imported is no garbage: looking through it would copy the memory children share
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # at once: a cell that runs foreign code may never come to an end


def run_numbered(number: int, cell: Cell, folder: Path | None, state: Path | None) -> RunRecord:
    """`attempt`, telling the parent of updates through the shared integers of `settle_in`."""

    def report(done: int, total: int) -> None:
        _UPDATES[2 * number : 2 * number + 2] = [done, total]

    return attempt(cell, folder, report, state)


def _context() -> ForkServerContext | SpawnContext:
    """Processes are forked from a server that has imported what all need; spawned where there can be no server."""
    try:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        resource_tracker.ensure_running()  # before Ctrl-C is blocked: in starting it lets Ctrl-C through again
        with _quiet_start():
            forkserver.ensure_running()
    except (OSError, ValueError):
        return multiprocessing.get_context("spawn")
    return context


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Children start with one thread each, and leave Ctrl-C to the parent, even while they are still importing."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the child
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker: sums over several threads differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cause(exitcode: int | None) -> str:
    """How a process ended, in words."""
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exitcode).name
        return f"{name}, perhaps out of memory" if name == "SIGKILL" else name
    return f"signal {-exitcode}"
