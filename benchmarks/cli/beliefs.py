"""`goldenrule evaluate beliefs`: what the prediction output knows of others' beliefs, held against the beliefs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule.benchmarks.cli.options import MAX_SEED, knobs, one_each
from goldenrule.benchmarks.storage.reader import setting_name

SCENARIO = "false_belief-v0"
_TITLES = {"place": "place", "false_belief": "place, where it is not the truth", "verdict": "verdict on the answer"}
_COLUMNS = ("right", "95% interval", "n", "none", "of all", "chance", "always the truth")


def beliefs(
    checkpoint: Annotated[Path | None, typer.Option(help="Network to judge; by default the shipped one.")] = None,
    dialogues: Annotated[int, typer.Option(min=1, max=1_000_000, help="Unseen dialogues to judge it on.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of the dialogues and the sampled replies.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="A knob; repeatable.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """How often the reply that the network imagines tells what the partner really believes, by order of belief.

    Order 0 asks for the truth, order 1 for what Anna believes, order 2 for what Anna believes that Ben believes.
    """
    given = one_each(knobs(SCENARIO, set_ or []))
    from goldenrule.agents.networks.pretrained import load_base
    from goldenrule.benchmarks.storage.provenance import environment
    from goldenrule.benchmarks.studies.beliefs import belief_report

    began = time.perf_counter()
    network, tokenizer, _ = load_base(SCENARIO, checkpoint)
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
        _say(report)
    return 0


def _say(report: dict[str, Any]) -> None:
    from rich.text import Text

    from goldenrule.benchmarks.report.terminal import console_for, print_table

    console = console_for(sys.stdout)
    run, summary = report["run"], report["summary"]
    console.print(Text(setting_name(SCENARIO, run["knobs"]), "bold"))
    rows = [([str(row["order"]), _TITLES[row["figure"]]], _cells(row)) for row in report["rows"]]
    print_table(console, ["order", "the imagined reply's"], _COLUMNS, rows)
    text = f"{summary['replies']} replies imagined in {run['dialogues']} dialogues of seed {run['seed']}. "
    text += "None: the imagined reply names no place for what was asked; 'of all' counts it as wrong. "
    text += "Intervals are over dialogues."
    console.print(Text(text, "dim"))
    if summary["cut"]:
        console.print(
            Text(f"{summary['cut']} stories did not fit into the network's context and lost their beginning.")
        )


def _cells(row: dict[str, Any]) -> list[str]:
    share = "-" if row["share"] is None else f"{row['share']:.3f}"
    interval = "-" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"
    rest = [f"{row[key]:.2f}" for key in ("share_of_all", "chance", "always_truth")]
    return [share, interval, str(row["n"]), str(row["none"]), *rest]
