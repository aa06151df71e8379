"""An agent that is a person at a terminal: it shows what was said and reads replies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from goldenrule.agents.base import Reply, Seen
from goldenrule.common.text import clean
from goldenrule.envs.conversation import render_ansi
from goldenrule.envs.spaces import Utterance


class LeftError(Exception):
    """The input has ended: the person takes no further part."""


class Human:
    """Someone at a terminal, in one dialogue at a time.

    Args:
        source: where lines are read from.
        show: where to print what is seen.
        max_length: longest message, in characters.
        suggest: in a talk where anything may be said, list what the scenario would suggest when `?` is typed; the
            number of one says it.
    """

    def __init__(
        self,
        source: TextIO | None = None,
        show: Callable[[str], None] = print,
        *,
        max_length: int = 2000,
        suggest: bool = False,
    ) -> None:
        self._source, self._show = source, show
        self.needs_candidates = self._suggest = suggest
        self._space = Utterance(max_length)
        self.left = False
        self.reset([0])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin anew. A person draws nothing from `seeds`."""
        self._told: dict[int, int] = {}

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """Show what is new to each dialogue and read a line for it.

        Raises:
            LeftError: the input has ended (Ctrl-D).
        """
        return [Reply(self._ask(seen)) for seen in observations]

    def _ask(self, seen: Seen) -> str:
        view = seen.view
        told = self._told.get(seen.dialogue)
        if told is None:
            self._show(f"You are {view.agents[view.me]}. Your card: {clean(view.card)}")
            if self._suggest:
                self._show("(? lists what could be said; its number says it)")
        new = [message for message in view.messages[told or 0 :] if message.speaker != view.me]
        if new:
            self._show(render_ansi(view.agents, new))
        self._told[seen.dialogue] = len(view.messages)
        if seen.candidates is not None and not self._suggest:
            return self._choose(seen.candidates)
        listed: list[str] = []
        while True:
            text = self._line(view.agents[view.me])
            if self._suggest and text == "?":
                listed = self._list(seen.candidates or ())
                continue
            if listed and text.isascii() and text.isdigit():
                if (chosen := self._numbered(text, listed)) is not None:
                    return chosen
                continue
            problem = self._space.problem(text)
            if problem is None:
                return text
            self._show(f"({problem})")

    def _list(self, candidates: Sequence[str]) -> list[str]:
        offered = [text for text in candidates if text]
        for number, text in enumerate(offered, 1):
            self._show(f"  {number}. {clean(text)}")
        return offered

    def _choose(self, candidates: Sequence[str]) -> str:
        offered = self._list(candidates)
        while True:
            if (chosen := self._numbered(self._line("number"), offered)) is not None:
                return chosen

    def _numbered(self, typed: str, offered: Sequence[str]) -> str | None:
        """The text whose number was typed; says so where there is none."""
        number = int(typed[:6]) if typed.isascii() and typed.isdigit() else 0
        if 1 <= number <= len(offered):
            return offered[number - 1]
        self._show(f"(no such number; expected one from 1 to {len(offered)})")
        return None

    def _line(self, prompt: str) -> str:
        source = sys.stdin if self._source is None else self._source
        print(f"{prompt}> ", end="", flush=True)
        try:
            line = source.readline()
        except UnicodeDecodeError:
            self._show("(that was not UTF-8)")
            return ""
        if not line:
            self.left = True
            raise LeftError("left the table")
        return line.strip()
