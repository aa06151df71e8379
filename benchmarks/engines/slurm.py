"""The same cells as jobs of a SLURM cluster, through submitit (extra `slurm`).

Cells go as one job array; each task runs one cell, and the driver commits what comes back. Where there is no SLURM,
submitit's local executor runs the same jobs here, which is how the tests run it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.cell import Cell, failed_row
from goldenrule.benchmarks.engines.base import Pool, Store, Watch, settle
from goldenrule.benchmarks.engines.worker import Outcome, alone
from goldenrule.benchmarks.errors import UserError

POLL = 0.2
"""Seconds between looks at the jobs."""


def run_cells(
    cells: Sequence[Cell], store: Store, watch: Watch, pool: Pool, folder: Path, cluster: str | None = None
) -> None:
    """Run every cell and commit each when it is finished.

    Args:
        cells: what to run.
        store: where finished cells go.
        watch: who is told.
        pool: `workers` jobs at a time.
        folder: for job scripts and logs; on SLURM it must be seen by all nodes.
        cluster: `slurm` or `local`; `None` for SLURM.

    Raises:
        UserError: submitit is not installed, or there is no SLURM here.
        KeyboardInterrupt: as it came; what was finished is in the store, jobs are cancelled.
    """
    try:
        import submitit
    except ImportError:
        raise UserError("--engine slurm needs submitit; pip install 'goldenrule[slurm]'") from None
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster or "slurm")
    except RuntimeError as error:
        raise UserError(f"no SLURM here ({error}); use --engine local or ray") from None
    executor.update_parameters(timeout_min=24 * 60, cpus_per_task=1, name="goldenrule")
    if (cluster or "slurm") == "slurm":
        executor.update_parameters(slurm_array_parallelism=max(1, pool.workers))
        _follow(_submit(executor, cells, watch, pool), store, watch)
        return
    size = max(1, pool.workers)  # the local executor starts every job at once
    for first in range(0, len(cells), size):
        _follow(_submit(executor, cells[first : first + size], watch, pool), store, watch)


def _submit(executor: Any, cells: Sequence[Cell], watch: Watch, pool: Pool) -> dict[Any, tuple[Cell, float]]:
    jobs = executor.map_array(alone, list(cells), [pool.folder(cell) for cell in cells])
    for cell in cells:
        watch.started(cell)
    return {job: (cell, time.perf_counter()) for job, cell in zip(jobs, cells, strict=True)}


def _follow(running: dict[Any, tuple[Cell, float]], store: Store, watch: Watch) -> None:
    """Commit each job's outcome when it is done."""
    try:
        while running:
            done = [job for job in running if job.done()]
            for job in done:
                cell, began = running.pop(job)
                settle(cell, _outcome(job, cell, began), store, watch)
            if not done:
                time.sleep(POLL)
    finally:
        for job in running:
            job.cancel()


def _outcome(job: Any, cell: Cell, began: float) -> Outcome:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        outcome: Outcome = job.result()
        return outcome
    except (FailedJobError, UncompletedJobError) as error:
        reason = " ".join(str(error).split())[:300]
        return (
            failed_row(cell, f"its job {job.job_id} did not finish: {reason}", time.perf_counter() - began),
            [],
            [],
            None,
        )
