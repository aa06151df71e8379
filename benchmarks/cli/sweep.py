"""`goldenrule sweep`, `validate`, and `compare`: a sweep of one scenario, written by flags."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from goldenrule.benchmarks.cli import options
from goldenrule.benchmarks.cli.messages import tell_swept
from goldenrule.benchmarks.cli.options import MAX_SEED, Json
from goldenrule.benchmarks.cli.progress import cell_names
from goldenrule.benchmarks.experiments.config import METHODS, SweepFile, SweepOptions, comparison, read_sweep
from goldenrule.benchmarks.report.layout import console_for, print_table
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.data import data_at
from goldenrule.common.files import fresh_path
from goldenrule.common.text import clean, counted

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell

File = Annotated[Path, typer.Argument(help="The sweep, a YAML file.")]


def compare(
    scenario: options.Scenario = options.SCENARIO,
    methods: Annotated[str, typer.Option(help="Methods, with commas between them.")] = ",".join(METHODS),
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 3, or 0,1,2.")] = "8",
    steps: Annotated[int | None, typer.Option(min=1, max=MAX_SEED, help="Training updates of each method.")] = None,
    episodes: Annotated[int, typer.Option(min=1, max=MAX_SEED, help="Evaluation dialogues of each run.")] = 256,
    dialogues: Annotated[
        int | None, typer.Option(min=1, max=MAX_SEED, help="Dialogues learnt from in each update.")
    ] = None,
    device: options.Device = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Run folder, the same one again goes on; runs/TIME-SCENARIO.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value, or knob=value,value for each.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="NAME=package.module:Class, your own agent.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Base to start from: a folder or a shipped one.")] = None,
    partner: Annotated[
        str, typer.Option(help="Who sits in the other seats: lm, scripted, hf:MODEL, or another agent.")
    ] = "lm",
    data_dir: options.DataDir = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=1024, help="Processes side by side, 0 for this one alone; all cores otherwise."),
    ] = None,
    retry_failed: options.RetryFailed = False,
    save_weights: Annotated[bool, typer.Option("--save-weights", help="Keep every trained network.")] = False,
    json_: Json = False,
) -> int:
    """Train and compare methods on a scenario: what partners got beside what agents thought they got.

    The same command with the same --out goes on where it stopped.
    """
    given, named = options.knobs(scenario, set_), options.pairs(agent or [], "--agent", "NAME=package.module:Class")
    names, numbers = options.words(methods, "--methods"), options.seeds(seeds_)
    training: dict[str, Any] = {} if steps is None else {"updates": steps}
    if dialogues is not None:
        from goldenrule.training.learner import TrainingConfig  # with torch

        # No minibatch may be empty.
        training |= {"dialogues": dialogues, "minibatches": min(TrainingConfig().minibatches, dialogues)}
    about = {"seeds": numbers, "episodes": episodes, "partner": partner, "device": device, "checkpoint": checkpoint}
    wanted = comparison(scenario, names, named, given, training=training, **about)
    how = SweepOptions(workers, retry_failed=retry_failed, save_weights=save_weights)

    from goldenrule.benchmarks.cli import launch  # with torch

    with data_at(data_dir, must_exist=False):  # a wrong checkpoint is told first
        cells = launch.checked_cells(wanted)
    with data_at(data_dir):
        done, _ = launch.run_cells(wanted, cells, out or fresh_path(scenario), how, json_, "comparison")
        page = launch.write_page(done)
    where = clean(str(done.path))
    if not json_:
        print(f"Run:    {where}", *([] if page is None else [f"Report: {clean(str(page))}"]), sep="\n", flush=True)
    return tell_swept(done) or int(page is None)


def sweep(
    file: File,
    out: Annotated[Path, typer.Option(help="Folder of the results; the same one again goes on.")],
    workers: options.Workers = None,
    engine: options.Engine = "local",
    address: options.Address = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and run nothing.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, max=MAX_SEED, help="Run at most so many cells now.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Only cells whose method, scenario or id holds one of these, or knob=value.")
    ] = None,
    retry_failed: options.RetryFailed = False,
    log: Annotated[
        Literal["tensorboard", "wandb", "trackio"] | None, typer.Option(help="Log curves and results there too.")
    ] = None,
    json_: Json = False,
) -> int:
    """Run every cell of a sweep that has no row yet; kill it and run it again at will."""
    parts = [] if only is None else options.words(only, "--only")
    how = SweepOptions(workers, engine, address, limit=limit, only=parts, retry_failed=retry_failed, log=log)
    wanted = read_sweep(file)

    from goldenrule.benchmarks.cli import launch  # with torch

    cells = launch.checked_cells(wanted, file)
    if dry_run:
        _print_todo(wanted, cells, launch.cells_to_run(wanted, cells, out, how), json_)
        return 0
    done, summary = launch.run_cells(wanted, cells, out, how, json_)
    where = clean(str(done.path))
    if not json_:
        of_all = f"{summary['finished']} of {counted(summary['cells'], 'cell')} finished"
        print(f"{of_all}, {summary['failed']} of them failed; {done.ran} run now. Results: {where}", flush=True)
    return tell_swept(done)


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
    names = cell_names(cells)
    for name in todo:
        print(f"{clean(name)}  {names[name]}")
    print(f"{len(todo)} of {counted(len(cells), 'cell')} would run.")


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
    dialogues = counted(len(cells) * wanted.episodes, "dialogue")
    console.print(Text(clean(f"{wanted.name}: {counted(len(cells), 'cell')}, {dialogues}.")))
