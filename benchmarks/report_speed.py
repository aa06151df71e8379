"""How long a large sweep's results take to load and to report, and how much memory."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from goldenrule.benchmarks.engines.base import Unwatched
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.experiments.run import SweepOptions, run_sweep
from goldenrule.benchmarks.storage.schema import CELL_COLUMNS, EPISODE_COLUMNS, FILE

METHODS, SIMILARITIES = ("untrained", "scripted"), (0.0, 0.25, 0.5, 0.75, 1.0)

# A process of its own: its peak memory is that of the work, whatever this one has held.
_TIMED = """
import json, resource, sys, time
from pathlib import Path
import goldenrule.benchmarks as benchmarks
from goldenrule.benchmarks.report.page import write_report
began = time.perf_counter()
rows = len(benchmarks.load(sys.argv[1]))
loaded = time.perf_counter()
write_report(Path(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
print(json.dumps([rows, loaded - began, time.perf_counter() - loaded, peak]))
"""


def report_speed(cells: int = 2_000, episodes: int = 49) -> dict[str, float]:
    """Time `load` and `write_report` on the results of a sweep of `cells` cells of `episodes` dialogues each.

    A sweep of ten cells is run (two methods, five similarities); the rest are its rows again under other seeds, since
    neither reading nor reporting depends on where rows come from.

    Args:
        cells: rows of `cells`, a multiple of ten.
        episodes: rows of `episodes` a cell.

    Returns:
        `rows`: of both tables; `cells`; `load_seconds`; `report_seconds`; `peak_memory_mb` of the process of both.

    Raises:
        ValueError: `cells` is not a multiple of ten.
    """
    begun = len(METHODS) * len(SIMILARITIES)
    if cells < begun or cells % begun:
        raise ValueError(f"{cells} cells were asked for; expected a multiple of {begun}")
    settings = CellSettings(episodes=episodes, partner="scripted")
    grid = [Cell(m, "hidden_needs-v0", {"similarity": s}, 0, settings) for s in SIMILARITIES for m in METHODS]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "out"
        run_sweep({"name": "speed"}, grid, folder, SweepOptions(), lambda todo: contextlib.nullcontext(Unwatched()))
        _repeat(folder / FILE, begun, cells // begun)
        done = subprocess.run([sys.executable, "-c", _TIMED, str(folder)], capture_output=True, text=True, check=True)
    rows, loaded, reported, peak = json.loads(done.stdout)
    return {
        "rows": rows * (1 + episodes),
        "cells": rows,
        "load_seconds": loaded,
        "report_seconds": reported,
        "peak_memory_mb": peak,
    }


def _repeat(file: Path, begun: int, times: int) -> None:
    """Store every row again under seeds 1 to `times - 1`."""
    new = {"cell": "cell || '-' || n", "seed": "seed + n", "place": f"place + {begun} * n"}
    seeds = "WITH RECURSIVE seeds(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seeds WHERE n + 1 < ?)"
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        for table, columns in (("cells", CELL_COLUMNS), ("episodes", EPISODE_COLUMNS)):
            renewed = new if table == "cells" else {"cell": new["cell"]}
            values = ", ".join(renewed.get(name, name) for name in columns)
            if times > 1:
                db.execute(f"INSERT INTO {table} {seeds} SELECT {values} FROM {table}, seeds", (times,))
        db.execute("UPDATE meta SET value = ? WHERE key = 'cells'", (json.dumps(begun * times),))
