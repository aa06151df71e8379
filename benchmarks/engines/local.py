"""Runs cells side by side in processes of this machine, and commits each as it finishes.

What comes of a cell depends on the cell alone, so neither the number of workers nor their order shows in the rows. A
cell that raises becomes a failed row. A cell whose process dies (killed, out of memory, a crash) is begun anew in
another process, `RETRIES` times; then it is a failed row as well. The others go on.

A worker has the cell that it goes on with before it is done with the last one: short cells would otherwise wait for
this process, which has results to save. One that nobody has begun is taken back for a worker that has nothing to do.
"""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch

from goldenrule.benchmarks.engines import forks
from goldenrule.benchmarks.engines.base import Pool, Settling, Store, Watch
from goldenrule.benchmarks.engines.claims import Claim
from goldenrule.benchmarks.engines.worker import attempt, serve
from goldenrule.benchmarks.evaluation.run import Cell, failed_row
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.common.errors import UserError

SMALL = 4096
"""Bytes of a cell that may be handed ahead: so much fits into the channel of a process that does not listen yet."""

FILES = 6
"""How many files of this process a worker takes, one of them to spare."""

RETRIES = 2
"""How often a cell whose process died is begun anew: what killed it may have come from outside, or it may not."""


def run_cells(cells: Sequence[Cell], store: Store, watch: Watch, pool: Pool) -> None:
    """Run every cell and commit each when it is finished.

    Raises:
        KeyboardInterrupt: as it came; all workers are gone and what was finished is in the store.
        UserError: the store cannot be written, or no process can be started; likewise.
    """
    if pool.workers == 0:
        with _one_thread(), Settling(store, watch) as settling:
            for cell in cells:
                watch.started(cell)
                settling.add(cell, attempt(cell, pool.folder(cell), _reporter(watch, cell)))
                settling.settle()
        return
    _allow_files(FILES * pool.workers)
    waiting = list(reversed(cells))
    staff: list[_Worker] = []
    try:
        while len(staff) < min(pool.workers, len(cells)):
            staff.append(_Worker())
        for worker in staff:
            worker.begin(waiting, staff, watch, pool)
        for worker in staff:
            worker.prepare(waiting, pool)
        with Settling(store, watch) as settling:
            while busy := [worker for worker in staff if worker.cell is not None]:
                for channel in wait([worker.channel for worker in busy], settling.left):
                    worker = next(one for one in busy if one.channel is channel)
                    ended = worker.listen(watch, pool)
                    if ended is not None:
                        settling.add(*ended)
                        worker.begin(waiting, staff, watch, pool)
                        worker.prepare(waiting, pool)
                if settling.left == 0:
                    settling.settle()
    finally:
        for worker in staff:
            worker.process.terminate()
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


def _allow_files(more: int) -> None:
    """Let this process open so many files besides, as far as the system does; what is allowed at first may be few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 256 + more
    if soft not in (resource.RLIM_INFINITY, hard) and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


def _reporter(watch: Watch, cell: Cell) -> Any:
    return lambda done, total: watch.advanced(cell, done, total)


@dataclass(slots=True)
class _Worker:
    """One process, the cell it works on, and the one it goes on with. Where it has died it is replaced."""

    cell: Cell | None = None
    ahead: Cell | None = None
    began: float = 0.0
    deaths: int = 0
    claim: Claim = field(init=False)
    channel: Connection = field(init=False)
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self._hire()

    def _hire(self) -> None:
        try:
            with contextlib.ExitStack() as otherwise:
                claim = Claim()
                otherwise.callback(claim.close)
                self.channel, self.process = forks.child(serve, claim)
                otherwise.pop_all()
            self.claim = claim
        except OSError as error:
            raise UserError(
                f"no more worker processes can be started ({error.strerror or error}); "
                "name fewer with --workers. What is finished is kept"
            ) from error

    def _replace(self) -> None:
        self.channel.close()
        self.claim.close()
        self._hire()

    def begin(self, waiting: list[Cell], staff: Sequence[_Worker], watch: Watch, pool: Pool) -> None:
        """Go on with the cell that was handed ahead, or begin another, if there is one.

        Args:
            waiting: cells that nobody has, the next one last.
            staff: all workers: where no cell waits, one that another worker has not begun yet is taken from it.
            watch, pool: as of `run_cells`.
        """
        cell, self.ahead = self.ahead, None
        if cell is None:
            # From here on none waits, and none is handed ahead: a byte in a claim cannot be meant for another cell.
            cell = waiting.pop() if waiting else next(filter(None, (one.give_back() for one in staff)), None)
            if cell is not None:
                self._send(_packed(cell, pool))
        self.cell, self.deaths, self.began = cell, 0, time.perf_counter()
        if cell is not None:
            watch.started(cell)
        else:  # nothing is left for it, and ending takes a while
            self.process.terminate()

    def prepare(self, waiting: list[Cell], pool: Pool) -> None:
        """Hand it the cell after the one it works on, so that it need not wait for this process."""
        if waiting and self.cell is not None:
            task = _packed(waiting[-1], pool, ahead=True)
            if len(task) <= SMALL:
                self.ahead = waiting.pop()
                self._hand(task)

    def give_back(self) -> Cell | None:
        """The cell that was handed ahead, unless it has been begun."""
        if self.ahead is None or not self.claim.take():
            return None
        cell, self.ahead = self.ahead, None
        return cell

    def _send(self, task: bytes) -> None:
        if not self.process.is_alive():
            self._replace()
        with contextlib.suppress(BrokenPipeError):  # it died just now: `listen` will see
            self.channel.send_bytes(task)

    def _hand(self, task: bytes) -> None:
        self.claim.offer()
        with contextlib.suppress(BrokenPipeError):
            self.channel.send_bytes(task)

    def listen(self, watch: Watch, pool: Pool) -> tuple[Cell, RunRecord] | None:
        """Take one message of the process; the cell and what came of it when it is finished, for better or worse."""
        cell = self.cell
        assert cell is not None
        try:
            kind, *content = self.channel.recv()
        except (EOFError, OSError):  # it may have died within a message
            return self._died(cell, pool)
        if kind == "update":
            watch.advanced(cell, *content)
            return None
        return cell, content[0]

    def _died(self, cell: Cell, pool: Pool) -> tuple[Cell, RunRecord] | None:
        """Begin the cell anew, or give it up; the one that was handed ahead had not been begun."""
        self.process.join()
        ended, self.deaths = forks.cause(self.process.exitcode), self.deaths + 1
        again = self.deaths <= RETRIES
        if again or self.ahead is not None:
            self._replace()
        if again:
            self._send(_packed(cell, pool))
        if self.ahead is not None:
            self._hand(_packed(self.ahead, pool, ahead=True))
        if again:
            return None
        reason = f"its process died {self.deaths} times ({ended})"
        return cell, RunRecord(failed_row(cell, reason, time.perf_counter() - self.began))

    def stop(self) -> None:
        """End the process; it holds nothing that is not in the store."""
        self.channel.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.claim.close()


def _packed(cell: Cell, pool: Pool, ahead: bool = False) -> bytes:
    """A message for `serve`."""
    return bytes(ForkingPickler.dumps((cell, pool.folder(cell), ahead)))
