import pickle

import numpy as np
import pytest

from goldenrule.envs import Utterance


@pytest.mark.parametrize("text", ["a", " ", "é", "水🙂", "\x00", "x" * 10, "\u202e", "a\nb"])
def test_any_text_is_an_utterance(text):
    assert Utterance(10).contains(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "an empty text was given; expected at least one character"),
        ("x" * 11, "a text of 11 characters was given; expected at most 10"),
        ("\ud800", "a text with a lone surrogate was given; expected text that UTF-8 can encode"),
        (None, "None was given; expected text (str)"),
        (b"bytes", "a bytes was given; expected text (str)"),
        (np.array("a"), "a ndarray was given; expected text (str)"),
    ],
)
def test_what_is_wrong_is_told(text, problem):
    space = Utterance(10)
    assert space.problem(text) == problem
    assert not space.contains(text)


def test_a_card_may_be_empty():
    assert Utterance(10, min_length=0).contains("")


def test_samples_repeat_under_a_seed_and_fit():
    one, other = Utterance(12, seed=3), Utterance(12, seed=3)
    texts = [one.sample() for _ in range(50)]
    assert texts == [other.sample() for _ in range(50)]
    assert len(set(texts)) > 10
    assert all(one.contains(text) for text in texts)


def test_it_is_small():
    assert len(pickle.dumps(Utterance())) < 1000


def test_equal_spaces():
    assert Utterance(5) == Utterance(5)
    assert Utterance(5) != Utterance(6)
    assert Utterance(5, 0) != Utterance(5, 1)
