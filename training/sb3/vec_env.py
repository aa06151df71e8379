"""Many dialogues as one vectorised environment for Stable-Baselines3.

Dialogues of the native parallel environment advance in lock step: the other seats answer as one batch, and one forward
pass of the LM observes for all of them. SB3's contract holds: a dialogue that ends is dealt anew within the same step,
its last observation goes into `terminal_observation`, and one that was cut says so in `TimeLimit.truncated`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from goldenrule.agents.base import Agent, AgentError, Seen, ask_reset, needs_candidates
from goldenrule.agents.episode import Turn
from goldenrule.agents.play import ask, seat
from goldenrule.agents.world import World
from goldenrule.common.seeding import derive
from goldenrule.envs.dialogue import ParallelDialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.single_agent import Features
from goldenrule.rewards.base import Reward
from goldenrule.rewards.base import ask as ask_reward
from goldenrule.rewards.wrapper import last_turns

_DEALS = 50
"""How often a dialogue that fails before the learner speaks is dealt again."""


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
        names = [self.env.possible_agents[index] for index in self.env.dialogue.waiting]
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
        return Seen(self.number, self.env.dialogue.view(index), offered)

    def hear(self) -> None:
        """Complete the turn under way. A message that cannot be said ends the dialogue as failed."""
        try:
            _, _, _, cut, _ = self.env.step(self.actions)
        except ValueError as error:
            self.failed = str(error)
            return
        self.actions = {}
        self.truncated = any(cut.values())
        dialogue = self.env.dialogue
        self.turn = next((turn for turn in last_turns(dialogue) if turn.message.speaker == self.learner), self.turn)
        self.truth += sum(dialogue.outcome.rewards[seat] for seat in self.partners)

    def farewell(self, observation: NDArray[np.float32]) -> dict[str, Any]:
        """What SB3 is told of a dialogue that ended, `observation` its last. One that failed was cut, not over."""
        return {
            "terminal_observation": observation,
            "TimeLimit.truncated": self.truncated or bool(self.failed),
            "episode": {"r": self.paid, "l": self.steps, "t": 0.0},
            "truth": self.truth,
            "failed": self.failed,
        }


class DialogueVecEnv(VecEnv):
    """See the module's first lines.

    Args:
        world: the scenario and who sits in the other seats.
        count: dialogues held side by side.
        features: what the learner observes.
        reward: what each of its messages is worth.
        seed: of every dialogue.

    Attributes:
        messages_asked: messages for which the reward was asked so far.
    """

    def __init__(self, world: World, count: int, features: Features, reward: Reward, seed: int) -> None:
        self.world, self.features, self.reward = world, features, reward
        self._name = world.names[world.learner]
        self._others = seat([name for name in world.names if name != self._name], world.others)
        self._dialogues = [
            Dialogue(
                make(world.scenario, api="parallel", **world.knobs), world.learner, world.partners, derive(seed, slot)
            )
            for slot in range(count)
        ]
        self._chosen: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.messages_asked = 0
        super().__init__(
            count,
            Box(-np.inf, np.inf, (features.size,), np.float32),
            Discrete(self._dialogues[0].env.scenario.n_candidates),
        )

    def reset(self) -> NDArray[np.float32]:
        """Deal every dialogue anew; returns observations [count, size]."""
        for dialogue, seed in zip(self._dialogues, self._seeds, strict=True):
            if seed is not None:  # someone has called `seed`
                dialogue.base, dialogue.episode = seed, 0
        self._reset_seeds()
        self._reset_options()
        self._deal(self._dialogues)
        return self._observe(self._dialogues)

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Keep the numbers of the chosen candidates [count] for `step_wait`."""
        self._chosen = np.asarray(actions)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Say what was chosen and hear the others.

        Returns:
            observations, rewards, whether each dialogue ended, infos.

        Raises:
            ValueError: a candidate that is not on offer was chosen, or a message has no reward.
        """
        for dialogue, action in zip(self._dialogues, self._chosen, strict=True):
            dialogue.choose(int(action))
        self._talk(self._dialogues)
        rewards = self._score()
        observations = self._observe(self._dialogues)
        dones = np.array([dialogue.over for dialogue in self._dialogues])
        infos: list[dict[str, Any]] = [{} for _ in self._dialogues]
        ended = np.flatnonzero(dones)
        for number in ended:
            infos[number] = self._dialogues[number].farewell(observations[number].copy())
        if len(ended):
            fresh = [self._dialogues[number] for number in ended]
            self._deal(fresh)
            observations[ended] = self._observe(fresh)
        return observations, rewards, dones, infos

    def _observe(self, dialogues: Sequence[Dialogue]) -> NDArray[np.float32]:
        return self.features([d.env.dialogue.view(d.learner) for d in dialogues])

    def _deal(self, dialogues: Sequence[Dialogue]) -> None:
        """New dialogues, up to the learner's first turn. One that fails before it is dealt again."""
        fresh = list(dialogues)
        for _ in range(_DEALS):
            seeds = [derive(dialogue.base, "episode", dialogue.episode) for dialogue in fresh]
            seats = self._seat(len(fresh) == self.num_envs, seeds)
            for number, (dialogue, seed) in enumerate(zip(fresh, seeds, strict=True)):
                dialogue.begin(seed, number, seats)
            self._talk(fresh)
            fresh = [dialogue for dialogue in fresh if dialogue.over]
            if not fresh:
                return
        raise RuntimeError(
            f"{self._name} did not get to speak in {_DEALS} dialogues: {fresh[0].failed or 'they ended before'}"
        )

    def _seat(self, everyone: bool, seeds: Sequence[int]) -> dict[str, Agent]:
        """Who answers a batch of new dialogues.

        `reset` begins all of an agent's dialogues at once. While others of its dialogues go on, a shallow copy, which
        shares weights but is reset on its own, takes the new ones.
        """
        distinct = {id(agent): agent for agent in self._others.values()}
        if not everyone:
            distinct = {key: copy.copy(agent) for key, agent in distinct.items()}
        for number, agent in enumerate(distinct.values()):
            ask_reset(agent, [derive(seed, "agent", number) for seed in seeds])
        return {name: distinct[id(agent)] for name, agent in self._others.items()}

    def _talk(self, dialogues: Sequence[Dialogue]) -> None:
        """Let the others speak until every dialogue is over or waits for the learner."""
        while busy := [dialogue for dialogue in dialogues if not dialogue.ready]:
            self._ask_others(busy)
            for dialogue in busy:
                if not dialogue.failed:
                    dialogue.hear()

    def _ask_others(self, dialogues: Sequence[Dialogue]) -> None:
        waiting: dict[int, list[tuple[Dialogue, str]]] = {}
        for dialogue in dialogues:
            for name in dialogue.silent:
                waiting.setdefault(id(dialogue.seats[name]), []).append((dialogue, name))
        for places in waiting.values():
            first, name = places[0]
            replies = ask(first.seats[name], [dialogue.seen(who) for dialogue, who in places])
            for (dialogue, who), reply in zip(places, replies, strict=True):
                if isinstance(reply, Exception):
                    dialogue.failed = str(reply)
                else:
                    dialogue.actions[who] = reply.text

    def _score(self) -> NDArray[np.float32]:
        """The reward of the learner's message in each dialogue [count]; PPO cannot learn from one that has none."""
        turns = []
        for dialogue in self._dialogues:
            if dialogue.turn is None:  # the partner of a simultaneous turn failed, so the learner was not heard
                raise AgentError(f"a turn of {self._name} was not heard: {dialogue.failed}")
            turns.append(dialogue.turn)
        self.messages_asked += len(turns)
        scores = ask_reward(self.reward, turns, lambda row: f"{self._name}, dialogue {row}")
        values = np.zeros(self.num_envs, dtype=np.float32)
        for row, (dialogue, score) in enumerate(zip(self._dialogues, scores, strict=True)):
            if score.value is None:
                raise ValueError(
                    f"reward {self.reward.name!r} has no value for {turns[row].message.text!r} ({score.reason}); "
                    "Stable-Baselines3 needs one for each message: choose a reward that is always defined"
                )
            values[row], dialogue.turn = score.value, None
            dialogue.paid += score.value
        return values

    def close(self) -> None:
        """Nothing is held open."""

    def _targets(self, indices: Any) -> Iterable[Dialogue]:
        return [self._dialogues[number] for number in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of each `Dialogue`."""
        return [getattr(dialogue, attr_name) for dialogue in self._targets(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of each `Dialogue`."""
        for dialogue in self._targets(indices):
            setattr(dialogue, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of each `Dialogue`: `action_masks` is the one that MaskablePPO asks for."""
        return [getattr(dialogue, method_name)(*args, **kwargs) for dialogue in self._targets(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No dialogue is wrapped."""
        return [False for _ in self._targets(indices)]
