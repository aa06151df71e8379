"""Fine-tuning with PPO on RLHF: the baseline ([T] Algorithms 2/6).

For each prompt s_i:
    a_i, â_i <- M(s_i)
    reward   R(a_i) = r(a_i), a Bradley-Terry model of what annotators prefer
    PPO on R(a_i)               -> behaviour, perception, shared
    NLL of p on a_i             -> prediction, perception, shared

Departures: the reward model is fitted before training, to preferences between messages of scripted people and of the
start network, nonsense included (`annotators`), and stays fixed. Interleaved pre-training and the KL term are the same
as for every other method (`policy_update`).
"""

from __future__ import annotations

from goldenrule.common.seeding import generator
from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.rlhf import PreferenceModel, annotate
from goldenrule.training.learner import Learner, Report
from goldenrule.training.loop import train
from goldenrule.training.methods.annotators import shown_dialogues


def fit_preferences(learner: Learner, dialogues: int = 512, pairs: int = 8000) -> PreferenceModel:
    """A reward model from annotators of this scenario, on features of the start network.

    Args:
        learner: at its start.
        dialogues: see `shown_dialogues`.
        pairs: how many pairs of messages they compare.
    """
    preferences = annotate(
        shown_dialogues(learner, dialogues), learner.me, pairs, generator(learner.seed, "annotators")
    )
    model = PreferenceModel(learner.network, learner.tokenizer)
    model.fit(preferences, generator(learner.seed, "reward model"))
    return model


def train_rlhf_ppo(learner: Learner, report: Report) -> None:
    """Train a learner on RLHF alone."""
    rlhf = fit_preferences(learner)
    train(learner, lambda episodes: score_episodes(rlhf, episodes, learner.me), rlhf.name, report)
