"""`goldenrule compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldenrule.benchmarks.cli.main import INTERRUPTED
from goldenrule.benchmarks.cli.messages import tell
from goldenrule.benchmarks.cli.options import SCENARIO, knobs, named_agents, seeds, whole, words
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.storage.naming import Names
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign
from goldenrule.envs.datasets.files import data_at

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.run import Cell
    from goldenrule.benchmarks.experiments.compare import Compared
    from goldenrule.benchmarks.experiments.plan import Comparison

METHODS = "untrained,rlhf_ppo,naive_kindness,empathetic_kindness,oracle_kindness"


def compare(
    scenario: Annotated[str, typer.Option(help="Scenario id; see `goldenrule ls`.")] = SCENARIO,
    methods: Annotated[str, typer.Option(help="Methods, with commas between them.")] = METHODS,
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 3, or 0,1,2.")] = "3",
    steps: Annotated[str | None, typer.Option(metavar="N", help="Training updates of each method.")] = None,
    episodes: Annotated[str, typer.Option(metavar="N", help="Evaluation dialogues of each run.")] = "256",
    dialogues: Annotated[str | None, typer.Option(metavar="N", help="Dialogues learnt from in each update.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Run folder, new or empty; runs/TIME-SCENARIO otherwise.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value, or knob=value,value for each.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="NAME=package.module:Class, your own agent.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Base checkpoint folder to start from.")] = None,
    partner: Annotated[str, typer.Option(help="Who sits in the other seats: lm or scripted.")] = "lm",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds casino and the like; GOLDENRULE_DATA otherwise.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="N", help="Processes side by side; all cores otherwise.")
    ] = None,
    save_weights: Annotated[bool, typer.Option("--save-weights", help="Keep every trained network.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> int:
    """Train and compare methods on a scenario: what partners really got beside what agents thought they got."""
    given, named = knobs(scenario, set_ or []), named_agents(agent or [])
    names, numbers = words(methods, "--methods"), seeds(seeds_)
    updates = None if steps is None else whole(steps, "--steps")
    held = whole(episodes, "--episodes")
    learnt = None if dialogues is None else whole(dialogues, "--dialogues")
    processes = None if workers is None else whole(workers, "--workers", high=1024)

    # From here on torch is needed.
    from goldenrule.benchmarks.evaluation.run import CellSettings
    from goldenrule.benchmarks.experiments.plan import Comparison, doubts, plan
    from goldenrule.training.learner import TrainingConfig

    default = TrainingConfig()
    dialogues_each = default.dialogues if learnt is None else learnt
    training = TrainingConfig(
        updates=default.updates if updates is None else updates,
        dialogues=dialogues_each,
        minibatches=min(default.minibatches, dialogues_each),  # none may be empty
    )
    wanted = Comparison(
        scenario,
        [*names, *(name for name in named if name not in names)],
        numbers,
        given,
        named,
        CellSettings(training, held, device, checkpoint, partner),
        processes,
        save_weights,
    )
    with data_at(data_dir):
        with foreign():
            cells = plan(wanted)
        for line in doubts(cells):
            tell(line)
        return _run(wanted, cells, out, json_)


def _run(wanted: Comparison, cells: list[Cell], out: Path | None, as_json: bool) -> int:
    from goldenrule.benchmarks.experiments.compare import compare as run

    done = run(wanted, cells, out, lambda: progress_for(as_json)(cells))
    _show(done, as_json)
    return INTERRUPTED if done.interrupted else int(done.summary["failed"] > 0 or done.trouble is not None)


def _show(done: Compared, as_json: bool) -> None:
    from goldenrule.benchmarks.analysis.verdicts import comparisons
    from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary

    where, compared = clean(str(done.path)), comparisons(done.rows, folder=done.path)
    if as_json:
        told = {"run": str(done.path), "rows": done.rows, "summary": done.summary, "comparisons": compared}
        print(json.dumps(told), flush=True)
    else:
        print_summary(done.summary, sys.stdout)
        print_comparisons(compared, sys.stdout)
        print(f"Run:    {where}", flush=True)
        if done.report is not None:
            print(f"Report: {clean(str(done.report))}", flush=True)
    if done.interrupted:
        finished, cells = done.summary["finished"], done.summary["cells"]
        tell(
            f"interrupted: {finished} of {cells} runs are finished and kept in {where}; "
            f"goldenrule report {where} makes their page"
        )
    names = Names.of_rows(done.rows)
    for row in done.rows:
        if row["status"] != "done":
            trace = done.path / "errors" / f"{row['cell']}.txt"
            seen = f" (traceback: {trace})" if trace.is_file() else ""
            tell(f"failed: {names.row(row)}: {row['error']}{seen}")
    if done.trouble is not None:
        tell(f"the page could not be written: {done.trouble}; the results are kept in {where}")
