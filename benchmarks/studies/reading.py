"""How well a reader of free words takes natural messages for the moves they make.

Messages come labelled (`experiments/open_language` says how). Of those that make a move three figures: the share that
was taken for the right one, of all, of the surest 85 % and of the surest 60 %; and of those that make none, or several,
the share that the reader would have taken for a move.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.agents.readers.embedding import NONE, EmbeddingReader, Utterance
from goldenrule.common.errors import UserError
from goldenrule.envs.scenarios.moves import Book

COVERAGES = (1.0, 0.85, 0.6)
SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message was taken for.

    Attributes:
        label: what it is; `None` for none or several.
        value: the likeliest move; `None` where it has nothing of one.
        confidence: how sure, 0 to 1.
        sure: whether the reader would have taken it for a move.
    """

    label: Any
    value: Any
    confidence: float
    sure: bool


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Labelled messages in JSON lines.

    Raises:
        UserError: the file cannot be read, or a line lacks `scenario`, `speaker`, `label` or `text`.
    """
    rows = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--data {str(path)!r} cannot be read ({error}); expected JSON lines in UTF-8") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            missing = [name for name in ("scenario", "speaker", "label", "text") if name not in row]
        except (ValueError, TypeError):
            missing = ["an object"]
        if missing:
            raise UserError(f"{path}, line {number}: no {missing[0]}; expected scenario, speaker, label and text")
        rows.append(row)
    return rows


def reading_report(rows: Sequence[Mapping[str, Any]], books: Mapping[tuple[str, str], Book]) -> dict[str, Any]:
    """Figures by scenario and seat.

    Args:
        rows: labelled messages.
        books: the moves that messages of a scenario and a speaker make.

    Returns:
        By scenario id and speaker: `n`, `accuracy`, `accuracy_at_0.85`, `accuracy_at_0.6`, `n_without_move` and
        `taken_for_a_move`.
    """
    reader, found = EmbeddingReader(), dict[str, dict[str, Any]]()
    for scenario, speaker in sorted({(str(row["scenario"]), str(row["speaker"])) for row in rows}):
        own = [row for row in rows if (row["scenario"], row["speaker"]) == (scenario, speaker)]
        if (scenario, speaker) in books:
            taken = _taken(reader, books[scenario, speaker], own)
            found.setdefault(scenario, {})[speaker] = figures(taken)
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


def _taken(reader: EmbeddingReader, book: Book, rows: Sequence[Mapping[str, Any]]) -> list[Taken]:
    messages = [Utterance(row["text"], row.get("context") or "") for row in rows]
    labels = [None if row["label"] in (NONE, SEVERAL) else row["label"] for row in rows]
    return [
        Taken(label, None, 0.0, False) if one is None else Taken(label, one.value, one.confidence, one.sure)
        for label, one in zip(labels, reader.readings(book, messages), strict=True)
    ]
