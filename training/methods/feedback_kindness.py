"""Feedback kindness: the control that listens, to compare simulation with.

For each message a_t of the learner:
    o_{t+1}   the partner's real reply: its next message before the learner speaks again
    RL: R(o_{t+1} | s_j) credited to a_t           -> behaviour, perception, shared

R is the scenario's public reading of a reply, as for the kindness of [K] and [T] (`rewards.kindness`), but nothing is
imagined: neither the reply, nor what must happen before someone absent could answer, nor an answer to a question. A
message has no score where no reply came, or where the reply does not tell.

All else is as in `empathetic_kindness`: the prediction output learns from the same replies, pre-training is
interleaved, and the KL to the start policy is the same. So what the two differ in is what simulation gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from goldenrule.agents.episode import Episode
from goldenrule.agents.world import World
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.rewards.base import Score
from goldenrule.rewards.kindness import addressee, reply_to
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
    scores = []
    for episode in episodes:
        assert episode.conversation is not None
        heard = episode.conversation.seen_by(world.learner)  # its own card, and what it could hear
        places = [k for k, message in enumerate(heard.messages) if message.speaker == world.learner]
        for place, turn in zip(places, episode.turns_of(world.learner), strict=True):
            scores.append(_feedback(heard, place, addressee(turn, world.partners), world.public_scenario))
    return scores


def _feedback(heard: View, place: int, partner: int, scenario: Scenario) -> Score:
    reply = reply_to(heard.messages, place, partner)
    if reply is None:
        return Score(None, NO_REPLY)
    text = heard.messages[reply].text
    value = scenario.read_in(replace(heard, messages=heard.messages[: reply + 1]), partner, text)
    return Score(None, UNREADABLE, note=text) if value is None else Score(value, note=text)
