"""`goldenrule sweep` and `goldenrule validate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell, tell_other_code, tell_swept
from goldenrule.benchmarks.cli.options import whole, words
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.storage.reader import Names
from goldenrule.common.cores import available_cores
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell
    from goldenrule.benchmarks.experiments.config import SweepFile
    from goldenrule.benchmarks.experiments.run import Swept


def sweep(
    file: Annotated[Path, typer.Argument(help="The sweep, a YAML file.")],
    out: Annotated[Path, typer.Option(help="Folder of the results; the same one again goes on.")],
    workers: Annotated[str | None, typer.Option(metavar="N", help="Side by side; all cores otherwise.")] = None,
    engine: Annotated[str, typer.Option(help="local, ray or slurm.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster; with slurm, `local` runs the jobs here.")
    ] = None,
    dry_run_: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and run nothing.")] = False,
    limit: Annotated[str | None, typer.Option(metavar="N", help="Run at most so many cells now.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Only cells whose method, scenario or id holds one of these, or knob=value.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")] = False,
    log: Annotated[str | None, typer.Option(help="Also to tensorboard, wandb (offline) or trackio.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> int:
    """Run every cell of a sweep that has no row yet; kill it and run it again at will."""
    processes = available_cores() if workers is None else whole(workers, "--workers", high=1024)
    most = None if limit is None else whole(limit, "--limit")
    parts = [] if only is None else words(only, "--only")
    from goldenrule.benchmarks.experiments.run import SweepOptions, check_engine, dry_run, run_sweep

    check_engine(engine, address, workers is not None)
    wanted, cells = _read(file)
    options = SweepOptions(processes, engine, address, most, parts, retry_failed, log=log)
    seen = dry_run(cells, out, options, "sweep", wanted.name)
    tell_other_code(seen)
    if dry_run_:
        return _list(wanted, cells, seen.todo, json_)
    return _show(run_sweep(wanted, cells, out, options, progress_for(json_)), json_)


def validate(
    file: Annotated[Path, typer.Argument(help="The sweep, a YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of its results: look whether the sweep can go on there.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check a sweep file and show its grid."""
    wanted, cells = _read(file)
    from goldenrule.benchmarks.cli.sweep_show import print_grid
    from goldenrule.benchmarks.experiments.run import SweepOptions, dry_run

    if out is not None:
        tell_other_code(dry_run(cells, out, SweepOptions(), "sweep", wanted.name))
    print_grid(wanted, cells, sys.stdout, json_)
    return 0


def _read(file: Path) -> tuple[SweepFile, list[Cell]]:
    from goldenrule.benchmarks.experiments.config import read_sweep
    from goldenrule.benchmarks.experiments.grid import cells_of, doubts, rehearse_agents

    wanted = read_sweep(file)
    with foreign():
        cells = cells_of(wanted, str(file))
        warnings = rehearse_agents(cells)
    for line in [*warnings, *doubts(cells)]:
        tell(line)
    return wanted, cells


def _list(wanted: SweepFile, cells: Sequence[Cell], todo: Mapping[str, Cell], as_json: bool) -> int:
    if as_json:
        print(json.dumps({"name": wanted.name, "cells": len(cells), "to_run": list(todo)}))
        return 0
    names = Names.of_cells(cells)
    for name, cell in todo.items():
        print(clean(f"{name}  {names.cell(cell)}"))
    print(f"{len(todo)} of {len(cells)} cells would run.")
    return 0


def _show(done: Swept, as_json: bool) -> int:
    from goldenrule.benchmarks.analysis.verdicts import comparisons
    from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary

    summary, where = done.summary, clean(str(done.path))
    compared = comparisons(done.rows, folder=done.path)
    if as_json:
        told = {"run": str(done.path), "rows": done.rows, "summary": summary, "comparisons": compared}
        print(json.dumps(told), flush=True)
    else:
        print_summary(summary, sys.stdout)
        print_comparisons(compared, sys.stdout)
        print(f"{summary['finished']} of {summary['cells']} cells have a row, {summary['failed']} of them failed;")
        print(f"{done.ran} were run now. Results: {where}", flush=True)
    return tell_swept(done, f"cells in {where} are not in this file; they are kept and left out of the table")
