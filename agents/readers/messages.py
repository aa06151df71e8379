"""Messages to be read, and those that come labelled with the move they make (`experiments/open_language`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.common.errors import UserError
from goldenrule.envs.scenarios.campsite.language import packages_text

NONE, SEVERAL = "none", "several"
"""Labels of messages that make no move, or more than one."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message to be read.

    Attributes:
        text: its words.
        context: what was said just before.
    """

    text: str
    context: str = ""


def read_messages(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Labelled messages in JSON lines, as `experiments/open_language` describes them.

    Raises:
        UserError: a file cannot be read, or a line lacks `scenario`, `speaker`, `label` or `text`, or holds no text.
    """
    rows = []
    for path in paths:
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{str(path)!r} cannot be read ({error}); expected JSON lines in UTF-8") from None
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                missing = [name for name in ("scenario", "speaker", "label", "text") if name not in row]
                missing += [] if missing or isinstance(row["text"], str) else ["text"]
                if not missing and isinstance(row["label"], dict):
                    move_of(row)
            except KeyError as key:
                missing = [f"{key} in the label"]
            except (ValueError, TypeError):
                missing = ["such object"]
            if missing:
                raise UserError(f"{path}, line {number}: no {missing[0]}; expected scenario, speaker, label and text")
            rows.append(row)
    return rows


def utterances(rows: Sequence[Mapping[str, Any]]) -> list[Utterance]:
    """Labelled messages as they are read."""
    return [Utterance(row["text"], row.get("context") or "") for row in rows]


def move_of(row: Mapping[str, Any]) -> str | None:
    """The move a message is labelled with, such as `company` or a camper's `submit: 2 food, 1 water, 0 firewood`.

    `None` for none, for several and for talk.
    """
    label = row["label"]
    if isinstance(label, str):
        return None if label in (NONE, SEVERAL) else label
    if isinstance(label, Mapping):
        if label["kind"] == "propose":
            return f"submit: {packages_text(tuple(label['mine']))}"
        return None if label["kind"] == "talk" else str(label["kind"])
    return f"need: {' '.join(label)}" if label else None
