"""What `compare`, `sweep` and `crossplay` share once their options are read. It imports torch, which takes seconds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.analysis.verdicts import comparisons
from goldenrule.benchmarks.cli.messages import tell
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.config import SweepFile
from goldenrule.benchmarks.experiments.grid import alike, cells_of, comparison, doubts, rehearse_agents
from goldenrule.benchmarks.experiments.run import SweepOptions, SweepResult, check_engine, dry_run, run_sweep
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary
from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference
from goldenrule.common.cores import available_cores
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign
from goldenrule.training.learner import TrainingConfig

COMPARISON = "comparison"


def comparison_from(
    scenario: str,
    methods: Sequence[str],
    agents: Mapping[str, str],
    knobs: Mapping[str, Sequence[Any]],
    updates: int | None,
    dialogues: int | None,
    **more: Any,
) -> SweepFile:
    """The sweep that the flags of `compare` ask for, see `goldenrule.benchmarks.experiments.grid.comparison`."""
    training = {} if updates is None else {"updates": updates}
    if dialogues is not None:  # no minibatch may be empty
        training |= {"dialogues": dialogues, "minibatches": min(TrainingConfig().minibatches, dialogues)}
    return comparison(scenario, methods, agents, knobs, training=training, **more)


def checked_cells(sweep: SweepFile, file: Path | None = None) -> list[Cell]:
    """The cells of a sweep; says what is doubtful about them.

    Raises:
        UserError: see `cells_of` and `rehearse_agents`.
    """
    with foreign():
        cells = cells_of(sweep, None if file is None else str(file))
        warnings = rehearse_agents(cells)
    for line in [*warnings, *doubts(cells)]:
        tell(line)
    return cells


def groups_of(cells: Sequence[Cell]) -> list[tuple[Cell, int]]:
    """The first of all cells that differ in their seeds alone, and how many they are."""
    return [(group[0], len(group)) for group in alike(cells)]


def options_from(workers: int | None, engine: str = "local", address: str | None = None, **more: Any) -> SweepOptions:
    """How to run cells; all cores are used where no number of workers is given.

    Raises:
        UserError: see `check_engine`.
    """
    check_engine(engine, address, workers is not None)
    return SweepOptions(available_cores() if workers is None else workers, engine, address, **more)


def cells_to_run(
    cells: Sequence[Cell], out: Path, kind: str, name: str, options: SweepOptions | None = None
) -> dict[str, Cell]:
    """The cells that would be run, by id. Says before hours are spent that rows of other code would be gone on from."""
    seen = dry_run(cells, out, options or SweepOptions(), kind, name)
    if seen.todo and seen.other_code is not None:
        tell(seen.other_code)
    return seen.todo


def run_cells(
    sweep: SweepFile, cells: Sequence[Cell], out: Path, options: SweepOptions, as_json: bool, kind: str = "sweep"
) -> SweepResult:
    """Run the cells that have no row yet, and show the progress; see `run_sweep`."""
    human = human_reference(sweep.name) if kind == COMPARISON else None
    return run_sweep(sweep, cells, out, options, progress_for(as_json), kind=kind, human=human)


def print_results(done: SweepResult, as_json: bool) -> None:
    """Print the tables and verdicts, or all as JSON."""
    compared = comparisons(done.rows, folder=done.path)
    if as_json:
        results = {"run": str(done.path), "rows": done.rows, "summary": done.summary, "comparisons": compared}
        print(json.dumps(results), flush=True)
    else:
        print_summary(done.summary, sys.stdout)
        print_comparisons(compared, sys.stdout)


def write_page(done: SweepResult) -> tuple[Path | None, str | None]:
    """Write the page of a run; its path, or why there is none."""
    if done.interrupted:
        return None, None
    try:
        return write_report(done.path), None
    except Exception as error:  # the results are safe and must be shown, whatever the page's trouble is
        reason, where = f"{type(error).__name__}: {error}", clean(str(done.path))
        return None, f"the page could not be written: {reason}; the results are kept in {where}"
