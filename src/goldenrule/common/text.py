"""Text that is safe to show: no control codes, no endless lines."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

LONGEST = 1200
"""Characters of one text that is shown; the rest stays where it is kept."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)|^(?:(?!<think>).)*?</think>", re.DOTALL)
_BRACKETED = r"[*_`]*\[[^\[\]\n]*\][*_`.!:]*"
_BRACKETS = re.compile(rf"^\s*(?:{_BRACKETED}\s*)+|(?:\s*{_BRACKETED})+\s*$|\s*\[[^\[\]\n]*$")
_QUOTED = re.compile(r"""(?<!\w)(['"])((?:(?!\1)[^\\]|\\.){200,})\1""", re.DOTALL)
"""A long value as `repr` shows it."""


def clean(text: str) -> str:
    """`text` on one line, with control, bidi and other invisible characters shown as `\\u{..}`.

    Zero-width joiners inside emoji are kept; nothing that moves a cursor or reorders text is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c == "\u200d" or (unicodedata.category(c) not in _HIDDEN and (c == " " or not c.isspace() or c == "\u3000"))
        else f"\\u{{{ord(c):x}}}"
        for c in text
    )


def without_thoughts(text: str) -> str:
    """What a model says of what it wrote: without `<think>...</think>`, closed or not, and space around.

    Where thoughts were begun by the prompt, only their end stands in what it wrote.
    """
    return _THOUGHT.sub("", text).strip()


def spoken_words(text: str) -> str:
    """What is said aloud of what a model wrote: no thoughts, and no brackets first or last, where tags are put."""
    return _BRACKETS.sub("", without_thoughts(text)).strip()


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count and what is counted: `1 run`, `2,000 runs`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def several(names: Sequence[str], most: int = 4) -> str:
    """Names with commas between them; of many the first ones, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most] if more > 1 else names) + (f" and {more} more" if more > 1 else "")


def kind_of(value: object) -> str:
    """What a value is, for an error: `None`, `a str`, `an int`."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def typed(value: object) -> str:
    """A value as it is typed for an option: `true`, `0.5`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def visible(value: Any, longest: int = LONGEST) -> str:
    """Any value as one line of at most `longest` characters: `clean`, values that are no text as JSON."""
    plain = value if isinstance(value, str) else str(value) if type(value) is int else None
    text = json.dumps(value, ensure_ascii=False, default=str) if plain is None else plain
    kept = clean(text[:longest])
    return kept if len(text) <= longest else f"{kept} … ({counted(len(text) - longest, 'more character')})"


def shortened(text: str, longest: int = 200) -> str:
    """The beginning of a text that is longer than this, and how much is left out."""
    return text if len(text) <= longest else f"{text[:longest]}... ({counted(len(text) - longest, 'more character')})"


def brief(line: str, longest: int = 1000) -> str:
    """A line for a reader: long values in quotes are shortened, and of what is too long still, the middle.

    What was wrong stands at the beginning of a line, and what to do at its end.
    """
    line = _QUOTED.sub(lambda found: found[1] + shortened(found[2]) + found[1], line)
    if len(line) <= longest:
        return line
    head, tail = longest * 7 // 10, longest * 3 // 10
    return f"{line[:head]}... ({len(line) - head - tail:,} characters left out) ...{line[-tail:]}"
