"""The same cells as Ray tasks, on one machine or many (extra `ray`).

A cell whose node or process is lost is run again elsewhere, `RETRIES` times; then it is a failed row. The driver alone
commits rows, so that nothing is written twice.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from goldenrule.benchmarks.engines.base import Pool, Progress, Store, alone
from goldenrule.benchmarks.evaluation.run import Cell, failed_row
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.untrusted import one_line

RETRIES = 3
AHEAD = 4
"""Tasks handed to Ray for each CPU it has: enough to keep it busy, few enough to stop soon."""
PATIENCE = 10.0
"""Seconds that a cluster may take to answer at all."""


@contextlib.contextmanager
def connected(workers: int, address: str | None = None) -> Iterator[None]:
    """Hold a connection to a cluster; one that is there already is used, and left as it is.

    Args:
        workers: CPUs of this machine where no cluster is named.
        address: of a running cluster (`auto` for the one this machine belongs to); `None` starts one here.

    Raises:
        UserError: Ray is not installed, or there is no cluster at that address.
    """
    try:
        import ray
    except ImportError:
        raise UserError("--engine ray needs Ray; pip install 'goldenrule[ray]', or use --engine local") from None
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address, workers)
    try:
        yield
    finally:
        if mine:
            ray.shutdown()


def run_cells(cells: Sequence[Cell], store: Store, progress: Progress, pool: Pool) -> None:
    """Run every cell on the cluster that is `connected`, which has the CPUs it has: `pool` says where weights are kept.

    Raises:
        UserError: the connection was lost.
        KeyboardInterrupt: as it came.
    """
    import ray

    try:
        _drive(ray, cells, store, progress, pool)
    except ConnectionError as error:
        lost = f"the connection to Ray was lost ({one_line(error)})"
        raise UserError(f"{lost}; what is finished is kept, run this again") from error


def _connect(ray: Any, address: str | None, workers: int) -> None:
    if address is not None:
        _check_listens(address)
    quiet = {"log_to_driver": False, "include_dashboard": False, "configure_logging": True, "logging_level": "error"}
    try:
        if address is None:
            ray.init(num_cpus=max(1, workers), **quiet)
        else:
            ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, ValueError, RuntimeError) as error:
        if address is None:
            raise UserError(f"Ray cannot be started here ({one_line(error)}); use --engine local") from error
        raise UserError(
            f"no Ray cluster at {address!r} ({one_line(error)}); start one with `ray start --head`"
        ) from None


def _check_listens(address: str) -> None:
    """Refuse at once what nobody listens at; Ray itself would try for a minute."""
    found = re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d{1,5})", address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(f"no Ray cluster at {address!r} ({error}); start one with `ray start --head`") from None


def _drive(ray: Any, cells: Sequence[Cell], store: Store, progress: Progress, pool: Pool) -> None:
    remote = ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(alone)
    waiting = list(reversed(cells))
    running: dict[Any, tuple[Cell, float]] = {}
    room = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    try:
        while waiting or running:
            while waiting and len(running) < room:
                cell = waiting.pop()
                running[remote.remote(cell, pool.folder(cell), pool.state(cell))] = (cell, time.perf_counter())
                progress.started(cell)
            ray.wait(list(running), num_returns=1)
            for reference in ray.wait(list(running), num_returns=len(running), timeout=0)[0]:
                cell, began = running.pop(reference)
                outcome = _outcome(ray, reference, cell, began)
                store.commit(outcome)
                progress.finished(cell, outcome.row)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def _outcome(ray: Any, reference: Any, cell: Cell, began: float) -> RunRecord:
    try:
        outcome: RunRecord = ray.get(reference)
        return outcome
    except ray.exceptions.RayError as error:
        known = ray.exceptions
        lost = isinstance(error, known.WorkerCrashedError | known.NodeDiedError | known.OutOfMemoryError)
        what = f"Ray lost its process or node {RETRIES + 1} times" if lost else "Ray could not run it"
        return RunRecord(failed_row(cell, f"{what} ({one_line(error)})", time.perf_counter() - began))
