"""Laws that hold for any text, any audience and any seat."""

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goldenrule.agents import decode
from goldenrule.common.text import clean
from goldenrule.envs import NARRATOR, Conversation, DialogueEnv, Message, Utterance, View
from goldenrule.envs.conversation import render_ansi
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start

anything = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates included
sayable = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
seats = st.integers(0, 2)
audiences = st.none() | st.sets(seats, max_size=3).map(lambda to: tuple(sorted(to)))
messages = st.builds(Message, st.integers(NARRATOR, 2), sayable, audiences)
conversations = st.builds(
    Conversation,
    st.just(("a_0", "b_0", "c_0")),
    st.tuples(*(st.just(f"card {i}") for i in range(3))),
    st.lists(messages, max_size=8).map(tuple),
)


@given(anything, st.integers(0, 20))
def test_an_utterance_is_what_utf8_can_encode_within_its_length(text, limit):
    try:
        encodes = text.encode("utf-8").decode("utf-8") == text
    except UnicodeEncodeError:
        encodes = False
    assert Utterance(limit).contains(text) == (encodes and 1 <= len(text) <= limit)


@given(st.one_of(st.integers(), st.binary(), st.floats(), st.lists(st.text()), st.none()))
def test_nothing_but_text_is_an_utterance(value):
    assert not Utterance().contains(value)
    assert "expected text (str)" in (Utterance().problem(value) or "")


@given(anything)
def test_clean_text_moves_no_cursor_and_starts_no_line(text):
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    for character in shown:
        assert character == "\u200d" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not any(byte < 0x20 or byte == 0x7F for byte in shown.encode("utf-8"))


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_ordinary_text_is_shown_as_it_is(text):
    assert clean(text) == text


@given(st.lists(messages, max_size=6))
def test_every_message_is_one_line_of_a_known_speaker(said):
    lines = render_ansi(("a_0", "b_0", "c_0"), said).split("\n") if said else []
    assert len(lines) == len(said)
    for line, message in zip(lines, said, strict=True):
        label = "*" if message.speaker == NARRATOR else ("a_0", "b_0", "c_0")[message.speaker]
        assert line.startswith((f"{label}: ", f"{label} -> "))


@given(conversations, seats)
def test_a_view_holds_exactly_what_its_owner_hears(talk, me):
    view = talk.seen_by(me)
    assert view.card == talk.cards[me]
    missed = [m for m in talk.messages if m not in view.messages]
    assert all(m.to is not None and me not in m.to and me != m.speaker for m in missed)
    assert all(m.to is None or me in m.to or me == m.speaker for m in view.messages)


@given(conversations, seats, seats)
def test_the_shoes_of_another_show_nothing_new(talk, me, other):
    mine = talk.seen_by(me)
    theirs = mine.in_the_shoes_of(other)
    assert theirs.me == other
    assert theirs.card == mine.card  # cards do not travel
    assert set(theirs.messages) <= set(mine.messages)
    assert set(theirs.messages) <= set(talk.seen_by(other).messages)


@given(conversations, seats, seats)
def test_there_and_back_again(talk, me, other):
    """An involution once what only one of the two heard is left out, and entirely so in public talk."""
    mine = talk.seen_by(me)
    shared = mine.in_the_shoes_of(other).in_the_shoes_of(me)
    assert shared.in_the_shoes_of(other).in_the_shoes_of(me) == shared
    if all(m.to is None for m in mine.messages):
        assert shared == mine


class Open(Scenario):
    """Two people talk about nothing."""

    agents, max_turns, n_candidates = ("a_0", "b_0"), 50, 1

    def reset(self, rng):
        self.next = 0
        return Start((f"card {rng.integers(100)}", f"card {rng.integers(100)}"))

    def speakers(self):
        return (self.next,)

    def hear(self, messages):
        self.next = 1 - self.next
        return Outcome((0.0, 0.0), (Judgement(),))

    def candidates(self, agent):
        return ("yes",)


@given(st.lists(st.tuples(sayable, st.tuples(st.booleans(), st.booleans())), max_size=6))
def test_an_observation_decodes_to_the_view_of_its_owner(said):
    env = DialogueEnv(Open(), private=True)
    env.reset(seed=0)
    for text, flags in said:
        env.step({"text": text, "to": np.array(flags, dtype=np.int8)})
    for index, agent in enumerate(env.agents):
        observation = env.observe(agent)
        assert env.observation_space(agent).contains(observation)
        view = decode(observation, tuple(env.agents)).view
        truth = env.dialogue.view(index)
        assert [(m.speaker, m.text) for m in view.messages] == [(m.speaker, m.text) for m in truth.messages]
        for told, true in zip(view.messages, truth.messages, strict=True):
            assert [told.heard_by(i) for i in range(2)] == [true.heard_by(i) for i in range(2)]
        assert view == View(truth.agents, index, truth.card, view.messages)
