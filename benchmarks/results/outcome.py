"""What came of a cell, in the form in which it is stored.

It is brought into this form where the cell ran, in whatever process and on whatever machine, so that whoever commits
results has nothing left to do but write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.results.schema import dumps, episode_row


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell.

    Attributes:
        row: its row, whose key `cell` is its id.
        episodes: a row each (`goldenrule.benchmarks.results.schema.EPISODE_COLUMNS`), the whole log as JSON text.
        curve: the learning curve as JSON text; `None` where nothing was trained.
        trace: the traceback, where the cell failed.
    """

    row: dict[str, Any]
    episodes: Sequence[dict[str, Any]] = ()
    curve: str | None = None
    trace: str | None = None

    @classmethod
    def of(
        cls, row: dict[str, Any], episodes: Sequence[Mapping[str, Any]] = (), curve: Sequence[Mapping[str, Any]] = ()
    ) -> Outcome:
        """What a cell gave.

        Args:
            row: its row.
            episodes: as `goldenrule.benchmarks.evaluation.as_data` gives them.
            curve: an entry an update.

        Raises:
            ValueError: something in it is not finite; JSON has no NaN.
            TypeError: something in it is no plain data.
        """
        dumps(row)
        rows = [episode_row(row["cell"], row["scenario"], one) for one in episodes]
        return cls(row, rows, dumps(list(curve)) if curve else None)
