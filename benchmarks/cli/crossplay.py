"""`goldenrule crossplay`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell, tell_other_code, tell_swept
from goldenrule.benchmarks.cli.options import SCENARIO, knobs, one_each, seeds, whole, words
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.common.cores import available_cores
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign

if TYPE_CHECKING:
    from goldenrule.benchmarks.experiments.run import Swept

WHO = (
    "scripted, exploiter, saint, manipulator, stranger, lm, package.module:Class, a folder of saved weights or of a "
    "run that has some, each perhaps with a name before it, NAME=...; commas between them"
)


def crossplay(
    scenario: Annotated[str, typer.Option(help="Scenario id; see `goldenrule ls`.")] = SCENARIO,
    agents: Annotated[list[str] | None, typer.Option(help=f"The population: {WHO}. May be given again.")] = None,
    partners: Annotated[list[str] | None, typer.Option(help="Held-out partners, likewise.")] = None,
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 5, or 0,1,2.")] = "5",
    episodes: Annotated[str, typer.Option(metavar="N", help="Dialogues of each pair under each seed.")] = "50",
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results, the same one again goes on; runs/TIME-crossplay.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[str | None, typer.Option(metavar="N", help="Side by side; all cores otherwise.")] = None,
    engine: Annotated[str, typer.Option(help="local, ray or slurm.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster; with slurm, `local` runs the jobs here.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed pairings again.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> int:
    """Let everyone of a population meet everyone, and held-out partners, in both seats: a matrix and a rating."""
    options = one_each(knobs(scenario, set_ or []))
    numbers, n_episodes = seeds(seeds_), whole(episodes, "--episodes")
    processes = available_cores() if workers is None else whole(workers, "--workers", high=1024)
    population = [name for text in agents or [] for name in words(text, "--agents")]
    held_out = [name for text in partners or [] for name in words(text, "--partners")]

    # From here on torch is needed.
    from goldenrule.benchmarks.experiments.run import SweepOptions, check_engine, dry_run
    from goldenrule.benchmarks.report.crossplay import heat_map
    from goldenrule.benchmarks.storage.provenance import fresh_path
    from goldenrule.benchmarks.studies.crossplay.population import Request, plan
    from goldenrule.benchmarks.studies.crossplay.run import KIND, cross

    check_engine(engine, address, workers is not None)
    with foreign():
        wanted = plan(Request(scenario, population, held_out, numbers, n_episodes, options, device))
    for line in wanted.warnings:
        tell(line)
    folder = out or fresh_path("crossplay")
    how = SweepOptions(processes, engine, address, retry_failed=retry_failed)
    tell_other_code(dry_run(wanted.cells, folder, how, KIND, wanted.name))
    done = cross(
        wanted,
        folder,
        how,
        progress_for(json_),
        lambda summary: {f"matrix.{kind}": data for kind, data in heat_map(summary).images().items()},
    )
    return _show(done, json_)


def _show(done: Swept, as_json: bool) -> int:
    from goldenrule.benchmarks.report.crossplay import print_crossplay

    summary, where = done.summary, clean(str(done.path))
    if as_json:
        print(json.dumps({"run": str(done.path), **summary}), flush=True)
    else:
        print_crossplay(summary, sys.stdout)
        print(f"{done.ran} pairings were run now. Results, tables and figures: {where}", flush=True)
    code = tell_swept(done, f"rows in {where} are of other pairings; they are kept and left out")
    silent = sum(pair["seeds"] > 0 and not pair["episodes"] for pair in summary["pairs"])
    if silent and not done.interrupted:
        tell(f"{silent} pairs finished no dialogue")
    return code or int(silent > 0)
