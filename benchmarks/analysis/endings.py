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
from functools import cache
from typing import Any

from goldenrule.benchmarks.analysis.summarising import Interval, interval
from goldenrule.benchmarks.evaluation.bounds import bounds
from goldenrule.benchmarks.storage.reader import Setting, StoredCell, number
from goldenrule.envs.registry import specs


@dataclass(frozen=True, slots=True)
class End:
    """How one episode ended.

    Attributes:
        place: its number in its cell; `None` where the log has none.
        status: `terminated`, `truncated` or `failed`.
        invalid: whether the scenario did not understand some message of the learner.
        paid: what the partners got; `None` where it failed.
    """

    place: int | None
    status: str
    invalid: bool
    paid: float | None

    @property
    def well(self) -> bool:
        """Whether it ended by itself and every message of the learner was understood."""
        return self.status == "terminated" and not self.invalid and self.paid is not None


@cache
def _named(scenario: str, agents: tuple[str, ...]) -> tuple[int | None, tuple[int, ...]]:
    """Seats of learner and partners by their names; none for a scenario that is not installed."""
    spec = specs().get(scenario)
    if spec is None:
        return None, ()
    of = {role: [i for i, name in enumerate(agents) if role in (name, name.rpartition("_")[0])]
          for role in (spec.learner, spec.partner)}  # fmt: skip
    learner = next(iter(of[spec.learner]), None)
    return learner, tuple(seat for seat in of[spec.partner] if seat != learner)


def seats(episode: Mapping[str, Any], scenario: str, scored: str) -> tuple[int, tuple[int, ...]]:
    """Seats of the learner and its partners: as logged, else as the scenario names them, else by who was scored.

    Args:
        episode: a record of the log.
        scenario: id.
        scored: name of the score that only the learner's turns have.
    """
    names = episode.get("agents")
    agents = tuple(map(str, names)) if isinstance(names, list) else ()
    learner, partners = _named(scenario, agents)
    logged = [episode.get(which) for which in ("learner", "partner")]
    learner, first = (place if isinstance(place, int) and 0 <= place < len(agents) else otherwise
                      for place, otherwise in zip(logged, (learner, None), strict=True))  # fmt: skip
    if learner is None:
        turns = episode.get("turns")
        said = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
        by = [t.get("speaker") for t in said if isinstance(t.get("scores"), dict) and scored in t["scores"]]
        learner = next((seat for seat in by if isinstance(seat, int)), 0)
    if first is not None:
        partners = (first,)
    return learner, partners or tuple(i for i in range(len(agents)) if i != learner)[:1]


def end_of(episode: Mapping[str, Any], learner: int, partners: Sequence[int]) -> End:
    """How an episode of the log ended."""
    place, status, paid, invalid = episode.get("episode"), str(episode.get("status")), 0.0, False
    known = status != "failed"
    turns = episode.get("turns")
    for turn in turns if isinstance(turns, list) else []:
        if not isinstance(turn, dict):
            continue
        invalid = invalid or (turn.get("speaker") == learner and turn.get("valid") is False)
        rewards = turn.get("rewards")
        for seat in partners:
            value = number(rewards[seat]) if isinstance(rewards, list) and seat < len(rewards) else None
            known, paid = known and value is not None, paid + (value or 0.0)
    return End(place if isinstance(place, int) else None, status, invalid, paid if known else None)


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


Places = set[tuple[str, int | None]]
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
    within = bounds("partner_reward", cell.scenario, cell.knobs)
    return interval([sum(paid) / len(paid) if paid else None for paid in seeds], within)
