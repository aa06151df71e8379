"""The control that judges messages at once: it learns what real replies told, and resumes with the same bits."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.scripted import people
from goldenrule.rewards.base import TRUTH
from goldenrule.rewards.reward_network import RewardNetwork
from goldenrule.training.methods import critic_kindness
from goldenrule.training.methods.critic_kindness import judge, rated_talks, train_critic_kindness
from goldenrule.training.methods.feedback_kindness import score_feedback
from goldenrule.training.ppo import LEFT_OUT


@pytest.fixture(autouse=True)
def few_lessons(monkeypatch):
    monkeypatch.setattr(critic_kindness, "LESSONS", 3)
    monkeypatch.setattr(critic_kindness, "BATCH", 8)


def talks_of(learner, count):
    return learner.world.run_episodes(people("hidden_needs-v0", "corpus")["helper"](), count, "test")


def test_it_learns_what_real_replies_told(make_learner):
    learner = make_learner(knobs={"turns": 2})
    critic, episodes = RewardNetwork(learner.network), talks_of(learner, 48)
    talks = rated_talks(learner, episodes)
    told = np.array([score.value for score in score_feedback(episodes, learner.world)], dtype=float)
    assert {*told[~np.isnan(told)]} == {0.0, 1.0}
    assert [score.value for score in judge(critic, talks)] == pytest.approx([0.0] * len(told))
    errors = [critic.learn(talks) for _ in range(120)]
    assert errors[0] == pytest.approx(float(np.nanmean(told**2)), abs=1e-5)
    assert errors[-1] < errors[0] / 3
    rated = np.array([score.value for score in judge(critic, talks)], dtype=float)
    assert rated[told == 1].mean() > rated[told == 0].mean() + 0.5


def test_it_knows_no_more_than_the_learner_saw(make_learner):
    """Neither the partner's card, nor its reply, nor the truth changes what a message is rated."""
    learner = make_learner(knobs={"turns": 1})
    critic, (episode, *_) = RewardNetwork(learner.network), talks_of(learner, 1)
    for _ in range(5):
        critic.learn(rated_talks(learner, [episode]))
    other = copy.deepcopy(episode)
    other.cards = (other.cards[0], "Another card.")
    other.conversation = type(other.conversation)(
        other.agents,
        other.cards,
        tuple(
            type(m)(m.speaker, "Something else.", m.to) if k == len(other.conversation.messages) - 1 else m
            for k, m in enumerate(other.conversation.messages)
        ),
    )
    for turn in other.turns:
        turn.scores[TRUTH] = 77.0
    assert other.conversation.messages[-1].speaker == 1
    first, second = (judge(critic, rated_talks(learner, [one])) for one in (episode, other))
    assert first == second
    assert first[0].value not in (None, 0.0)


def test_a_message_past_the_context_has_no_rating(make_learner):
    learner = make_learner(knobs={"turns": 3}, context=48)
    scores = judge(RewardNetwork(learner.network), rated_talks(learner, talks_of(learner, 8)))
    assert LEFT_OUT in {score.reason for score in scores}
    assert any(score.value is not None for score in scores)


def test_it_goes_on_from_where_it_was_stopped(make_learner):
    def trained(saved=None):
        few = {"dialogues": 6, "minibatches": 2, "interleave": 4, "replies": 4, "max_new": 5}
        learner = make_learner(corpus=True, updates=3, learning_rate=0.05, **few)
        learner.saved, states = saved, []
        train_critic_kindness(learner, lambda progress: states.append(copy.deepcopy(learner.state(progress.update))))
        return learner, states

    whole, states = trained()
    again, _ = trained(states[0])
    assert weights_hash(again.network) == weights_hash(whole.network)
    for name, tensor in whole.beside.tensors().items():
        assert (again.beside.tensors()[name] == tensor).all(), name
