"""The PettingZoo environments over a scenario: `DialogueEnv` (AEC) and `ParallelDialogueEnv`.

An observation is a dictionary:
    me          Discrete(n)        index of the observing agent
    speaks      Discrete(2)        whether its message is heard now
    role_card   Utterance          its private card
    transcript  Sequence(Dict)     what it has seen: speaker (n = the narrator), text, audience
and in choice mode also `candidates` (texts) and `action_mask`. An action is a text or, where the environment was
made with `private=True`, a dictionary of `text` and `to` (MultiBinary over the agents; all zeros = everyone);
in choice mode it is a candidate's number.

A *turn* is one message. Without `max_cycles` an episode is cut after the scenario's own `max_turns`. With it,
PettingZoo's meaning holds: in AEC a cycle is a turn of every agent; in Parallel it is one step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.env import AECIterable
from pettingzoo.utils.env_logger import EnvLogger

from goldenrule.envs.base_env import BaseDialogueEnv, Observation


class _MadeByReset:
    """An attribute that only `reset` makes: PettingZoo's OrderEnforcingWrapper tells of it in the same words.

    What an instance holds itself goes before such a descriptor. (With a `__getattr__` in its class every attribute of
    an environment would take several times as long to look up, those that exist too.)
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, env: object, owner: type) -> _MadeByReset:
        if env is None:
            return self
        raise AttributeError(f"{self._name} cannot be accessed before reset")


class DialogueEnv(BaseDialogueEnv, AECEnv[str, Any, Any]):
    """A dialogue, turn by turn (AEC). Made by `goldenrule.envs.make`.

    After every turn `rewards` holds what it paid each agent; privileged truth (all cards, judgements, absent
    parties' rewards) is in `dialogue`, never in observations or infos.
    """

    if not TYPE_CHECKING:  # PettingZoo declares their types
        agents, agent_selection, rewards, terminations, truncations, infos = (_MadeByReset() for _ in range(6))

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a new episode. The same seed gives the same episode for the same messages."""
        self.deal(seed)
        self._acted = True
        self.agents = agents = self.possible_agents.copy()
        self.rewards, self._cumulative_rewards = dict.fromkeys(agents, 0.0), dict.fromkeys(agents, 0.0)
        self.terminations, self.truncations = dict.fromkeys(agents, False), dict.fromkeys(agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        self.agent_selection = agents[self.dialogue.waiting[0]]
        if self.render_mode == "human":
            self.render()

    def observe(self, agent: str) -> Observation:
        """What `agent` sees now."""
        if self._rng is None:
            EnvLogger.error_observe_before_reset()
        return self._observe(agent)

    def render(self) -> str | None:
        """`ansi`: the conversation as text. `human`: print what was said since the last call."""
        if self._rng is None:
            EnvLogger.error_render_before_reset()
        return super().render()

    def agent_iter(self, max_iter: int = 2**63) -> AECIterable[str, Any, Any]:
        """The agents as they come to act, until all are done; `step` or `reset` is called for each."""
        if self._rng is None:
            EnvLogger.error_agent_iter_before_reset()
        return _Turns(self, max_iter)

    def step(self, action: Any) -> None:
        """Say `action` as the selected agent.

        Raises:
            ValueError: not an action of this environment. Nothing has changed; another may be tried.
            AssertionError: before `reset`.
        """
        if self._rng is None:
            EnvLogger.error_step_before_reset()
        self._acted, agents = True, self.agents
        if not agents:
            EnvLogger.warn_step_after_terminated_truncated()
            return
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._leave(agent, action)
            return
        text, to = self._read_action(agent, action)
        dialogue = self.dialogue
        complete = dialogue.say(self._index[agent], text, to)
        self._offers.clear()
        paid, outcome, waiting = self._cumulative_rewards, dialogue.outcome, dialogue.waiting
        paid[agent] = 0.0
        rewards = dict(zip(agents, outcome.rewards, strict=True)) if complete else dict.fromkeys(agents, 0.0)
        self.rewards = rewards
        for name, reward in rewards.items():
            paid[name] += reward
        if waiting:
            self.agent_selection = agents[waiting[0]]
        else:
            self.agent_selection = agents[0]
            self.terminations = dict.fromkeys(agents, outcome.done)
            self.truncations = dict.fromkeys(agents, not outcome.done)
        if self.render_mode == "human":
            self.render()

    def _leave(self, agent: str, action: Any) -> None:
        """PettingZoo's `_was_dead_step`, where all are done at the same time and leave in seat order."""
        if action is not None:
            raise ValueError("when an agent is dead, the only valid action is None")
        self.agents.remove(agent)
        for by_agent in (self.terminations, self.truncations, self._cumulative_rewards, self.infos):
            del by_agent[agent]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self.agent_selection = self.agents[0] if self.agents else self.possible_agents[0]


class _Turns(AECIterable[str, Any, Any]):
    """PettingZoo's iteration over agents, with its OrderEnforcingWrapper's check that each of them acts."""

    env: DialogueEnv

    def __iter__(self) -> Iterator[str]:
        env, left = self.env, self.max_iter
        while env.agents and left > 0:
            assert env._acted, "need to call step() or reset() in a loop over `agent_iter`"
            env._acted, left = False, left - 1
            yield env.agent_selection


class ParallelDialogueEnv(BaseDialogueEnv, ParallelEnv[str, Any, Any]):
    """The same dialogue with one step for all agents. Messages of agents whose turn it is not are not heard."""

    agents: list[str] = []  # noqa: RUF012 - nobody, until `reset` gives each environment its own

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begin a new episode; returns observations and infos by agent."""
        self.dialogue.max_turns = math.inf if self.max_cycles else self.max_turns  # or else steps count, not messages
        self.deal(seed)
        self.agents = list(self.possible_agents)
        self._steps = 0
        if self.render_mode == "human":
            self.render()
        return {a: self._observe(a) for a in self.agents}, {a: {} for a in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Take the messages of all whose turn it is; the others' are not heard and may be missing.

        Raises:
            ValueError: a speaker's action is missing or not an action of this environment. Nothing has changed.
        """
        dialogue, agents = self.dialogue, self.agents
        if not agents:
            return {}, {}, {}, {}, {}
        said = []
        for index in dialogue.waiting:
            agent = self.possible_agents[index]
            if agent not in actions:
                raise ValueError(f"{agent}: it is its turn and no action was given; expected one for each speaker")
            said.append((index, *self._read_action(agent, actions[agent])))
        for index, text, to in said:
            dialogue.say(index, text, to)
        self._offers.clear()
        self._steps += 1
        if self._steps == self.max_cycles:
            dialogue.cut()
        if not dialogue.waiting:
            self.agents = []
        done = dialogue.outcome.done
        if self.render_mode == "human":
            self.render()
        return (
            {a: self._observe(a) for a in agents},
            dict(zip(agents, dialogue.outcome.rewards, strict=True)),
            dict.fromkeys(agents, done),
            dict.fromkeys(agents, not done and not dialogue.waiting),
            {a: {} for a in agents},
        )
