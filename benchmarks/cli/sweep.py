"""`goldenrule sweep` and `goldenrule validate`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from goldenrule.benchmarks.cli.messages import tell_swept
from goldenrule.benchmarks.cli.options import MAX_SEED, Address, Engine, Json, RetryFailed, Workers, words
from goldenrule.benchmarks.cli.progress import Names
from goldenrule.benchmarks.experiments.config import SweepFile, SweepOptions, read_sweep
from goldenrule.benchmarks.report.layout import console_for, print_table
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.text import clean

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell

File = Annotated[Path, typer.Argument(help="The sweep, a YAML file.")]


def sweep(
    file: File,
    out: Annotated[Path, typer.Option(help="Folder of the results; the same one again goes on.")],
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and run nothing.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, max=MAX_SEED, help="Run at most so many cells now.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Only cells whose method, scenario or id holds one of these, or knob=value.")
    ] = None,
    retry_failed: RetryFailed = False,
    log: Annotated[
        Literal["tensorboard", "wandb", "trackio"] | None, typer.Option(help="Log curves and results there too.")
    ] = None,
    json_: Json = False,
) -> int:
    """Run every cell of a sweep that has no row yet; kill it and run it again at will."""
    parts = [] if only is None else words(only, "--only")
    options = SweepOptions(workers, engine, address, limit=limit, only=parts, retry_failed=retry_failed, log=log)
    wanted = read_sweep(file)

    from goldenrule.benchmarks.cli import launch  # with torch

    cells = launch.checked_cells(wanted, file)
    if dry_run:
        _print_todo(wanted, cells, launch.cells_to_run(wanted, cells, out, options), json_)
        return 0
    done, summary = launch.run_cells(wanted, cells, out, options, json_)
    where = clean(str(done.path))
    if not json_:
        print(f"{summary['finished']} of {summary['cells']} cells have a row, {summary['failed']} of them failed;")
        print(f"{done.ran} were run now. Results: {where}", flush=True)
    return tell_swept(done, f"cells in {where} are not in this file; they are kept and left out of the table")


def validate(
    file: File,
    out: Annotated[
        Path | None, typer.Option(help="Folder of its results: look whether the sweep can go on there.")
    ] = None,
    json_: Json = False,
) -> int:
    """Check a sweep file and show its grid."""
    wanted = read_sweep(file)

    from goldenrule.benchmarks.cli import launch  # with torch

    cells = launch.checked_cells(wanted, file)
    if out is not None:
        launch.cells_to_run(wanted, cells, out)
    _print_grid(wanted, cells, json_)
    return 0


def _print_todo(wanted: SweepFile, cells: Sequence[Cell], todo: Mapping[str, Cell], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"name": wanted.name, "cells": len(cells), "to_run": list(todo)}))
        return
    names = Names.of_cells(cells)
    for name, cell in todo.items():
        print(clean(f"{name}  {names.cell(cell)}"))
    print(f"{len(todo)} of {len(cells)} cells would run.")


def _print_grid(wanted: SweepFile, cells: Sequence[Cell], as_json: bool) -> None:
    """A line for each method, scenario and knobs, and the sum."""
    groups = Counter((cell.method, cell.scenario, tuple(cell.knobs.items())) for cell in cells)
    if as_json:
        grid = [
            {"method": method, "scenario": scenario, "knobs": dict(knobs), "cells": count}
            for (method, scenario, knobs), count in groups.items()
        ]
        about = {"name": wanted.name, "cells": len(cells), "seeds": wanted.seeds, "episodes": wanted.episodes}
        print(json.dumps({**about, "grid": grid}))
        return
    console = console_for(sys.stdout)
    rows = [
        ([method, setting_name(scenario, dict(knobs))], [str(count)])
        for (method, scenario, knobs), count in groups.items()
    ]
    print_table(console, ["method", "scenario and knobs"], ["cells"], rows)
    console.print(Text(clean(f"{wanted.name}: {len(cells)} cells, {len(cells) * wanted.episodes:,} dialogues.")))
