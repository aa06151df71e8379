"""The control that listens: scores are the public reading of the real replies."""

from __future__ import annotations

from collections import Counter

import pytest

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.envs.conversation import Conversation
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.rewards.base import record_truth
from goldenrule.training.methods.feedback_kindness import (
    NO_REPLY,
    UNREADABLE,
    score_feedback,
    train_feedback_kindness,
)

NAMES = ("helper_0", "seeker_0", "seeker_1")


def world(scenario="hidden_needs-v0", **knobs):
    makers = people(scenario).items()
    return World(scenario, knobs, {role: make() for role, make in makers}, 0)


def episode(*said, together=1):
    """An episode of (speaker, text, addressees), of which so many at a time are said at the same time."""
    messages = tuple(Message(*one) for one in said)
    talk = Conversation(NAMES, ("mine", "theirs", "another's"), messages)
    before = [messages[: k - k % together] for k in range(len(messages))]
    turns = [
        Turn(m, Conversation(NAMES, talk.cards, before[k]).seen_by(m.speaker), (0.0,) * 3, {}, Judgement())
        for k, m in enumerate(messages)
        if m.speaker != NARRATOR
    ]
    return Episode(0, NAMES, talk.cards, "terminated", turns, talk)


def seeker_words():
    """What seekers really say in thanks, and in refusal."""
    made = world()
    helper = people("hidden_needs-v0", "corpus")["helper"]()
    episodes = made.run_episodes(helper, 60, "words")
    said = [turn.message.text for episode in episodes for turn in episode.turns if turn.message.speaker > 0]
    return tuple(next(text for text in said if made.read(text) == value) for value in (1.0, 0.0))


YES, NO = seeker_words()


def scores_of(*said):
    return score_feedback([episode(*said)], world(seekers=2))


def test_the_next_message_of_whom_it_was_for_is_read():
    first, second = scores_of((1, "Hm."), (0, "Take this."), (1, YES), (2, "Hm."), (0, "And this?"), (2, NO))
    assert (first.value, second.value) == (1.0, 0.0)
    assert (first.note, second.note) == (YES, NO)


def test_who_stays_silent_or_speaks_too_late_or_unclearly_or_unheard_gives_none():
    assert [s.reason for s in scores_of((1, "Hm."), (0, "a"), (0, "b"), (1, YES))] == [NO_REPLY, ""]
    assert scores_of((1, "Hm."), (0, "a"))[0].reason == NO_REPLY
    assert scores_of((1, "Hm."), (0, "a"), (2, YES))[0].reason == NO_REPLY
    assert scores_of((1, "Hm."), (0, "a"), (1, YES, (2,)))[0].reason == NO_REPLY
    unclear = scores_of((1, "Hm."), (0, "a"), (NARRATOR, "It rains."), (1, "Hm hm."))[0]
    assert (unclear.value, unclear.reason, unclear.note) == (None, UNREADABLE, "Hm hm.")


@pytest.mark.parametrize("first", [0, 1])
def test_what_is_said_at_the_same_time_is_no_reply(first):
    rounds = [((0, "a"), (1, "Hm.")), ((0, "b"), (1, YES)), ((0, "c"), (1, NO))]
    said = [message for pair in rounds for message in (pair if first == 0 else pair[::-1])]
    scores = score_feedback([episode(*said, together=2)], world(seekers=2))
    assert [score.value for score in scores] == [1.0, 0.0, None]
    assert scores[-1].reason == NO_REPLY


def test_what_is_told_is_what_is_paid_where_replies_are_honest(make_learner):
    learner = make_learner(knobs={"turns": 3}, dialogues=40)
    episodes = learner.world.run_episodes(people("hidden_needs-v0", "corpus")["helper"](), 40, "test")
    truths = record_truth(episodes, learner.me, learner.world.partners)
    scores = score_feedback(episodes, learner.world)
    told = [(score.value, truth) for score, truth in zip(scores, truths, strict=True) if score.value is not None]
    assert len(told) > 30
    assert all(value == truth for value, truth in told)
    assert {truth for _, truth in told} == {0.0, 1.0}


def test_training_counts_what_was_asked_and_why_there_was_no_score(make_learner):
    learner, reports = make_learner(), []
    train_feedback_kindness(learner, reports.append)
    assert len(reports) == 2
    assert learner.messages_asked > 0
    assert set(learner.unscored_reasons) <= {NO_REPLY, UNREADABLE}
    assert isinstance(learner.unscored_reasons, Counter)
