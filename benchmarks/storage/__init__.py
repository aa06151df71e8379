"""Results of sweeps: one SQLite file, a committed row an episode and a row a cell."""

from __future__ import annotations

from goldenrule.benchmarks.storage.export import to_parquet
from goldenrule.benchmarks.storage.reader import episodes, load
from goldenrule.benchmarks.storage.store import VOLATILE

__all__ = ["VOLATILE", "episodes", "load", "to_parquet"]
