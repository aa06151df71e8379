"""Methods x scenarios x seeds: compare, sweep, sum up, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from goldenrule.benchmarks.storage.schema import VOLATILE

__all__ = ["VOLATILE", "load"]


def load(path: str | Path) -> pd.DataFrame:
    """The results of a sweep, a row a cell; see `goldenrule.benchmarks.storage.reader`."""
    from goldenrule.benchmarks.storage import load as read  # torch comes with it, and the command line starts without

    return read(path)


def __getattr__(name: str) -> Any:
    """`VOLATILE`, when it is asked for: see `load`."""
    if name != "VOLATILE":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from goldenrule.benchmarks.storage import schema

    return schema.VOLATILE
