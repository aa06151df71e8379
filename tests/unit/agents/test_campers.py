"""The reader of campers: its parts, and what it takes plain messages for."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import permutations

import pytest
import torch

from goldenrule.agents.readers import PACKAGE

pytest.importorskip("sklearn")
pytest.importorskip("transformers")

from goldenrule.agents.readers.camp_talk import renamed
from goldenrule.agents.readers.campers import load_campers, order_logprob
from goldenrule.agents.readers.embedding import EmbeddingReader
from goldenrule.agents.readers.fit_campers import Example, example_of, made_up
from goldenrule.agents.readers.messages import Utterance, move_of
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator
from goldenrule.envs.scenarios.campsite.language import DEALS, ISSUES
from goldenrule.envs.scenarios.campsite.scenario import NEEDS

weights = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the weights of the embeddings are not installed")


@pytest.mark.parametrize(
    ("label", "move"),
    [
        ({"kind": "propose", "mine": [2, 1, 0]}, "submit: 2 food, 1 water, 0 firewood"),
        ({"kind": "accept", "mine": None}, "accept"),
        ({"kind": "talk", "mine": None}, None),
        (["water", "food", "firewood"], "need: water food firewood"),
        (None, None),
        ("company", "company"),
        ("several", None),
    ],
)
def test_labels_are_moves(label, move):
    assert move_of({"label": label}) == move


def test_the_orders_of_needs_share_one_probability_and_the_greatest_need_comes_first():
    scores = torch.tensor([[0.3, 2.0, -1.0]])
    chances = {order: float(order_logprob(scores, order).exp()) for order in permutations(range(3))}
    assert sum(chances.values()) == pytest.approx(1.0)
    assert max(chances, key=chances.__getitem__) == (1, 0, 2)


def test_things_are_exchanged_in_words_and_counts_alike():
    rng = generator(0, "test")
    for _ in range(50):
        one = Example("2 food, 1 water, 0 firewood", "3 water?", "submit", (2, 1, 0)).exchanged(rng)
        told = {issue: int(count) for count, issue in re.findall(r"(\d) (\w+)", one.text.lower())}
        if told.keys() == {*ISSUES}:  # no letter is missing
            assert tuple(told[issue] for issue in ISSUES) == one.counts
    assert renamed("Water first, then logs.", [1, 2, 0]) == "Firewood first, then food."


def test_made_up_messages_are_of_all_kinds_and_the_same_for_one_seed():
    rng = generator(1, "test")
    made = [made_up(rng) for _ in range(400)]
    assert {one.kind for one in made} == {"submit", "need"}
    assert {count for one in made for count in one.counts} == {0, 1, 2, 3}
    assert all(sorted(one.ranks) == [0, 1, 2] for one in made if one.kind == "need")
    again = generator(1, "test")
    assert [made_up(again) for _ in range(20)] == made[:20]


def test_examples_come_of_rows():
    row = {"text": "Wood first, food last.", "label": ["firewood", "water", "food"]}
    assert example_of(row).ranks == (2, 1, 0)
    assert example_of({"text": "hm", "label": {"kind": "talk", "mine": None}}).kind == "none"


@weights
@pytest.mark.parametrize(
    ("text", "before", "value"),
    [
        ("I'll take all the water and one food, the rest is yours.", "", "submit: 1 food, 3 water, 0 firewood"),
        ("You get two firewood and one water, I keep everything else.", "", "submit: 3 food, 2 water, 1 firewood"),
        ("Deal!", "I will have all the water, you get the rest.", "accept"),
        ("Agreed, you have a deal.", "I get 2 food, 1 water, 2 firewood, you get the rest.", "accept"),
        ("No, that leaves us with far too little.", "I take all the water and all the food.", "reject"),
    ],
)
def test_plain_deals_are_read(text, before, value):
    (reading,) = EmbeddingReader().readings(DEALS, [Utterance(text, before)])
    assert reading is not None
    assert reading.value == value


@weights
def test_plain_needs_are_read_and_talk_is_neither():
    reader = EmbeddingReader()
    made = reader.read(NEEDS, "Water is what we need most, then food, and firewood last.")
    assert made is not None
    assert made["order"] == "water food firewood"
    assert reader.read(DEALS, "Hello there, nice weather.") is None
    assert reader.read(NEEDS, "Hello there, nice weather.") is None


@weights
def test_a_file_that_is_no_model_is_told(tmp_path):
    file = tmp_path / "none.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(UserError, match="no models of campers"):
        load_campers(file)
