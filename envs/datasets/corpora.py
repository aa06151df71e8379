"""Other human dialogues, as conversations to learn to talk from: who said what, and no more.

Speakers are named `speaker_0`, ..., cards are empty. Ratings, scores and labels of these sets are not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from goldenrule.common.data import DataError, files, folder, has, read_json, read_lines, reading
from goldenrule.envs.conversation import Conversation
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.campsite.casino import load_casino
from goldenrule.envs.scenarios.campsite.participants import clean

Spoken = tuple[Any, Any]
"""Who spoke (any label) and what was said."""


def _topical_chat(chat: Any) -> Iterable[list[Spoken]]:
    """Topical-Chat: two people chat about what they have read."""
    return [[(turn["agent"], turn["message"]) for turn in chat["content"]]]


def _dialop(game: Any) -> Iterable[list[Spoken]]:
    """DialOp: the messages of games in which people decide together. In mediation, one conversation a room."""
    rooms: dict[Any, list[Spoken]] = {}
    for action in game["action_log"]:
        if action["type"] == "message":
            said = action["message"]
            room = action.get("vroom", said.get("virtual_room_id"))
            rooms.setdefault(room, []).append((action["player"], said["data"]))
    return rooms.values()


def _diplomacy_lies(game: Any) -> Iterable[list[Spoken]]:
    """Diplomacy: what two players wrote to each other over a game."""
    return [list(zip(game["speakers"], game["messages"], strict=True))]


def _flightpref(game: Any) -> Iterable[list[Spoken]]:
    """FlightPref: one person tells, round by round, which flight it wants; the other does not speak."""
    return [[(0, one["utterance"]) for one in game["rounds"]]]


_PARSERS: dict[str, Callable[[Any], Iterable[list[Spoken]]]] = {
    "dialop": _dialop,
    "diplomacy_lies": _diplomacy_lies,
    "flightpref": _flightpref,
    "topical_chat": _topical_chat,
}
NAMES = ("casino", *_PARSERS)
"""The dialogue sets that can be read."""


def available() -> tuple[str, ...]:
    """Names of the dialogue sets that are here."""
    return tuple(name for name in NAMES if has(name))


def conversations(name: str, data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """The conversations of one dialogue set; those of CaSiNo with the cards and deal messages of campsite-v0.

    Raises:
        DataError: no such set, or its data is missing or not as expected.
    """
    if name not in NAMES:
        raise DataError(f"no dialogue set {name!r}; expected one of {', '.join(NAMES)}")
    if name == "casino":
        return (dialogue.conversation() for dialogue in load_casino(data_dir))
    return _conversations(name, data_dir)


def _conversations(name: str, data_dir: str | Path | None) -> Iterator[Conversation]:
    for where, record in _records(name, data_dir):
        with reading(where):
            talks = [_conversation(spoken) for spoken in _PARSERS[name](record)]
        yield from (talk for talk in talks if talk.messages)


def _records(name: str, data_dir: str | Path | None) -> Iterator[tuple[str, Any]]:
    """Every dialogue or game of a set's files, and where it is."""
    kind = "jsonl" if name in ("dialop", "diplomacy_lies") else "json"
    for file in files(folder(name, data_dir), name, f"*.{kind}.gz", f"*.{kind}"):
        if kind == "jsonl":
            yield from ((f"{file.name} line {number}", record) for number, record in read_lines(file))
        else:
            content = read_json(file)
            with reading(file.name):
                pairs = list(content.items()) if name == "topical_chat" else [*enumerate(content)]
            yield from ((f"{file.name}: {key}", record) for key, record in pairs)


def _conversation(spoken: Sequence[Spoken]) -> Conversation:
    """One conversation, speakers numbered as they first speak; what is no text or empty is left out."""
    seats: dict[Any, int] = {}
    messages = []
    for who, text in spoken:
        kept = clean(text) if isinstance(text, str) else ""
        if kept:
            messages.append(Message(seats.setdefault(who, len(seats)), kept))
    names = tuple(f"speaker_{i}" for i in range(max(2, len(seats))))
    return Conversation(names, ("",) * len(names), tuple(messages))
