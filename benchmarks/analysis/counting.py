"""The run as its tables and figures count it: the same episodes for all methods of a setting."""

from __future__ import annotations

from dataclasses import replace

from goldenrule.benchmarks.analysis.common_episodes import alike
from goldenrule.benchmarks.storage.reader import Run


def counted(run: Run) -> Run:
    """The run with the rows that `analysis.common_episodes` makes; its files and problems stay the same."""
    rows = alike([cell.row for cell in run.cells], run)
    return replace(run, cells=[replace(cell, row=row) for cell, row in zip(run.cells, rows, strict=True)])
