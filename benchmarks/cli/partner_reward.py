"""`goldenrule evaluate partner-reward`: the estimate of a partner's reward, held against what real people got."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenrule.benchmarks.cli.options import MAX_SEED, words
from goldenrule.common.errors import UserError

if TYPE_CHECKING:
    from goldenrule.agents.networks.pretrained import Loaded

SETS = ("casino",)
SHIPPED = "casino"
CAMPERS = "campsite-v0"
"""A base of another scenario knows neither deals nor needs."""
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
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="Agent to judge, by default the shipped one. Of several, each judges what it has not seen."),
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="Train an agent on all folds but one, save it in this folder, judge it.")
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(help="Folds that --train holds out: 0 to 4, several as 0,1, or all. An agent for each."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Gradient steps of --train.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of training, sampled replies and bootstrap.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the result and every person's estimate.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """How well the agent's estimate of its partner ranks what real people got and felt.

    The agent asks its partner in imagination, once from each person's place; its own prediction output answers.
    """
    if data not in SETS:
        raise UserError(f"--data {data!r} is unknown; expected {', '.join(SETS)}")
    if checkpoint and train is not None:
        raise UserError("--checkpoint and --train were both given; expected one of them")
    for option, given in (("--steps", steps), ("--folds", folds)):
        if given is not None and train is None:
            raise UserError(f"{option} was given without --train; it only has a meaning with it")
    held_out = _folds(folds)
    from goldenrule.benchmarks.storage.provenance import empty_folder, environment, write_json
    from goldenrule.benchmarks.studies.partner_reward.evaluate import evaluate_partner
    from goldenrule.envs.datasets.casino import load_casino

    began = time.perf_counter()
    if train is not None:
        empty_folder(train, "--train")
    trained, made_by = _load(checkpoint or []) if train is None else ([], "")
    dialogues = load_casino(data_dir)
    settings = {
        "command": "evaluate partner-reward",
        "data": data,
        "data_dir": None if data_dir is None else str(data_dir),
        "dialogues": len(dialogues),
        "checkpoint": [str(path) for path in checkpoint or ()],
        "train": None if train is None else str(train),
        "folds": folds,
        "seed": seed,
    }
    if out is not None:
        empty_folder(out)
        write_json(out / "config.json", settings)
    if train is not None:
        trained, made_by = _load(_train(dialogues, train, held_out, steps, seed))
    try:
        result = evaluate_partner(trained, dialogues, seed)
    except ValueError as error:
        raise UserError(str(error)) from error
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
    if out is not None:
        write_json(out / "result.json", report)
        write_json(out / "people.json", result["people"])
    if json_:
        print(json.dumps(report))
    else:
        _say(report)
    return 0


def _folds(text: str | None) -> list[int]:
    """The folds to hold out, the first by default.

    Raises:
        UserError: not folds, or one twice.
    """
    from goldenrule.envs.datasets.casino import FOLDS

    if text is None:
        return [0]
    if text == "all":
        return list(range(FOLDS))
    named = words(text, "--folds")
    if not set(named) <= set(map(str, range(FOLDS))) or len(set(named)) < len(named):
        raise UserError(f"--folds {text!r} is not allowed; expected all, or folds from 0 to {FOLDS - 1}, each once")
    return [int(fold) for fold in named]


def _load(checkpoints: list[Path]) -> tuple[list[Loaded], str]:
    """The agents to judge, by default the shipped one, and where they are from."""
    from goldenrule.agents.networks.pretrained import load_base, shipped

    if checkpoints:
        return [load_base(CAMPERS, path) for path in checkpoints], ", ".join(map(str, checkpoints))
    if SHIPPED not in shipped():
        raise UserError("no agent for human dialogues is shipped; make one: add --train FOLDER, or name a --checkpoint")
    return [load_base(SHIPPED)], "shipped"


def _train(dialogues: Any, folder: Path, folds: list[int], steps: int | None, seed: int) -> list[Path]:
    """Train an agent for each fold; the folders of their checkpoints."""
    import torch

    from goldenrule.agents.networks.checkpoint import save_checkpoint
    from goldenrule.benchmarks.storage.provenance import environment
    from goldenrule.benchmarks.studies.partner_reward.split import train_on_humans
    from goldenrule.training.pretraining.imagination import ImaginationConfig

    config = ImaginationConfig(updates=steps) if steps else ImaginationConfig()
    torch.set_num_threads(1)  # the same bytes on any number of cores
    made_on = environment()  # its own command line names folders of one machine; what made the weights is `command`
    origin = {key: made_on[key] for key in ("python", "versions", "commit")}
    paths = []
    for fold in folds:

        def report(step: int, losses: dict[str, float], fold: int = fold) -> None:
            if (step + 1) % 50 == 0:
                told = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
                where = f"fold {fold}, step {step + 1}/{config.updates}"
                print(f"{where}  nats an answer: {told}", file=sys.stderr, flush=True)

        network, tokenizer, human = train_on_humans(dialogues, config, seed, report, fold)
        command = f"goldenrule evaluate partner-reward --data casino --train FOLDER --seed {seed} --folds {fold}"
        command += f" --steps {steps}" if steps else ""
        paths.append(folder if len(folds) == 1 else folder / f"fold-{fold}")
        provenance = {"command": command, "seed": seed, "human": human, **origin}
        save_checkpoint(paths[-1], network, tokenizer, provenance, half=True)
    return paths


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`{figure: {estimate: {value, low, high}}}`."""
    found: dict[str, Any] = {}
    for row in rows:
        found.setdefault(row["figure"], {})[row["estimate"]] = {key: row[key] for key in ("value", "low", "high")}
    return found


def _say(report: dict[str, Any]) -> None:
    from goldenrule.benchmarks.studies.partner_reward.evaluate import MEANING

    split = report["summary"]["split"]
    agents = split["networks"]
    people = f"{split['test_dialogues']} human dialogues ({split['test_people']} people)"
    print(f"{people}, each judged by an agent that has not learnt from it. Split:")
    for agent in agents:
        alone = f" Alone: {_alone(agent['alone'])}." if len(agents) > 1 else ""
        learnt = f"learnt from {agent['train_dialogues']}, judged on {agent['test_dialogues']}"
        print(f"  {learnt}, {agent['method']}.{alone}")
    print(f"Seed {split['seed']}. 95% intervals by bootstrap over dialogues.")
    figure = None
    for row in report["rows"]:
        if row["figure"] != figure:
            figure = row["figure"]
            print(f"\n{_TITLES[figure]}")
        if row["value"] is None:
            print(f"   none                  {row['estimate']}: {row['error']}")
            continue
        known = row["low"] is not None and row["high"] is not None
        span = f"[{row['low']:.2f}, {row['high']:.2f}]" if known else ""
        why = "" if known else f" ({row['no_interval']})"
        print(f"  {row['value']:>5.2f} {span:<16} {row['estimate']:<19} {MEANING[row['estimate']]}{why}")


def _alone(figures: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {'none' if value is None else f'{value:.2f}'}" for name, value in figures.items())
