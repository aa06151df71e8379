"""Kindness with minds that only note what they are asked; truth."""

from __future__ import annotations

import pytest

from goldenrule.agents import Episode, Turn
from goldenrule.envs import Message, View, make
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.envs.scenarios.campsite.language import ASK_NEED
from goldenrule.rewards.base import EVERYONE, TRUTH, record_everyone, record_truth
from goldenrule.rewards.kindness import Kindness, addressee, talks_of

NAMES = ("me_0", "friend_0", "friend_1")
ME, FRIEND, OTHER = range(3)


class Mind:
    """Notes who was asked to be whom in which place; its answer names the seat and quotes the last message."""

    def __init__(self):
        self.spoke, self.simulated = [], []

    def speak(self, views):
        self.spoke += views
        return [f"speak as {v.me}: {v.messages[-1].text}" for v in views]

    def simulate(self, views, as_agent):
        self.simulated += zip(views, as_agent, strict=True)
        return [f"simulate {j}: {v.messages[-1].text}" for v, j in zip(views, as_agent, strict=True)]


def read(reply):
    """The number a reply ends with, hundredfold for the second friend; nothing for other endings."""
    number = reply.rsplit(" ", 1)[-1]
    return (100.0 if reply.startswith("simulate 2") else 1.0) * float(number) if number.isdigit() else None


def turn(text, rewards=(0.0, 0.0, 0.0), absent=None, speaker=ME):
    secret = Message(FRIEND, "Only between us.", to=(OTHER,))
    heard = (Message(FRIEND, "Hello."), Message(OTHER, "For me alone.", to=(ME,)), secret)
    view = View(NAMES, speaker, f"Card of {speaker}.", tuple(m for m in heard if m.heard_by(speaker)))
    return Turn(Message(speaker, text), view, rewards, absent or {}, Judgement())


def values(scores):
    return [score.value for score in scores]


def test_naive_puts_me_in_the_partners_shoes_with_my_own_card():
    mind = Mind()
    scores = Kindness("naive", mind, read, FRIEND).score([turn("I say 3"), turn("I say 5")])
    assert values(scores) == [3.0, 5.0]
    assert [score.note for score in scores] == ["speak as 1: I say 3", "speak as 1: I say 5"]
    assert mind.simulated == []
    for place, text in zip(mind.spoke, ("I say 3", "I say 5"), strict=True):
        assert (place.me, place.card) == (FRIEND, f"Card of {ME}.")
        assert [m.text for m in place.messages] == ["Hello.", text]  # not what only others heard


def test_prediction_simulates_the_partner_from_my_own_place():
    mind = Mind()
    scores = Kindness("prediction", mind, read, FRIEND).score([turn("I say 3")])
    assert values(scores) == [3.0]
    assert mind.spoke == []
    ((view, whom),) = mind.simulated
    assert (view.me, view.card, whom) == (ME, f"Card of {ME}.", FRIEND)
    assert [m.text for m in view.messages] == ["Hello.", "For me alone.", "I say 3"]


@pytest.mark.parametrize("estimator", ["naive", "prediction"])
def test_a_reply_that_does_not_tell_is_none_with_a_reason_and_a_note(estimator):
    unread, told = Kindness(estimator, Mind(), read, FRIEND).score([turn("I mumble"), turn("I say 0")])
    assert unread.value is None
    assert unread.reason == "the imagined reply does not tell"
    assert "I mumble" in unread.note
    assert (told.value, told.reason) == (0.0, "")


def test_known_individuals_add_up_and_one_who_does_not_tell_spoils_the_sum():
    mind = Mind()
    kindness = Kindness("prediction", mind, read, FRIEND, individuals="known")
    assert values(kindness.score([turn("I say 3"), turn("I say 4")])) == [303.0, 404.0]
    assert [whom for _, whom in mind.simulated] == [FRIEND, OTHER] * 2
    partly = Kindness("prediction", mind, lambda r: read(r) if "simulate 1" in r else None, FRIEND, individuals="known")
    assert values(partly.score([turn("I say 3")])) == [None]


class Return:
    """A scenario in which the second friend first comes back, and counts double."""

    def stage(self, view, agent):
        return (Message(-1, "The door opens 6"),) if agent == OTHER else ()

    def inquiry(self, view, agent):
        return None

    def read_in(self, view, agent, text):
        return (1.0 + (agent == OTHER)) * float(text.rsplit(" ", 1)[-1])


def test_what_must_happen_before_someone_absent_answers_is_imagined_too():
    mind = Mind()
    kindness = Kindness("prediction", mind, read, FRIEND, individuals="known", scenario=Return())
    assert values(kindness.score([turn("I say 3")])) == [3.0 + 2 * 6.0]
    assert [view.messages[-1].text for view, _ in mind.simulated] == ["I say 3", "The door opens 6"]


