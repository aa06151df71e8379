"""The stories of false_belief-v0: what happens, who is there to see it, and what follows for everyone's beliefs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np

from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.false_belief.language import (
    FRIEND,
    HELPER,
    MOVED,
    NAMES,
    PUT,
    SEEKER,
    TOLD,
    read_event,
    told_text,
)

T = TypeVar("T")

LEAVES = 0.5
"""Chance that a person is out of the room while a thing is moved."""


def last_place(messages: Sequence[Message], thing: str, minds: Sequence[int]) -> str | None:
    """Where `thing` is, by the last of the narrator's messages that all of `minds` heard.

    Args:
        messages: what happened, oldest first; what agents say moves nothing.
        thing: what is looked for.
        minds: `()` the truth; `(i,)` what `i` believes; `(i, j)` what `i` believes that `j` believes.
    """
    for message in reversed(messages):
        found = read_event(message.text) if message.speaker == NARRATOR else None
        if found is not None and found[0] == thing and all(message.heard_by(mind) for mind in minds):
            return found[1]
    return None


class Draws:
    """Uniform draws, fetched many at a time: one by one they would take most of a reset."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._left = rng, list[float]()

    def chance(self) -> float:
        """A number from 0 up to 1."""
        if not self._left:
            self._left = self._rng.random(64).tolist()
        return self._left.pop()

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, all equally likely."""
        return options[int(self.chance() * len(options))]


class Story:
    """What happens before the talk: things put away and moved, people in and out of the room.

    Attributes:
        messages: all that the narrator says.
        places: by thing, where it is, where Anna believes it is, where she believes that Ben does, and where Ben
            believes it is: what `last_place` finds in the messages.
    """

    def __init__(self, draws: Draws, containers: tuple[str, ...], things: tuple[str, ...]) -> None:
        self.draws, self.containers, self.things = draws, containers, things
        self.messages: list[Message] = []
        self.present = {SEEKER, FRIEND}
        self.places: dict[str, list[str]] = {thing: [""] * 4 for thing in things}
        for thing in things:
            self._put(PUT, thing, draws.pick(containers))

    def _show(self, text: str, people: Collection[int]) -> None:
        self.messages.append(Message(NARRATOR, text, None if len(people) == 2 else (HELPER, *people)))

    def _put(self, phrases: Sequence[str], thing: str, place: str) -> None:
        """Those in the room see `thing` go to `place`."""
        self._show(self.draws.pick(phrases).format(thing=thing, place=place), self.present)
        self._learn(thing, place, self.present)

    def _learn(self, thing: str, place: str, people: Collection[int]) -> None:
        places = self.places[thing]
        places[0] = place
        if SEEKER in people:
            places[1] = place
        if FRIEND in people:
            places[3] = place
        if len(people) == 2:
            places[2] = place

    def move(self) -> None:
        """People come and go as they like; then something goes somewhere else."""
        for person in (SEEKER, FRIEND):
            self._place_person(person, self.draws.chance() >= LEAVES)
        thing = self.draws.pick(self.things)
        now = self.places[thing][0]
        self._put(MOVED, thing, self.draws.pick([p for p in self.containers if p != now]))

    def _place_person(self, person: int, stays: bool) -> None:
        if stays == (person in self.present):
            return
        if stays:
            other = SEEKER + FRIEND - person
            where = "here" if other in self.present else "out"
            self.present.add(person)
            self._show(f"{NAMES[person]} comes back. {NAMES[other]} is {where}.", self.present)
        else:
            self._show(f"{NAMES[person]} leaves.", self.present)
            self.present.remove(person)

    def gather(self, told: float) -> None:
        """All come back; who is wrong about a thing is told with chance `told`, alone or together."""
        for person in (SEEKER, FRIEND):
            self._place_person(person, True)
        for thing, (truth, anna, _, ben) in self.places.items():
            wrong = [person for person, place in ((SEEKER, anna), (FRIEND, ben)) if place != truth]
            people = [person for person in wrong if self.draws.chance() < told]
            together = len(people) == 2 and self.draws.chance() < 0.5
            for group in [people] if together else [[p] for p in people]:
                self._show(told_text(self.draws.pick(TOLD), group, thing, truth), group)
                self._learn(thing, truth, group)
