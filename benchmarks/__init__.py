"""Methods x scenarios x seeds: compare, sweep, sum up, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load"]


def load(path: str | Path) -> pd.DataFrame:
    """The results of a sweep, a row a cell; see `goldenrule.benchmarks.storage.reader`."""
    from goldenrule.benchmarks.storage import load as read  # torch comes with it, and the command line starts without

    return read(path)
