"""The grid of a sweep, for a terminal or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from rich.text import Text

from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.config import SweepFile
from goldenrule.benchmarks.experiments.grid import alike
from goldenrule.benchmarks.report.terminal import console_for, print_table
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.text import clean


def print_grid(wanted: SweepFile, cells: Sequence[Cell], stream: TextIO, as_json: bool) -> None:
    """What a sweep file comes to: a line for each method, scenario and knobs, and the sum."""
    groups = [(group[0], len(group)) for group in alike(cells)]
    if as_json:
        found = {
            "name": wanted.name,
            "cells": len(cells),
            "seeds": wanted.seed_list,
            "episodes": wanted.episodes,
            "grid": [
                {"method": c.method, "scenario": c.scenario, "knobs": dict(c.knobs), "cells": count}
                for c, count in groups
            ],
        }
        print(json.dumps(found), file=stream, flush=True)
        return
    console = console_for(stream)
    rows = [([cell.method, setting_name(cell.scenario, cell.knobs)], [str(count)]) for cell, count in groups]
    print_table(console, ["method", "scenario and knobs"], ["cells"], rows)
    console.print(Text(clean(f"{wanted.name}: {len(cells)} cells, {len(cells) * wanted.episodes:,} dialogues.")))
