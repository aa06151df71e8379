"""`goldenrule evaluate partner-reward`: the estimate of a partner's reward, held against what real people got."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule.benchmarks.commands.parsing import whole
from goldenrule.benchmarks.errors import UserError

SETS = ("casino",)
SHIPPED = "casino"
_TITLES = {
    "points": "Points, by rank (Spearman)",
    "satisfaction": "Satisfaction, by rank (Spearman)",
    "top_need": "What the partner needs most (share right)",
}


def partner_reward(
    data: Annotated[str, typer.Option(help="Human dialogues: casino.")] = "casino",
    data_dir: Annotated[
        Path | None, typer.Option(help="Another folder of the same layout; every *.json in it is read.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Agent to judge; by default the shipped one.")] = None,
    train: Annotated[
        Path | None, typer.Option(help="Train an agent on all folds but the first, save it in this folder, judge it.")
    ] = None,
    steps: Annotated[str, typer.Option(help="Gradient steps of --train.")] = "",
    seed: Annotated[str, typer.Option(help="Of training, sampled replies and bootstrap.")] = "0",
    out: Annotated[Path | None, typer.Option(help="Folder for the result and every person's estimate.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """How well the agent's estimate of its partner ranks what real people got and felt.

    The agent asks its partner in imagination, once from each person's place; its own prediction output answers.
    """
    if data not in SETS:
        raise UserError(f"--data {data!r} is unknown; expected {', '.join(SETS)}")
    if checkpoint is not None and train is not None:
        raise UserError("--checkpoint and --train were both given; expected one of them")
    if steps and train is None:
        raise UserError("--steps was given without --train; it only has a meaning with it")
    number = whole(seed, "--seed", low=0)
    from goldenrule.benchmarks.datasets.casino import load_casino
    from goldenrule.benchmarks.rundir import RunDirectory, environment

    began = time.perf_counter()
    dialogues = load_casino(data_dir)
    settings = {
        "command": "evaluate partner-reward",
        "data": data,
        "data_dir": None if data_dir is None else str(data_dir),
        "dialogues": len(dialogues),
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "train": None if train is None else str(train),
        "seed": number,
    }
    run = None if out is None else RunDirectory.create(out, settings, [])
    result, made_by = _judge(dialogues, checkpoint, train, steps, number)
    report = {
        "run": {
            **settings,
            "agent": made_by,
            "environment": environment(),
            "seconds": round(time.perf_counter() - began, 3),
        },
        "rows": result["rows"],
        "summary": {"split": result["split"], **_summary(result["rows"])},
    }
    if run is not None:
        run.write("result.json", report)
        run.write("people.json", result["people"])
    if json_:
        print(json.dumps(report))
    else:
        _say(report)
    return 0


def _judge(
    dialogues: Any, checkpoint: Path | None, train: Path | None, steps: str, seed: int
) -> tuple[dict[str, Any], str]:
    from goldenrule.agents.networks.checkpoint import load_checkpoint
    from goldenrule.agents.pretrained import load_base, shipped
    from goldenrule.benchmarks.evaluate_partner import evaluate_partner

    if train is not None:
        _train(dialogues, train, steps, seed)
        checkpoint = train
    if checkpoint is not None:
        network, tokenizer, provenance = load_checkpoint(checkpoint)
    elif SHIPPED in shipped():
        network, tokenizer, provenance = load_base(SHIPPED)
    else:
        raise UserError("no agent for human dialogues is shipped; make one: add --train FOLDER, or name a --checkpoint")
    try:
        result = evaluate_partner(network, tokenizer, provenance, dialogues, seed)
    except ValueError as error:
        raise UserError(str(error)) from error
    return result, str(checkpoint or "shipped")


def _train(dialogues: Any, folder: Path, steps: str, seed: int) -> None:
    import torch

    from goldenrule.agents.networks.checkpoint import CheckpointError, save_checkpoint
    from goldenrule.benchmarks.partner_split import train_on_humans
    from goldenrule.benchmarks.rundir import environment
    from goldenrule.training.imagination import ImaginationConfig

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CheckpointError(f"{folder} is not empty; nothing is overwritten: name a new folder")
    config = ImaginationConfig(updates=whole(steps, "--steps")) if steps else ImaginationConfig()
    torch.set_num_threads(1)  # the same bytes on any number of cores

    def report(step: int, losses: dict[str, float]) -> None:
        if (step + 1) % 50 == 0:
            told = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"step {step + 1}/{config.updates}  nats an answer: {told}", file=sys.stderr, flush=True)

    network, tokenizer, human = train_on_humans(dialogues, config, seed, report)
    command = f"goldenrule evaluate partner-reward --data casino --train FOLDER --seed {seed}"
    command += f" --steps {steps}" if steps else ""
    made_on = environment()  # its own command line names folders of one machine; what made the weights is `command`
    origin = {key: made_on[key] for key in ("python", "versions", "commit")}
    provenance = {"command": command, "seed": seed, "human": human, **origin}
    save_checkpoint(folder, network, tokenizer, provenance, half=True)


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`{figure: {estimate: {value, low, high}}}`."""
    found: dict[str, Any] = {}
    for row in rows:
        found.setdefault(row["figure"], {})[row["estimate"]] = {key: row[key] for key in ("value", "low", "high")}
    return found


def _say(report: dict[str, Any]) -> None:
    from goldenrule.benchmarks.evaluate_partner import MEANING

    split = report["summary"]["split"]
    print(
        f"{split['test_dialogues']} human dialogues ({split['test_people']} people) the agent has not learnt from; "
        f"it learnt from {split['train_dialogues']}."
    )
    print(f"Split {split['method']}. Seed {split['seed']}. 95% intervals by bootstrap over dialogues.")
    figure = None
    for row in report["rows"]:
        if row["figure"] != figure:
            figure = row["figure"]
            print(f"\n{_TITLES[figure]}")
        if row["value"] is None:
            print(f"   none                  {row['estimate']}: {row['error']}")
            continue
        span = f"[{row['low']:.2f}, {row['high']:.2f}]"
        print(f"  {row['value']:>5.2f} {span:<16} {row['estimate']:<19} {MEANING[row['estimate']]}")
