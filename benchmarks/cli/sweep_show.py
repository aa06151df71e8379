"""The grid of a sweep and its cost, for a terminal or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from rich.text import Text

from goldenrule.benchmarks.cli.progress import duration
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.config import SweepFile
from goldenrule.benchmarks.experiments.estimate import Cost
from goldenrule.benchmarks.experiments.grid import alike
from goldenrule.benchmarks.report.terminal import console_for, print_table
from goldenrule.benchmarks.storage.naming import setting_name
from goldenrule.common.text import clean


def print_grid(
    wanted: SweepFile, cells: Sequence[Cell], costs: Sequence[Cost] | None, workers: int, stream: TextIO, as_json: bool
) -> None:
    """What a sweep file comes to: a line for each method, scenario and knobs, and the sum.

    `costs` are those that `goldenrule.benchmarks.experiments.estimate.estimate` gives for the same cells.
    """
    total = None if costs is None else sum(cost.cells * (cost.seconds or 0.0) for cost in costs)
    size = None if costs is None else sum(cost.cells * (cost.megabytes or 0.0) for cost in costs)
    groups = [(group[0], len(group)) for group in alike(cells)]
    if as_json:
        found: dict[str, Any] = {
            "name": wanted.name,
            "cells": len(cells),
            "seeds": wanted.seed_list,
            "episodes": wanted.episodes,
            "grid": [
                {"method": c.method, "scenario": c.scenario, "knobs": dict(c.knobs), "cells": count}
                | ({} if costs is None else {"seconds": costs[at].seconds, "memory_megabytes": costs[at].memory})
                for at, (c, count) in enumerate(groups)
            ],
            "core_seconds": total,
            "seconds": None if total is None else total / workers,
            "megabytes": size,
        }
        print(json.dumps(found), file=stream, flush=True)
        return
    console, rows = console_for(stream), []
    for number, (cell, count) in enumerate(groups):
        cost = "" if costs is None else _cost(costs[number])
        rows.append(([cell.method, setting_name(cell.scenario, cell.knobs)], [str(count), cost]))
    print_table(console, ["method", "scenario and knobs"], ["cells", "each takes"], rows)
    console.print(Text(clean(f"{wanted.name}: {len(cells)} cells, {len(cells) * wanted.episodes:,} dialogues.")))
    if total is not None and size is not None:
        console.print(
            f"About {duration(total / workers)} with {workers} workers ({duration(total)} of one core), "
            f"{size:.1f} MB; reckoned from a small cell of each line, run now."
        )


def _cost(cost: Cost) -> str:
    return f"would fail: {cost.failed}" if cost.seconds is None else duration(cost.seconds)
