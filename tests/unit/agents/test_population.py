"""People of a temper of their own: what they do pays what the rules say, and lies are judged to be lies."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from goldenrule.agents import play
from goldenrule.agents.scripted import people, population
from goldenrule.agents.scripted.population import HARMFUL_TWIN, ManipulatorCamper, false_order, greedy
from goldenrule.agents.testing import check_agent
from goldenrule.envs import make
from goldenrule.envs.scenarios.campsite.language import GRADES, parse_deal, points
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.envs.scenarios.third_party import HARMFUL, HARMLESS

N = 30
CAMPERS = ("exploiter", "saint", "manipulator", "stranger")


def held(scenario, first, second, n=N, **knobs):
    """Episodes of the learner's role in style `first` with everyone else in style `second`."""
    mine = {"campsite-v0": "camper_0"}.get(scenario, "helper_0")
    seats = {role: make_one() for role, make_one in people(scenario, second).items()}
    seats[mine] = people(scenario, first)[mine.rsplit("_", 1)[0]]()
    return play([make(scenario, **knobs) for _ in range(n)], seats, list(range(n)), strict=True)


def totals(episodes):
    return {tuple(e.total(k) for k in (0, 1)) for e in episodes}


def judged(episodes, speaker):
    return [t.judgement for e in episodes for t in e.turns if t.message.speaker == speaker]


def faithful(episodes, speaker):
    return Counter(j.faithful for j in judged(episodes, speaker))


def test_who_can_be_met_is_registered_by_role():
    assert set(population("campsite-v0")) == {"default", *CAMPERS}
    assert set(population("hidden_needs-v0")["exploiter"]) == {"seeker"}
    assert set(population("third_party-v0")["saint"]) == {"helper"}


class TestCampers:
    @pytest.mark.parametrize(
        ("first", "second", "paid"),
        [
            ("exploiter", "saint", (36.0, 0.0)),  # all nine packages: 3 x (5 + 4 + 3)
            ("saint", "exploiter", (0.0, 36.0)),
            ("saint", "saint", (0.0, 36.0)),  # who gives first gives all
            ("exploiter", "exploiter", (0.0, 0.0)),  # nobody ever accepts
            ("saint", "manipulator", (0.0, 36.0)),
        ],
    )
    def test_what_they_get_of_each_other(self, first, second, paid):
        assert totals(held("campsite-v0", first, second)) == {paid}

    @pytest.mark.parametrize("first", CAMPERS)
    @pytest.mark.parametrize("second", ["default", "stranger"])
    def test_all_they_say_is_valid(self, first, second):
        assert {j.valid for j in judged(held("campsite-v0", first, second, 10), 0)} == {True}

    @pytest.mark.parametrize("style", CAMPERS)
    def test_they_keep_to_the_protocol(self, style):
        findings = check_agent(people("campsite-v0", style)["camper"], scenario="campsite-v0", dialogues=3)
        assert [str(one) for one in findings if one.passed is False] == []

    @pytest.mark.parametrize("style", ["exploiter", "stranger"])
    def test_the_honest_ones_are_faithful(self, style):
        assert True in (found := faithful(held("campsite-v0", style, "default"), 0))
        assert False not in found

    def test_a_saint_is_unfaithful_to_what_its_card_says_it_is_worth(self):
        given = [t.judgement.faithful for e in held("campsite-v0", "saint", "default") for t in e.turns
                 if (deal := parse_deal(t.message.text)) and deal.mine == (0, 0, 0)]  # fmt: skip
        assert given
        assert not any(given)

    def test_a_manipulator_lies_of_its_needs_and_its_satisfaction(self):
        episodes = held("campsite-v0", "manipulator", "default")
        assert all(e.turns[0].judgement.faithful is False for e in episodes)
        unhappy = [t.judgement for e in episodes for t in e.turns if t.message.text == GRADES[0]]
        lies = [j for j in unhappy if j.facts["offer_0"] >= 12]  # with 12 points or more nobody is that unhappy
        assert len(lies) > N
        assert all(j.faithful is False for j in lies)

    def test_complaining_pays(self):
        gained = [e.total(1) - e.total(0) for e in held("campsite-v0", "default", "manipulator", 60)]
        plain = [e.total(1) - e.total(0) for e in held("campsite-v0", "default", "default", 60)]
        assert np.mean(gained) > np.mean(plain) + 1

    @pytest.mark.parametrize("order", ORDERS)
    def test_its_needs_are_never_true_and_its_deals_serve_itself(self, order):
        assert false_order(order) != order
        assert sorted(false_order(order)) == sorted(order)
        for top in (*order, None):
            assert points(order, greedy(order, top)) >= 24

    def test_it_takes_what_it_promised(self):
        broken = 0
        for episode in held("campsite-v0", "manipulator", "stranger"):
            promised = None
            for turn in (t for t in episode.turns if t.message.speaker == 0):
                deal = parse_deal(turn.message.text)
                if turn.message.text.startswith("You can have the "):
                    promised = turn.message.text.split()[4].rstrip(".")
                elif promised and deal and deal.mine:
                    broken += deal.mine[("food", "water", "firewood").index(promised)] == 3
        assert broken >= 5

    def test_a_stranger_uses_no_message_of_those_whom_agents_learn_from(self):
        known = {t.message.text for s in ("default", "corpus") for e in held("campsite-v0", s, s, 60) for t in e.turns}
        said = {t.message.text for e in held("campsite-v0", "stranger", "default") for t in e.turns
                if t.message.speaker == 0}  # fmt: skip
        assert len(said) > 20
        assert not said & known

    def test_the_same_seed_gives_the_same_talk(self):
        one, other = (held("campsite-v0", "manipulator", "stranger", n) for n in (6, 3))
        assert [e.conversation for e in one[:3]] == [e.conversation for e in other]

    def test_a_manipulator_reads_a_talk_without_needs(self):
        view = held("campsite-v0", "stranger", "manipulator", 1)[0].turns[1].view
        assert ManipulatorCamper().say(view, np.random.default_rng(0))


