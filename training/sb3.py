"""RLHF with Stable-Baselines3: the same reward as `rlhf_ppo`, learnt by a library that others maintain and trust.

    R(a) = r(a), a Bradley-Terry model of what annotators prefer
    MaskablePPO (sb3-contrib; Huang & Ontanon 2022, arXiv 2006.14171) over the scenario's candidate messages,
    observing features of the start network; the network itself is not trained.

Departures from SB3's defaults: batches, learning rate, clipping, discount and lambda are the project's own
(`TrainingConfig`), so that baselines differ in the algorithm's implementation and not in its settings.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from goldenrule.agents.base import Agent, AgentError, Seen, ask_reset, needs_candidates
from goldenrule.agents.episode import Turn
from goldenrule.agents.play import ask, seat
from goldenrule.agents.sb3 import ConversationFeatures, PolicyShape, Sb3Agent
from goldenrule.agents.world import World
from goldenrule.common.seeding import derive
from goldenrule.envs.dialogue import ParallelDialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.single_agent import Features
from goldenrule.rewards.base import Reward
from goldenrule.rewards.base import ask as ask_reward
from goldenrule.rewards.wrapper import last_turns
from goldenrule.training.learner import Learner, Progress, Report
from goldenrule.training.methods.rlhf import fit_preferences

_DEALS = 50
"""How often a dialogue that fails before the learner speaks is dealt again."""


def train_rlhf_sb3(learner: Learner, report: Report) -> Sb3Agent:
    """Train an agent on RLHF alone; the learner's network gives features and is left as it is."""
    return train_sb3(learner, fit_preferences(learner), report)


