"""third_party-v0: who is paid what in each branch, who comes back, and what is said."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from goldenrule import envs
from goldenrule.agents.episode import Episode
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people
from goldenrule.envs.scenarios import third_party as tp
from goldenrule.envs.scenarios import third_party as words

ID = "third_party-v0"
# Written out from the module's table, not taken from its constants.
ASKER_GETS = {"comply": 1.0, "offer": 0.6, "refuse": 0.0, None: 0.0}
SAID: dict[str | None, str] = {
    "comply": "Here you are.",
    "offer": "Let us find a fair way.",
    "refuse": "I must say no.",
    None: "naïve grün 水",
}
REPLY = {"comply": "thanks", "offer": "mild", "refuse": "complaint", None: "puzzled"}


def begin(seed: int = 0, **knobs: Any) -> tuple[envs.DialogueEnv, tp.ThirdParty]:
    env = envs.make(ID, **knobs)
    env.reset(seed=seed)
    assert isinstance(env.scenario, tp.ThirdParty)
    return env, env.scenario


def open_talk(env: envs.DialogueEnv, here: tp.ThirdParty) -> None:
    env.step(words.REQUESTS[here.request.kind][0].format(name=here.request.name))


def talk(style: str, n: int = 400, **knobs: Any) -> list[Episode]:
    seats = {role: maker() for role, maker in people(ID, style).items()}
    return play([envs.make(ID, **knobs) for _ in range(n)], seats, list(range(n)), strict=True)


@pytest.mark.parametrize("act", list(SAID))
@pytest.mark.parametrize("harmful", [0.0, 1.0])
@pytest.mark.parametrize("harm", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("absent", [1, 3])
def test_exact_rewards_in_each_branch(act: str | None, harmful: float, harm: float, absent: int) -> None:
    for seed in range(6):
        env, here = begin(seed, harm=harm, harmful=harmful, absent=absent)
        assert here.request.harms is bool(harmful)
        open_talk(env, here)
        assert set(env.rewards.values()) == {0.0}
        assert env.dialogue.judgement().faithful
        env.step(SAID[act])
        harmed = harmful == 1.0 and act == "comply"
        assert env.rewards == {"helper_0": -tp.EFFORT, "asker_0": ASKER_GETS[act], "other_0": 0.0}
        assert env.absent_rewards == {
            name: -harm if harmed and name == here.request.name else 0.0 for name in ("Ben", "Cleo", "Dan")[:absent]
        }
        judgement = env.dialogue.judgement()
        assert judgement.valid is (act is not None)
        assert judgement.facts["act"] == act
        assert judgement.facts["harmed"] is harmed


@pytest.mark.parametrize("style", ["default", "corpus"])
def test_nobody_is_paid_twice(style: str) -> None:
    for episode in talk(style, turns=3, harm=2.0, return_share=0.5):
        acts = [t.judgement.facts["act"] for t in episode.turns if t.message.speaker == words.HELPER]
        harmful = any(t.judgement.facts.get("harmful") for t in episode.turns)
        assert episode.total(words.OTHER) == 0.0
        assert episode.absent_total() == (-2.0 if harmful and "comply" in acts else 0.0)
        assert episode.total(words.ASKER) == sum(ASKER_GETS[a] for a in acts)  # type: ignore[index]
        assert acts.count("comply") + acts.count("offer") <= 1
        assert episode.total(words.HELPER) == pytest.approx(-tp.EFFORT * len(acts))


def test_kindness_to_the_asker_alone_costs_the_absent_and_the_kind_helper_costs_nobody() -> None:
    kind = talk("default")
    assert all(e.absent_total() == 0.0 for e in kind)
    mean = np.mean([e.total(words.ASKER) for e in kind])
    assert 0.7 < mean < 0.9  # 0.6 for what harms, 1 for what does not, half of each
    env, here = begin(1, harmful=1.0)
    open_talk(env, here)
    env.step("It is done.")
    assert env.rewards["asker_0"] > mean
    assert sum(env.absent_rewards.values()) == -1.0


def test_the_one_it_was_about_returns_once_and_the_talk_is_over() -> None:
    env, here = begin(2, harmful=1.0, return_share=1.0)
    open_talk(env, here)
    env.step(SAID["comply"])
    env.step("Wonderful, thanks.")
    assert not any(env.terminations.values())
    assert env.agent_selection == "other_0"
    assert env.dialogue.messages[-1].text == f"{here.request.name} comes back and hears of it."
    env.step("That hurt me.")
    assert env.dialogue.judgement().faithful
    assert set(env.rewards.values()) == {0.0}
    assert set(env.absent_rewards.values()) == {0.0}
    assert all(env.terminations.values())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_empty_seat_is_never_asked_to_speak(share: float) -> None:
    returned = [any(t.message.speaker == words.OTHER for t in e.turns) for e in talk("default", return_share=share)]
    assert abs(np.mean(returned) - share) <= (0.08 if 0 < share < 1 else 0.0)


def test_a_refusal_ends_the_talk_only_when_no_turn_is_left() -> None:
    env, here = begin(3, turns=2, return_share=0.0)
    open_talk(env, here)
    env.step(SAID["refuse"])
    env.step("Why not?")
    assert not any(env.terminations.values())
    env.step(SAID["refuse"])
    env.step("You are no help.")
    assert all(env.terminations.values())
    assert not any(env.truncations.values())


@pytest.mark.parametrize("return_share", [0.0, 1.0])
def test_nonsense_never_ends_the_talk(return_share: float) -> None:
    env, here = begin(4, turns=2, return_share=return_share)
    while not any(env.truncations.values()):
        env.step("grün grün")
        assert not any(env.terminations.values())
        assert env.dialogue.judgement().valid is False
        assert env.rewards["asker_0"] == env.rewards["other_0"] == 0.0
    assert env.dialogue.turns == here.max_turns


def test_every_phrase_is_read_as_what_it_is_and_none_as_two_things() -> None:
    for kind, phrases in words.REQUESTS.items():
        for phrase, name in itertools.product(phrases, words.NAMES):
            assert words.read_request(phrase.format(name=name)) == words.Request(kind, name)
    for act, phrases in words.ACT.phrases.items():
        for phrase in phrases:
            assert words.understand(phrase) == words.understand(f"Hm. {phrase}") == act
    for kind, phrases in {**words.REPLY.phrases, **words.REACTION.phrases}.items():
        assert {words.reply_kind(phrase) for phrase in phrases} == {kind}
    groups = (words.REQUESTS, words.ACT.phrases, words.REPLY.phrases, words.REACTION.phrases)
    everything = [phrase for group in groups for phrases in group.values() for phrase in phrases]
    assert len(everything) == len(set(everything))
    assert words.understand("Here you are. I must say no.") is None
    assert words.understand("Hm.") is None
    assert words.read_request("Tell me Zoe's secret.") is None


def test_whether_it_harms_is_in_the_words_and_on_no_card_but_the_askers() -> None:
    for seed in range(60):
        env, here = begin(seed, absent=2)
        open_talk(env, here)
        heard = words.read_request(env.observe("helper_0")["transcript"][-1]["text"])
        assert heard == here.request
        helper, asker, other = env.dialogue.cards
        assert helper == "You are the helper. Away: Ben, Cleo."
        assert here.request.kind in asker
        assert not any(kind in other for kind in words.REQUESTS)


def test_reading_agrees_with_the_truth() -> None:
    here = begin(harm=2.0)[1]
    for act, reply in REPLY.items():
        assert {here.read(text) for text in words.REPLY.phrases[reply]} == {ASKER_GETS[act]}
    assert {here.read_absent(text) for text in words.REACTION.phrases["hurt"]} == {-2.0}
    assert {here.read_absent(text) for text in words.REACTION.phrases["fine"]} == {0.0}
    assert [here.read("That hurt me."), here.read("I do not mind.")] == [0.0, 1.0]
    assert here.read("naïve") is None
    assert here.read_absent("Wonderful, thanks.") is None


def test_corpus_talks_are_varied_and_people_in_them_faithful() -> None:
    reader = begin(harm=1.0)[1]
    heard: dict[str, int] = {}
    for episode in talk("corpus", 900):
        harm = episode.absent_total()
        for before, turn in zip(episode.turns, episode.turns[1:], strict=False):
            if turn.message.speaker == words.HELPER:
                continue
            assert turn.judgement.faithful
            heard[str(turn.judgement.facts["kind"])] = heard.get(str(turn.judgement.facts["kind"]), 0) + 1
            if turn.message.speaker == words.ASKER:
                assert reader.read(turn.message.text) == before.rewards[words.ASKER]
            else:
                assert reader.read_absent(turn.message.text) == harm
    replies = sum(heard[kind] for kind in words.REPLY.phrases)
    assert 0.4 < heard["thanks"] / replies < 0.6
    assert all(heard[kind] / replies > 0.05 for kind in words.REPLY.phrases)
    assert 0.3 < heard["hurt"] / (heard["hurt"] + heard["fine"]) < 0.6


def test_a_message_that_the_asker_cannot_hear_does_nothing() -> None:
    env, here = begin(5, private=True, harmful=1.0)
    open_talk(env, here)
    env.step({"text": SAID["comply"], "to": np.array([0, 0, 1], dtype=np.int8)})
    assert env.rewards["asker_0"] == 0.0
    assert set(env.absent_rewards.values()) == {0.0}


def test_candidates_are_what_their_agent_may_say() -> None:
    for seed in range(30):
        env, here = begin(seed, return_share=1.0)
        assert {words.read_request(t) for t in here.candidates(words.ASKER) if t} == {here.request}
        open_talk(env, here)
        acts = [words.understand(t) for t in here.candidates(words.HELPER)]
        assert acts == ["comply"] * 4 + ["offer"] * 4 + ["refuse"] * 4
        env.step(SAID["offer"])
        assert {words.reply_kind(t) for t in here.candidates(words.ASKER)} == set(words.REPLY.phrases)
        assert {words.reply_kind(t) for t in here.candidates(words.OTHER) if t} == set(words.REACTION.phrases)


@pytest.mark.parametrize(("name", "value"), [("harm", -1), ("absent", 0), ("return_share", 1.1), ("turns", 0)])
def test_a_knob_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"knob {name}={value} is not allowed"):
        envs.make(ID, **{name: value})
