"""How episodes ended, and what the partner got in those that went well.

An episode at its turn limit counts with what it paid until then, and so does one with messages that the scenario did
not understand: both sums are exact, and to exclude them would flatter whoever causes them. Beside the metrics that
count stands the partner's reward without any of these, from the episodes that went well under every method alike
(complete cases); a method of which none did has no such metric, and excludes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.analysis.summary import figure, over_seeds
from goldenrule.benchmarks.evaluation.metrics import episode_metrics, valid_range
from goldenrule.benchmarks.storage.reader import Setting, StoredCell


@dataclass(frozen=True, slots=True)
class End:
    """How one episode, of a number in its cell, ended.

    `invalid`: some message of the learner was not understood. `paid`: what the partners got, none where it failed.
    """

    place: int
    status: str
    invalid: bool
    paid: float | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> End:
        """How the episode of a record ended."""
        counted = episode_metrics(record)
        return cls(record["episode"], record["status"], counted["invalid_messages"] > 0, counted["partner_reward"])

    @property
    def well(self) -> bool:
        """Whether it ended by itself and every message of the learner was understood."""
        return self.status == "terminated" and not self.invalid


@dataclass(frozen=True, slots=True)
class Endings:
    """One line of the table of endings: a method under one condition.

    Attributes:
        setting, method: which.
        held: episodes; the counts below are of these.
        truncated, failed, invalid: at the turn limit; failed; with messages that were not understood.
        paid: partner reward as it counts, an interval over seeds.
        well: the same over those episodes that went well under every method that had one go well.
        left: how many of its episodes those are.
    """

    setting: str
    method: str
    held: int
    truncated: int
    failed: int
    invalid: int
    paid: Mapping[str, Any]
    well: Mapping[str, Any]
    left: int


def endings(setting: Setting, ends: Mapping[StoredCell, Sequence[End]], together: bool = True) -> list[Endings]:
    """The lines of one condition, methods in the order of the rows; empty where every episode went well.

    Args:
        setting: its cells, with the rows that count (`complete_cases`).
        ends: of the episodes of each cell.
        together: whether the episodes that went well are the same for all; pairs of a cross-play stand each by itself.
    """
    methods = dict.fromkeys(cell.method for cell in setting.cells)
    cells = {method: [one for one in setting.of(method) if ends.get(one)] for method in methods}
    if all(end.well for of in cells.values() for cell in of for end in ends[cell]):
        return []
    well = {method: {(c.seed, end.place) for c in of for end in ends[c] if end.well} for method, of in cells.items()}
    common = set.intersection(*filter(None, well.values())) if together and any(well.values()) else None
    lines = []
    for method, of in cells.items():
        if not of:
            continue
        kept = well[method] if common is None else well[method] & common
        paid = [[end.paid or 0.0 for end in ends[cell] if (cell.seed, end.place) in kept] for cell in of]
        means = [sum(values) / len(values) if values else None for values in paid]
        within = valid_range("partner_reward", of[0].scenario, of[0].knobs)
        mine = [end for cell in of for end in ends[cell]]
        truncated, failed = (sum(end.status == status for end in mine) for status in ("truncated", "failed"))
        invalid = sum(end.invalid for end in mine)
        lines.append(
            Endings(
                *(setting.label, method, len(mine), truncated, failed, invalid),
                paid=over_seeds(of, "partner_reward"),
                well=figure(means, "no episode went well under every method", within),
                left=len(kept),
            )
        )
    return lines
