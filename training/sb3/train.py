"""RLHF with Stable-Baselines3: the same reward as `ppo`, learnt by a library that others maintain and trust.

    R(a) = r(a), a Bradley-Terry model of what annotators prefer
    MaskablePPO (sb3-contrib; Huang & Ontanon 2022, arXiv 2006.14171) over the scenario's candidate messages,
    observing the start network's state of mind; the network itself is not trained.

Departures from SB3's defaults: batches, learning rate, clipping, discount and lambda are the project's own
(`TrainingConfig`), so that baselines differ in the algorithm's implementation and not in its settings.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback

from goldenrule.agents.sb3 import ConversationFeatures, PolicyShape, Sb3Agent
from goldenrule.common.seeding import derive
from goldenrule.rewards.base import Reward
from goldenrule.training.learner import Learner, Progress, Report
from goldenrule.training.methods.rlhf import fit_preferences
from goldenrule.training.sb3.vec_env import DialogueVecEnv


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
    """Tells of each update when its rollout is in, with what the update before it showed."""

    def __init__(self, updates: int, report: Report) -> None:
        super().__init__()
        self.updates, self.tell, self.update = updates, report, 0
        self.ended: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                paid, truth, failed = info["episode"]["r"], info["truth"], bool(info["failed"])
                self.ended.append({"paid": paid, "truth": truth, "failed": failed})
        return True

    def _on_rollout_end(self) -> None:
        self.update += 1
        whole = [one for one in self.ended if not one["failed"]]
        reward, truth = (float(np.mean([one[k] for one in whole])) if whole else None for k in ("paid", "truth"))
        failed = len(self.ended) - len(whole)
        # The policy chooses among candidates: it has neither a KL per token nor a prediction loss.
        self.tell(Progress(self.update, self.updates, reward, truth, None, None, failed, 0))
        self.ended = []


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
