"""The state of one dialogue in progress, shared by the AEC and the Parallel environment.

Holds the scenario, who has seen what, whose turn it is and what the last turn paid. Knows no PettingZoo.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from typing import Any

import numpy as np

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


class DialogueState:
    """One dialogue at a time, turn by turn.

    Attributes:
        cards: each agent's private card, in seat order.
        messages: everything said in this episode, oldest first.
        heard: the agents' messages of the last complete turn, in the order of its speakers.
        turns: how many messages of agents were heard.
        outcome: what the last complete turn paid.
        totals, absent_totals: what the episode has paid each agent and each absent third party.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.n_agents = len(scenario.agents)
        self._begin(("",) * self.n_agents)

    def _begin(self, cards: tuple[str, ...]) -> None:
        self.cards = cards
        self.messages: list[Message] = []
        self._seen: list[list[dict[str, Any]]] = [[] for _ in cards]
        self._numbers: list[list[int]] = [[] for _ in cards]  # which of the messages each has seen
        self._audiences = np.ones((16, len(cards)), dtype=np.int8)  # a row a message
        self._pending: list[Message] = []
        self._speakers: tuple[int, ...] = ()
        self._before = 0
        self.heard: tuple[Message, ...] = ()
        self.turns = 0
        self.outcome = Outcome((0.0,) * len(cards), ())
        self.totals = [0.0] * len(cards)
        self.absent_totals = dict.fromkeys(self.scenario.absent, 0.0)

    def reset(self, rng: np.random.Generator) -> None:
        """Deal a new episode; nothing of the last one remains."""
        start = checked_start(self.scenario, self.scenario.reset(rng))
        self._begin(start.cards)
        for message in start.messages:
            self._publish(message)
        self._speakers = checked_speakers(self.scenario, self.scenario.speakers())

    @property
    def waiting(self) -> tuple[int, ...]:
        """Who is still to speak in this turn, the next one first; nobody once the talk is over."""
        return self._speakers[len(self._pending) :]

    def say(self, speaker: int, text: str, to: tuple[int, ...] | None = None) -> bool:
        """Take the message of `speaker`, who must be next. True once the turn is complete and was judged."""
        self._pending.append(Message(speaker, text, to))
        if len(self._pending) < len(self._speakers):
            return False
        self.heard, self._pending = tuple(self._pending), []
        self._before = len(self.messages)
        for message in self.heard:
            self._publish(message)
        self.turns += len(self.heard)
        self._settle(checked_outcome(self.scenario, self.scenario.hear(self.heard), len(self.heard)))
        return True

    def _settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        for agent, reward in enumerate(outcome.rewards):
            self.totals[agent] += reward
        for name, reward in outcome.absent.items():
            self.absent_totals[name] += reward
        for message in outcome.messages:
            self._publish(message)
        self._speakers = () if outcome.done else checked_speakers(self.scenario, self.scenario.speakers())

    def judgement(self, index: int = 0) -> Judgement:
        """The scenario's judgement of the last turn's message number `index`."""
        return self.outcome.judgements[index]

    def _publish(self, message: Message) -> None:
        number = len(self.messages)
        self.messages.append(message)
        if number == len(self._audiences):
            self._audiences = np.concatenate([self._audiences, np.ones_like(self._audiences)])
        hearers: Iterable[int] = range(self.n_agents)
        if message.to is not None:
            heard = [message.heard_by(agent) for agent in hearers]
            self._audiences[number] = heard
            hearers = compress(hearers, heard)
        speaker = self.n_agents if message.speaker == NARRATOR else message.speaker
        entry = {"speaker": speaker, "text": message.text}
        for agent in hearers:
            self._seen[agent].append(entry)
            self._numbers[agent].append(number)

    def transcript(self, agent: int) -> tuple[dict[str, Any], ...]:
        """What `agent` has seen, as observation entries; fresh containers, so no reader can alter another's."""
        numbers, count = self._numbers[agent], len(self.messages)
        # A copy, in one go; where the agent has heard everything it need not be picked together.
        audiences = self._audiences[:count].copy() if len(numbers) == count else self._audiences[numbers]
        return tuple([{**entry, "audience": row} for entry, row in zip(self._seen[agent], audiences, strict=True)])

    def conversation(self) -> Conversation:
        """Everything said so far, with every card: for logs and rewards, not for agents."""
        return Conversation(self.scenario.agents, self.cards, tuple(self.messages))

    def view(self, agent: int) -> View:
        """What `agent` has seen."""
        return self._view(agent, self.messages)

    def view_before(self, agent: int) -> View:
        """What `agent` had seen when it spoke in the last complete turn."""
        return self._view(agent, self.messages[: self._before])

    def _view(self, agent: int, messages: list[Message]) -> View:
        heard = tuple([m for m in messages if m.to is None or m.heard_by(agent)])
        return View(self.scenario.agents, agent, self.cards[agent], heard)
