"""A reader of free words: the move whose keyword a message holds, if it holds those of one alone.

goldenrule play --scenario hidden_needs-v1 --set language=open --set reader=examples.reader:Keywords
"""

from __future__ import annotations

import re

from goldenrule.envs import Book, Made

KEYWORDS = {
    "ask": "what",
    "hear": "listen",
    "reassure": "fine",
    "advise": "should",
    "inform": "usually",
    "company": "together",
}


class Keywords:
    """Reads offers of help by a keyword each."""

    def __init__(self, keywords: dict[str, str] = KEYWORDS) -> None:
        self.keywords = keywords

    def read(self, book: Book, text: str, context: str = "") -> Made | None:
        """The move of `book` that `text` makes; `None` where it holds no keyword, or those of several moves."""
        said = {*re.findall(r"\w+", text.lower())}
        found = [move for move, word in self.keywords.items() if word in said and move in book.names]
        return Made(found[0], by="reader") if len(found) == 1 else None
