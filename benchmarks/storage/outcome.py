"""What came of a cell, in the form in which it is stored.

It is brought into this form where the cell ran, in whatever process and on whatever machine, so that whoever commits
results has nothing left to do but write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from goldenrule.benchmarks.storage.schema import EPISODE_COLUMNS, dumps, episode_row

_values = itemgetter(*EPISODE_COLUMNS)
_LOG = list(EPISODE_COLUMNS).index("log")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell.

    Attributes:
        row: its row, whose key `cell` is its id.
        episodes: the values of a row each, in the order of `goldenrule.benchmarks.storage.schema.EPISODE_COLUMNS`.
        truncated, invalid: how many of them reached the turn limit, and have a message that was not understood.
        curve: the learning curve as JSON text; `None` where nothing was trained.
        trace: the traceback, where the cell failed.
    """

    row: dict[str, Any]
    episodes: Sequence[tuple[Any, ...]] = ()
    truncated: int = 0
    invalid: int = 0
    curve: str | None = None
    trace: str | None = None

    @classmethod
    def of(
        cls, row: dict[str, Any], episodes: Sequence[Mapping[str, Any]] = (), curve: Sequence[Mapping[str, Any]] = ()
    ) -> Outcome:
        """What a cell gave.

        Args:
            row: its row.
            episodes: as `goldenrule.benchmarks.evaluation.evaluate.as_data` gives them.
            curve: an entry an update.

        Raises:
            ValueError: something in it is not finite; JSON has no NaN.
            TypeError: something in it is no plain data.
        """
        dumps(row)
        rows = [episode_row(row["cell"], one) for one in episodes]
        return cls(
            row,
            [_values(one) for one in rows],
            sum(one["status"] == "truncated" for one in rows),
            sum(one["invalid_messages"] > 0 for one in rows),
            dumps(list(curve)) if curve else None,
        )

    @property
    def logs(self) -> list[str]:
        """The whole log of each episode, JSON text."""
        return [one[_LOG] for one in self.episodes]
