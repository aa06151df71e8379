"""Scripted campers: they reach fair deals, answer truthfully, and their corpus is varied."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from goldenrule.agents import play
from goldenrule.agents.scripted import people
from goldenrule.agents.scripted.campsite import Camper, CorpusCamper
from goldenrule.common.seeding import generator
from goldenrule.envs import Message, View, make
from goldenrule.envs.scenarios.campsite.dialogue_acts import sense
from goldenrule.envs.scenarios.campsite.language import ASK_HAPPY, ASK_NEED, GRADES, grade, points, rest, submit
from goldenrule.envs.scenarios.campsite.participants import Person

N = 120
PERSON = Person(("water", "firewood", "food"), ("it is hot", "it is cold", "I ate"))
STYLES = (Camper, CorpusCamper)


@pytest.fixture(scope="module")
def talks():
    return {
        style: play(
            [make("campsite-v0") for _ in range(N)],
            {"camper": people("campsite-v0", style)["camper"]()},
            list(range(N)),
            strict=True,
        )
        for style in ("default", "corpus")
    }


def answer(camper, *said):
    view = View(("camper_0", "camper_1"), 1, PERSON.card(), tuple(Message(who, text) for who, text in said))
    return camper().say(view, generator(0, "test"))


@pytest.mark.parametrize("camper", STYLES)
def test_it_tells_what_it_needs_most_when_asked(camper):
    assert answer(camper, (0, ASK_NEED)) == "I need water most, then firewood, then food."


@pytest.mark.parametrize("camper", STYLES)
@pytest.mark.parametrize("mine", [(3, 3, 3), (0, 0, 0), (1, 2, 1), (2, 0, 3)])
@pytest.mark.parametrize("submitter", [0, 1])
def test_its_satisfaction_fits_its_points(camper, mine, submitter):
    deal = submit(mine if submitter == 1 else rest(mine))
    said = [(0, "Hello."), (1, deal), (0, ASK_HAPPY)] if submitter == 1 else [(0, f"{deal}. {ASK_HAPPY}")]
    assert answer(camper, *said) == GRADES[grade(points(PERSON.order, mine))]


def test_without_a_deal_it_says_so():
    assert answer(Camper, (0, ASK_HAPPY)) == "There is no deal yet."


def test_nonsense_puzzles_it():
    assert sense("kind deal of water a then") is False
    assert answer(Camper, (0, "kind deal of water a then")) in (
        "What do you mean?",
        "Sorry, I do not follow.",
        "I do not understand that.",
    )


def test_sensible_campers_agree_on_good_deals_and_are_true_to_their_cards(talks):
    episodes = talks["default"]
    ends = [e.turns[-1].judgement.facts for e in episodes]
    turns = [t.judgement for e in episodes for t in e.turns]
    assert np.mean([f.get("agreement", False) for f in ends]) > 0.95
    assert np.mean([f["pareto"] for f in ends if f.get("agreement")]) > 0.75
    assert min(f["points_0"] for f in ends if f.get("agreement")) > 5
    assert all(j.valid is True for j in turns)
    assert all(j.faithful is not False for j in turns)


def test_the_corpus_hears_every_grade_and_every_end(talks):
    episodes = talks["corpus"]
    turns = [t for e in episodes for t in e.turns]
    grades = Counter(t.message.text for t in turns if t.message.text in GRADES)
    assert set(grades) == set(GRADES)
    assert max(grades.values()) < 6 * min(grades.values())
    kinds = {t.judgement.facts["kind"] for t in turns}
    assert kinds >= {"talk", "submit", "accept", "reject", "walk"}
    assert any(t.judgement.valid is False for t in turns)


def test_half_of_the_tables_of_the_corpus_are_sensible_from_seed_to_end(talks):
    sensible = [
        all(t.judgement.valid is True and t.judgement.faithful is not False for t in e.turns)
        and bool(e.turns[-1].judgement.facts.get("agreement"))
        for e in talks["corpus"]
    ]
    assert 0.45 < np.mean(sensible) < 0.9
    corpus = people("campsite-v0", "corpus")["camper"]
    few = [play([make("campsite-v0") for _ in range(n)], {"camper": corpus()}, list(range(n))) for n in (3, 7)]
    assert [e.conversation for e in few[0]] == [e.conversation for e in few[1][:3]]


def test_messages_are_short_and_varied(talks):
    texts = [t.message.text for e in talks["default"] for t in e.turns]
    assert np.mean([len(t.split()) for t in texts]) < 15
    assert len(set(texts)) > 150


def test_the_same_seed_gives_the_same_talk(talks):
    again = play(
        [make("campsite-v0") for _ in range(5)],
        {"camper": people("campsite-v0", "default")["camper"]()},
        list(range(5)),
        strict=True,
    )
    texts = [[t.message.text for t in e.turns] for e in again]
    assert texts == [[t.message.text for t in e.turns] for e in talks["default"][:5]]
