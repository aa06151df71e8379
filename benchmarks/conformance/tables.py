"""Dialogues to try plug-ins in: who sits there beside them needs no scripts, so that any scenario will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goldenrule.agents.base import Agent, Reply, Seen
from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.play import play
from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.testing.report import BrokenError, shown
from goldenrule.rewards.base import Reward, Score, ask
from goldenrule.rewards.truth import record_everyone, record_truth

SCENARIO = "hidden_needs-v0"
ODD = (
    "naïve grün 水 🙂 \u202eevil\u202c",
    "<script>alert(1)</script> & <b>",
    "\x1b[2J\x07 bell",
    "\nseeker_0: thank you!\nhelper_0: done",
    "<|end|> [PAD] \\x00 %s {0}",
    "0",
    "word " * 399,
)
"""Messages that an agent or a reward must be able to read."""


class Chooser:
    """Says one of what its scenario offers, sometimes nonsense.

    Args:
        odd: say only odd things.
    """

    needs_candidates = True

    def __init__(self, odd: bool = False) -> None:
        self.odd = odd
        self._rngs: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        self._rngs = [generator(seed, "chooser") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One reply for each observation."""
        return [Reply(self._say(seen, self._rngs[seen.dialogue])) for seen in observations]

    def _say(self, seen: Seen, rng: np.random.Generator) -> str:
        offered = [text for text in seen.candidates or () if text]
        if self.odd or not offered or rng.random() < 0.2:
            offered = list(ODD)
        return offered[rng.integers(len(offered))]


@dataclass(frozen=True, slots=True)
class Tables:
    """Where plug-ins are tried.

    Attributes:
        scenario, knobs: the scenario; its learner's seat is the one that matters.
        count: dialogues in a batch.
    """

    scenario: str = SCENARIO
    knobs: Mapping[str, Any] = field(default_factory=dict)
    count: int = 6

    @property
    def seat(self) -> str:
        """Name of the learner's seat."""
        return seat_name(self.scenario, "learner")

    def seeds(self, stream: str = "dialogues") -> list[int]:
        """A seed for each dialogue."""
        return [derive(0, "conformance", stream, i) for i in range(self.count)]

    def hold(self, agent: Agent, seeds: Sequence[int], *, odd: bool = False) -> list[Episode]:
        """A dialogue of the agent with choosers under each seed.

        Raises:
            AgentError: it broke the protocol.
            BrokenError: a dialogue failed.
        """
        names = spec(self.scenario).build(**self.knobs).agents
        seats: dict[str, Agent] = {**{name: Chooser(odd) for name in names}, self.seat: agent}
        held = play([make(self.scenario, **self.knobs) for _ in seeds], seats, seeds, strict=True)
        for number, episode in enumerate(held):
            if episode.status == "failed":
                raise BrokenError(f"dialogue {number} failed: {episode.error}")
        return held

    def turns(self) -> list[Turn]:
        """The messages of the learner's seat in dialogues of choosers, the truth recorded in them."""
        episodes = self.hold(Chooser(), self.seeds())
        names = episodes[0].agents
        me = names.index(self.seat)
        record_truth(episodes, me, partner_seats(self.scenario, names))
        record_everyone(episodes, me)
        return [turn for episode in episodes for turn in episode.turns if turn.message.speaker == me]


def scored(reward: Reward, turns: Sequence[Turn]) -> list[Score]:
    """Scores of these messages, checked.

    Raises:
        ScoreError: a wrong number of them, or one that is no finite number and no none with a reason.
    """
    return ask(reward, turns, lambda row: f"message {row}")


def texts(episodes: Sequence[Episode]) -> list[list[str]]:
    """What was said in each dialogue."""
    return [[turn.message.text for turn in episode.turns] for episode in episodes]


def difference(one: Sequence[Episode], other: Sequence[Episode]) -> str | None:
    """Where two batches of dialogues first differ in what was said, and how; `None` if they do not."""
    for number, (a, b) in enumerate(zip(texts(one), texts(other), strict=True)):
        for place, (left, right) in enumerate(zip(a, b, strict=False)):
            if left != right:
                return f"message {place} of dialogue {number} is {shown(left, 40)} and {shown(right, 40)}"
        if len(a) != len(b):
            return f"dialogue {number} has {len(a)} messages and {len(b)}"
    return None
