"""Conversations as terminal text. Labels are ours; what was said can never pass for one or move the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from goldenrule.common.text import clean
from goldenrule.envs.message import NARRATOR, Message


def render_ansi(agents: Sequence[str], messages: Iterable[Message]) -> str:
    """The messages, a line each: `speaker -> addressees: text`."""
    lines = []
    for message in messages:
        label = "*" if message.speaker == NARRATOR else agents[message.speaker]
        if message.to is not None:
            label += " -> " + ", ".join(agents[i] for i in message.to)
        lines.append(f"{label}: {clean(message.text)}")
    return "\n".join(lines)
