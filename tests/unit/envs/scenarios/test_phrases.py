"""How texts are taken apart and looked up."""

from __future__ import annotations

import pytest

from goldenrule.envs.scenarios.false_belief import language as false_belief_words
from goldenrule.envs.scenarios.hidden_needs import language as hidden_needs_words
from goldenrule.envs.scenarios.phrases import PUZZLED, agreed, key, sentences, table
from goldenrule.envs.scenarios.third_party import language as third_party_words

LABELS = {"yes": "yes", "of course": "yes", "no": "no"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I  hear you.", ["i hear you"]),
        ("Oh! What? Well...", ["oh", "what", "well"]),
        ("Ben's coat, please", ["ben s coat please"]),
        ("?! .", []),
        ("", []),
    ],
)
def test_sentences_have_no_case_punctuation_or_runs_of_space(text, found):
    assert sentences(text) == found


def test_a_phrase_of_two_sentences_is_found_as_one():
    assert table({"both": ("Well. Go on!",)}) == {"well go on": "both"} == {key("well, go ON"): "both"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes.", "yes"),
        ("Yes. Of course!", "yes"),
        ("Hm. Yes.", "yes"),
        ("Yes. No.", None),
        ("Yes. Perhaps.", None),
        ("Perhaps.", None),
        ("Hm.", None),
        ("", None),
    ],
)
def test_sentences_have_to_agree(text, label):
    assert agreed(text, LABELS, ignored={"hm"}) == label


@pytest.mark.parametrize("phrase", PUZZLED)
def test_puzzled_people_are_understood_in_every_scenario(phrase):
    assert hidden_needs_words.reply_kind(phrase) == third_party_words.reply_kind(phrase) == "puzzled"
    assert false_belief_words.read_reply(phrase) == false_belief_words.Reading()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I lost my job.", ("job", set())),
        ("I lost my job. My job is gone. I hardly sleep.", ("job", {"anxious"})),
        ("I hardly sleep. Nobody calls me. My dog died.", ("loss", {"anxious", "lonely"})),
        ("I lost my job. My dog died.", None),
        ("I lost my job. What do you mean?", None),
        ("I hardly sleep.", None),
        ("", None),
    ],
)
def test_an_opening_of_hidden_needs_tells_of_one_situation(text, told):
    assert hidden_needs_words.read_opening(text) == told
