"""`goldenrule replay`: prove that every stored episode comes out again as it was stored."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell_problems
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign
from goldenrule.envs.datasets.files import data_at

SHOWN = 20
"""Differences that are told one by one."""


def replay(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")],
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds casino and the like; GOLDENRULE_DATA otherwise.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Replay every stored episode from its log, without a model; exit code 1 where one comes out differently."""
    from goldenrule.benchmarks.analysis.replay import replay as replay_all
    from goldenrule.benchmarks.storage.reader import read_run

    began = time.perf_counter()
    with read_run(run, everything=True) as stored, data_at(data_dir), foreign():
        found = replay_all(stored)
    seconds = time.perf_counter() - began
    tell_problems(stored)
    if json_:
        print(json.dumps({"run": str(run), **asdict(found)}), flush=True)
        return int(bool(found.differences))
    for difference in found.differences[:SHOWN]:
        print(clean(str(difference)))
    if len(found.differences) > SHOWN:
        print(f"and {len(found.differences) - SHOWN} more")
    print(
        f"{found.same} of {found.episodes + found.unproven} episodes in {found.cells} cells give the same cards, "
        f"rewards and judgements again ({found.episodes / max(seconds, 1e-9):,.0f} a second)."
    )
    if found.unproven:
        print(f"{found.unproven} could not be replayed here and are not proven.")
    sys.stdout.flush()
    return int(bool(found.differences))
