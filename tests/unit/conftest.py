"""A small scenario with everything a table can do, for tests of the layers above scenarios."""

from __future__ import annotations

import pytest

from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start


class Panel(Scenario):
    """Three people, each with a secret number worth a point when said; `bye` ends the talk.

    All speak at once, or one after the other. The narrator greets everyone and tells the host, in private, that
    the room is warm. Somebody absent is paid for each message.
    """

    agents = ("host_0", "guest_0", "guest_1")
    absent = ("cook",)
    max_turns = 6
    n_candidates = 4

    def __init__(self, together: bool = True) -> None:
        self.together = self.simultaneous = together

    def reset(self, rng):
        self.numbers = [str(n) for n in rng.choice(900, size=3, replace=False) + 100]
        self.next = 0
        cards = tuple(f"Your number is {n}." for n in self.numbers)
        return Start(cards, (Message(NARRATOR, "Welcome."), Message(NARRATOR, "It is warm.", to=(0,))))

    def speakers(self):
        return (0, 1, 2) if self.together else (self.next,)

    def hear(self, messages):
        said = [m.text for m in messages]
        rewards = tuple(float(any(number in text for text in said)) for number in self.numbers)
        judgements = tuple(Judgement(valid=True, facts={"length": len(text)}) for text in said)
        self.next = (self.next + 1) % 3
        return Outcome(rewards, judgements, absent={"cook": 0.5 * len(said)}, done="bye" in said)

    def candidates(self, agent):
        return (f"I say {self.numbers[agent]}.", "I say nothing.", "", "bye")


@pytest.fixture
def panel() -> type[Panel]:
    return Panel
