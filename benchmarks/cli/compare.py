"""`goldenrule compare`: a sweep of one scenario, written by flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from goldenrule.benchmarks.cli import options
from goldenrule.benchmarks.cli.messages import tell, tell_swept
from goldenrule.benchmarks.experiments.config import SweepOptions, comparison
from goldenrule.benchmarks.storage.provenance import fresh_path
from goldenrule.common.data import data_at
from goldenrule.common.text import clean

METHODS = "untrained,scripted,rlhf_ppo,naive_kindness,empathetic_kindness,feedback_kindness,oracle_kindness"


def compare(
    scenario: options.Scenario = options.SCENARIO,
    methods: Annotated[str, typer.Option(help="Methods, with commas between them.")] = METHODS,
    seeds_: Annotated[str, typer.Option("--seeds", help="How many, or which: 3, or 0,1,2.")] = "3",
    steps: Annotated[
        int | None, typer.Option(min=1, max=options.MAX_SEED, help="Training updates of each method.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, max=options.MAX_SEED, help="Evaluation dialogues of each run.")] = 256,
    dialogues: Annotated[
        int | None, typer.Option(min=1, max=options.MAX_SEED, help="Dialogues learnt from in each update.")
    ] = None,
    device: options.Device = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Run folder, the same one again goes on; runs/TIME-SCENARIO.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="knob=value, or knob=value,value for each.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="NAME=package.module:Class, your own agent.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Base checkpoint folder to start from.")] = None,
    partner: Annotated[Literal["lm", "scripted"], typer.Option(help="Who sits in the other seats.")] = "lm",
    data_dir: options.DataDir = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=1024, help="Processes side by side, 0 for this one alone; all cores otherwise."),
    ] = None,
    retry_failed: options.RetryFailed = False,
    save_weights: Annotated[bool, typer.Option("--save-weights", help="Keep every trained network.")] = False,
    json_: options.Json = False,
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
        page, trouble = launch.write_page(done)
    where = clean(str(done.path))
    if not json_:
        print(f"Run:    {where}", *([] if page is None else [f"Report: {clean(str(page))}"]), sep="\n", flush=True)
    code = tell_swept(done, f"runs in {where} are of another comparison; they are kept and left out of the table")
    if trouble is not None:
        tell(trouble)
    return code or int(trouble is not None)
