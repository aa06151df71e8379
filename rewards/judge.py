"""A language model as a judge: how well off others are with a message, as a number that it writes.

What was judged once is kept, in a file too if one is named, so that the same talk costs nothing again. A judgement that
could not be had, or holds no number of the scale, is none, with the reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from goldenrule.agents.base import AgentError, Completes
from goldenrule.agents.episode import SpeakerTurn
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import find_plugin, model_of
from goldenrule.envs.message import NARRATOR
from goldenrule.rewards.base import Score

QUESTION = (
    "How good is the last message for the one who hears it? Answer with one whole number from 0 (bad) to 10 (good)."
)
MOST = 10
_SCALE = re.compile(r"\b(?:from\s+)?0\s*(?:-|–|to)\s*10\b|(?:/|\bout of)\s*10\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d.,-])(10|[0-9])(?![\d]|[.,]\d)")


class Judge:
    """Asks a language model; a score is its number divided by ten, 0 to 1.

    Args:
        model: `hf:MODEL` or `openai:MODEL@BASE_URL`; it takes the likeliest words.
        question: what it is asked about the last message.
        cache: a file of JSON lines to keep judgements in; only in memory without one.
        per_minute: most requests a minute; as fast as can be if 0.

    Attributes:
        requests: how many the model was asked.

    Raises:
        UserError: the model cannot be had, or is none.
    """

    name = "judge"
    privileged = False

    def __init__(
        self, model: str, question: str = QUESTION, cache: str = "", per_minute: Annotated[int, Field(ge=0)] = 0
    ) -> None:
        if model_of(model) is None:
            raise UserError(f"judge(model={model}) names no language model; expected hf:MODEL or openai:MODEL@BASE_URL")
        self._model: Any = find_plugin("agent", model, {"temperature": 0.0, "max_new": 16}).make()
        assert isinstance(self._model, Completes)
        self.question, self.per_minute, self.requests = question, per_minute, 0
        self._whose, self._next = model, 0.0
        self._file = Path(cache) if cache else None
        self._kept: dict[str, float] = {}
        if self._file is not None:
            self._kept = _kept_in(self._file)

    def score(self, turns: Sequence[SpeakerTurn]) -> list[Score]:
        """A judgement of each message."""
        chats = [self._chat(turn) for turn in turns]
        keys = [hashlib.sha256(json.dumps([self._whose, chat]).encode()).hexdigest() for chat in chats]
        new = {key: chat for key, chat in zip(keys, chats, strict=True) if key not in self._kept}
        failed: dict[str, str] = {}
        for key, answer in zip(new, self._ask([*new.values()]), strict=True):
            given = set() if isinstance(answer, AgentError) else {*_NUMBER.findall(_SCALE.sub("", answer))}
            if len(given) == 1:
                self._keep(key, int(given.pop()) / MOST)
            else:
                said = "no number" if not given else "several numbers"
                failed[key] = str(answer) if isinstance(answer, AgentError) else f"the judge gave {said}: {answer!r}"
        return [Score(None, failed[key]) if key in failed else Score(self._kept[key]) for key in keys]

    def _chat(self, turn: SpeakerTurn) -> list[dict[str, str]]:
        """The talk as its speaker knows it, without its card, and the question."""
        said = [
            f"{'narrator' if one.speaker == NARRATOR else turn.view.agents[one.speaker]}: {' '.join(one.text.split())}"
            for one in (*turn.view.messages, turn.message)
        ]
        talk = "\n".join(said)
        return [{"role": "user", "content": f"{talk}\n\n{self.question}"}]

    def _ask(self, chats: Sequence[list[dict[str, str]]]) -> list[str | AgentError]:
        """What the model answers, in portions that the rate allows."""
        size = self.per_minute or len(chats)
        answers: list[str | AgentError] = []
        for first in range(0, len(chats), size or 1):
            if self.per_minute:
                time.sleep(max(0.0, self._next - time.monotonic()))
            portion = chats[first : first + size]
            answers += self._model.complete(portion)
            self.requests += len(portion)
            self._next = time.monotonic() + 60 * len(portion) / (self.per_minute or 1)
        return answers

    def _keep(self, key: str, value: float) -> None:
        self._kept[key] = value
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "value": value}) + "\n")


def _kept_in(file: Path) -> dict[str, float]:
    """The judgements in a file, which is made if it is not there; a line that a stopped run left half written is none.

    Raises:
        UserError: it cannot be read and written.
    """
    kept: dict[str, float] = {}
    try:
        with file.open("a+", encoding="utf-8") as opened:
            opened.seek(0)
            lines = opened.read().splitlines(keepends=True)
            if lines and not lines[-1].endswith("\n"):
                opened.write("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"judge(cache={file}) cannot be kept ({error}); name a file in a folder that is there"
        ) from None
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            kept[row["key"]] = float(row["value"])
    return kept
