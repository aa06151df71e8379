"""Other human dialogues, as conversations to learn to talk from: who said what, and no more.

Speakers are named `speaker_0`, ..., cards are empty. Ratings, scores and labels of these sets are not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.common.data import DataError, files, folder, has, read_json, read_lines
from goldenrule.envs.conversation import Conversation
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.campsite.casino import load_casino
from goldenrule.envs.scenarios.campsite.participants import clean

Spoken = tuple[Any, str]
"""Who spoke (any label) and what was said."""


def topical_chat(data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """Topical-Chat: two people chat about what they have read."""
    for file in files(folder("topical_chat", data_dir), "topical_chat", "*.json.gz", "*.json"):
        for key, chat in _mapping(read_json(file), file.name).items():
            where = f"{file.name}: {key}"
            turns = _list(_mapping(chat, where).get("content"), "content", where)
            yield from _conversation([(_field(t, "agent", where), _field(t, "message", where)) for t in turns])


def dialop(data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """DialOp: the messages of games in which people decide together. In mediation, one conversation a room."""
    for file in files(folder("dialop", data_dir), "dialop", "*.jsonl.gz", "*.jsonl"):
        for number, game in read_lines(file):
            where = f"{file.name} line {number}"
            rooms: dict[Any, list[Spoken]] = {}
            for action in _list(_mapping(game, where).get("action_log"), "action_log", where):
                if _field(action, "type", where) != "message":
                    continue
                said = _mapping(_field(action, "message", where), where)
                room = action.get("vroom", said.get("virtual_room_id"))
                rooms.setdefault(room, []).append((_field(action, "player", where), _field(said, "data", where)))
            for spoken in rooms.values():
                yield from _conversation(spoken)


def diplomacy_lies(data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """Diplomacy: what two players wrote to each other over a game."""
    for file in files(folder("diplomacy_lies", data_dir), "diplomacy_lies", "*.jsonl.gz", "*.jsonl"):
        for number, game in read_lines(file):
            where = f"{file.name} line {number}"
            messages = _list(_mapping(game, where).get("messages"), "messages", where)
            speakers = _list(game.get("speakers"), "speakers", where)
            if len(messages) != len(speakers):
                raise DataError(
                    f"{where}: {len(messages)} messages and {len(speakers)} speakers; expected as many of each"
                )
            yield from _conversation(list(zip(speakers, messages, strict=True)))


def flightpref(data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """FlightPref: one person tells, round by round, which flight it wants; the other does not speak."""
    for file in files(folder("flightpref", data_dir), "flightpref", "*.json", "*.json.gz"):
        for number, game in enumerate(_list(read_json(file), "the file", file.name)):
            where = f"{file.name}: game {number}"
            rounds = _list(_mapping(game, where).get("rounds"), "rounds", where)
            yield from _conversation([(0, _field(r, "utterance", where)) for r in rounds])


def casino(data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """CaSiNo, with the cards and deal messages of campsite-v0."""
    for dialogue in load_casino(data_dir):
        yield dialogue.conversation()


LOADERS: Mapping[str, Callable[[str | Path | None], Iterator[Conversation]]] = {
    "casino": casino,
    "dialop": dialop,
    "diplomacy_lies": diplomacy_lies,
    "flightpref": flightpref,
    "topical_chat": topical_chat,
}


def available() -> tuple[str, ...]:
    """Names of the dialogue sets that are here."""
    return tuple(name for name in LOADERS if has(name))


def conversations(name: str, data_dir: str | Path | None = None) -> Iterator[Conversation]:
    """The conversations of one dialogue set.

    Raises:
        DataError: no such set, or its data is missing or not as expected.
    """
    if name not in LOADERS:
        raise DataError(f"no dialogue set {name!r}; expected one of {', '.join(LOADERS)}")
    return LOADERS[name](data_dir)


def _conversation(spoken: Sequence[Spoken]) -> Iterator[Conversation]:
    """One conversation, speakers numbered as they first speak; none if nothing was said."""
    seats: dict[Any, int] = {}
    messages = []
    for who, text in spoken:
        kept = clean(text) if isinstance(text, str) else ""
        if kept:
            messages.append(Message(seats.setdefault(who, len(seats)), kept))
    if messages:
        names = tuple(f"speaker_{i}" for i in range(max(2, len(seats))))
        yield Conversation(names, ("",) * len(names), tuple(messages))


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: expected an object, got a {type(value).__name__}")
    return value


def _list(value: Any, what: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{where}: {what} is not a list; fetch the file again")
    return value


def _field(value: Any, key: str, where: str) -> Any:
    found = _mapping(value, where).get(key)
    if found is None:
        raise DataError(f"{where}: a message has no {key}; fetch the file again")
    return found
