"""One slot of the vectorised environment: a dialogue under way, seen from the learner's seat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenrule.agents.base import Agent, Seen, needs_candidates
from goldenrule.agents.episode import Turn
from goldenrule.envs.dialogue import ParallelDialogueEnv
from goldenrule.envs.message import Message


@dataclass(slots=True, eq=False)
class Dialogue:
    """One slot of the vector and the dialogue now held there.

    Attributes:
        env: its environment, in text mode: the learner chooses, the others speak freely.
        learner: its seat.
        partners: seats of those whose rewards are its truth.
        base: the slot's seed.
        episode: how many dialogues were dealt here.
        number: the dialogue's number in the batch its agents were reset for.
        seats: who sits where.
        actions: what has been said in the turn under way.
        turn: the learner's last message, with what came of it.
        steps, paid, truth: messages of the learner, what they paid, and what its partners really got.
        truncated: whether it was cut rather than over.
        failed: why the dialogue could not go on.
        render_mode: none; SB3 asks for it.
    """

    env: ParallelDialogueEnv
    learner: int
    partners: tuple[int, ...]
    base: int
    episode: int = 0
    number: int = 0
    seats: dict[str, Agent] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    turn: Turn | None = None
    steps: int = 0
    paid: float = 0.0
    truth: float = 0.0
    truncated: bool = False
    failed: str = ""
    render_mode: str | None = None

    def begin(self, seed: int, number: int, seats: dict[str, Agent]) -> None:
        """Deal a new dialogue; nothing of the last one remains."""
        self.env.reset(seed=seed)
        self.number, self.seats, self.episode = number, seats, self.episode + 1
        self.actions, self.turn, self.failed, self.truncated = {}, None, "", False
        self.steps, self.paid, self.truth = 0, 0.0, 0.0

    @property
    def over(self) -> bool:
        """Whether nothing more will be said."""
        return bool(self.failed) or not self.env.agents

    @property
    def silent(self) -> list[str]:
        """Who speaks in this turn and has not yet been heard."""
        names = [self.env.possible_agents[index] for index in self.env.table.waiting]
        return [name for name in names if name not in self.actions]

    @property
    def ready(self) -> bool:
        """Whether the learner is to choose, or the dialogue is over."""
        return self.over or self.env.possible_agents[self.learner] in self.silent

    def candidates(self) -> tuple[str, ...]:
        """What the learner may say now."""
        return self.env.scenario.candidates(self.learner)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which candidates are on offer [n_candidates]."""
        return np.array([bool(text) for text in self.candidates()])

    def choose(self, action: int) -> None:
        """Let the learner say candidate number `action`.

        Raises:
            ValueError: it is not on offer.
        """
        name, offered = self.env.possible_agents[self.learner], self.candidates()
        if not 0 <= action < len(offered) or not offered[action]:
            raise ValueError(f"{name}: candidate {action} is not on offer; see action_masks()")
        self.actions[name] = offered[action]
        self.steps += 1

    def seen(self, name: str) -> Seen:
        """What `name`, whose turn it is, sees."""
        index = self.env.possible_agents.index(name)
        offered = self.env.scenario.candidates(index) if needs_candidates(self.seats[name]) else None
        return Seen(self.number, self.env.table.view(index), offered)

    def hear(self) -> None:
        """Complete the turn under way. A message that cannot be said ends the dialogue as failed."""
        env, table = self.env, self.env.table
        speakers, view, actions = table.waiting, table.view(self.learner), self.actions
        try:
            _, _, _, cut, _ = env.step(actions)
        except ValueError as error:
            self.failed = str(error)
            return
        self.actions = {}
        self.truncated = any(cut.values())
        rewards = table.outcome.rewards
        if self.learner in speakers:
            message = Message(self.learner, actions[env.possible_agents[self.learner]])
            judgement = table.judgement(speakers.index(self.learner))
            self.turn = Turn(message, view, rewards, env.absent_rewards, judgement)
        self.truth += sum(rewards[seat] for seat in self.partners)

    def farewell(self, observation: NDArray[np.float32]) -> dict[str, Any]:
        """What SB3 is told of a dialogue that ended, `observation` its last. One that failed was cut, not over."""
        return {
            "terminal_observation": observation,
            "TimeLimit.truncated": self.truncated or bool(self.failed),
            "episode": {"r": self.paid, "l": self.steps, "t": 0.0},
            "truth": self.truth,
            "failed": self.failed,
        }