def train_sb3(learner: Learner, reward: Reward, report: Report) -> Sb3Agent:
    """MaskablePPO on any reward that is defined for each message.

    Args:
        learner: world, start network, config and seed.
        reward: to maximise.
        report: told of each update.
    """
    config, world = learner.config, learner.world
    features = ConversationFeatures(copy.deepcopy(learner.network).requires_grad_(False), learner.tokenizer)
    env = DialogueVecEnv(world, config.dialogues, features, reward, derive(learner.seed, "dialogues"))
    scenario = world.env(0).scenario
    shape = PolicyShape(features.size, scenario.n_candidates)
    steps = max(1, scenario.max_turns // len(world.names))  # about a whole dialogue of each slot an update
    rollout = steps * config.dialogues
    with own_globals():
        model = MaskablePPO(
            "MlpPolicy",
            env,
            learning_rate=lambda left: config.learning_rate * (0.1 + 0.9 * left),
            n_steps=steps,
            batch_size=max(2, rollout // config.minibatches),
            gamma=learner.discount,
            gae_lambda=config.gae_lambda,
            clip_range=config.clip,
            policy_kwargs=shape.arguments(),
            seed=derive(learner.seed, "sb3") % 2**32,  # NumPy's global generator takes no more bits
            device="cpu",  # a policy this small is slower elsewhere
        )
        model.learn(config.updates * rollout, callback=_Reporter(config.updates, report))
    learner.messages_asked = env.messages_asked
    return Sb3Agent(model.policy, shape, features)


@contextmanager
def own_globals() -> Iterator[None]:
    """Leave the global random generators as they were found.

    SB3 seeds and draws from the generators of `random`, NumPy and torch. Inside, its seed makes training repeat;
    outside, nobody's draws may depend on whether SB3 has run.
    """
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - saved, not drawn from
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002


class _Reporter(BaseCallback):
    """Reports each update when its rollout is in, with the means of the dialogues that ended in it."""

    def __init__(self, updates: int, report: Report) -> None:
        super().__init__()
        self.updates, self.report, self.update = updates, report, 0
        self.ended: list[dict[str, Any]] = []

    def _on_step(self) -> bool:
        self.ended += [info for info in self.locals["infos"] if "episode" in info]
        return True

    def _on_rollout_end(self) -> None:
        self.update += 1
        finished = [info for info in self.ended if not info["failed"]]
        reward = float(np.mean([info["episode"]["r"] for info in finished])) if finished else None
        truth = float(np.mean([info["truth"] for info in finished])) if finished else None
        failed = len(self.ended) - len(finished)
        # The policy chooses among candidates: it has neither a KL per token nor a prediction loss.
        self.report(Progress(self.update, self.updates, reward, truth, None, None, failed, 0))
        self.ended = []


@dataclass(slots=True, eq=False)
class Dialogue:
    """One slot of the vector and the dialogue now in it.

    Attributes:
        env: its environment, in text mode: the learner chooses, the others speak freely.
        learner: its seat.
        partners: seats of those whose rewards are its truth.
        seeds: of this dialogue and all that follow it in the slot.
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
    seeds: Iterator[int]
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
        self.number, self.seats = number, seats
        self.actions, self.turn, self.failed, self.truncated = {}, None, "", False
        self.steps, self.paid, self.truth = 0, 0.0, 0.0

    @property
    def over(self) -> bool:
        """Whether nothing more will be said."""
        return bool(self.failed) or not self.env.agents

    @property
    def pending(self) -> list[str]:
        """Who speaks in this turn and has not done so yet."""
        names = [self.env.possible_agents[index] for index in self.env.dialogue.waiting]
        return [name for name in names if name not in self.actions]

    @property
    def ready(self) -> bool:
        """Whether the learner is to choose, or the dialogue is over."""
        return self.over or self.env.possible_agents[self.learner] in self.pending

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

    def complete_turn(self) -> None:
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

    def final_info(self, observation: NDArray[np.float32]) -> dict[str, Any]:
        """What SB3 is told of a dialogue that ended, `observation` its last. One that failed was cut, not over."""
        return {
            "terminal_observation": observation,
            "TimeLimit.truncated": self.truncated or bool(self.failed),
            "episode": {"r": self.paid, "l": self.steps, "t": 0.0},
            "truth": self.truth,
            "failed": self.failed,
        }


def _episode_seeds(seed: int) -> Iterator[int]:
    """The seeds of all dialogues of one slot."""
    return (derive(seed, "episode", number) for number in count())


class DialogueVecEnv(VecEnv):
    """Many dialogues as one vectorised environment.

    Dialogues of the native parallel environment advance in lock step: the other seats answer as one batch, and one
    forward pass of the network observes for all of them. SB3's contract holds: a dialogue that ends is dealt anew
    within the same step, its last observation goes into `terminal_observation`, and one that was cut says so in
    `TimeLimit.truncated`.

    Args:
        world: the scenario and who sits in the other seats.
        n_dialogues: how many run side by side.
        features: what the learner observes.
        reward: what each of its messages is worth.
        seed: of every dialogue.

    Attributes:
        messages_asked: messages for which the reward was asked so far.
    """

    def __init__(self, world: World, n_dialogues: int, features: Features, reward: Reward, seed: int) -> None:
        self.world, self.features, self.reward = world, features, reward
        self._name = world.names[world.learner]
        self._others = seat([name for name in world.names if name != self._name], world.others)
        self._dialogues = [
            Dialogue(make(world.scenario, api="parallel", **world.knobs), world.learner, world.partners, iter(()))
            for _ in range(n_dialogues)
        ]
        self._chosen: NDArray[np.int64] = np.zeros(n_dialogues, dtype=np.int64)
        self.messages_asked = 0
        space = Box(-np.inf, np.inf, (features.size,), np.float32)
        super().__init__(n_dialogues, space, Discrete(self._dialogues[0].env.scenario.n_candidates))
        self._seeds = [derive(seed, slot) for slot in range(n_dialogues)]  # until someone calls `seed`

    def reset(self) -> NDArray[np.float32]:
        """Deal every dialogue anew; returns observations [n_dialogues, size]."""
        for dialogue, seed in zip(self._dialogues, self._seeds, strict=True):
            if seed is not None:
                dialogue.seeds = _episode_seeds(seed)
        self._reset_seeds()
        self._reset_options()
        self._deal(self._dialogues)
        return self._observe(self._dialogues)

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Keep the numbers of the chosen candidates [n_dialogues] for `step_wait`."""
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
            infos[number] = self._dialogues[number].final_info(observations[number].copy())
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
            seeds = [next(dialogue.seeds) for dialogue in fresh]
            seats = self._seat(seeds)
            for number, (dialogue, seed) in enumerate(zip(fresh, seeds, strict=True)):
                dialogue.begin(seed, number, seats)
            self._talk(fresh)
            fresh = [dialogue for dialogue in fresh if dialogue.over]
            if not fresh:
                return
        raise RuntimeError(
            f"{self._name} did not get to speak in {_DEALS} dialogues: {fresh[0].failed or 'they ended before'}"
        )

    def _seat(self, seeds: Sequence[int]) -> dict[str, Agent]:
        """Who answers a batch of new dialogues.

        `reset` begins all of an agent's dialogues at once, and others of them may go on: a shallow copy, which shares
        weights but is reset on its own, takes the new ones.
        """
        distinct = {id(agent): copy.copy(agent) for agent in self._others.values()}
        for number, agent in enumerate(distinct.values()):
            ask_reset(agent, [derive(seed, "agent", number) for seed in seeds])
        return {name: distinct[id(agent)] for name, agent in self._others.items()}

    def _talk(self, dialogues: Sequence[Dialogue]) -> None:
        """Let the others speak until every dialogue is over or waits for the learner."""
        while busy := [dialogue for dialogue in dialogues if not dialogue.ready]:
            self._ask_others(busy)
            for dialogue in busy:
                if not dialogue.failed:
                    dialogue.complete_turn()

    def _ask_others(self, dialogues: Sequence[Dialogue]) -> None:
        waiting: dict[int, list[tuple[Dialogue, str]]] = {}
        for dialogue in dialogues:
            for name in dialogue.pending:
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
        """Rewards of the learner's messages [n_dialogues]; PPO cannot learn from a message that has none."""
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

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of each `Dialogue`."""
        return [getattr(self._dialogues[number], attr_name) for number in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of each `Dialogue`."""
        for number in self._get_indices(indices):
            setattr(self._dialogues[number], attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of each `Dialogue`: `action_masks` is the one that MaskablePPO asks for."""
        return [method(*args, **kwargs) for method in self.get_attr(method_name, indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No dialogue is wrapped."""
        return [False for _ in self._get_indices(indices)]