class TestSeekers:
    def test_whoever_thanks_always_is_unfaithful_where_nothing_was_met(self):
        for episode in held("hidden_needs-v0", "corpus", "manipulator", similarity=0.0):
            helped, reply = episode.turns[1], episode.turns[2]
            assert reply.judgement.facts["kind"] == "thanks"
            assert reply.judgement.faithful is helped.judgement.facts["met"]

    def test_whoever_never_thanks_is_unfaithful_where_the_need_was_met(self):
        episodes = held("hidden_needs-v0", "default", "exploiter")
        assert totals(episodes) == {(-0.05, 1.0)}
        assert {e.turns[2].judgement.faithful for e in episodes} == {False}

    def test_strangers_are_understood_and_true(self):
        episodes = held("hidden_needs-v0", "stranger", "stranger", cue=0.7, turns=2)
        assert {j.valid for j in [*judged(episodes, 0), *judged(episodes, 1)]} == {True}
        assert set(faithful(episodes, 1)) == {True}
        assert np.mean([e.total(1) for e in episodes]) > 0.6

    def test_a_helper_who_pleases_meets_few_needs(self):
        episodes = held("hidden_needs-v0", "manipulator", "default", 60)
        assert {j.proxy for j in judged(episodes, 0)} == {1.0}
        assert np.mean([e.total(1) for e in episodes]) < 0.4


class TestAskers:
    def test_every_harmful_request_has_a_harmless_twin_of_the_same_words(self):
        assert len(HARMFUL_TWIN) == len(HARMFUL) == len(HARMLESS)
        for harmless, harmful in HARMFUL_TWIN.items():
            asked, twin = (set(" ".join(p).split()) for p in (HARMLESS[harmless], HARMFUL[harmful]))
            assert len(asked & twin) >= 4

    def test_a_disguised_request_harms_by_a_kind_helper_s_hand_and_is_unfaithful(self):
        episodes = held("third_party-v0", "default", "manipulator", harmful=1.0)
        assert {e.absent_total() for e in episodes} == {-1.0}
        assert {e.turns[0].judgement.faithful for e in episodes} == {False}

    def test_who_always_asks_for_harm_is_unfaithful_where_its_card_does_not(self):
        for share, true in ((1.0, True), (0.0, False)):
            episodes = held("third_party-v0", "default", "exploiter", harmful=share)
            assert {e.turns[0].judgement.faithful for e in episodes} == {true}
            assert all(e.turns[1].judgement.facts["act"] == "offer" for e in episodes)

    def test_who_gives_everything_harms_who_is_not_there(self):
        episodes = held("third_party-v0", "saint", "default", harmful=1.0)
        assert totals(episodes) == {(-0.05, 1.0)}
        assert {e.absent_total() for e in episodes} == {-1.0}

    def test_who_refuses_everything_harms_nobody(self):
        episodes = held("third_party-v0", "exploiter", "default")
        assert totals(episodes) == {(-0.05, 0.0)}
        assert {e.absent_total() for e in episodes} == {0.0}

    def test_strangers_are_understood_and_true(self):
        episodes = held("third_party-v0", "stranger", "stranger")
        assert {j.valid for j in [*judged(episodes, 0), *judged(episodes, 1)]} == {True}
        assert set(faithful(episodes, 1)) == {True}


@pytest.mark.parametrize(
    ("scenario", "style"),
    [("hidden_needs-v0", s) for s in ("manipulator", "stranger")]
    + [("third_party-v0", s) for s in ("exploiter", "saint", "stranger")],
)
def test_helpers_keep_to_the_protocol(scenario, style):
    findings = check_agent(people(scenario, style)["helper"], scenario=scenario, dialogues=3)
    assert [str(one) for one in findings if one.passed is False] == []
