"""Conversations as terminal text. Labels are ours; what was said can never pass for one or move the cursor."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from goldenrule.envs.message import NARRATOR, Message

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


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


def render_ansi(agents: Sequence[str], messages: Iterable[Message]) -> str:
    """The messages, a line each: `speaker -> addressees: text`."""
    lines = []
    for message in messages:
        label = "*" if message.speaker == NARRATOR else agents[message.speaker]
        if message.to is not None:
            label += " -> " + ", ".join(agents[i] for i in message.to)
        lines.append(f"{label}: {clean(message.text)}")
    return "\n".join(lines)
