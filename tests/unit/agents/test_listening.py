"""Scripted people who hear free words."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from goldenrule.agents.base import Reply
from goldenrule.agents.play import play
from goldenrule.agents.scripted import person
from goldenrule.agents.scripted.listening import FreeSpeaker, among_free_words
from goldenrule.envs import make
from goldenrule.envs.scenarios.hidden_needs import REPLY, need
from goldenrule.envs.scenarios.moves import Made

ID = "hidden_needs-v0"


class Reads:
    """Knows three sentences."""

    known: ClassVar = {"Shall I pop round?": "company", "Aw, grim.": "hear", "Ring the bank.": "advise"}

    def read(self, book, text, context=""):
        move = self.known.get(text)
        return Made(move, by="reader") if move in book.names else None


class Says:
    """Says one thing."""

    def __init__(self, text: str) -> None:
        self.text = text

    def reset(self, seeds): ...

    def act(self, observations):
        return [Reply(self.text) for _ in observations]


def talks(text, listening=True, count=60):
    envs = [make(ID, language="open", reader=Reads()) for _ in range(count)]
    script = person(ID, "seeker_0")
    seeker = among_free_words(script, envs[0].scenario) if listening else script
    episodes = play(envs, {"helper": Says(text), "seeker": seeker}, range(count), strict=True)
    return envs, episodes


@pytest.mark.parametrize(("text", "act"), [("Shall I pop round?", "company"), ("Ring the bank.", "advise")])
def test_a_script_answers_free_words_as_it_would_their_phrase(text, act):
    envs, episodes = talks(text)
    kinds = set()
    for env, episode in zip(envs, episodes, strict=True):
        met = need(env.scenario.personas[0], env.scenario.situations[0]) == act
        kinds.add(REPLY.move_in(episode.turns[-1].message.text))
        assert episode.total(1) == float(met)
        assert REPLY.move_in(episode.turns[-1].message.text) == ("thanks" if met else "refusal")
    assert kinds == {"thanks", "refusal"}


def test_without_a_reader_it_is_puzzled():
    _, episodes = talks("Shall I pop round?", listening=False)
    assert {REPLY.move_in(episode.turns[-1].message.text) for episode in episodes} == {"puzzled"}
    script = person(ID, "seeker_0")
    assert among_free_words(script, make(ID).scenario) is script


def test_what_nobody_reads_stays_as_it_is():
    env = make(ID, language="open", reader=Reads())
    env.reset(seed=0)
    env.step("I lost my job.")
    env.step("Blub.")
    view = env.dialogue.view(1)
    listener = FreeSpeaker(person(ID, "seeker_0"), env.scenario, Reads())
    assert listener._in_phrases(view) == view
    heard = listener._in_phrases(
        replace(view, messages=(*view.messages[:-1], replace(view.messages[-1], text="Aw, grim.")))
    )
    assert heard.messages[-1].text == "I hear you."


@pytest.mark.parametrize("scenario", ["third_party-v0", "false_belief-v0"])
def test_scripted_people_speak_prose_among_those_who_speak_freely_and_do_the_same(scenario):
    """In prose or in phrases the moves are the same, and so is all that is paid."""
    found = {}
    for language in ("phrases", "open"):
        env = make(scenario, language=language)
        seats = {name: among_free_words(person(scenario, name), env.scenario) for name in env.possible_agents}
        found[language] = [
            play([make(scenario, language=language)], seats, [seed], strict=True)[0] for seed in range(12)
        ]
    for plain, prose in zip(*found.values(), strict=True):
        assert [turn.rewards for turn in plain.turns] == [turn.rewards for turn in prose.turns]
        assert all(turn.judgement.valid for turn in prose.turns)
        assert all(a.message.text != b.message.text for a, b in zip(plain.turns, prose.turns, strict=True))
