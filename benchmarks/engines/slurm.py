"""The same cells as jobs of a SLURM cluster, through submitit (extra `slurm`).

Cells go as job arrays, of as many jobs as the cluster allows in one; each job runs one cell, and the driver commits
what comes back. A cell whose job is lost is run again, `RETRIES` times; then it is a failed row. Where there is no
SLURM, submitit's local executor runs the same jobs here, which is how the tests run it.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.engines.base import Pool, Progress, Store, alone
from goldenrule.benchmarks.evaluation.run import Cell, failed_row
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.untrusted import one_line

POLL = 0.2
"""Seconds between looks at the jobs."""
RETRIES = 3
ARRAY = 1001
"""SLURM's own `MaxArraySize` where a cluster sets none."""


def executor_in(folder: Path, cluster: str | None = None) -> Any:
    """What submits jobs. Nothing is written yet.

    Args:
        folder: for job scripts and logs; on SLURM it must be seen by all nodes.
        cluster: `slurm` or `local`; `None` for SLURM.

    Raises:
        UserError: submitit is not installed, or there is no SLURM here.
    """
    try:
        import submitit
    except ImportError:
        raise UserError("--engine slurm needs submitit; pip install 'goldenrule[slurm]'") from None
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster or "slurm")
    except (RuntimeError, ValueError) as error:
        raise UserError(f"no SLURM here ({error}); use --engine local or ray") from None
    executor.update_parameters(timeout_min=24 * 60, cpus_per_task=1, name="goldenrule")
    return executor


def run_cells(cells: Sequence[Cell], store: Store, progress: Progress, pool: Pool, executor: Any) -> None:
    """Run every cell as a job of `executor` (`executor_in`), `pool.workers` at a time.

    Raises:
        UserError: jobs cannot be submitted.
        KeyboardInterrupt: as it came; jobs are cancelled.
    """
    size = max(1, pool.workers)  # the local executor starts every job at once
    if executor.cluster == "slurm":
        executor.update_parameters(slurm_array_parallelism=size)
        size = largest_array()
    waiting = [_Task(cell) for cell in cells]
    while waiting:
        now, waiting = waiting[:size], waiting[size:]
        waiting += _follow(_submit(executor, now, progress, pool), store, progress)


@dataclass(slots=True)
class _Task:
    """A cell, how often its job was lost, and when it was first submitted (0 where it was not yet)."""

    cell: Cell
    lost: int = 0
    began: float = 0.0


def largest_array() -> int:
    """How many jobs an array of this cluster may have, its `MaxArraySize`."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["scontrol", "show", "config"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", told, re.MULTILINE)
        if found is not None:
            return max(1, int(found[1]))
    return ARRAY


def _submit(executor: Any, tasks: Sequence[_Task], progress: Progress, pool: Pool) -> dict[Any, _Task]:
    from submitit.core.utils import FailedSubmissionError

    try:
        cells = [one.cell for one in tasks]
        jobs = executor.map_array(alone, cells, list(map(pool.folder, cells)), list(map(pool.state, cells)))
    except (FailedSubmissionError, OSError) as error:
        raise UserError(
            f"jobs cannot be submitted ({one_line(error)}); what is finished is kept, run this again"
        ) from error
    for task in tasks:
        if not task.began:
            task.began = time.perf_counter()
            progress.started(task.cell)
    return dict(zip(jobs, tasks, strict=True))


def _follow(running: dict[Any, _Task], store: Store, progress: Progress) -> list[_Task]:
    """Commit each job's result when it is done; the tasks that are to be run again."""
    again = []
    try:
        while running:
            done = [job for job in running if job.done()]
            for job in done:
                task = running.pop(job)
                outcome = _outcome(job, task)
                if outcome is None:
                    again.append(task)
                else:
                    store.commit(outcome)
                    progress.finished(task.cell, outcome.row)
            if not done:
                time.sleep(POLL)
    finally:
        for job in running:
            job.cancel()
    return again


def _outcome(job: Any, task: _Task) -> RunRecord | None:
    """The result of a job; `None` where it was lost and may be run again."""
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        outcome: RunRecord = job.result()
        return outcome
    except UncompletedJobError as error:  # it left nothing behind: killed, or its node was lost
        task.lost += 1
        if task.lost <= RETRIES:
            return None
        why = f"its job was lost {task.lost} times ({one_line(error)})"
    except FailedJobError as error:
        why = f"its job {job.job_id} could not run it ({one_line(error)})"
    return RunRecord(failed_row(task.cell, why, time.perf_counter() - task.began))
