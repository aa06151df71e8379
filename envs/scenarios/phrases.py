"""How the scenarios read what is said: texts taken apart into sentences, and sentences looked up in phrase tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

_Label = TypeVar("_Label")

_STOPS = re.compile(r"[.!?]+")
_PUNCTUATION = re.compile(r"[^\w\s]")

PUZZLED = ("What do you mean?", "I do not follow.", "Sorry, I cannot understand that.", "Pardon?")
"""What people of every scenario but campsite-v0 say to nonsense."""


def sentences(text: str) -> list[str]:
    """The sentences of `text`, lower case, without punctuation or runs of space."""
    cleaned = [" ".join(_PUNCTUATION.sub(" ", part).split()) for part in _STOPS.split(text.lower())]
    return [part for part in cleaned if part]


def key(phrase: str) -> str:
    """`phrase` as the tables hold it: its sentences in one."""
    return " ".join(sentences(phrase))


def table(phrases: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The label of every phrase, by its `key`; `phrases` has the phrases of each label."""
    return {key(phrase): label for label, group in phrases.items() for phrase in group}


def agreed(text: str, labels: Mapping[str, _Label], ignored: Collection[str] = ()) -> _Label | None:
    """The one label that every sentence of `text` has, those in `ignored` apart.

    `None` for no sentence at all, sentences of several labels, or one that `labels` does not hold.
    """
    found = {labels.get(sentence) for sentence in sentences(text) if sentence not in ignored}
    return found.pop() if len(found) == 1 else None
