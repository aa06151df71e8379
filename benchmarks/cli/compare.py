"""`goldenrule compare`: a sweep of one scenario, written by flags."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell, tell_other_code, tell_swept
from goldenrule.benchmarks.cli.options import SCENARIO, knobs, named_agents, seeds, whole, words
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.common.cores import available_cores
from goldenrule.common.data import data_at
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign

if TYPE_CHECKING:
    from goldenrule.benchmarks.experiments.run import Swept

KIND = "comparison"
METHODS = "untrained,scripted,rlhf_ppo,naive_kindness,empathetic_kindness,feedback_kindness,oracle_kindness"


def compare(
    scenario: Annotated[str, typer.Option(help="Scenario id; see `goldenrule ls`.")] = SCENARIO,
    methods: Annotated[str, typer.Option(help="Methods, with commas between them.")] = METHODS,
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 3, or 0,1,2.")] = "3",
    steps: Annotated[str | None, typer.Option(metavar="N", help="Training updates of each method.")] = None,
    episodes: Annotated[str, typer.Option(metavar="N", help="Evaluation dialogues of each run.")] = "256",
    dialogues: Annotated[str | None, typer.Option(metavar="N", help="Dialogues learnt from in each update.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Run folder, the same one again goes on; runs/TIME-SCENARIO.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value, or knob=value,value for each.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="NAME=package.module:Class, your own agent.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Base checkpoint folder to start from.")] = None,
    partner: Annotated[str, typer.Option(help="Who sits in the other seats: lm or scripted.")] = "lm",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds casino and the like; GOLDENRULE_DATA otherwise.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="N", help="Processes side by side, 0 for this one alone; all cores otherwise.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed runs again.")] = False,
    save_weights: Annotated[bool, typer.Option("--save-weights", help="Keep every trained network.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> int:
    """Train and compare methods on a scenario: what partners got beside what agents thought they got.

    The same command with the same --out goes on where it stopped.
    """
    given, named = knobs(scenario, set_ or []), named_agents(agent or [])
    names, numbers = words(methods, "--methods"), seeds(seeds_)
    held = whole(episodes, "--episodes")
    training = {} if steps is None else {"updates": whole(steps, "--steps")}
    learnt = None if dialogues is None else whole(dialogues, "--dialogues")
    processes = available_cores() if workers is None else whole(workers, "--workers", low=0, high=1024)

    # From here on torch is needed.
    from goldenrule.benchmarks.experiments.grid import cells_of, comparison, doubts, rehearse_agents
    from goldenrule.benchmarks.experiments.run import SweepOptions, dry_run, run_sweep
    from goldenrule.benchmarks.storage.provenance import fresh_path
    from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference
    from goldenrule.training.learner import TrainingConfig

    if learnt is not None:
        training |= {"dialogues": learnt, "minibatches": min(TrainingConfig().minibatches, learnt)}  # none may be empty
    about = {"seeds": numbers, "episodes": held, "partner": partner, "device": device}
    wanted = comparison(scenario, names, named, given, **about, training=training, checkpoint=checkpoint)
    options = SweepOptions(processes, retry_failed=retry_failed, save_weights=save_weights)
    with data_at(data_dir):
        with foreign():
            cells = cells_of(wanted)
            warnings = rehearse_agents(cells)
        for line in [*warnings, *doubts(cells)]:
            tell(line)
        folder = out or fresh_path(scenario)
        tell_other_code(dry_run(cells, folder, options, KIND, scenario))
        human = human_reference(scenario)
        return _show(run_sweep(wanted, cells, folder, options, progress_for(json_), kind=KIND, human=human), json_)


def _show(done: Swept, as_json: bool) -> int:
    """Print the results and write the page; the exit code."""
    from goldenrule.benchmarks.analysis.verdicts import comparisons
    from goldenrule.benchmarks.report.page import write_report
    from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary

    where, page, trouble = clean(str(done.path)), None, None
    if not done.interrupted:
        try:
            page = write_report(done.path)
        except Exception as error:  # the results are safe and must be shown, whatever the page's trouble is
            trouble = f"the page could not be written: {type(error).__name__}: {error}; the results are kept in {where}"
    compared = comparisons(done.rows, folder=done.path)
    if as_json:
        told = {"run": str(done.path), "rows": done.rows, "summary": done.summary, "comparisons": compared}
        print(json.dumps(told), flush=True)
    else:
        print_summary(done.summary, sys.stdout)
        print_comparisons(compared, sys.stdout)
        print(f"Run:    {where}", flush=True)
        if page is not None:
            print(f"Report: {clean(str(page))}", flush=True)
    code = tell_swept(done, f"runs in {where} are of another comparison; they are kept and left out of the table")
    if trouble is not None:
        tell(trouble)
    return code or int(trouble is not None)
