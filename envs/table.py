"""The table: one dialogue in progress, shared by the AEC and the Parallel environment.

Holds the scenario, who has seen what, whose turn it is and what the last turn paid. Knows no PettingZoo.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario


class Table:
    """One dialogue at a time, turn by turn."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.n_agents = len(scenario.agents)
        self._everyone = np.ones(self.n_agents, dtype=np.int8)
        self._begin(("",) * self.n_agents)

    def _begin(self, cards: tuple[str, ...]) -> None:
        self.cards = cards
        self.messages: list[Message] = []
        self._seen: list[list[dict[str, Any]]] = [[] for _ in cards]
        self._audiences: dict[tuple[int, tuple[int, ...]], np.ndarray[Any, Any]] = {}
        self._pending: list[Message] = []
        self.turns = 0
        self.outcome = Outcome((0.0,) * len(cards), ())
        self.totals = [0.0] * len(cards)
        self.absent_totals = dict.fromkeys(self.scenario.absent, 0.0)

    def reset(self, rng: np.random.Generator) -> None:
        """Deal a new episode; nothing of the last one remains."""
        start = self.scenario.reset(rng)
        self._begin(start.cards)
        for message in start.messages:
            self._publish(message)
        self._speakers = self.scenario.speakers()

    @property
    def waiting(self) -> tuple[int, ...]:
        """Who is still to speak in this turn; the first of them is next."""
        return self._speakers[len(self._pending) :]

    def say(self, speaker: int, text: str, to: tuple[int, ...] | None = None) -> bool:
        """Take the message of `speaker`, who must be next. True once the turn is complete and was judged."""
        self._pending.append(Message(speaker, text, to))
        if len(self._pending) < len(self._speakers):
            return False
        heard, self._pending = tuple(self._pending), []
        for message in heard:
            self._publish(message)
        self.turns += len(heard)
        self._settle(self.scenario.hear(heard))
        return True

    def _settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        for agent, reward in enumerate(outcome.rewards):
            self.totals[agent] += reward
        for name, reward in outcome.absent.items():
            self.absent_totals[name] += reward
        for message in outcome.messages:
            self._publish(message)
        if not outcome.done:
            self._speakers = self.scenario.speakers()

    def judgement(self, index: int = 0) -> Judgement:
        """The scenario's judgement of the last turn's message number `index`."""
        return self.outcome.judgements[index]

    def _publish(self, message: Message) -> None:
        self.messages.append(message)
        entry = {
            "speaker": self.n_agents if message.speaker == NARRATOR else message.speaker,
            "text": message.text,
            "audience": self._audience(message),
        }
        for agent in range(self.n_agents):
            if message.to is None or message.heard_by(agent):
                self._seen[agent].append(entry)

    def _audience(self, message: Message) -> np.ndarray[Any, Any]:
        if message.to is None:
            return self._everyone
        key = (message.speaker, message.to)
        if key not in self._audiences:
            self._audiences[key] = np.array(
                [message.heard_by(agent) for agent in range(self.n_agents)], dtype=np.int8
            )
        return self._audiences[key]

    def transcript(self, agent: int) -> tuple[dict[str, Any], ...]:
        """What `agent` has seen, as observation entries; fresh containers, so no reader can alter another's."""
        return tuple([{**entry, "audience": entry["audience"].copy()} for entry in self._seen[agent]])

    def conversation(self) -> Conversation:
        """Everything said so far, with every card: for logs and rewards, not for agents."""
        return Conversation(self.scenario.agents, self.cards, tuple(self.messages))

    def view(self, agent: int) -> View:
        """What `agent` has seen."""
        return self.conversation().seen_by(agent)
