"""A scenario of moves: one speaks after the other, and is paid for the move that its message makes.

It deals with everything that all such scenarios have in common: understanding, briefs, tags, candidates, and what a
reply tells of its speaker's reward.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import ClassVar

import numpy as np

from goldenrule.common.seeding import derive
from goldenrule.envs.conversation import BEGIN, Examples, View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Outcome, Scenario
from goldenrule.envs.scenarios.moves import Book, Made, Move, People, Ways
from goldenrule.envs.scenarios.understanding import Understanding, Understood, split_tags

EXAMPLES = 6
"""Most examples of a book, in briefs."""


class Lots:
    """Numbers from 0 to 7, others after every message, that pick the wordings of candidates.

    All come of one draw: only choice mode looks at them, and what nobody looks at need not be made.

    Args:
        rng: the episode's generator.
        count: how many numbers.
    """

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self._key, self._count = rng.bit_generator.random_raw(), count
        self._turn = 0
        self._numbers: list[int] = []

    def redraw(self) -> None:
        """Replace the numbers."""
        self._turn, self._numbers = self._turn + 1, []

    def numbers(self) -> list[int]:
        """The numbers at hand."""
        while len(self._numbers) < self._count:
            bits = derive(self._key, "wordings", self._turn, len(self._numbers))
            self._numbers += [bits >> place & 7 for place in range(0, 63, 3)]
        return self._numbers


class MoveScenario(Scenario):
    """A scenario in which one speaks after the other and is paid for the move that its message makes.

    Attributes:
        books: the moves of each phase of the talk, by its name.
        roles: who sits in a seat of each role, and to what end, in a sentence or two.
        settled: arguments of which the cards leave no choice, so that no tag names them.
        phase: the phase at hand; `reset` and `take` set it.
        people: whom the scenario deals; candidates are worded as these speak.
        understanding: how messages are understood; `understand_by` sets it.
    """

    books: ClassVar[Mapping[str, Book]]
    roles: ClassVar[Mapping[str, str]] = {}
    settled: ClassVar[Collection[str]] = ()
    phase: str
    people: People = "seen"
    understanding = Understanding()
    _lots: Lots

    def __init_subclass__(cls) -> None:
        """The manual is made of the moves where the scenario gives none of its own."""
        super().__init_subclass__()
        cls.manual = cls.manual or "\n".join(book.describe() for book in getattr(cls, "books", {}).values())

    @abstractmethod
    def take(self, message: Message, made: Made | None) -> Outcome:
        """Go on after a message, and pay for the move that it made (`None`: it was not understood)."""

    def allowed(self, agent: int) -> Mapping[str, Iterable[str]]:
        """Values that arguments may have in the candidates of agent number `agent`; where none are named, all.

        They must tell the agent nothing that it cannot know.
        """
        return {}

    def wordings(self, agent: int, ways: Ways, slot: int) -> Sequence[str]:
        """Which of all `ways` to make a move agent number `agent` may choose from, as candidates `slot` on: all."""
        return ways[2]

    def book_of(self, agent: int) -> Book:
        """The moves that agent number `agent` can make now, or may come to make: those at hand or its role's last."""
        role, hand = self.agents[agent].rpartition("_")[0], self.books[self.phase]
        if hand.role == role:
            return hand
        own = [book for book in self.books.values() if book.role == role]
        return own[-1] if own else Book(role, ())

    def speakers(self) -> tuple[int, ...]:
        """The first seat of the role whose moves this phase has."""
        return (self.agents.index(f"{self.books[self.phase].role}_0"),)

    def hear(self, messages: tuple[Message, ...]) -> Outcome:
        """Understand the message by the moves of this phase."""
        message, book = messages[0], self.books[self.phase]
        if self.understanding.language == "phrases":
            return self.take(message, book.understand(message.text))
        found, heard = self._understand(message, book), self.heard_as(message)
        outcome = self.take(heard, found.made)
        (judgement,) = outcome.judgements
        return replace(outcome, judgements=(replace(judgement, facts={**judgement.facts, **found.facts}),))

    def understand_by(self, understanding: Understanding) -> None:
        """Understand messages so from the next `reset` on, and say in briefs how to speak."""
        self.understanding = understanding
        seats = () if understanding.language == "phrases" else self.agents
        self.briefs, self.examples = tuple(map(self._brief, seats)), tuple(map(self._examples, seats))

    def _understand(self, message: Message, book: Book) -> Understood:
        """By tag, by phrase, or by the reader: the first that applies, unless words alone are paid for."""
        legal = self._legal(message.speaker)
        text, tags = split_tags(message.text, legal)
        said, by = book.understand(text), "phrases"
        if said is None and self.understanding.reader is not None:
            said, by = self.understanding.reader.read(book, text, self.context), "reader"
        named = tuple(dict.fromkeys(tags))
        tag = legal[named[0]] if len(named) == 1 else None
        says_else = None if tag is None or said is None else book.differ(tag, said)
        if tag is not None and self.understanding.pay == "tag":
            return Understood(tag, "tag", named, said, says_else)
        made = None if len(named) > 1 and self.understanding.pay == "tag" else said
        return Understood(made, by if made else None, named, said, says_else)

    def _legal(self, agent: int) -> dict[str, Made]:
        return self.book_of(agent).legal(self.allowed(agent))

    def tags(self, agent: int) -> tuple[str, ...]:
        """Tags of the moves at hand, where the language is open."""
        return tuple(self._legal(agent)) if self.briefs else ()

    def heard_as(self, message: Message) -> Message:
        """The message without tags, which nobody else sees."""
        return replace(message, text=self.words_of(message.text, self._legal(message.speaker)))

    def _brief(self, agent: str) -> str:
        """Who sits in a seat, and what it may do, for agents that understand plain language."""
        role = agent.rpartition("_")[0]
        own = [book for book in self.books.values() if book.role == role]
        lines = [self.roles.get(role, f"You are the {role}.")]
        for book in own:
            lines.append(f"With a message you do one of these{' ' if book.when else ''}{book.when}:")
            lines += [f"[{tag}] {move.meaning}" for move, _, tag in self._samples(book, len(book.moves))]
        lines.append("Speak in your own words, in one short sentence, and end it with what you do in brackets.")
        return "\n".join(lines)

    def _examples(self, agent: str) -> Examples:
        """For each book of a seat, its moves as answers to those of the book of another that comes before it."""
        books, role, found = [*self.books.values()], agent.rpartition("_")[0], list[tuple[str, str]]()
        for place, book in enumerate(books):
            if book.role == role:
                before = next((one for one in reversed(books[:place]) if one.role != role), None)
                said = [text for _, text, _ in self._samples(before)] if before else [BEGIN]
                answers = [f"{text}\n[{tag}]" for _, text, tag in self._samples(book)]
                found += zip(cycle(said), answers, strict=False)
        return tuple(found)

    def _samples(self, book: Book, count: int = EXAMPLES) -> list[tuple[Move, str, str]]:
        """Moves with a phrase and its tag, one of each; of the one move that there is, with three arguments."""
        chosen = [(move, move.choices({})[0]) for move in book.moves]
        if len(book.moves) == 1:
            choices = book.moves[0].choices({})
            chosen = [(book.moves[0], choice) for choice in choices[:: max(1, len(choices) // 3)]]
        shown = []
        for move, choice in chosen[:count]:
            values = [value for name, value in choice.items() if name in book.told and name not in self.settled]
            tag = f"{move.name}: {', '.join(values)}" if values else move.name
            shown.append((move, move.texts(**choice)[0], tag))
        return shown

    def candidates(self, agent: int) -> tuple[str, ...]:
        """The moves of the agent's book, one after the other, with the arguments they may have."""
        texts: list[str] = []
        for ways in self.book_of(agent).ways(self.people, self.allowed(agent)):
            texts += self.wordings(agent, ways, len(texts))
        return (*texts, *[""] * (self.n_candidates - len(texts)))

    def read(self, text: str) -> float | None:
        """What the move that `text` makes tells of; `None` where it is none that tells."""
        return self._tells(text, "")

    def read_in(self, view: View, agent: int, text: str) -> float | None:
        """As `read_of`; free words are read as an answer to what was said before them."""
        known = self.read_of(agent, text)
        if known is not None or self.understanding.reader is None:
            return known
        before = [one.text for one in view.messages if one.speaker not in (agent, NARRATOR)]
        return self._tells(text, before[-1] if before else "", self.agents[agent].rpartition("_")[0])

    def _tells(self, text: str, context: str, role: str | None = None) -> float | None:
        """What the words tell of, by the books of a role, or of all; with a role, by the reader too."""
        for book in self.books.values():
            if not book.tells or role not in (None, book.role):
                continue
            made = book.understand(text)
            if made is None and role is not None and self.understanding.reader is not None:
                made = self.understanding.reader.read(book, text, context)
            if made is not None and book[made.move].tells is not None:
                return book[made.move].tells
        return None
