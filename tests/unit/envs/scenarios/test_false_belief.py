"""false_belief-v0 against a brute-force simulation that knows only who is in the room."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from goldenrule import envs
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.false_belief import language as words
from goldenrule.envs.scenarios.false_belief import scenario as fb

LONG = {"containers": 6, "objects": 3, "moves": 8, "told": 0.5}
ID = "false_belief-v0"


class Minds:
    """Everybody's beliefs, from the words of the story alone; whom a message is addressed to is not looked at."""

    def __init__(self) -> None:
        self.truth: dict[str, str] = {}
        self.belief: dict[str, dict[str, str]] = {"Anna": {}, "Ben": {}}
        self.anna_of_ben: dict[str, str] = {}
        self.room = {"Anna", "Ben"}

    def hear(self, text: str) -> set[str]:
        """Take in one line of the story; returns who heard it."""
        if text.endswith(" leaves."):
            heard = set(self.room)
            self.room.discard(text.split()[0])
            return heard
        if "comes back" in text:
            self.room.add(text.split()[0])
            return set(self.room)
        match = re.search(
            r"the (\w+) (?:in|is in|to|goes in|is put in|is moved to) the (\w+)\.$", text.replace("The", "the")
        )
        assert match is not None, text
        thing, place = match.groups()
        told = set(re.findall("Anna|Ben", text))
        heard = told or set(self.room)
        if told:
            assert self.truth[thing] == place  # nobody is told a lie
        self.truth[thing] = place
        for person in heard:
            self.belief[person][thing] = place
        if heard == {"Anna", "Ben"}:
            self.anna_of_ben[thing] = place
        return heard

    def place(self, order: int, thing: str) -> str:
        return (self.truth, self.belief["Anna"], self.anna_of_ben)[order][thing]


def story(seed: int, **knobs: Any) -> tuple[envs.DialogueEnv, Minds]:
    env = envs.make(ID, **knobs)
    env.reset(seed=seed)
    minds = Minds()
    for message in env.dialogue.messages:
        heard = minds.hear(message.text)
        to = {"Anna", "Ben"} if message.to is None else {words.NAMES[i] for i in message.to if i != words.HELPER}
        assert message.speaker == NARRATOR
        assert heard == to, message
        assert message.heard_by(words.HELPER)
    assert minds.room == {"Anna", "Ben"}
    return env, minds


def scenario(env: envs.DialogueEnv) -> fb.FalseBelief:
    assert isinstance(env.scenario, fb.FalseBelief)
    return env.scenario


@pytest.mark.parametrize("knobs", [{}, LONG, {"moves": 0}, {"told": 1.0, "moves": 6}])
def test_beliefs_are_those_of_a_brute_force_simulation(knobs: dict[str, Any]) -> None:
    for seed in range(150):
        env, minds = story(seed, **knobs)
        for thing in scenario(env).things:
            for order in (0, 1, 2):
                assert scenario(env).expected(words.Question(order, thing)) == minds.place(order, thing)


def test_the_orders_come_apart() -> None:
    apart = np.zeros(3)
    for seed in range(300):
        _, minds = story(seed)
        places = [minds.place(order, "key") for order in (0, 1, 2)]
        apart += [places[0] != places[1], places[1] != places[2], places[0] != places[2]]
    assert (apart / 300 > 0.2).all()


def test_whoever_is_told_is_right_and_whoever_was_left_out_is_not_known_to_be() -> None:
    for seed in range(100):
        env, minds = story(seed, told=1.0, moves=6)
        for thing in scenario(env).things:
            assert minds.belief["Anna"][thing] == minds.belief["Ben"][thing] == minds.truth[thing]
    stale = [story(seed, told=1.0, moves=6)[1] for seed in range(100)]
    assert any(minds.anna_of_ben[t] != minds.truth[t] for minds in stale for t in minds.truth)


def test_nobody_observes_what_was_not_addressed_to_them() -> None:
    withheld = 0
    for seed in range(60):
        env, _ = story(seed, **LONG)
        for index, agent in enumerate(env.possible_agents):
            seen = [entry["text"] for entry in env.observe(agent)["transcript"]]
            assert seen == [m.text for m in env.dialogue.messages if m.to is None or index in m.to]
            withheld += len(env.dialogue.messages) - len(seen)
    assert withheld > 100


