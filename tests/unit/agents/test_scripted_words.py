"""What scripts share. Bases were made from what they say: their draws may not change by accident."""

from __future__ import annotations

from goldenrule.agents.scripted import hidden_needs, third_party
from goldenrule.agents.scripted.base import nonsense, pick
from goldenrule.common.seeding import generator


def test_picks_are_even():
    rng = generator(0, "pick")
    found = [pick(rng, "abcd") for _ in range(400)]
    assert all(75 < found.count(letter) < 125 for letter in "abcd")


def test_scrambled_words_are_two_to_eight_of_those_given():
    rng, words = generator(0, "scramble"), list("abcdefghijkl")
    found = [nonsense(rng, words).split() for _ in range(200)]
    assert {len(text) for text in found} == {2, 3, 4, 5, 6, 7, 8}
    assert all(len(set(text)) == len(text) and set(text) <= set("abcdefghijkl") for text in found)
    assert sum(text == sorted(text) for text in found) < 40
    assert nonsense(rng, ["alone"]) == "alone"


def test_nonsense_is_what_the_bases_learnt_from():
    said = [make(generator(0, "nonsense")) for make in (hidden_needs.babble, third_party.babble)]
    assert said == ["will sure", "I another for help I something you can"]


def test_nonsense_of_third_party_makes_none():
    rng = generator(1, "nonsense")
    assert all(third_party.understand(third_party.babble(rng)) is None for _ in range(300))
