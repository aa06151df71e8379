"""Empathetic Kindness ([T] Algorithms 4/7), and its controls.

For each state s_i of a conversation:
    a_i, p(.|s_i) <- M(s_i);  L_NLL on a_i         the prediction output also predicts me
    s_j   <- s_i + a_i                             the partner's state
    â_j   ~  p(. | s_j)                            the prediction output answers for the partner
    RL: R(â_j) credited to a_i                     -> behaviour, perception, shared
    L_NLL                                          -> prediction, perception, shared

Departures. The prediction output also learns from what the partner *really* answered, and pre-training stays
interleaved: without these the policy learns gibberish that its imagined partner is thankful for (EXPERIMENTS.md). L_NLL
weighs such answers 1, and a_i and openings `training.batches.ASIDE` (0.2): what decides an estimate is the answer. Some
interleaved views are from the partner's seat and show the partner's card (`training.pretraining.corpus`); the state
that a reply is imagined from never does. Further departures, common to all methods, are in `training.ppo`. The sign in
the short form of Algorithm 4 is a misprint: both gradients are descended.

R is the scenario's public reading of the reply, or (`reward=experience`) what the learner has learnt of its own rewards
in the partner's place (`rewards.experience`), before its first update.

Controls share every line but who imagines: `oracle` (nobody: the true reward), `shuffled` (the prediction output, for
another conversation of the rollout). `feedback_kindness` imagines nothing.
"""

from __future__ import annotations

from typing import Literal

from goldenrule.agents.language_model import LanguageModel
from goldenrule.common.seeding import generator
from goldenrule.rewards.base import record_truth, score_episodes
from goldenrule.rewards.experience import Experience
from goldenrule.rewards.kindness import Estimator, Individuals, Kindness, heard_replies
from goldenrule.training.learner import Learner, Report
from goldenrule.training.methods.rlhf import annotated_dialogues
from goldenrule.training.ppo import train

OwnReward = Literal["reading", "experience"]


def train_empathetic_kindness(
    learner: Learner,
    report: Report,
    *,
    estimator: Estimator = "prediction",
    individuals: Individuals = "addressee",
    reward: OwnReward = "reading",
) -> None:
    """Train a learner to be kind as it predicts others to receive it.

    Args:
        learner: changed in place.
        report: called after each update.
        estimator: `prediction`, or a control: `oracle`, `shuffled`.
        individuals: whose rewards count.
        reward: R: the scenario's `reading` of a reply, or one's own `experience` in the other's place.
    """
    world = learner.world
    kindness = Kindness(
        estimator,
        learner.agent,
        world.read,
        world.partners,
        individuals=individuals,
        scenario=world.public_scenario,
        seed=learner.seed,
        reward=None if reward == "reading" else lived_experience(learner),
    )
    train(learner, lambda episodes: score_episodes(kindness, episodes, learner.me), report)


def lived_experience(learner: Learner, dialogues: int = 512) -> Experience:
    """R of one's own: the start network sits in its partners' place, served by many, and is paid its own reward.

    Args:
        learner: at its start.
        dialogues: see `annotated_dialogues`, whose helpers serve it.
    """
    world = learner.world
    myself = LanguageModel(learner.reference, learner.tokenizer, max_new=learner.config.max_new)
    seats = {world.names[seat]: myself for seat in world.partners}
    episodes = [one for one in annotated_dialogues(learner, dialogues, seats) if one.status != "failed"]
    paid = iter(record_truth(episodes, learner.me, world.partners))
    replies = [one for episode in episodes for one in heard_replies(episode, learner.me, world.partners)]
    lived = [(view, reward) for (_, view), reward in zip(replies, paid, strict=True) if view is not None]
    experience = Experience(learner.reference, learner.tokenizer)
    experience.fit(lived, generator(learner.seed, "experience"))
    return experience
