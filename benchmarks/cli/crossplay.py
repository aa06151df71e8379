"""`goldenrule crossplay`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from goldenrule.agents.readers import free_words
from goldenrule.benchmarks.cli import options
from goldenrule.benchmarks.cli.messages import tell, tell_swept
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.report.crossplay import print_crossplay, write_files
from goldenrule.benchmarks.studies.crossplay.matrix import summarise
from goldenrule.common.files import fresh_path
from goldenrule.common.text import clean, counted

WHO = (
    "scripted, exploiter, saint, manipulator, stranger, lm (those that the scenario has), package.module:Class, "
    "a folder of saved weights or of a run that has some, each perhaps as NAME=...; commas between them"
)


def crossplay(
    scenario: options.Scenario = options.SCENARIO,
    agents: Annotated[list[str] | None, typer.Option(help=f"The population: {WHO}. May be given again.")] = None,
    partners: Annotated[list[str] | None, typer.Option(help="Held-out partners, likewise.")] = None,
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 5, or 0,1,2.")] = "5",
    episodes: Annotated[
        int, typer.Option(min=1, max=options.MAX_SEED, help="Dialogues of each pair under each seed.")
    ] = 50,
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results, the same one again goes on; runs/TIME-crossplay.")
    ] = None,
    device: options.Device = "auto",
    workers: options.Workers = None,
    engine: options.Engine = "local",
    address: options.Address = None,
    retry_failed: options.RetryFailed = False,
    json_: options.Json = False,
) -> int:
    """Let everyone of a population meet everyone, and held-out partners, in both seats: a matrix and a rating."""
    given, numbers = options.one_each(options.knobs(scenario, set_)), options.seeds(seeds_)
    members = [name for text in agents or [] for name in options.words(text, "--agents")]
    held_out = [name for text in partners or [] for name in options.words(text, "--partners")]
    given = free_words([*members, *held_out]) | given
    how = SweepOptions(workers, engine, address, retry_failed=retry_failed)

    from goldenrule.benchmarks.experiments.run import run_sweep  # with torch
    from goldenrule.benchmarks.studies.crossplay.population import Request, plan

    about, pairings = plan(Request(scenario, members, held_out, numbers, episodes, given, device), tell)
    folder = out or fresh_path("crossplay")
    done = run_sweep(about, pairings, folder, how, progress_for(json_), "cross-play", tell=tell)
    summary = summarise(about, done.rows, folder)
    write_files(summary, folder)
    if json_:
        print(json.dumps({"run": str(folder), **summary}), flush=True)
    else:
        print_crossplay(summary, sys.stdout)
        where = clean(str(folder))
        print(f"{counted(done.ran, 'pairing')} run now. Results, tables and figures: {where}", flush=True)
    return tell_swept(done)
