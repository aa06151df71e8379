"""The state of one dialogue in progress, shared by the AEC and the Parallel environment.

Holds the scenario, who has seen what, whose turn it is and what the last turn paid. Knows no PettingZoo.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import (
    Judgement,
    Outcome,
    Scenario,
    checked_outcome,
    checked_speakers,
    checked_start,
)


@functools.lru_cache(maxsize=1024)
def _audience(n_agents: int, speaker: int, to: tuple[int, ...] | None) -> NDArray[np.int8]:
    """A flag for each agent: whether it hears such a message [n_agents]. Shared: to be copied before it is shown."""
    message = Message(speaker, "", to)
    return np.array([message.heard_by(agent) for agent in range(n_agents)], dtype=np.int8)


class DialogueState:
    """One dialogue at a time, turn by turn.

    Attributes:
        cards: each agent's private card, in seat order.
        messages: everything said in this episode, oldest first.
        waiting: who is still to speak in this turn, the next one first; nobody once the talk is over or cut.
        said: the messages of a turn that is not complete, which nobody has heard yet.
        heard: the agents' messages of the last complete turn, in the order of its speakers.
        turns: how many messages of agents were heard.
        outcome: what the last complete turn paid.

    Args:
        scenario: whose dialogue; nobody else may reset it or let it hear messages.
        max_turns: after how many messages of agents an episode is cut.
    """

    def __init__(self, scenario: Scenario, max_turns: float = math.inf) -> None:
        self.scenario, self.max_turns = scenario, max_turns
        self.n_agents = len(scenario.agents)
        self._nothing, self._everyone = Outcome((0.0,) * self.n_agents, ()), _audience(self.n_agents, NARRATOR, None)
        self._begin(("",) * self.n_agents)

    def _begin(self, cards: tuple[str, ...]) -> None:
        self.cards = cards
        self.messages: list[Message] = []
        self.waiting: tuple[int, ...] = ()
        self.heard: tuple[Message, ...] = ()
        self.turns = 0
        self.outcome = self._nothing
        self._outcomes: list[Outcome] = []
        self._seen: list[list[Message]] = [[] for _ in cards]
        self.said: tuple[Message, ...] = ()
        self._before = 0  # messages before the last complete turn

    def reset(self, rng: np.random.Generator) -> None:
        """Deal a new episode; nothing of the last one remains."""
        start = checked_start(self.scenario, self.scenario.reset(rng))
        self._begin(start.cards)
        for message in start.messages:
            self._publish(message)
        self.waiting = checked_speakers(self.scenario, self.scenario.speakers())

    def say(self, speaker: int, text: str, to: tuple[int, ...] | None = None) -> bool:
        """Take the message of `speaker`, who must be next. True once the turn is complete and was judged."""
        said = (*self.said, Message(speaker, text, to))
        self.waiting = self.waiting[1:]
        if self.waiting:
            self.said = said
            return False
        scenario = self.scenario
        self.heard, self.said = said, ()
        if scenario.briefs:
            scenario.context = next((one.text for one in reversed(self.messages) if one.speaker != NARRATOR), "")
            self.heard = tuple([scenario.heard_as(message) for message in said])
        self._before = len(self.messages)
        for message in self.heard:
            self._publish(message)
        self.turns += len(said)
        self.outcome = outcome = checked_outcome(scenario, scenario.hear(said), len(said))
        self._outcomes.append(outcome)
        for message in outcome.messages:
            self._publish(message)
        if not outcome.done and self.turns < self.max_turns:
            self.waiting = checked_speakers(scenario, scenario.speakers())
        return True

    @property
    def status(self) -> str:
        """`terminated` (the talk is over), `truncated` (it was cut) or `running`."""
        if self.outcome.done:
            return "terminated"
        return "running" if self.waiting else "truncated"

    def cut(self) -> None:
        """End the episode here, if the talk is not over."""
        self.waiting = ()

    @property
    def totals(self) -> list[float]:
        """What the episode has paid each agent, in seat order."""
        return [sum(outcome.rewards[agent] for outcome in self._outcomes) for agent in range(self.n_agents)]

    @property
    def absent_totals(self) -> dict[str, float]:
        """What the episode has paid each absent third party."""
        return {name: sum(one.absent.get(name, 0.0) for one in self._outcomes) for name in self.scenario.absent}

    def judgement(self, index: int = 0) -> Judgement:
        """The scenario's judgement of the last turn's message number `index`."""
        return self.outcome.judgements[index]

    def _publish(self, message: Message) -> None:
        self.messages.append(message)
        if message.to is None:
            for seen in self._seen:
                seen.append(message)
            return
        for agent, seen in enumerate(self._seen):
            if message.heard_by(agent):
                seen.append(message)

    def transcript(self, agent: int) -> tuple[dict[str, Any], ...]:
        """What `agent` has seen, as observation entries; fresh containers, so no reader can alter another's."""
        n, everyone = self.n_agents, self._everyone
        return tuple(
            [
                {
                    "speaker": n if m.speaker == NARRATOR else m.speaker,
                    "text": m.text,
                    "audience": (everyone if m.to is None else _audience(n, m.speaker, m.to)).copy(),
                }
                for m in self._seen[agent]
            ]
        )

    def conversation(self) -> Conversation:
        """Everything said so far, with every card: for logs and rewards, not for agents."""
        return Conversation(self.scenario.agents, self.cards, tuple(self.messages))

    def view(self, agent: int) -> View:
        """What `agent` has seen."""
        scenario, seen = self.scenario, tuple(self._seen[agent])
        return View(scenario.agents, agent, self.cards[agent], seen, scenario.briefs, scenario.examples)

    def view_before(self, agent: int) -> View:
        """What `agent` had seen when it spoke in the last complete turn."""
        seen, since = self._seen[agent], 0
        for message in self.messages[self._before :]:
            since += message.to is None or message.heard_by(agent)
        before = tuple(seen[: len(seen) - since])
        scenario = self.scenario
        return View(scenario.agents, agent, self.cards[agent], before, scenario.briefs, scenario.examples)
