"""Runs as Parquet tables. A sweep has its own way; a run directory gets the same columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.storage.parquet import need_parquet, to_parquet, write_tables
from goldenrule.benchmarks.storage.schema import JSON_COLUMNS, episode_row
from goldenrule.benchmarks.storage.stored import Run, StoredCell, shown
from goldenrule.benchmarks.storage.sweep_reading import SweepLog
from goldenrule.common.errors import UserError


def export_parquet(run: Run, folder: Path) -> list[Path]:
    """Write `cells.parquet` and `episodes.parquet`; gives their paths.

    Raises:
        UserError: pandas or pyarrow is not installed, an episode is damaged, or the folder cannot be written.
    """
    if isinstance(run.log, SweepLog):
        return to_parquet(run.folder, folder)
    need_parquet()
    import pandas as pd

    cells = pd.DataFrame([dict(_row(cell)) for cell in run.cells])
    episodes = pd.DataFrame([one for cell in run.cells for one in _episodes(run, cell)])
    return write_tables(folder, {"cells": cells, "episodes": episodes})


def _row(cell: StoredCell) -> Iterator[tuple[str, Any]]:
    """The row, nested values as JSON, every knob a column of its own too."""
    for key, value in cell.row.items():
        nested = key in JSON_COLUMNS and value is not None
        yield key, json.dumps(value, sort_keys=True) if nested else value
    for name, value in cell.knobs.items():
        yield f"knob.{name}", value


def _episodes(run: Run, cell: StoredCell) -> Iterator[dict[str, Any]]:
    about = {"method": cell.row["method"], "scenario": cell.row["scenario"], "cell_seed": cell.row["seed"]}
    about["knobs"] = json.dumps(cell.knobs, sort_keys=True)
    for record in run.log.episodes(cell):
        try:
            yield about | episode_row(cell.id or "", record)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            what = shown(str(error), 200)
            raise UserError(f"an episode of {shown(cell.id, 80)} is damaged ({what}); see goldenrule replay") from None