class Camper(Mind):
    """Accepts any deal, and needs firewood most."""

    def simulate(self, views, as_agent):
        super().simulate(views, as_agent)
        asked = [view.messages[-1].text == ASK_NEED for view in views]
        return ["I need firewood most, then food, then water." if a else "Okay, good. Accept-Deal" for a in asked]

    def speak(self, views):
        return ["I need water most, then food, then firewood."] * len(views)


OFFER = "Submit-Deal: I get 3 food, 0 water, 1 firewood"
LEFT = 5.0 * 2 + 3.0 * 3  # firewood and water


@pytest.mark.parametrize(
    ("said", "mine", "worth", "questions"),
    [
        ([], "Hello.", 0.0, 0),  # an acceptance of nothing pays nothing
        ([], OFFER, LEFT, 1),
        ([(1, OFFER)], "Accept-Deal", 5.0 * 1 + 4.0 * 3, 1),
        ([(0, OFFER), (1, "Reject-Deal")], "And now?", 0.0, 0),
        ([(1, OFFER)], "I must go. Walk-Away", 5.0, 0),
    ],
)
def test_what_a_deal_pays_the_partner_follows_from_the_needs_it_tells_in_imagination(said, mine, worth, questions):
    view = View(("camper_0", "camper_1"), 0, "A card.", tuple(Message(who, text) for who, text in said))
    mind, scenario = Camper(), make("campsite-v0").scenario
    (score,) = Kindness("prediction", mind, scenario.read, 1, scenario=scenario).score(
        [Turn(Message(0, mine), view, (0.0, 0.0), {}, Judgement())]
    )
    assert score.value == worth
    asked = [v for v, _ in mind.simulated if v.messages[-1].text == ASK_NEED]
    assert len(asked) == questions
    assert all("Accept-Deal" not in m.text for v in asked for m in v.messages)
    assert ("firewood most" in score.note) == bool(questions)


def test_naive_kindness_takes_its_own_needs_for_the_partners():
    view = View(("camper_0", "camper_1"), 0, "A card.", (Message(1, OFFER),))
    scenario = make("campsite-v0").scenario
    accepted = Turn(Message(0, "Accept-Deal"), view, (0.0, 0.0), {}, Judgement())
    (score,) = Kindness("naive", Camper(), scenario.read, 1, scenario=scenario).score([accepted])
    assert score.value == 4.0 * 3 + 3.0 * 1


def test_the_oracle_is_the_truth_and_says_that_it_knows_it():
    oracle = Kindness("oracle", None, read, FRIEND)
    assert oracle.privileged
    assert not Kindness("prediction", Mind(), read, FRIEND).privileged
    scored = turn("x", (5.0, 0.25, 7.0))
    assert values(oracle.score([scored])) == [0.25]
    scored.scores[TRUTH] = 0.75
    assert values(oracle.score([scored])) == [0.75]
    scored.scores[TRUTH] = None
    assert values(oracle.score([scored])) == [None]
    everyone = Kindness("oracle", None, read, FRIEND, individuals="known")
    assert values(everyone.score([turn("x", (5.0, 0.25, 7.0), {"cook": -2.0})])) == [0.25 + 7.0 - 2.0]


@pytest.mark.parametrize("count", [2, 3, 11])
def test_shuffled_gives_each_the_estimate_of_another(count):
    turns = [turn(f"I say {k}") for k in range(count)]
    scores = Kindness("shuffled", Mind(), read, FRIEND).score(turns)
    assert sorted(values(scores)) == list(range(count))
    assert all(value != k for k, value in enumerate(values(scores)))
    assert all(score.note.endswith(f" {score.value:g}") for score in scores)


def test_a_shuffling_depends_on_the_seed_and_the_messages_and_on_no_call_before():
    turns = [turn(f"I say {k}") for k in range(20)]
    kindness = Kindness("shuffled", Mind(), read, FRIEND, seed=3)
    first = values(kindness.score(turns))
    assert values(kindness.score(turns)) == first
    assert values(Kindness("shuffled", Mind(), read, FRIEND, seed=4).score(turns)) != first
    assert values(kindness.score([turn(f"I say {k}!") for k in range(20)])) != first


def talk(*texts):
    """The turns of one talk: each has heard those before it, and a friend's answer to them."""
    turns, view = [], View(NAMES, ME, "Card.", ())
    for text in texts:
        said = Message(ME, text)
        turns.append(Turn(said, view, (0.0,) * 3, {}, Judgement()))
        view = view.append(said, Message(FRIEND, "Go on."))
    return turns


