"""The people of campsite-v0: what they need, why, their role cards, and where they come from."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from goldenrule.common.data import DataError, files, folder, read_json, reading
from goldenrule.common.seeding import derive
from goldenrule.common.text import kind_of
from goldenrule.envs.scenarios.campsite.language import ISSUES, POINTS, WALK_AWAY_POINTS, Order
from goldenrule.envs.scenarios.moves import People, ways_of

ORDERS: tuple[Order, ...] = tuple((a, b, c) for a, b, c in permutations(ISSUES))
LEVELS = ("High", "Medium", "Low")  # CaSiNo's names for the ranks
AGENT_KEYS = ("mturk_agent_1", "mturk_agent_2")
MAX_REASON = 300
FOLDS = 5
UNSEEN_FOLD = 0
"""The people of its dialogues are met under `people=unseen` alone."""

# Why someone needs an issue a lot, or not so much.
REASONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "food": (
        ("we are a big group", "the children are always hungry", "we hike all day", "I get weak without food",
         "we stay longer than planned", "my food was spoiled"),
        ("we can fish in the lake", "I ate before I came", "I brought some snacks"),
    ),
    "water": (
        ("it is very hot there", "there is no river near us", "I take medicine with water", "the dogs drink a lot",
         "we cook with water", "I was ill and get thirsty"),
        ("there is a river near us", "I brought some bottles", "it may rain"),
    ),
    "firewood": (
        ("the nights are cold", "the baby must stay warm", "we need a fire to cook", "I have no warm clothes",
         "a fire keeps bears away", "our tent is thin"),
        ("we have warm blankets", "we can collect some sticks", "the nights are mild"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """A camper: the three issues, the one needed most first, and why each is needed, in that order."""

    order: Order
    reasons: tuple[str, str, str]

    def card(self) -> str:
        """The private role card."""
        most, then, last = self.order
        why = " ".join(f"{i.capitalize()}: {_full_stop(r)}" for i, r in zip(self.order, self.reasons, strict=True))
        worth = ", ".join(map(str, POINTS))
        return (
            f"You need {most} most, then {then}, then {last}: {worth} points each. "
            f"Walking away: {WALK_AWAY_POINTS}. {why}"
        )


_ISSUE = "(food|water|firewood)"
_CARD = re.compile(
    rf"You need {_ISSUE} most, then {_ISSUE}, then {_ISSUE}: [0-9, ]+ points each\. Walking away: \d+\. ?"
)


def parse_card(card: str) -> Person:
    """The person a role card describes.

    Raises:
        ValueError: not a camper's card.
    """
    match = _CARD.match(card)
    if match is None or len(set(match.groups())) != len(ISSUES):
        raise ValueError(f"card {card[:60]!r} is not a camper's; expected 'You need food most, then water, ...'")
    order: Order = (match[1], match[2], match[3])
    parts = re.match(
        rf"{order[0].capitalize()}: (.*) {order[1].capitalize()}: (.*) {order[2].capitalize()}: (.*)$",
        card[match.end() :],
        re.DOTALL,
    )
    reasons = ("", "", "") if parts is None else (parts[1], parts[2], parts[3])
    return Person(order, reasons)


def _full_stop(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else reason + "."


def invent(order: Order, rng: np.random.Generator, people: People = "seen") -> Person:
    """A made-up person with these needs and a fitting reason for each; those of people never met are nobody else's."""
    picks = []
    for rank, issue in enumerate(order):
        options = ways_of(people, REASONS[issue][rank == len(order) - 1])
        picks.append(options[rng.integers(len(options))])
    return Person(order, (picks[0], picks[1], picks[2]))


def invent_pair(similarity: float, rng: np.random.Generator, people: People = "seen") -> tuple[Person, Person]:
    """Two made-up people: with chance `similarity` they have the same order of needs, otherwise surely another."""
    order = ORDERS[rng.integers(len(ORDERS))]
    alike = rng.random() < similarity
    others = [o for o in ORDERS if o != order]
    return invent(order, rng, people), invent(order if alike else others[rng.integers(len(others))], rng, people)


def person_of(entry: Mapping[str, Any]) -> Person:
    """The person that a `participant_info` entry of CaSiNo describes.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: a field is missing or not as expected.
    """
    most, then, last = (entry["value2issue"][level].strip().lower() for level in LEVELS)
    if sorted((most, then, last)) != sorted(ISSUES):
        raise ValueError(f"value2issue names {most}, {then}, {last}; expected Food, Water and Firewood, once each")
    why = [clean(entry["value2reason"][level])[:MAX_REASON] for level in LEVELS]
    return Person((most, then, last), (why[0], why[1], why[2]))


def clean(text: str) -> str:
    """`text` as UTF-8 can carry it, without control characters and runs of space."""
    kept = "".join(c for c in text if c.isprintable() or c.isspace() or c == "\u200d")
    return " ".join(kept.encode("utf-8", "ignore").decode("utf-8").split())


def read_dialogues(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every dialogue of the `*.json` files of a CaSiNo folder, with `file: dialogue` to name it in errors.

    Raises:
        DataError: no such file, or one that is not a list of dialogues with a `dialogue_id`.
    """
    for file in files(path, "casino", "*.json"):
        content = read_json(file)
        if not isinstance(content, list) or not content:
            given = "an empty list" if content == [] else kind_of(content)
            raise DataError(f"{file.name}: expected a list of CaSiNo dialogues, got {given}")
        for number, record in enumerate(content):
            if not isinstance(record, Mapping) or not isinstance(record.get("dialogue_id"), int | str):
                raise DataError(f"{file.name}: entry {number} has no dialogue_id; expected a CaSiNo dialogue")
            yield f"{file.name}: dialogue {record['dialogue_id']}", record


def fold(dialogue_id: str, folds: int = FOLDS) -> int:
    """The fold of a dialogue, 0 to `folds` - 1, by a hash of its id: the same whatever else is loaded."""
    return derive(0, "casino-fold", dialogue_id) % folds


@functools.cache
def _pairs(path: Path, people: People) -> tuple[tuple[Person, Person], ...]:
    pairs = []
    for where, record in read_dialogues(path):
        with reading(where):
            first, second = (person_of(record["participant_info"][key]) for key in AGENT_KEYS)
        if (fold(str(record["dialogue_id"])) == UNSEEN_FOLD) == (people == "unseen"):
            pairs.append((first, second))
    if not pairs:
        raise DataError(f"casino: no dialogue of people {people} is here; expected all dialogues of the data set")
    return tuple(pairs)


def human_pairs(people: People = "seen") -> tuple[tuple[Person, Person], ...]:
    """The pairs of people of the human dialogues, as they met: those of one fold are people never met.

    Raises:
        DataError: the data is not here; the line says where it can be had.
    """
    return _pairs(folder("casino"), people)
