"""A dialogue as one agent lives it: a Gymnasium environment whose action is a candidate's number.

The other seats are taken by whoever is given, so that a library of single-agent algorithms can train on any scenario:
    observation   Box(size)      features of what the agent has seen
    action        Discrete(k)    which candidate to say; `action_masks()` tells which are on offer
    reward        what the turns from this message to the agent's next one pay it
The dialogue itself may be in `choice` or in `text` mode: in the latter the agent still chooses among the scenario's
candidates, while the others speak freely.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from goldenrule.envs.conversation import View
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.dialogue_state import DialogueState

Observation = NDArray[np.float32]
Pay = Callable[[DialogueState, int], float]
"""What the last turn of a dialogue is worth to the agent in a seat."""

_DEALS = 100


class Features(Protocol):
    """What an agent has seen, as numbers.

    Attributes:
        size: how many.
    """

    size: int

    def __call__(self, views: Sequence[View]) -> Observation:
        """Finite features of each view, [len(views), size]."""


class Others(Protocol):
    """Who sits in the other seats."""

    def reset(self, seed: int) -> None:
        """A new dialogue begins; all randomness in it comes from `seed`."""

    def act(self, env: DialogueEnv, agent: str) -> Any:
        """The action of `agent`, whose turn it is in `env`."""


def true_reward(dialogue: DialogueState, seat: int) -> float:
    """The scenario's own reward of the seat."""
    return float(dialogue.outcome.rewards[seat])


class SingleAgentEnv(gymnasium.Env[Observation, np.int64]):
    """See the module's first lines.

    Args:
        env: the dialogue; nobody else may step it.
        agent: whose place this is.
        others: who sits in every other seat.
        features: what the agent observes.
        pay: what each turn is worth to it; its true reward by default.
    """

    def __init__(
        self, env: DialogueEnv, agent: str, others: Others, features: Features, pay: Pay = true_reward
    ) -> None:
        if agent not in env.possible_agents:
            raise ValueError(f"no agent {agent!r} at this table; expected one of {', '.join(env.possible_agents)}")
        self.env, self.agent, self.seat = env, agent, env.possible_agents.index(agent)
        self.others, self.features, self.pay = others, features, pay
        self.metadata, self.render_mode = env.metadata, env.render_mode
        self.observation_space = Box(-np.inf, np.inf, (features.size,), np.float32)
        self.action_space = Discrete(env.scenario.n_candidates)
        self._owed = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Deal a dialogue and let the others talk until it is the agent's turn.

        Raises:
            RuntimeError: the agent never gets to speak.
        """
        super().reset(seed=seed)
        for _ in range(_DEALS):
            self.env.reset(seed=int(self.np_random.integers(2**62)))
            self.others.reset(int(self.np_random.integers(2**62)))
            self._owed = 0.0
            self._let_others_speak()
            if not self._over:
                return self._observe(), {}
        raise RuntimeError(f"{self.agent} did not get to speak in {_DEALS} dialogues; is it the right seat?")

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Say candidate number `action`, then hear the others until it is the agent's turn again or the talk ends.

        Raises:
            ValueError: the candidate is not on offer; nothing has changed, another may be chosen.
            RuntimeError: the dialogue is over; `reset` begins another.
        """
        if self._over:
            raise RuntimeError(f"{self.agent}: the dialogue is over; call reset() first")
        offered = self.candidates()
        if not 0 <= action < len(offered) or not offered[action]:
            raise ValueError(f"{self.agent}: candidate {action} is not on offer; see action_masks()")
        self._speak(int(action) if self.env.mode == "choice" else offered[action])
        self._let_others_speak()
        reward, self._owed = self._owed, 0.0
        env = self.env
        return self._observe(), reward, env.terminations[self.agent], env.truncations[self.agent], {}

    def candidates(self) -> tuple[str, ...]:
        """What the agent may say now; an empty text marks a slot that is not on offer."""
        return self.env.scenario.candidates(self.seat)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which candidates are on offer [n_candidates]; the name is the one sb3-contrib looks for."""
        return np.array([bool(text) for text in self.candidates()])

    def render(self) -> Any:
        """As the dialogue renders."""
        return self.env.render()

    @property
    def _over(self) -> bool:
        env = self.env
        return not env.agents or env.terminations[self.agent] or env.truncations[self.agent]

    def _let_others_speak(self) -> None:
        env = self.env
        while not self._over and env.agent_selection != self.agent:
            self._speak(self.others.act(env, env.agent_selection))

    def _speak(self, action: Any) -> None:
        """Take an action; a turn of several speakers pays once the last of them has spoken."""
        dialogue, before = self.env.dialogue, self.env.dialogue.turns
        self.env.step(action)
        if dialogue.turns > before:
            self._owed += self.pay(dialogue, self.seat)

    def _observe(self) -> Observation:
        return self.features([self.env.dialogue.view(self.seat)])[0]
