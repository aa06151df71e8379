"""What scripted people have in common: their register, a generator for each dialogue, and how they put their moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from goldenrule.agents.base import Agent, Reply, Seen
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.moves import Book, People

Maker = Callable[[], Agent]
_PEOPLE: dict[str, dict[str, dict[str, Maker]]] = {}


class UnscriptedError(UserError):
    """Nobody has written scripts for a seat or of a style: a line that says which, and what to do."""


class Scripted(ABC):
    """A script: one view in, one text out, with a generator of its own for each dialogue.

    Attributes:
        people: whose words it uses: those of people that agents learn from, or of people never met.
    """

    people: People = "seen"

    def __init__(self) -> None:
        self._rngs: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        self._rngs = [generator(seed, "script") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One reply for each observation."""
        return [Reply(self.say(seen.view, self._rngs[seen.dialogue])) for seen in observations]

    @abstractmethod
    def say(self, view: View, rng: np.random.Generator) -> str:
        """What to say, given what was seen."""


@runtime_checkable
class StandsIn(Protocol):
    """A script that can take another's place with a card of its own."""

    def in_my_place(self, view: View, rng: np.random.Generator) -> str:
        """What a person with the view's card would say in the view's place."""


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of `options`, each as likely."""
    return options[int(rng.integers(len(options)))]


def phrase(rng: np.random.Generator, book: Book, move: str, people: People = "seen", /, **arguments: str) -> str:
    """One way in which these people make a move."""
    return pick(rng, book.texts(move, people, **arguments))


def with_opening(rng: np.random.Generator, book: Book, move: str) -> str:
    """One way to make a move, half the time after one of the book's openings."""
    text = phrase(rng, book, move)
    return f"{pick(rng, book.asides[0].texts())} {text}" if rng.random() < 0.5 else text


def nonsense(
    rng: np.random.Generator, words: list[str], means: Callable[[str], object] = lambda text: None, longest: int = 8
) -> str:
    """Two to `longest` of `words`, which are put into another order, in that order.

    Args:
        rng: what to draw from.
        words: of the scenario's world.
        means: gives something for a text that means something after all; another one is drawn then.
        longest: most words.
    """
    while True:
        rng.shuffle(words)
        text = " ".join(words[: int(rng.integers(2, longest + 1))])
        if means(text) is None:
            return text


def register_people(scenario_id: str, style: str, makers: Mapping[str, Maker]) -> None:
    """Register scripts for the roles of a scenario under a style.

    Styles in use: `default` (speaks as a person would), `corpus` (varied behaviour, mistakes and nonsense
    included, for conversations to learn from), `unseen` (as `default`, in words that nobody says whom agents learn
    from), and members of the population, each with a temper of its own (see
    `goldenrule.agents.scripted.population`). A role missing from a style falls back to `default`.
    """
    _PEOPLE.setdefault(scenario_id, {})[style] = dict(makers)


def people(scenario_id: str, style: str = "default") -> dict[str, Maker]:
    """A maker of a scripted agent for each role of the scenario.

    Raises:
        UnscriptedError: the scenario has no scripts of that style.
        ValueError: it is unknown.
    """
    styles = _PEOPLE.get(spec(scenario_id).id, {})
    if style not in styles and style != "corpus":
        known = ", ".join(styles) or "none"
        raise UnscriptedError(f"{scenario_id} has no scripted people of style {style!r}; expected {known}")
    return _makers(scenario_id, style)


def _makers(scenario_id: str, style: str) -> dict[str, Maker]:
    """Those of a style, and of `default` the roles that it lacks."""
    styles = _PEOPLE.get(spec(scenario_id).id, {})
    return {**styles.get("default", {}), **styles.get(style, {})}


def person(scenario_id: str, seat: str, style: str = "default") -> Agent:
    """A scripted person for a seat, `seeker_1`; of the seat's own script, or of its role's, `seeker`.

    Raises:
        UnscriptedError: the scenario has no script for it.
        ValueError: the scenario is unknown.
    """
    makers = _makers(scenario_id, style)
    make = makers.get(seat, makers.get(seat.rsplit("_", 1)[0]))
    if make is None:
        raise UnscriptedError(
            f"{scenario_id} has no scripted person for {seat}; register one with "
            "goldenrule.agents.scripted.register_people, as examples/scenario.py does"
        )
    return make()


def population(scenario_id: str) -> dict[str, dict[str, Maker]]:
    """Who can be met in the scenario: a maker for each role that a style has scripts of its own for, by style.

    `corpus` and `unseen` are left out: how conversations to learn from are made, and how people speak whom nobody has
    met, are nobody's temper.

    Raises:
        ValueError: the scenario is unknown.
    """
    styles = _PEOPLE.get(spec(scenario_id).id, {})
    return {style: dict(makers) for style, makers in styles.items() if style not in ("corpus", "unseen")}
