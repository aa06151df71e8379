"""hidden_needs-v1: what is dealt, what cards tell, and that words are as exact as those of v0."""

from __future__ import annotations

from collections import Counter

import pytest

from goldenrule.agents.play import play
from goldenrule.agents.scripted import people, person
from goldenrule.envs import check, make
from goldenrule.envs.scenarios.hidden_needs import ACTS
from goldenrule.envs.scenarios.hidden_needs_v1 import CIRCUMSTANCES, NEW_OFFER, NEW_REPLY, SITUATIONS, TROUBLES, WANTS

ID = "hidden_needs-v1"


def talks(count=100, style="default", **knobs):
    envs = [make(ID, **knobs) for _ in range(count)]
    seats = {role: maker() for role, maker in people(ID).items()}
    seats |= {"seeker": person(ID, "seeker_0", style)}
    return envs, play(envs, seats, range(count), strict=True)


def test_the_environment_keeps_its_promises():
    check(lambda: make(ID))
    check(lambda: make(ID, seekers=2, turns=2, cue=0.5, tells=0.5, language="open"))


def test_there_are_several_hundred_situations():
    assert len(TROUBLES) * 10 == len(SITUATIONS) == 120
    assert len(CIRCUMSTANCES) == 12 * 6 * 8
    texts = [text for table in (SITUATIONS, CIRCUMSTANCES) for pair in table.values() for text in pair]
    assert len({*texts}) == len(texts)


@pytest.mark.parametrize("knobs", [{}, {"people": "unseen"}, {"tells": 0.0, "cue": 0.0, "turns": 3, "seekers": 2}])
def test_a_helper_with_common_sense_meets_every_need(knobs):
    envs, episodes = talks(**knobs)
    for env, episode in zip(envs, episodes, strict=True):
        assert [episode.total(seat) for seat in range(1, len(env.possible_agents))] == [1.0] * (
            len(env.possible_agents) - 1
        )
    judgements = [turn.judgement for episode in episodes for turn in episode.turns]
    assert {one.valid for one in judgements} == {True}
    assert {one.faithful for one in judgements} <= {True, None}


def test_a_card_says_the_want_in_plain_words_and_nobody_says_it_unasked():
    envs, episodes = talks(cue=0.0, tells=0.0)
    for env, episode in zip(envs, episodes, strict=True):
        assert f"What you want of a friend now is {WANTS[env.scenario.needs[0]]}." in episode.cards[1]
        told = episode.turns[0].message.text
        assert told in {text for text, _ in SITUATIONS.values()}


def test_similarity_is_the_chance_that_a_seeker_wants_what_the_helper_would():
    for similarity in (0.0, 0.25, 1.0):
        envs, episodes = talks(400, similarity=similarity)
        alike = [WANTS[env.scenario.needs[0]] in e.cards[0] for env, e in zip(envs, episodes, strict=True)]
        assert sum(alike) / 400 == pytest.approx(similarity, abs=0.07)
        assert set(Counter(env.scenario.needs[0] for env in envs)) == {*ACTS}


def test_people_never_met_are_in_situations_and_words_that_nobody_else_has():
    seen, unseen = talks(150), talks(150, "unseen", people="unseen")

    def said(found):
        return {turn.message.text for episode in found[1] for turn in episode.turns if turn.message.speaker == 1}

    def dealt(found, what):
        return {name for env in found[0] for name in getattr(env.scenario, what)}

    assert not said(seen) & said(unseen)
    for what in ("situations", "circumstances"):
        assert dealt(seen, what)
        assert not dealt(seen, what) & dealt(unseen, what)


def test_every_phrase_is_understood_as_what_it_is_for():
    for book in (NEW_OFFER, NEW_REPLY):
        for move in book.moves:
            for text, values in move.ways():
                made = book.understand(text)
                assert (made.move, made.arguments) == (move.name, values)


def test_nobody_thanks_for_what_was_not_wanted():
    env = make(ID, turns=2)
    env.reset(seed=3)
    seeker = person(ID, "seeker_0")
    seeker.reset([0])
    from goldenrule.agents.base import Seen

    def reply():
        return seeker.act([Seen(0, env.dialogue.view(1))])[0].text

    env.step(reply())
    wrong = next(act for act in ACTS if act not in ("ask", env.scenario.needs[0]))
    env.step(NEW_OFFER.texts(wrong)[0])
    assert NEW_REPLY.move_in(reply()) == "refusal"
    assert env.dialogue.outcome.rewards[1] == 0.0
