"""Feedback kindness: the control that listens, to compare simulation with.

For each message a_t of the learner:
    o_{t+1}   the partner's real reply: its next message after hearing a_t, before the learner speaks again
    RL: R(o_{t+1} | s_j) credited to a_t           -> behaviour, perception, shared

R is the scenario's public reading of a reply, as for the kindness of [K] and [T] (`rewards.kindness`), but nothing is
imagined: neither the reply, nor what must happen before someone absent could answer, nor an answer to a question. A
message has no score where no reply came, or where the reply does not tell.

All else is as in `empathetic_kindness`: the prediction output learns from the same replies, pre-training is
interleaved, and the KL to the start policy is the same. So what the two differ in is what simulation gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from goldenrule.agents.episode import Episode
from goldenrule.agents.world import World
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.rewards.base import Score
from goldenrule.rewards.kindness import heard_replies
from goldenrule.training.learner import Learner, Report
from goldenrule.training.ppo import train

NO_REPLY, UNREADABLE = "the partner did not reply", "the partner's reply does not tell"


def train_feedback_kindness(learner: Learner, report: Report) -> None:
    """Train a learner to be kind as its partners' real replies tell it."""
    train(learner, lambda episodes: score_feedback(episodes, learner.world), report)


def score_feedback(episodes: Sequence[Episode], world: World) -> list[Score]:
    """What the real reply to each of the learner's messages tells; its note is the reply.

    Args:
        episodes: finished ones.
        world: whose learner and partners.
    """
    me = world.learner  # its own card, and what it could hear
    return [
        _feedback(until, partner, world.public_scenario)
        for episode in episodes
        for partner, until in heard_replies(episode, me, world.partners, me)
    ]


def _feedback(until: View | None, partner: int, scenario: Scenario) -> Score:
    """What the last message of a view tells, which is the partner's reply; `None` where there is no reply."""
    if until is None:
        return Score(None, NO_REPLY)
    text = until.messages[-1].text
    value = scenario.read_in(until, partner, text)
    return Score(None, UNREADABLE, note=text) if value is None else Score(value, note=text)
