"""Human talk beside scripted talk: what is learnt to be said, what share it has, and what happens without it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from goldenrule.agents.networks.three_module import NetworkConfig
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.data import VARIABLE
from goldenrule.common.seeding import generator
from goldenrule.envs import Conversation, Message
from goldenrule.envs.scenarios.campsite.language import stated_needs
from goldenrule.envs.scenarios.campsite.participants import Person, parse_card
from goldenrule.training.pretraining import base_model as base
from goldenrule.training.pretraining.base_model import BASES, BaseConfig, further_items, make_base
from goldenrule.training.pretraining.corpus import CorpusConfig
from goldenrule.training.pretraining.human_corpus import (
    Account,
    HumanConfig,
    human_items,
    human_texts,
    own_answer_item,
)
from goldenrule.training.pretraining.pretrain import PretrainingConfig

SIZES = NetworkConfig(0, width=32, layers=1, head_width=8, feed_forward=32, context=200, longest_message=12)
LONG = "On and on it goes, this message that nobody could ever say in so few tokens as one has."
CHAT = Conversation(
    ("speaker_0", "speaker_1"), ("", ""), (Message(0, "Hello THERE"), Message(1, LONG), Message(0, "Bye"))
)


def camp(reason: str) -> Account:
    cards = tuple(
        Person(order, (reason, "so it is", "as it was")).card()
        for order in (("food", "water", "firewood"), ("firewood", "food", "water"))
    )
    said = (Message(0, "i need food"), Message(1, "Submit-Deal: I get 0 food, 1 water, 3 firewood"))
    return Account(Conversation(("camper_0", "camper_1"), cards, (*said, Message(0, "Accept-Deal"))), (3, 4))


@pytest.fixture(scope="module")
def words() -> DialogueTokenizer:
    return DialogueTokenizer.train(human_texts([camp("it is cold"), CHAT]), 400)


def test_other_talk_is_a_target_of_both_outputs_save_what_is_too_long_to_say(words):
    config = HumanConfig(context=100, aside=0.2, longest=12)
    items = human_items([CHAT], words, 40, generator(0, "test"), config)
    seen = set()
    for item in items:
        for span, weight, emphasis in zip(item.encoded.spans, item.weights, item.emphasis, strict=True):
            text = words.decode(item.encoded.ids[span.start : span.stop])
            seen.add(text)
            assert weight == (None if text == LONG.lower() else 1.0)
            assert emphasis == 0.2
    assert seen == {"hello there", LONG.lower(), "bye"}
    assert {item.me for item in items} == {0, 1}


def test_a_set_is_read_as_what_it_is(words):
    config = HumanConfig(context=200, lived=1.0, heard=1.0)
    for dialogues, card in ([camp("it is cold")], "need"), ([CHAT], ""):
        (item,) = human_items(dialogues, words, 1, generator(0, "test"), config)
        start = words.decode(item.encoded.ids[: item.encoded.spans[0].start - 1])
        assert card in start
        assert bool(start) == bool(card)


def test_shares_are_of_all_views(words):
    config = BaseConfig("campsite-v0", human={"casino": 0.2, "chat": 0.1}, asked=0.3, network=SIZES)
    corpus = CorpusConfig("campsite-v0", {}, "camper_0")
    mixture = partial(further_items, config, corpus, words, {"casino": [camp("it is cold")], "chat": [CHAT]})
    items = mixture(40, 1)
    assert len(items) == 20 + 10 + 30 + 6
    again = mixture(40, 1)
    assert [item.encoded.ids for item in items] == [item.encoded.ids for item in again]
    assert [item.encoded.ids for item in items] != [item.encoded.ids for item in mixture(40, 2)]
    asked = items[30:60]
    assert all(set(item.weights) == {None} and item.emphasis[-1] == base.ANSWER for item in asked)


def test_in_the_others_place_one_answers_from_ones_own_card(words):
    one, rng = camp("it is cold"), generator(0, "test")
    seen = set()
    for _ in range(20):
        item = own_answer_item(one, words, HumanConfig(context=200), rng)
        card, answer = words.decode(item.encoded.ids[: item.encoded.spans[0].start - 1]), item.encoded.spans[-1]
        assert answer.speaker == item.me
        told = words.decode(item.encoded.ids[answer.start : answer.stop])
        assert stated_needs(told).order == parse_card(card).order == one.order(1 - item.me)
        assert item.weights == [*[None] * (len(item.weights) - 1), 1.0]
        assert sum(item.emphasis) == 0.0
        seen.add(item.me)
    assert seen == {0, 1}


def test_without_people_nothing_but_scripts_is_read(words, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    config = replace(BASES["campsite-v0"], network=SIZES).without_people()
    assert not config.human
    assert further_items(config, CorpusConfig("campsite-v0", {}, "camper_0"), words, {}, 12, 1)


def test_human_dialogues_that_are_wanted_must_be_given():
    with pytest.raises(ValueError, match="learns from the human dialogues 'casino'; none were given"):
        make_base(BASES["campsite-v0"], 0)


@pytest.mark.parametrize("scenario", ["hidden_needs-v0", "third_party-v0"])
def test_bases_of_scripts_alone_have_no_other_views_and_say_nothing_of_people(scenario, words):
    config = BASES[scenario]
    assert further_items(config, CorpusConfig(scenario, {}, ""), words, {}, 1000, 0) == []
    assert not {"human", "cards", "asked"} & set(config.as_dict())


def test_what_people_wrote_reaches_the_tokenizer_and_a_base_repeats(monkeypatch):
    short = {"texts": lambda *_, **__: ["I need food most."] * 20}
    for name, value in short.items():
        monkeypatch.setattr(base, name, value)
    pretraining = PretrainingConfig(updates=2, batch=4, pool=4, emphasise=True)
    config = BaseConfig("campsite-v0", human={"casino": 0.5}, vocab_size=400, network=SIZES, pretraining=pretraining)
    made = [make_base(config, 3, humans={"casino": [camp(reason)]}) for reason in ("xylophonic", "xylophonic", "no")]
    assert made[0][1].to_json() == made[1][1].to_json() != made[2][1].to_json()
    first, second = (made[k][0].state_dict() for k in (0, 1))
    assert all((first[name] == second[name]).all() for name in first)
