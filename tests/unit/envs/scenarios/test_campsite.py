"""campsite-v0: who may say what, what it pays, and what is true of it."""

from __future__ import annotations

import pytest

from goldenrule.agents import play
from goldenrule.agents.scripted import people
from goldenrule.common.data import VARIABLE, DataError
from goldenrule.common.seeding import generator
from goldenrule.envs import Message, make, spec
from goldenrule.envs.scenarios.campsite.dialogue_acts import STATE_ORDER, proxy
from goldenrule.envs.scenarios.campsite.language import (
    ASK_NEED,
    GRADES,
    grade,
    parse_deal,
    points,
    read,
    rest,
    stated_needs,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import Person, invent_pair, parse_card

SUBMIT = "Submit-Deal: I get 2 food, 1 water, 0 firewood"


def table(**knobs):
    env = make("campsite-v0", **knobs)
    env.reset(seed=3)
    return env


def say(env, *texts):
    for text in texts:
        env.step(text)
    return env.dialogue.judgement()


def order(env, camper):
    return env.scenario.pair[camper].order


@pytest.mark.parametrize("submitter", [0, 1])
def test_acceptance_pays_both_their_points_and_ends_the_talk(submitter):
    env = table()
    facts = say(env, *["Hello."] * submitter, SUBMIT, "That works for me. Accept-Deal").facts
    mine = (2, 1, 0)
    want = {
        submitter: points(order(env, submitter), mine),
        1 - submitter: points(order(env, 1 - submitter), rest(mine)),
    }
    assert env.dialogue.outcome.rewards == (want[0], want[1])
    assert all(env.terminations.values())
    assert not any(env.truncations.values())
    assert (facts["agreement"], facts["points_0"], facts["joint"]) == (True, want[0], want[0] + want[1])
    assert parse_deal(f"Submit-Deal: I get {facts['deal']}").mine == (mine if submitter == 0 else rest(mine))


def test_walking_away_pays_five_each():
    env = table()
    facts = say(env, SUBMIT, "Then I will leave. Walk-Away").facts
    assert env.dialogue.outcome.rewards == (5.0, 5.0)
    assert all(env.terminations.values())
    assert (facts["agreement"], facts["deal"], facts["pareto"]) == (False, None, False)


def test_the_turn_limit_cuts_the_talk_and_pays_nothing():
    env = table(turns=2)
    say(env, "Hello.", SUBMIT, "Hello.", "Hello.")
    assert all(env.truncations.values())
    assert not any(env.terminations.values())
    assert env.dialogue.totals == [0.0, 0.0]


@pytest.mark.parametrize(
    "before",
    [(), (SUBMIT, "Hello."), (SUBMIT, "Reject-Deal"), (SUBMIT, "Reject-Deal", "Hello.")],
    ids=["nothing pending", "one's own deal", "rejected, by the submitter", "rejected, by the other"],
)
@pytest.mark.parametrize("answer", ["Accept-Deal", "Reject-Deal"])
def test_an_answer_out_of_place_is_invalid_and_changes_nothing(before, answer):
    env = table()
    for text in before:
        env.step(text)
    pending = env.scenario.pending
    judgement = say(env, answer)
    assert judgement.valid is False
    assert judgement.proxy == 0.0
    assert env.scenario.pending == pending
    assert env.dialogue.outcome.rewards == (0.0, 0.0)
    assert not env.dialogue.outcome.done


def test_a_deal_stays_on_the_table_until_it_is_replaced():
    env = table()
    say(env, SUBMIT, "Hello.", "Do we have a deal?")
    assert env.scenario.pending == (0, (2, 1, 0))
    say(env, "Submit-Deal: I get 3 food, 0 water, 1 firewood")
    assert env.scenario.pending == (1, (3, 0, 1))
    say(env, "Accept-Deal")
    assert env.dialogue.outcome.rewards[1] == points(order(env, 1), (3, 0, 1))


@pytest.mark.parametrize(
    "text",
    [
        "Submit-Deal",
        "Submit-Deal: I get 2 food, 1 water",
        "Submit-Deal: I get 2 food, 1 water, 4 firewood",
        "Submit-Deal: I get 2 food, 1 food, 1 water",
        "Submit-Deal: I get -1 food, 1 water, 2 firewood",
        "Submit-Deal: you get 2 food, 1 water, 2 firewood",
        "Submit-Deal: I get 2 food, 1 water, 2 firewood Accept-Deal",
        "I will not Accept-Deal",
        "Accept-Deal. Reject-Deal",
        "Accept-Deals are nice",
    ],
)
def test_a_deal_out_of_form_is_invalid_and_changes_nothing(text):
    env = table()
    say(env, SUBMIT)
    assert say(env, text).valid is False
    assert env.scenario.pending == (0, (2, 1, 0))
    assert not env.dialogue.outcome.done


def test_a_deal_the_other_does_not_hear_is_none():
    env = table(private=True)
    env.step({"text": SUBMIT, "to": [1, 0]})
    assert env.dialogue.judgement().valid is False
    assert env.scenario.pending is None


def test_each_sees_its_own_card_only():
    env = table()
    for i, name in enumerate(env.possible_agents):
        seen = env.observe(name)
        assert seen["role_card"] == env.dialogue.cards[i]
        assert env.dialogue.cards[1 - i] not in str(seen)
        person = parse_card(seen["role_card"])
        assert person.order == order(env, i)
        assert person.card() == seen["role_card"]


def test_candidates_are_as_many_for_both_and_tell_nothing_of_the_other():
    env = table(mode="choice")
    offered = [env.scenario.candidates(i) for i in range(2)]
    assert {len(c) for c in offered} == {env.scenario.n_candidates}
    assert offered[0] == offered[1]
    env.step(offered[0].index(submit((3, 3, 3))))
    answers = [{"Accept-Deal", "Reject-Deal"} & set(env.scenario.candidates(i)) for i in range(2)]
    assert [len(a) for a in answers] == [0, 2]
    spoken = [text for text in env.scenario.candidates(1) if text]
    assert len(spoken) == len(set(spoken))


def test_similarity_is_the_share_of_pairs_with_the_same_needs():
    rng = generator(0, "test")
    for similarity in (0.0, 1.0):
        pairs = [invent_pair(similarity, rng) for _ in range(50)]
        assert {a.order == b.order for a, b in pairs} == {bool(similarity)}


def test_the_speaker_is_held_to_its_card():
    env = table()
    most, then, last = order(env, 0)
    assert say(env, f"I need {most} most, then {then}, then {last}.").faithful is True
    most, then, last = order(env, 1)
    assert say(env, f"My top priority is {last}.").faithful is False
    assert say(env, "Hello.").faithful is None


def test_stated_satisfaction_is_held_to_the_deal_on_the_table():
    env = table()
    say(env, "Submit-Deal: I get 3 food, 3 water, 3 firewood")
    assert say(env, GRADES[4]).faithful is False
    say(env, "Hello.")
    assert say(env, GRADES[0]).faithful is True


def test_accepting_or_asking_for_less_than_walking_away_pays_is_not_faithful():
    env = table()
    assert say(env, "Submit-Deal: I get 0 food, 0 water, 0 firewood").faithful is False
    env = table()
    say(env, "Submit-Deal: I get 3 food, 3 water, 3 firewood")
    assert say(env, "Accept-Deal").faithful is False
    assert env.dialogue.outcome.rewards == (36.0, 0.0)


def test_grades_rise_with_points_and_read_back():
    assert [grade(p) for p in (0, 11, 12, 16, 19, 22, 36)] == [0, 0, 1, 2, 3, 4, 4]
    assert [read(text) for text in GRADES] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Accept-Deal", "Reject-Deal"),
        ("That works for me.", "That does not work for me."),
        ("I am very satisfied.", "I am slightly satisfied."),
        ("I am happy with that, thanks!", "I’m not happy, that is unfair."),
        ("I am slightly dissatisfied. Accept-Deal", "Walk-Away"),
    ],
)
def test_who_is_better_off_sounds_so(better, worse):
    assert read(better) > read(worse)


