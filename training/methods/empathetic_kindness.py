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

Controls share every line but who imagines: `oracle` (nobody: the true reward), `shuffled` (the prediction output, for
another conversation of the rollout). `feedback_kindness` imagines nothing.
"""

from __future__ import annotations

from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.kindness import Estimator, Individuals, Kindness
from goldenrule.training.learner import Learner, Report
from goldenrule.training.ppo import train


def train_empathetic_kindness(
    learner: Learner, report: Report, *, estimator: Estimator = "prediction", individuals: Individuals = "addressee"
) -> None:
    """Train a learner to be kind as it predicts others to receive it.

    Args:
        learner: changed in place.
        report: called after each update.
        estimator: `prediction`, or a control: `oracle`, `shuffled`.
        individuals: whose rewards count.
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
    )
    train(learner, lambda episodes: score_episodes(kindness, episodes, learner.me), report)
