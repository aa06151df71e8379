"""Naive Kindness ([K] Algorithm 1).

For each state s_i:
    a_i       <- M(s_i)                       my message
    s_j       <- s_i + a_i                    the partner's state
    â_j       <- M(S(s_j))                    my own behaviour policy answers, labels switched
    M         <- R(â_j | s_j)                 my own reading of that answer reinforces a_i

It assumes R_i ~ R_j and pi_i ~ pi_j: the partner wants what I would want.

Departures: the paper scores the answer with RLHF + IRF; here with the public reading of replies (`rewards.kindness`).
It trains "on the target's rewards" without naming an update; this is PPO, with the same KL and interleaving as every
method (`training.ppo`).
"""

from __future__ import annotations

from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.learner import Learner, Report
from goldenrule.training.ppo import train


def train_naive_kindness(learner: Learner, report: Report) -> None:
    """Train a learner to be kind as it would have others be to itself."""
    world = learner.world
    kindness = Kindness("naive", learner.agent, world.read, world.partners, scenario=world.public_scenario)
    train(learner, lambda episodes: score_episodes(kindness, episodes, learner.me), report)
