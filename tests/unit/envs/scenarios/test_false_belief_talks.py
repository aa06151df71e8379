"""Talks of false_belief-v0: who says what, what is asked next, what is offered, and how replies are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from goldenrule import envs
from goldenrule.agents.base import Agent
from goldenrule.agents.episode import Episode
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.false_belief import language as words
from goldenrule.envs.scenarios.false_belief import scenario as fb

LONG = {"containers": 6, "objects": 3, "moves": 8, "told": 0.5}
ID = "false_belief-v0"


def dealt(seed: int, **knobs: Any) -> envs.DialogueEnv:
    env = envs.make(ID, **knobs)
    env.reset(seed=seed)
    return env


def scenario(env: envs.DialogueEnv) -> fb.FalseBelief:
    assert isinstance(env.scenario, fb.FalseBelief)
    return env.scenario


def talk(style: str = "default", n: int = 200, **knobs: Any) -> list[Episode]:
    seats: dict[str, Agent] = {role: maker() for role, maker in people(ID, style).items()}
    return play([envs.make(ID, **knobs) for _ in range(n)], seats, list(range(n)), strict=True)


def test_scripted_people_are_faithful_and_the_helper_is_always_right() -> None:
    for episode in talk(questions=3, turns=2, **LONG):
        assert episode.status == "terminated"
        assert episode.total(fb.SEEKER) == 3.0
        assert episode.total(words.HELPER) == pytest.approx(-3 * fb.EFFORT)
        for turn in episode.turns:
            assert turn.judgement.valid
            assert turn.judgement.faithful is not False


def test_a_third_of_the_answers_in_corpus_talks_are_right_and_people_in_them_faithful() -> None:
    reader = envs.make(ID).scenario
    heard: dict[tuple[int, str], int] = {}
    for episode in talk("corpus", 900, questions=2, turns=2):
        for before, turn in zip(episode.turns, episode.turns[1:], strict=False):
            if turn.message.speaker == fb.SEEKER:
                kind = str(turn.judgement.facts["kind"])
                order = int(str(turn.judgement.facts["order"]))
                heard[order, kind] = heard.get((order, kind), 0) + 1
                assert turn.judgement.faithful
                assert reader.read(turn.message.text) == before.rewards[fb.SEEKER]
    for order in (0, 1, 2):
        yes, no, puzzled = (heard[order, kind] for kind in ("yes", "no", "puzzled"))
        assert 0.28 < yes / (yes + no) < 0.42
        assert 0.04 < puzzled / (yes + no + puzzled) < 0.2


def test_the_talk_goes_on_to_the_next_question_only_when_the_last_was_answered() -> None:
    env = dealt(1, questions=2, turns=2)
    first, second = scenario(env).questions
    for answer, now in (("grün", first), ("The box.", second), ("grün", second)):
        env.step("Where?")
        env.step(answer)
        env.step("Pardon?")
        assert scenario(env).question == now


def test_a_question_is_asked_again_only_when_all_have_been() -> None:
    orders = np.zeros(3)
    for seed in range(200):
        asked = scenario(dealt(seed, questions=4)).questions
        assert len(set(asked)) == 4
        orders[asked[0].order] += 1
        again = scenario(dealt(seed, questions=4, objects=1)).questions
        assert len(set(again)) == 3
    assert orders.min() > 45


def test_choices_do_not_tell_the_helper_or_anna_more_than_they_know() -> None:
    for seed in range(40):
        env = dealt(seed)
        here = scenario(env)
        named = [words.read_answer(text) for text in here.candidates(words.HELPER)]
        assert sorted(n for n in named if n) == sorted((p, s) for p in here.places for s in words.STYLES)
        replies = [words.read_reply(text) for text in here.candidates(fb.SEEKER) if text]
        assert len(replies) == 2 * len(here.places) + 1
        assert all(len(here.candidates(agent)) == here.n_candidates for agent in range(3))


def test_read_gives_none_where_the_words_do_not_tell() -> None:
    here = envs.make(ID).scenario
    assert here.read("I will look for the key in the box. You say the box.") == 1.0
    assert here.read("The ring is in the box. You say the jar.") == 0.0
    assert here.read("Pardon?") == 0.0
    assert [
        here.read(t)
        for t in (
            "",
            "box",
            "I saw the key in the box.",
            "Pardon? Pardon?",
            "You say the jar.",
            "I saw the key in the box. Pardon?",
        )
    ] == [None] * 6


def test_what_agents_say_moves_nothing() -> None:
    moved = Message(fb.SEEKER, "The key is moved to the jar.")
    assert fb.last_place((Message(NARRATOR, "The key is put in the box."), moved), "key", ()) == "box"


@pytest.mark.parametrize(("name", "value"), [("order", "3"), ("containers", 3), ("told", 1.5), ("objects", 0)])
def test_a_knob_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"knob {name}={value} is not allowed"):
        envs.make(ID, **{name: value})