def test_cards_tell_only_what_their_holder_knows() -> None:
    for seed in range(100):
        env, minds = story(seed, questions=2)
        helper, anna, ben = env.dialogue.cards
        checked = re.findall(r"the (\w+) is in the (\w+)", anna)
        assert all(minds.truth[thing] == place for thing, place in checked)
        assert {thing for thing, _ in checked} == {q.thing for q in scenario(env).questions if q.order == 0}
        assert not any(place in helper + ben for place in words.PLACES)


def test_a_view_is_enough_to_know_ones_own_beliefs() -> None:
    for seed in range(100):
        env, minds = story(seed, **LONG)
        view = env.dialogue.view(fb.SEEKER)
        for thing in scenario(env).things:
            assert fb.last_place(view.messages, thing, (fb.SEEKER,)) == minds.place(1, thing)
            assert fb.last_place(view.messages, thing, (fb.SEEKER, fb.FRIEND)) == minds.place(2, thing)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("style", words.STYLES)
def test_exact_rewards_for_every_place(order: int, style: str) -> None:
    for seed in range(8):
        for place in words.PLACES[:4]:
            env, minds = story(seed, order=str(order))
            question = scenario(env).question
            assert question.order == order
            env.step(words.QUESTIONS[order][0].format(thing=question.thing))
            assert env.rewards == {"helper_0": 0.0, "seeker_0": 0.0, "friend_0": 0.0}
            assert env.dialogue.judgement().faithful
            env.step(words.STYLES[style][1].format(place=place))
            right = place == minds.place(order, question.thing)
            assert env.rewards == {"helper_0": -fb.EFFORT, "seeker_0": float(right), "friend_0": 0.0}
            judgement = env.dialogue.judgement()
            assert judgement.proxy == words.PROXY[style]
            assert judgement.facts == {
                "order": order,
                "thing": question.thing,
                "truth": minds.truth[question.thing],
                "belief": minds.place(order, question.thing),
                "answer": place,
                "correct": right,
            }
            assert not any(env.terminations.values())
            env.step("I think the key is in the box. You say the box.")
            assert env.rewards == {"helper_0": 0.0, "seeker_0": 0.0, "friend_0": 0.0}
            assert all(env.terminations.values())
            assert not any(env.truncations.values())


@pytest.mark.parametrize("text", ["naïve grün", "box", "The box. The jar.", "The box. Blah.", ".", "It is the moon."])
def test_nonsense_pays_nobody_and_never_ends_the_talk(text: str) -> None:
    env, _ = story(0, turns=3)
    for turn in range(9):
        assert not any(env.terminations.values())
        env.step(text)
        assert env.rewards["seeker_0"] == env.rewards["friend_0"] == 0.0
        assert env.rewards["helper_0"] == (-fb.EFFORT if turn % 3 == 1 else 0.0)
        assert env.dialogue.judgement().valid is False
    assert all(env.truncations.values())
    assert not any(env.terminations.values())


def test_an_answer_that_anna_cannot_hear_is_none() -> None:
    env = envs.make(ID, private=True)
    env.reset(seed=0)
    right = scenario(env).expected(scenario(env).question)
    everyone, ben_only = np.zeros(3, dtype=np.int8), np.array([0, 0, 1], dtype=np.int8)
    env.step({"text": "Where?", "to": everyone})
    env.step({"text": f"The {right}.", "to": ben_only})
    assert env.rewards["seeker_0"] == 0.0
    assert env.dialogue.judgement().valid is False
    assert all("The " + right + "." != m["text"] for m in env.observe("seeker_0")["transcript"])


def test_a_reply_is_faithful_only_that_names_thing_order_and_place_and_what_was_said() -> None:
    env, minds = story(3, order="2")
    thing = scenario(env).question.thing
    place = minds.place(2, thing)
    other = next(p for p in words.PLACES if p != place)
    unasked = next(t for t in words.THINGS if t != thing)
    checks = {
        f"I think Ben will look for the {thing} in the {place}. You say the {place}.": True,
        f"I think Ben thinks the {thing} is in the {place}. You say the {place}.": True,
        f"I think Ben thinks the {thing} is in the {place}. You say the {other}.": False,
        f"I think Ben thinks the {thing} is in the {place}.": False,
        f"I think Ben will look for the {thing} in the {other}. You say the {place}.": False,
        f"I think Ben will look for the {unasked} in the {place}. You say the {place}.": False,
        f"I will look for the {thing} in the {place}. You say the {place}.": False,
        "Pardon?": False,
        f"You say the {place}.": False,
    }
    for text, faithful in checks.items():
        env.reset(seed=3)
        env.step("Where?")
        env.step(f"The {place}.")
        env.step(text)
        assert env.dialogue.judgement().faithful is faithful, text
