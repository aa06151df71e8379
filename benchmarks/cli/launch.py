"""What `compare` and `sweep` do once their options are read. It imports torch, which takes seconds."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from goldenrule.benchmarks.analysis.verdicts import comparisons
from goldenrule.benchmarks.cli.messages import tell
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments import grid, run
from goldenrule.benchmarks.experiments.config import SweepFile, SweepOptions
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary
from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference
from goldenrule.common.text import clean


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
) -> run.SweepResult:
    """Run the cells that have no row yet and show the progress; then print tables and verdicts, or all as JSON."""
    human = human_reference(sweep.name) if kind == "comparison" else None
    done = run.run_sweep(sweep, cells, out, options, progress_for(as_json), kind=kind, human=human, tell=tell)
    compared = comparisons(done.rows, folder=done.path)
    if as_json:
        results = {"run": str(done.path), "rows": done.rows, "summary": done.summary, "comparisons": compared}
        print(json.dumps(results), flush=True)
    else:
        print_summary(done.summary, sys.stdout)
        print_comparisons(compared, sys.stdout)
    return done


def write_page(done: run.SweepResult) -> tuple[Path | None, str | None]:
    """Write the page of a run that was not interrupted; its path, or why there is none."""
    if done.interrupted:
        return None, None
    try:
        return write_report(done.path), None
    except Exception as error:  # the results are safe and must be shown, whatever the page's trouble is
        reason, where = f"{type(error).__name__}: {error}", clean(str(done.path))
        return None, f"the page could not be written: {reason}; the results are kept in {where}"
