"""Scripted people among those who speak freely: they hear phrases in free words, and put their own in prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from goldenrule.agents.base import Agent, Reply, Seen, ask_act, ask_reset
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.envs.scenarios.move_scenario import MoveScenario
from goldenrule.envs.scenarios.moves import Book, Made
from goldenrule.envs.scenarios.understanding import Reader


class FreeSpeaker:
    """A scripted person who understands free words as a reader does; what it does not read stays as it is.

    Args:
        person: the script.
        scenario: whose moves are made.
        reader: of words that are no phrases.
    """

    def __init__(self, person: Agent, scenario: MoveScenario, reader: Reader | None) -> None:
        self.person, self.scenario, self.reader = person, scenario, reader

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        ask_reset(self.person, seeds)
        self._rngs = [generator(seed, "prose") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> Sequence[Reply]:
        """What the script says to the phrases of what was said, in prose."""
        heard = [replace(seen, view=self._in_phrases(seen.view)) for seen in observations]
        return [
            replace(reply, text=self._in_prose(seen, reply.text)) if isinstance(reply, Reply) else reply
            for seen, reply in zip(observations, ask_act(self.person, heard), strict=True)
        ]

    def _in_prose(self, seen: Seen, text: str) -> str:
        """The same move in prose, where a book of the speaker's role has some."""
        for book in self._books(seen.view, seen.view.me):
            made = book.understand(text)
            if made is not None and (ways := book.prose_of(made)):
                return ways[int(self._rngs[seen.dialogue].integers(len(ways)))]
        return text

    def _books(self, view: View, seat: int) -> list[Book]:
        role = view.agents[seat].rpartition("_")[0]
        return [book for book in self.scenario.books.values() if book.role == role]

    def _in_phrases(self, view: View) -> View:
        heard: list[Message] = []
        for message in view.messages:
            phrase = None if message.speaker == NARRATOR else self._phrase(view, message, heard)
            heard.append(message if phrase is None else replace(message, text=phrase))
        return replace(view, messages=tuple(heard))

    def _phrase(self, view: View, message: Message, heard: Sequence[Message]) -> str | None:
        """The phrase of what a message that is none does; `None` where it is one already or does nothing."""
        own = self._books(view, message.speaker)
        if not own:
            return None
        book = own[-1] if any(one.speaker == message.speaker for one in heard) else own[0]
        if book.understand(message.text) is not None or self.reader is None:
            return None
        others = [one.text for one in view.messages[: len(heard)] if one.speaker not in (NARRATOR, message.speaker)]
        made = self.reader.read(book, message.text, others[-1] if others else "")
        return None if made is None else phrase_of(book, made)


def among_free_words(script: Agent, scenario: Scenario) -> Agent:
    """A script that hears as the scenario's reader reads and speaks prose; the script itself where all use phrases."""
    if isinstance(scenario, MoveScenario) and scenario.understanding.language == "open":
        return FreeSpeaker(script, scenario, scenario.understanding.reader)
    return script


def phrase_of(book: Book, made: Made) -> str | None:
    """One way to make a move; `None` where words did not tell all that its phrases name."""
    try:
        return book.texts(made.move, **dict(made.arguments))[0]
    except KeyError:
        return None
