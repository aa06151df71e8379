"""How episodes ended, who sat where in them, and what is left of a figure without those that did not go well.

An episode at its turn limit counts with what it paid until then, and one with messages that the scenario did not
understand too: both sums are exact, and to leave them out would flatter whoever causes them. A failed one (the agent
broke off, refused, or said nothing) has no reward and is in no figure, of any method. Beside the figures that count
stands one without any of these, from the episodes that went well under every method alike; a method of which none did
has no such figure, and takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.analysis.summarising import Interval, interval
from goldenrule.benchmarks.evaluation.metrics import episode_metrics, valid_range
from goldenrule.benchmarks.storage.reader import Setting, StoredCell


@dataclass(frozen=True, slots=True)
class End:
    """How one episode ended.

    Attributes:
        place: its number in its cell.
        status: `terminated`, `truncated` or `failed`.
        invalid: whether the scenario did not understand some message of the learner.
        paid: what the partners got; `None` where it failed.
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
        return self.status == "terminated" and not self.invalid and self.paid is not None


@dataclass(frozen=True, slots=True)
class Ended:
    """One line of the table of endings: a method under one setting.

    Attributes:
        setting, method: which.
        held: episodes that were held; the counts below are of these.
        truncated, failed, invalid: at the turn limit; failed; with messages that were not understood.
        paid: partner reward over all that failed under no method that finished any, an interval over seeds.
        well: the same over those that went well under every method of the setting that had one go well.
        left: how many of its episodes those are.
    """

    setting: str
    method: str
    held: int
    truncated: int
    failed: int
    invalid: int
    paid: Interval
    well: Interval
    left: int


def endings(setting: Setting, ends: Mapping[StoredCell, Sequence[End]], together: bool = True) -> list[Ended]:
    """The lines of one setting, methods in the order of the rows; empty where every episode went well.

    Args:
        setting: whose cells.
        ends: of the episodes of each cell.
        together: whether what one method failed is left out for all; the pairs of a cross-play stand each by itself.
    """
    methods = list(dict.fromkeys(cell.method for cell in setting.cells))
    cells = {method: [cell for cell in setting.of(method) if ends.get(cell)] for method in methods}
    if all(end.well for of in cells.values() for cell in of for end in ends[cell]):
        return []
    gone = _gone(setting, ends) if together else set()
    paid = {method: _places(of, ends, lambda end: end.paid is not None, gone) for method, of in cells.items()}
    well = {method: _places(of, ends, lambda end: end.well, gone) for method, of in cells.items()}
    common = [_common(where) for where in (paid, well)]
    lines = []
    for method, of in cells.items():
        mine = [end for cell in of for end in ends[cell]]
        if not mine:
            continue
        every, kept = ([_paid(cell, ends[cell], shared if together else where[method]) for cell in of]
                       for where, shared in zip((paid, well), common, strict=True))  # fmt: skip
        counts = [sum(end.status == status for end in mine) for status in ("truncated", "failed")]
        wrong = sum(end.invalid for end in mine)
        lines.append(
            Ended(setting.label, method, len(mine), counts[0], counts[1], wrong, _over(every, of[0]),
                  _over(kept, of[0]), sum(map(len, kept)))
        )  # fmt: skip
    return lines


Places = set[tuple[str, int]]
"""Seeds and numbers of episodes."""


def _gone(setting: Setting, ends: Mapping[StoredCell, Sequence[End]]) -> set[str]:
    """Seeds of which a method that finished others failed the whole cell."""
    alive = {cell.method for cell in setting.cells if any(end.paid is not None for end in ends.get(cell, ()))}
    return {cell.seed for cell in setting.cells if cell.method in alive and not cell.done}


def _places(
    cells: Sequence[StoredCell],
    ends: Mapping[StoredCell, Sequence[End]],
    counts: Callable[[End], bool],
    gone: set[str],
) -> Places:
    return {(cell.seed, end.place) for cell in cells if cell.seed not in gone for end in ends[cell] if counts(end)}


def _common(places: Mapping[str, Places]) -> Places:
    """What all have that have any."""
    had = [found for found in places.values() if found]
    return set.intersection(*had) if had else set()


def _paid(cell: StoredCell, ends: Sequence[End], places: Places) -> list[float]:
    return [end.paid for end in ends if end.paid is not None and (cell.seed, end.place) in places]


def _over(seeds: Sequence[Sequence[float]], cell: StoredCell) -> Interval:
    within = valid_range("partner_reward", cell.scenario, cell.knobs)
    return interval([sum(paid) / len(paid) if paid else None for paid in seeds], within)
