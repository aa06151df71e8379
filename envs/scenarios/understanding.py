"""How a message in free words comes to make a move: by a tag, by a phrase of the book, or by an open reader.

A *tag* is what its sender says it does: `[company]` or `[answer: box]`, first or last in a message. Nobody else sees
it. It counts if its move is one that the sender may make now; other brackets are words like any others. Models put
tags in bold, or a stop after them: that is part of the tag. A message with two different tags makes no move.

Under `language=phrases` only the book understands. Under `language=open` the first of the three that applies does, and
what is recorded of a message is who understood it, its tag, and the move that its words alone make. `pay=text` pays for
the words, `pay=tag` for the tag where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

from goldenrule.envs.scenarios.moves import Book, Made, normal

Language = Literal["phrases", "open"]
Pay = Literal["tag", "text"]
LANGUAGES, PAYS = get_args(Language), get_args(Pay)
AND = " | "
"""Between the tags of a message that has several, in its record."""
LONGEST_TAG = 80
"""Characters between the brackets of a tag."""

_TAG = rf"\s*[*_`]*\[([^\[\]\n]{{1,{LONGEST_TAG}}})\][*_`.!:]*\s*"
_FIRST, _LAST = re.compile(_TAG), re.compile(f"{_TAG}$")


@runtime_checkable
class Reader(Protocol):
    """Reads free words. Public: whoever hears a message can read it so."""

    def read(self, book: Book, text: str, context: str = "") -> Made | None:
        """The move of `book` that `text` makes; `None` for none, several, or in doubt.

        Args:
            book: the moves that could be made.
            text: the words, without a tag.
            context: what was said just before, by another; empty at the beginning.
        """


@dataclass(frozen=True, slots=True)
class Understanding:
    """How messages are understood in an environment.

    Attributes:
        language: `phrases` (the book alone) or `open`.
        pay: of the open language, whether the tag is paid for where there is one, or always the words.
        reader: of words that are no phrases; without one they make no move.
    """

    language: Language = "phrases"
    pay: Pay = "tag"
    reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """What was understood of a message.

    Attributes:
        made: the move that is paid for; `None` for none.
        by: who understood it: `tag`, `phrases`, `reader`, or `None` for nobody.
        tags: what stood in brackets, of what may be done: one, or none, or several, which make no move.
        said: the move that its words make, if any.
        says_else: whether that is another move than its one tag names; `None` where one of them is missing.
    """

    made: Made | None
    by: str | None
    tags: tuple[str, ...]
    said: Made | None
    says_else: bool | None

    @property
    def facts(self) -> dict[str, str | bool | None]:
        """What is recorded of it."""
        return {
            "understood_by": self.by,
            "tag": AND.join(self.tags) or None,
            "said": label(self.said),
            "says_else": self.says_else,
        }


def label(made: Made | None) -> str | None:
    """A move in a word, with its arguments: `answer: plain, box`."""
    if made is None:
        return None
    return ": ".join((made.move, *([", ".join(value for _, value in made.arguments)] if made.arguments else [])))


def tagged(text: str, tag: str | None) -> str:
    """The message that was sent, from its words and its tags as they are recorded."""
    return text if tag is None else " ".join((text, *(f"[{one}]" for one in tag.split(AND)))).lstrip()


def split_tags(text: str, legal: Collection[str]) -> tuple[str, list[str]]:
    """A message without its tags, and these as they stand in `legal`.

    Args:
        text: the message.
        legal: what may be done now, by its tag without brackets.
    """
    found: list[str] = []
    for place in (_FIRST, _LAST):
        while (match := place.match(text) if place is _FIRST else place.search(text)) is not None:
            tag = normal(match[1].strip(" *_`.!?"))
            if tag not in legal:
                break
            found.append(tag)
            text = text[: match.start()] + text[match.end() :]
    return text, found
