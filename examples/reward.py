"""A reward: how warm a message sounds, by its share of warm words.

goldenrule check reward examples.reward:Warmth --set 'words=[thanks, glad]'
goldenrule compare --methods 'untrained,ppo_on(reward=examples.reward:Warmth)' --steps 20
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from goldenrule.agents.episode import SpeakerTurn
from goldenrule.rewards.base import Score

WORDS = ["friend", "glad", "happy", "help", "hope", "kind", "please", "sorry", "thank", "thanks", "welcome"]


class Warmth:
    """The share of a message's words that are warm ones."""

    # What its scores are called. Without privilege it is shown what the speakers knew: their messages and views.
    name = "warmth"
    privileged = False

    def __init__(
        self,
        words: Annotated[list[str], Field(min_length=1, description="warm words, in small letters")] = WORDS,
        scale: Annotated[float, Field(gt=0, description="score of a message of warm words only")] = 1.0,
    ) -> None:
        self.words, self.scale = frozenset(words), scale

    def score(self, turns: Sequence[SpeakerTurn]) -> list[Score]:
        """One score for each turn, in order: finite, or `None` with the reason."""
        return [self._score(turn.message.text) for turn in turns]

    def _score(self, text: str) -> Score:
        said = re.findall(r"\w+", text.lower())
        if not said:
            return Score(None, "no word was said")  # which is not the same as a score of 0
        warm = [word for word in said if word in self.words]
        return Score(self.scale * len(warm) / len(said), note=" ".join(warm))
