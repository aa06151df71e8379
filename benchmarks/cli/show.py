"""`goldenrule show`: stored conversations in the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell_problems


def show(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")],
    episode: Annotated[
        str | None,
        typer.Argument(help="<cell>:<number>; part of a cell's id is enough. <cell> alone lists its episodes."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what is stored: the episode, or rows.")] = False,
) -> int:
    """Show a stored conversation; without EPISODE, list what there is."""
    from goldenrule.benchmarks.report.terminal import (
        conversation,
        find_cell,
        find_episode,
        list_cells,
        list_episodes,
        print_lines,
    )
    from goldenrule.benchmarks.storage.reader import read_run

    with read_run(run, everything=True) as stored:
        if episode is not None and ":" in episode:
            cell, found = find_episode(stored, episode)
            if json_:
                print(json.dumps(found))
            else:
                print_lines(conversation(cell, found), sys.stdout)
        elif json_:
            named = stored.cells if episode is None else [find_cell(stored, episode)]
            cells = [{"cell": cell.id, **cell.row} for cell in named]
            print(json.dumps({"run": str(run), "cells": cells}))
        elif episode is None:
            list_cells(stored, sys.stdout)
        else:
            print_lines(list_episodes(stored, episode), sys.stdout)
        tell_problems(stored)
    return 0
