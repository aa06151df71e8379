"""What `compare` and `sweep` do once their options are read. It imports torch, which takes seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.analysis.summary import findings_of
from goldenrule.benchmarks.cli.messages import tell
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.cli.runs import print_findings
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments import grid, run
from goldenrule.benchmarks.experiments.config import SweepFile, SweepOptions
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference


def checked_cells(sweep: SweepFile, file: Path | None = None) -> list[Cell]:
    """The cells of a sweep; says what is doubtful about them. Errors as of `experiments.grid.checked_cells`."""
    return grid.checked_cells(sweep, tell, None if file is None else str(file))


def cells_to_run(
    sweep: SweepFile, cells: Sequence[Cell], out: Path, options: SweepOptions | None = None
) -> dict[str, Cell]:
    """The cells that `sweep` would run, by id; says where it would go on from rows of other code."""
    seen = run.dry_run(cells, out, options or SweepOptions(), "sweep", sweep.name)
    if seen.todo and seen.other_code is not None:
        tell(seen.other_code)
    return seen.todo


def run_cells(
    sweep: SweepFile, cells: Sequence[Cell], out: Path, options: SweepOptions, as_json: bool, kind: str = "sweep"
) -> tuple[run.SweepResult, Mapping[str, Any]]:
    """Run the cells that have no row yet and show the progress; then print tables and verdicts, or all as JSON.

    Returns:
        where the sweep stands, and its summary (`goldenrule.benchmarks.analysis.summary`).
    """
    human = human_reference(sweep.name) if kind == "comparison" else None
    done = run.run_sweep(sweep, cells, out, options, progress_for(as_json), kind=kind, human=human, tell=tell)
    with read_run(done.path) as stored:
        found = findings_of(stored)
    print_findings(done.path, done.rows, found, as_json)
    return done, found.summary


def write_page(done: run.SweepResult) -> Path | None:
    """Write the page of a run that was not interrupted; its path, or none after saying why."""
    if done.interrupted:
        return None
    try:
        return write_report(done.path)
    except Exception as error:  # the results are safe, whatever the page's trouble is
        reason = f"{type(error).__name__}: {error}"
        tell(f"the page could not be written: {reason}; the results are kept in {done.path}")
        return None
