"""The rows as Parquet files, for other programs to read."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from goldenrule.benchmarks.storage.load import episodes, load
from goldenrule.benchmarks.storage.schema import JSON_COLUMNS
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole

if TYPE_CHECKING:
    import pandas as pd


def to_parquet(path: str | Path, folder: str | Path) -> list[Path]:
    """Write `cells.parquet` and `episodes.parquet` of a sweep into a folder; gives their paths.

    Raises:
        UserError: no results there, pandas or pyarrow is not installed, or the folder cannot be written.
    """
    need_parquet()
    cells = load(path)
    for name in JSON_COLUMNS:
        cells[name] = [None if value is None else json.dumps(value, sort_keys=True) for value in cells[name]]
    return write_tables(Path(folder), {"cells": cells, "episodes": episodes(path, log=True)})


def need_parquet() -> None:
    """Raises `UserError` where pandas or pyarrow is not installed."""
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401  # pandas asks for it by name
    except ImportError:
        raise UserError("Parquet needs pandas and pyarrow; pip install 'goldenrule[tables]'") from None


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as `NAME.parquet` into `folder`, which is made; gives their paths.

    A file that cannot be written is left as it was.

    Raises:
        UserError: the folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            content = io.BytesIO()
            table.to_parquet(content, index=False)
            written.append(folder / f"{name}.parquet")
            write_whole(written[-1], content.getvalue())
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"cannot write {str(folder)[:300]!r}: {reason}; name a writable folder") from error
    return written
