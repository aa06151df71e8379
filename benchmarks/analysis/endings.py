"""How episodes ended, and what the partner got in those that went well.

An episode at its turn limit counts with what it paid until then, and so does one with messages that the scenario did
not understand: both sums are exact, and to exclude them would flatter whoever causes them. Beside the metrics that
count stands the partner's reward without any of these, from the episodes that went well under every method alike
(complete cases); a method of which none did has no such metric, and excludes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from goldenrule.benchmarks.analysis.summary import interval, over_seeds
from goldenrule.benchmarks.evaluation.metrics import valid_range
from goldenrule.benchmarks.storage.reader import Run, Setting


class End(NamedTuple):
    """How one episode ended: columns of the table `episodes`, counted as the episode was stored."""

    episode: int
    status: str
    invalid_messages: int
    partner_reward: float | None

    @property
    def well(self) -> bool:
        """Whether it ended by itself and every message of the learner was understood."""
        return self.status == "terminated" and not self.invalid_messages


Ends = Mapping[str | None, Sequence[End]]
"""How the episodes of each cell ended, by the cell's id."""


def read_ends(run: Run) -> Ends:
    """How all episodes of a run ended; no log is read."""
    return {cell: [End(*one) for one in of] for cell, of in run.log.columns(*End._fields).items()}


def endings(setting: Setting, ends: Ends, together: bool = True) -> list[dict[str, Any]]:
    """The table of one condition, a line a method in the order of the rows; empty where every episode went well.

    Args:
        setting: its cells, with the rows that count (`complete_cases`).
        ends: of the episodes of each cell.
        together: whether the episodes that went well are the same for all; pairs of a cross-play stand each by itself.

    Returns:
        `setting` and `method`; the numbers of `episodes` and of those `truncated` (at the turn limit), `failed` and
        `invalid` (some message was not understood); the partner reward as it counts (`paid`) and over those episodes
        that went `well` under every method that had one go well, both with intervals over seeds; how many of its
        episodes are `left` for that.
    """
    methods = dict.fromkeys(cell.method for cell in setting.cells)
    cells = {method: [one for one in setting.of(method) if ends.get(one.id)] for method in methods}
    if all(end.well for of in cells.values() for cell in of for end in ends[cell.id]):
        return []
    well = {
        method: {(cell.seed, end.episode) for cell in of for end in ends[cell.id] if end.well}
        for method, of in cells.items()
    }
    common = set.intersection(*filter(None, well.values())) if together and any(well.values()) else None
    lines = []
    for method, of in cells.items():
        if not of:
            continue
        kept = well[method] if common is None else well[method] & common
        paid = [[end.partner_reward or 0.0 for end in ends[cell.id] if (cell.seed, end.episode) in kept] for cell in of]
        means = [sum(values) / len(values) if values else None for values in paid]
        mine = [end for cell in of for end in ends[cell.id]]
        statuses = Counter(end.status for end in mine)
        within = valid_range("partner_reward", of[0].scenario, of[0].knobs)
        lines.append(
            {
                "setting": setting.label,
                "method": method,
                "episodes": len(mine),
                "truncated": statuses["truncated"],
                "failed": statuses["failed"],
                "invalid": sum(end.invalid_messages > 0 for end in mine),
                "paid": over_seeds(of, "partner_reward"),
                "well": interval(means, within, "no episode went well under every method"),
                "left": len(kept),
            }
        )
    return lines
