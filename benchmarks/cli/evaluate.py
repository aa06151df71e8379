"""`goldenrule evaluate`: an agent judged by people and by beliefs, and the reader of free words by messages."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from goldenrule.agents.networks.pretrained import load_base, shipped_bases
from goldenrule.benchmarks.cli.options import Json, Knobs, Seed, knobs, one_each, words
from goldenrule.benchmarks.report.layout import console_for, print_indented, print_table
from goldenrule.benchmarks.storage.provenance import environment
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.errors import UserError
from goldenrule.common.files import empty_folder, write_json
from goldenrule.common.text import counted
from goldenrule.envs.scenarios.campsite.casino import load_casino
from goldenrule.envs.scenarios.campsite.participants import FOLDS

if TYPE_CHECKING:
    from goldenrule.agents.networks.pretrained import Loaded

PEOPLE = "casino"
"""The shipped agent that has learnt from human dialogues."""
CAMPERS = "campsite-v0"
"""Scenario of agents that know deals and needs."""
BELIEFS = "false_belief-v0"

METRICS = {
    "points": "Points, by rank (Spearman)",
    "satisfaction": "Satisfaction, by rank (Spearman)",
    "top_need": "What the partner needs most (share right)",
}
QUESTIONS = {"place": "place", "false_belief": "place, where it is not the truth", "verdict": "verdict on the answer"}


def partner_reward(
    data: Annotated[Literal["casino"], typer.Option(help="Human dialogues.")] = "casino",
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
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the result and every person's estimate.")] = None,
    json_: Json = False,
) -> int:
    """How well the agent's estimate of its partner ranks what real people got and felt.

    The agent asks its partner in imagination, once from each person's place; its own prediction output answers.
    """
    if checkpoint and train is not None:
        raise UserError("--checkpoint and --train were both given; expected one of them")
    for option, given in (("--steps", steps), ("--folds", folds)):
        if given is not None and train is None:
            raise UserError(f"{option} was given without --train; it only has a meaning with it")
    held_out = _parse_folds(folds)
    if out is not None:
        empty_folder(out)
    if train is not None:
        empty_folder(train, "--train")
    agents, made_by = _load(checkpoint or []) if train is None else ([], "")

    began = time.perf_counter()
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
        write_json(out / "config.json", settings)

    from goldenrule.benchmarks.studies.partner_reward import evaluate, split  # with torch

    if train is not None:
        agents, made_by = _load(split.train_folds(dialogues, train, held_out, steps, seed, environment()))
    result = evaluate.evaluate_partner(agents, dialogues, seed)
    about = {"agent": made_by, "environment": environment(), "seconds": round(time.perf_counter() - began, 3)}
    report = {"run": {**settings, **about}, "rows": result["rows"], "summary": _summarise(result)}
    if out is not None:
        write_json(out / "result.json", report)
        write_json(out / "people.json", result["people"])
    if json_:
        print(json.dumps(report))
    else:
        _print_partner_reward(report, evaluate.MEANING)
    return 0


def _summarise(result: dict[str, Any]) -> dict[str, Any]:
    """Value and interval of every estimate by metric, and the split of the dialogues."""
    summary: dict[str, Any] = {"split": result["split"]}
    for row in result["rows"]:
        summary.setdefault(row["figure"], {})[row["estimate"]] = {key: row[key] for key in ("value", "low", "high")}
    return summary


def _parse_folds(text: str | None) -> list[int]:
    """The folds to hold out, the first by default.

    Raises:
        UserError: not folds, or one twice.
    """
    if text is None:
        return [0]
    if text == "all":
        return list(range(FOLDS))
    named = words(text, "--folds")
    if not set(named) <= set(map(str, range(FOLDS))):
        raise UserError(f"--folds {text!r} is not allowed; expected all, or folds from 0 to {FOLDS - 1}")
    return [int(fold) for fold in named]


def _load(checkpoints: list[Path]) -> tuple[list[Loaded], str]:
    """The agents to judge, by default the shipped one, and where they are from."""
    if checkpoints:
        return [load_base(CAMPERS, path) for path in checkpoints], ", ".join(map(str, checkpoints))
    if PEOPLE not in shipped_bases():
        raise UserError("no agent for human dialogues is shipped; make one: add --train FOLDER, or name a --checkpoint")
    return [load_base(PEOPLE)], "shipped"


def _print_partner_reward(report: dict[str, Any], meaning: dict[str, str]) -> None:
    split = report["summary"]["split"]
    people = f"{split['test_dialogues']} human dialogues ({split['test_people']} people)"
    lines = [f"{people}, each judged by an agent that has not learnt from it. Split:"]
    for agent in split["networks"]:
        learnt = f"learnt from {agent['train_dialogues']}, judged on {agent['test_dialogues']}"
        alone = ", ".join(f"{key} {'none' if it is None else f'{it:.2f}'}" for key, it in agent["alone"].items())
        lines += [f"  {learnt}, {agent['method']}." + (f" Alone: {alone}." if len(split["networks"]) > 1 else "")]
    lines += [f"Seed {split['seed']}. 95% intervals by bootstrap over dialogues."]
    print_indented("\n".join(lines), sys.stdout)
    for metric, title in METRICS.items():
        if mine := [row for row in report["rows"] if row["figure"] == metric]:
            rows = [([row["estimate"]], _cells(row, meaning)) for row in mine]
            print()
            print_table(console_for(sys.stdout), [title], ["value", "95% interval", "meaning"], rows, text=["meaning"])


def _cells(row: dict[str, Any], meaning: dict[str, str]) -> list[str]:
    if row["value"] is None:
        return ["none", "-", row["error"]]
    if row["low"] is None or row["high"] is None:
        return [f"{row['value']:.2f}", "-", f"{meaning[row['estimate']]} ({row['no_interval']})"]
    return [f"{row['value']:.2f}", f"[{row['low']:.2f}, {row['high']:.2f}]", meaning[row["estimate"]]]


def beliefs(
    checkpoint: Annotated[Path | None, typer.Option(help="Network to judge; by default the shipped one.")] = None,
    dialogues: Annotated[int, typer.Option(min=1, max=1_000_000, help="Unseen dialogues to judge it on.")] = 1500,
    seed: Seed = 0,
    set_: Knobs = None,
    json_: Json = False,
) -> int:
    """How often the reply that the network imagines tells what the partner really believes, by order of belief.

    Order 0 asks for the truth, order 1 for what Anna believes, order 2 for what Anna believes that Ben believes.
    """
    given = one_each(knobs(BELIEFS, set_))
    began = time.perf_counter()
    network, tokenizer, _ = load_base(BELIEFS, checkpoint)

    from goldenrule.benchmarks.studies.beliefs import belief_report  # with torch

    found = belief_report(network, tokenizer, given, dialogues, seed)
    report = {
        "run": {
            "command": "evaluate beliefs",
            "checkpoint": None if checkpoint is None else str(checkpoint),
            "knobs": found["knobs"],
            "dialogues": dialogues,
            "seed": seed,
            "environment": environment(),
            "seconds": round(time.perf_counter() - began, 3),
        },
        "rows": found["rows"],
        "summary": {"replies": found["replies"], "cut": found["cut"]},
    }
    if json_:
        print(json.dumps(report))
    else:
        _print_beliefs(report)
    return 0


def _print_beliefs(report: dict[str, Any]) -> None:
    console = console_for(sys.stdout)
    run, summary = report["run"], report["summary"]
    console.print(Text(setting_name(BELIEFS, run["knobs"]), "bold"))
    rows = []
    for row in report["rows"]:
        cells = ["-" if row["share"] is None else f"{row['share']:.3f}"]
        cells += ["-" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"]
        cells += [str(row["n"]), str(row["none"])]
        cells += [f"{row[key]:.2f}" for key in ("share_of_all", "chance", "always_truth")]
        rows.append(([str(row["order"]), QUESTIONS[row["figure"]]], cells))
    columns = ("right", "95% interval", "n", "none", "of all", "chance", "always the truth")
    print_table(console, ["order", "the imagined reply's"], columns, rows)
    text = f"{counted(summary['replies'], 'reply', 'replies')} imagined in "
    text += f"{counted(run['dialogues'], 'dialogue')} of seed {run['seed']}. "
    text += "None: the imagined reply names no place for what was asked; 'of all' counts it as wrong. "
    console.print(Text(text + "Intervals are over dialogues.", "dim"))
    if summary["cut"]:
        told = f"{counted(summary['cut'], 'story', 'stories')} cut at the beginning to fit into the network's context."
        console.print(Text(told))


def reading(
    data: Annotated[list[Path], typer.Option(help="Labelled messages, JSON lines; can be given again.")],
    json_: Json = False,
) -> int:
    """How well the open reader takes natural messages for the moves they make.

    Accuracy is over messages that make a move: all of them, the 85 % and the 60 % that it is surest of. Taken: the
    share of messages that make no move, or several, which it takes for one.
    """
    from goldenrule.agents.readers.messages import read_messages
    from goldenrule.benchmarks.studies.reading import reading_report  # with torch

    began = time.perf_counter()
    rows = read_messages(data)
    summary = reading_report(rows)
    run = {
        "command": "evaluate reading",
        "data": [str(path) for path in data],
        "messages": len(rows),
        "environment": environment(),
        "seconds": round(time.perf_counter() - began, 3),
    }
    if json_:
        print(json.dumps({"run": run, "summary": summary}))
        return 0
    cells = [
        ([scenario, seat], [_share(one[key]) if key.startswith(("acc", "taken")) else str(one[key]) for key in one])
        for scenario, seats in summary.items()
        for seat, one in seats.items()
    ]
    columns = ["n", "all", "surest 85 %", "surest 60 %", "without a move", "taken"]
    print_table(console_for(sys.stdout), ["scenario", "seat"], columns, cells)
    return 0


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
