"""What a command says on standard error, beside its result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.cli.main import INTERRUPTED
from goldenrule.benchmarks.cli.progress import cell_names
from goldenrule.common.text import brief, clean, counted

if TYPE_CHECKING:
    from goldenrule.benchmarks.experiments.run import SweepResult
    from goldenrule.benchmarks.storage.reader import Run

SHOWN = 10
"""Failed rows, and problems of a run, that are told one by one."""


def tell(line: str) -> None:
    """Say a line; nothing in it moves the cursor or ends it."""
    print(f"goldenrule: {clean(brief(line))}", file=sys.stderr, flush=True)


def tell_failed(rows: Sequence[Mapping[str, Any]], then: str) -> bool:
    """Say which rows failed and why; whether any did.

    Args:
        rows: of cells.
        then: what can be done about those that failed.
    """
    failed, names = [row for row in rows if row["status"] != "done"], cell_names(rows)
    for row in failed[:SHOWN]:
        tell(f"failed: {names[row['cell']]}: {row['error']}")
    if failed:
        more = f"and {len(failed) - SHOWN} more" if len(failed) > SHOWN else f"{len(failed)} failed"
        tell(f"{more}; {then}")
    return bool(failed)


def tell_problems(run: Run, name: str = "") -> None:
    """Say what of a run was found missing or damaged so far; `name` tells it from another one."""
    for problem in run.problems[:SHOWN]:
        tell(f"{name}{problem}")
    if len(run.problems) > SHOWN:
        tell(f"{name}and {len(run.problems) - SHOWN} more; the page of `goldenrule report` lists them")


def tell_swept(done: SweepResult) -> int:
    """Say what of all cells was not as it should be.

    Returns:
        the exit code: 130 after Ctrl-C, 1 where a cell failed or its reward gave no score at all, else 0.
    """
    again = f"the same command with --out {done.path}"
    look = f"`goldenrule show {done.path} CELL` prints a traceback"
    failed = tell_failed(done.rows, f"{again} --retry-failed runs them again; {look}")
    lost = [row["episodes_failed"] for row in done.rows if row["status"] == "done" and row["episodes_failed"]]
    if lost:
        some = f"{counted(sum(lost), 'dialogue')} of {counted(len(lost), 'run')}"
        tell(f"{some} failed; {again} --retry-failed holds them again")
    if done.unplanned:
        tell(f"{counted(done.unplanned, 'row')} in {done.path} not of what was asked for now: kept, and left out")
    if done.other_code is not None:
        tell(done.other_code)
    if done.interrupted:
        finished, cells = len(done.rows), done.cells
        tell(f"interrupted: {finished} of {counted(cells, 'run')} finished and kept; {again} goes on")
        return INTERRUPTED
    if unscored := [row for row in done.rows if row["training_unscored_share"] == 1.0]:
        names = cell_names(done.rows)
        for row in unscored:
            reason = row["training_unscored_reason"]
            tell(f"learnt nothing: {names[row['cell']]}: the reward gave no score for any message ({reason})")
    return int(failed or bool(unscored))
