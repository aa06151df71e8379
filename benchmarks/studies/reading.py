"""How well a reader of free words takes natural messages for the moves they make.

Messages come labelled (`experiments/open_language` says how). Of those that make a move three figures: the share that
was taken for the right one, of all, of the surest 85 % and of the surest 60 %; and of those that make none, or several,
the share that the reader would have taken for a move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.agents.readers.embedding import EmbeddingReader, Reading
from goldenrule.agents.readers.fit import BOOKS
from goldenrule.agents.readers.messages import move_of, utterances
from goldenrule.common.errors import UserError
from goldenrule.common.text import several
from goldenrule.envs.scenarios.campsite.language import DEALS
from goldenrule.envs.scenarios.campsite.scenario import NEEDS
from goldenrule.envs.scenarios.moves import Book

COVERAGES = (1.0, 0.85, 0.6)
READABLE: dict[tuple[str, str], Sequence[Book]] = {
    **{speaker: (book,) for speaker, book in BOOKS.items()},
    **{("hidden_needs-v1", seat): (BOOKS["hidden_needs-v0", seat],) for seat in ("helper", "seeker")},
    ("campsite-v0", "camper"): (DEALS, NEEDS),
}
"""The moves that messages of a scenario and a speaker make; of several books, the surest reading counts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message was taken for.

    Attributes:
        label: what it is; `None` for none or several.
        value: the likeliest move; empty where it has nothing of one.
        confidence: how sure, 0 to 1.
        sure: whether the reader would have taken it for a move.
    """

    label: str | None
    value: str
    confidence: float
    sure: bool


def reading_report(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures by scenario and seat.

    Args:
        rows: labelled messages.

    Returns:
        By scenario id and speaker: `n`, `accuracy`, `accuracy_at_0.85`, `accuracy_at_0.6`, `n_without_move` and
        `taken_for_a_move`.

    Raises:
        UserError: some are of a seat that no reader was fitted to, or the extra `open` is not installed.
    """
    seats = sorted({(str(row["scenario"]), str(row["speaker"])) for row in rows})
    if unknown := [f"{scenario} {speaker}" for scenario, speaker in seats if (scenario, speaker) not in READABLE]:
        known = ", ".join(f"{scenario} {speaker}" for scenario, speaker in READABLE)
        raise UserError(f"no reader was fitted to messages of {several(unknown)}; expected some of {known}")
    reader, found = EmbeddingReader(), dict[str, dict[str, Any]]()
    for scenario, speaker in seats:
        own = [row for row in rows if (row["scenario"], row["speaker"]) == (scenario, speaker)]
        found.setdefault(scenario, {})[speaker] = figures(_taken(reader, READABLE[scenario, speaker], own))
    return found


def figures(taken: Sequence[Taken]) -> dict[str, Any]:
    """The figures of one seat; none where there are no such messages."""
    moves = sorted((one for one in taken if one.label is not None), key=lambda one: -one.confidence)
    others = [one for one in taken if one.label is None]
    told: dict[str, Any] = {"n": len(moves)}
    for coverage in COVERAGES:
        kept = moves[: round(coverage * len(moves))]
        name = "accuracy" if coverage == 1 else f"accuracy_at_{coverage:g}"
        told[name] = sum(one.value == one.label for one in kept) / len(kept) if kept else None
    told["n_without_move"] = len(others)
    told["taken_for_a_move"] = sum(one.sure for one in others) / len(others) if others else None
    return told


def _taken(reader: EmbeddingReader, books: Sequence[Book], rows: Sequence[Mapping[str, Any]]) -> list[Taken]:
    readings = zip(*(reader.readings(book, utterances(rows)) for book in books), strict=True)
    return [
        Taken(label, one.value, one.confidence, one.sure)
        for label, one in zip(map(move_of, rows), map(_surest, readings), strict=True)
    ]


def _surest(readings: Sequence[Reading | None]) -> Reading:
    return max(
        (one for one in readings if one is not None), key=lambda one: one.confidence, default=Reading("", 0.0, False)
    )