def test_what_tells_nothing_is_not_read():
    assert read("I need food most, then water, then firewood.") is None
    assert read(SUBMIT) is None


def test_annotators_like_generous_deals_and_kind_words():
    assert proxy(submit((0, 0, 1))) > proxy(submit((3, 2, 3)))
    assert proxy("Thank you, you can have the water.") > proxy("No, never.")
    assert proxy("water a then most what deal of is") == 0.0


@pytest.mark.parametrize("text", ["zxq plrf gnnk", "food kind deal most then a", "???", "水 🙂"])
def test_nonsense_is_invalid(text):
    assert say(table(), text).valid is False


def test_needs_are_read_in_several_forms():
    assert (
        stated_needs("Hi! I NEED water most, then food, then firewood.").top,
        stated_needs("i need food most").last,
    ) == (
        "water",
        None,
    )
    assert stated_needs("My top priority is firewood.").top == "firewood"
    assert stated_needs("Water is my lowest priority").last == "water"
    assert stated_needs("Do you need water?").agrees(("food", "water", "firewood")) is None


def test_the_rules_are_told_when_asked_for():
    env = table(rules=True)
    seen = env.observe("camper_1")["transcript"]
    assert len(seen) == 1
    assert "Submit-Deal: I get 2 food, 1 water, 0 firewood" in seen[0]["text"]


def test_without_the_data_the_human_pool_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"kushalchawla/CaSiNo") as error:
        make("campsite-v0", pool="human")
    assert "\n" not in str(error.value)
    make("campsite-v0").reset(seed=0)


def test_a_card_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not a camper's"):
        parse_card("You are proud.")
    tricky = Person(("food", "water", "firewood"), ("Water: much", "Firewood: ", "see Food: x"))
    assert parse_card(tricky.card()).order == tricky.order


def test_roles_are_seats():
    assert (spec("campsite-v0").learner, spec("campsite-v0").partner) == ("camper_0", "camper_1")


def test_the_end_and_its_points_can_be_read_from_the_talk_alone():
    N = 60
    campers = people("campsite-v0", "corpus")["camper"]()
    talks = play([make("campsite-v0") for _ in range(N)], {"camper": campers}, list(range(N)), strict=True)
    ends = set()
    for talk in talks:
        scenario = table().scenario
        for me in range(2):
            view = talk.conversation.seen_by(me)
            needs = STATE_ORDER.format(*parse_card(talk.cards[1 - me]).order)
            facts = talk.turns[-1].judgement.facts
            assert scenario.read_in(view, 1 - me, needs) == talk.total(1 - me)
            question = scenario.inquiry(view, 1 - me)
            assert (question is not None) == bool(facts.get("agreement"))
            if question is not None:
                ends.add("deal")
                assert scenario.read_in(view, 1 - me, "Who knows?") is None
                assert question.messages[-1] == Message(me, ASK_NEED)
                assert question.messages[:-1] == view.messages[:-1]
            else:
                ends.add(facts["kind"] if facts["kind"] == "walk" else "cut")
    assert ends >= {"deal", "cut"}


def test_both_ends_of_an_order_tell_all_of_it():
    assert stated_needs("I need water most. I need food least.").order == ("water", "firewood", "food")
    assert stated_needs("I need water most.").order is None
    assert stated_needs("I need water most. I need water least.").order is None
