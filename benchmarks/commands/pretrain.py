"""`goldenrule pretrain`: make the base checkpoint of a scenario."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from goldenrule.benchmarks.commands.compare import SCENARIO
from goldenrule.benchmarks.commands.parsing import scenario_spec, whole

ENOUGH = 0.95


def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint; made if absent.")],
    scenario: Annotated[str, typer.Option(help="Scenario id.")] = SCENARIO,
    seed: Annotated[int, typer.Option(help="Of every draw; the shipped checkpoints have 0.")] = 0,
    steps: Annotated[str, typer.Option(help="Gradient steps; the scenario's own number if not given.")] = "",
    threads: Annotated[int, typer.Option(help="Threads; the same number gives the same bytes.")] = 1,
) -> int:
    """Make a base checkpoint: tokenizer and pre-trained network; says whether it passes the gate.

    No reward training should start from one whose imagined partner agrees with the truth less than 0.95.
    """
    scenario_spec(scenario)
    updates = whole(steps, "--steps") if steps else None
    import torch

    from goldenrule.agents.networks.checkpoint import CheckpointError, save_checkpoint
    from goldenrule.benchmarks.rundir import environment
    from goldenrule.training.base import base_config, gate, make_base

    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise CheckpointError(f"{out} is not empty; nothing is overwritten: name a new folder")
    torch.set_num_threads(whole(threads, "--threads", high=1024))
    config = base_config(scenario)
    if updates is not None:
        config = replace(config, pretraining=replace(config.pretraining, updates=updates))

    def report(step: int, behaviour: float, prediction: float) -> None:
        if (step + 1) % 50 == 0:
            total = config.pretraining.updates
            print(f"step {step + 1}/{total}  behaviour {behaviour:.3f}  prediction {prediction:.3f} nats", flush=True)

    network, tokenizer = make_base(config, seed, report)
    passed = gate(network, tokenizer, scenario, config.knobs, seed)
    made_on = environment()
    provenance = {
        "command": f"goldenrule pretrain --scenario {scenario} --seed {seed} --threads {threads}",
        "config": config.as_dict(),
        "seed": seed,
        "gate": asdict(passed),
        **{key: made_on[key] for key in ("python", "versions", "commit")},
    }
    save_checkpoint(out, network, tokenizer, provenance, half=True)
    by_reading = ", ".join(f"{share:.2f} where it told {reading}" for reading, share in passed.by_reading.items())
    print(f"The imagined partner agrees with the real one in {passed.imagined:.3f} of {passed.replies} replies:")
    print(f"  {by_reading}")
    if passed.balanced < ENOUGH:
        print(
            f"That is below {ENOUGH} on balanced cases ({passed.balanced:.3f}): reward training from it will mislead."
        )
    print(f"Saved in {out}")
    return 0