def test_shuffled_never_gives_the_estimate_of_another_message_of_the_same_talk():
    talks = [talk("a 10", "b 11", "c 12"), talk("a 20"), talk("a 30", "b 31")]
    turns = [turn for one in talks for turn in one]
    assert talks_of(turns) == [[0, 1, 2], [3], [4, 5]]
    for seed in range(20):
        scores = Kindness("shuffled", Mind(), read, FRIEND, seed=seed).score(turns)
        whose = [int(value // 10) for value in values(scores)]
        assert all(got != own for got, own in zip(whose, [1, 1, 1, 2, 3, 3], strict=True))
        assert len(set(whose[:3])) == len(set(whose[4:])) == 1


def test_shuffled_has_none_where_there_is_no_other_talk():
    scores = Kindness("shuffled", Mind(), read, FRIEND).score(talk("a 1", "b 2"))
    assert values(scores) == [None, None]
    assert {score.reason for score in scores} == {"no other conversation was scored with this one"}


def test_what_kindness_refuses():
    with pytest.raises(ValueError, match="estimator 'kind' is unknown; expected one of naive, prediction"):
        Kindness("kind", Mind(), read, FRIEND)
    with pytest.raises(ValueError, match="individuals 'all' is unknown; expected one of addressee, known"):
        Kindness("naive", Mind(), read, FRIEND, individuals="all")
    with pytest.raises(ValueError, match="needs an agent that imagines"):
        Kindness("naive", None, read, FRIEND)


def test_truth_is_all_the_partner_got_until_my_next_message():
    got = [(FRIEND, 1.0), (ME, 2.0), (FRIEND, 4.0), (OTHER, 8.0), (ME, 16.0), (FRIEND, 32.0), (ME, 0.0)]
    turns = [turn(str(k), (9.0, reward, 9.0), speaker=speaker) for k, (speaker, reward) in enumerate(got)]
    silent = Episode(1, NAMES, ("", "", ""), turns=[turn("x", (0.0, 3.0, 0.0), speaker=FRIEND)])
    record_truth([Episode(0, NAMES, ("", "", ""), turns=turns), silent], ME, (FRIEND,))
    assert [t.scores.get(TRUTH) for t in turns] == [None, 14.0, None, None, 48.0, None, 0.0]
    assert [TRUTH in t.scores for t in turns] == [False, True, False, False, True, False, True]
    assert TRUTH not in silent.turns[0].scores


def test_several_partners_truths_add():
    got = [(ME, (9.0, 1.0, 2.0)), (FRIEND, (9.0, 4.0, 8.0)), (ME, (9.0, 16.0, 32.0))]
    turns = [turn(str(k), rewards, speaker=speaker) for k, (speaker, rewards) in enumerate(got)]
    record_truth([Episode(0, NAMES, ("", "", ""), turns=turns)], ME, (FRIEND, OTHER))
    assert [t.scores.get(TRUTH) for t in turns] == [15.0, None, 48.0]
    oracle = Kindness("oracle", None, read, (FRIEND, OTHER))
    assert values(oracle.score([turns[0], turn("x", (9.0, 1.0, 2.0))])) == [15.0, 3.0]


def test_what_comes_later_counts_for_everyone_too():
    """The cook is not at the table, and finds out only when I have long finished."""
    mine = turn("I tell", (9.0, 1.0, 2.0), {"cook": 0.5})
    reply = turn("Thanks.", (9.0, 4.0, 0.0), {"cook": 0.0}, speaker=FRIEND)
    back = turn("That hurt me.", (9.0, 0.0, 0.0), {"cook": -2.0}, speaker=OTHER)
    everyone = Kindness("oracle", None, read, FRIEND, individuals="known")
    assert values(everyone.score([mine])) == [3.5]  # as it stands when it has just been heard
    record_everyone([Episode(0, NAMES, ("", "", ""), turns=[mine, reply, back])], ME)
    assert mine.scores[EVERYONE] == 1.0 + 2.0 + 0.5 + 4.0 - 2.0
    assert EVERYONE not in reply.scores
    assert values(everyone.score([mine])) == [5.5]


def spoken(*speakers, to=None):
    view = View(NAMES, ME, "", tuple(Message(speaker, "Hm.") for speaker in speakers))
    return Turn(Message(ME, "I say 3", to), view, (), {}, Judgement())


def test_a_message_is_for_the_partner_it_is_addressed_to_else_for_the_one_who_spoke_last():
    both = (FRIEND, OTHER)
    assert addressee(spoken(), both) == FRIEND
    assert addressee(spoken(FRIEND, OTHER, ME, -1), both) == OTHER
    assert addressee(spoken(FRIEND, OTHER, FRIEND), both) == FRIEND
    assert addressee(spoken(OTHER, FRIEND, to=(OTHER,)), both) == OTHER
    assert addressee(spoken(OTHER, to=(FRIEND, OTHER)), both) == OTHER
    assert addressee(spoken(OTHER, to=(ME,)), both) == OTHER  # nobody hears it
    assert addressee(spoken(FRIEND, OTHER), (FRIEND,)) == FRIEND


def test_the_one_a_message_is_for_is_imagined():
    mind = Mind()
    kindness = Kindness("prediction", mind, read, (FRIEND, OTHER))
    assert values(kindness.score([spoken(FRIEND), spoken(FRIEND, OTHER)])) == [3.0, 300.0]
    assert [whom for _, whom in mind.simulated] == [FRIEND, OTHER]
