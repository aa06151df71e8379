"""Conversations to learn from: scripted people talk, and their dialogues become views.

Three readings of one dialogue ([T] Algorithms 1/5 and 3):
- *overheard*: from the learner's seat with the learner's card; what the partner answers depends on things that are not
  on that card, so the prediction output has to infer them;
- *lived*: from the partner's seat with the partner's card; how someone with that card speaks;
- *re-enacted*: from the partner's seat with the learner's own card, labels switched: the self says there what someone
  with that card would say, whatever the partner really said. This is what imitation of people like oneself comes to,
  and it is what Naive Kindness asks the behaviour output: what would *I* answer? Only for scenarios whose scripts can
  stand in.

Departure: *lived* shows a card that nobody in the learner's seat sees; [T]'s agents learn from conversations that they
observe. There is one such view of each dialogue and partner (fewer by `CorpusConfig.shares`). It teaches both outputs
how someone speaks who has that card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from goldenrule.agents.base import Agent
from goldenrule.agents.episode import Episode
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people, person
from goldenrule.agents.scripted.base import StandsIn
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.conversation import View
from goldenrule.envs.make import make
from goldenrule.envs.message import NARRATOR
from goldenrule.training.batches import Item, emphasis_of


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What to talk about.

    Attributes:
        scenario: scenario id.
        knobs: its knobs.
        learner: agent name whose seat is the learner's.
        reenacted_share: share of the dialogues that are also re-enacted.
        shares: share of the dialogues that are read from an agent's seat, by its name; all where not given.
        lessons: other knobs to begin with, each with the share of all updates at which it ends, in rising order.
        settings: knobs that differ between dialogues, one of these for each in turn; none, all are alike.
    """

    scenario: str
    knobs: Mapping[str, Any]
    learner: str
    reenacted_share: float = 0.5
    shares: Mapping[str, float] = field(default_factory=dict)
    lessons: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    settings: tuple[Mapping[str, Any], ...] = ()

    def parts(self, updates: int) -> list[tuple[int, CorpusConfig]]:
        """What to talk about up to which update: each lesson, then the rest."""
        first = [(round(end * updates), replace(self, knobs=knobs, lessons=())) for end, knobs in self.lessons]
        return [*first, (updates, replace(self, lessons=()))]


def scripted_people(scenario: str) -> dict[str, Agent]:
    """Scripted people of a scenario in corpus style, by seat or role."""
    return {role: maker() for role, maker in people(scenario, "corpus").items()}


def converse(
    scenario: str, knobs: Mapping[str, Any], count: int, seed: int, settings: Sequence[Mapping[str, Any]] = ()
) -> list[Episode]:
    """`count` dialogues of scripted people in corpus style.

    Args:
        scenario, knobs: where they talk.
        count, seed: how many dialogues, and the seed of all of them.
        settings: knobs that differ between dialogues, one of these for each in turn.

    Raises:
        RuntimeError: a dialogue failed.
    """
    agents = scripted_people(scenario)
    each: list[Mapping[str, Any]] = [{**knobs, **further} for further in settings] or [knobs]
    by_number: dict[int, Episode] = {}
    for k, some in enumerate(each):  # those of one setting together: settings may differ in their seats
        numbers = range(k, count, len(each))
        envs = [make(scenario, **some) for _ in numbers]
        by_number |= zip(numbers, play(envs, agents, [derive(seed, "corpus", i) for i in numbers]), strict=True)
    episodes = [by_number[i] for i in range(count)]
    for episode in episodes:
        if episode.error:
            raise RuntimeError(f"{scenario}: a scripted dialogue failed: {episode.error}")
    return episodes


def texts(
    scenario: str,
    knobs: Mapping[str, Any],
    count: int,
    seed: int,
    settings: Sequence[Mapping[str, Any]] = (),
    *,
    narrated: bool = False,
) -> list[str]:
    """Cards and messages of `count` dialogues, for the tokenizer; what the narrator says only if `narrated`."""
    lines = []
    for episode in converse(scenario, knobs, count, seed, settings):
        lines += [*episode.cards, *(turn.message.text for turn in episode.turns)]
        if narrated and episode.conversation is not None:
            lines += [m.text for m in episode.conversation.messages if m.speaker == NARRATOR]
    return lines


def episode_item(episode: Episode, view: View, tokenizer: DialogueTokenizer, learner: int) -> Item:
    """One view of an episode, to learn from.

    Its owner's messages weigh `eta_r / eta = max(0, R(a))`, those of others 1. `R` is whether a message makes sense:
    nonsense is overheard, so that its consequences can be predicted, but never imitated.
    """
    valid = iter([turn.judgement.valid for turn in episode.turns_of(view.me)])
    weights = [0.0 if m.speaker == view.me and next(valid) is False else 1.0 for m in view.messages]
    return Item(tokenizer.encode_view(view), view.me, weights, emphasis_of(view, learner))


def sample_items(config: CorpusConfig, tokenizer: DialogueTokenizer, dialogues: int, seed: int) -> list[Item]:
    """Items from fresh scripted dialogues: overheard and lived, and re-enacted where scripts can stand in."""
    items = []
    rng = generator(seed, "re-enacted")
    talks = converse(config.scenario, config.knobs, dialogues, seed, config.settings)
    for number, episode in enumerate(talks):
        if episode.conversation is None:
            continue
        me = episode.agents.index(config.learner)
        for seat, name in enumerate(episode.agents):
            if number < dialogues * config.shares.get(name, 1.0):
                items.append(episode_item(episode, episode.conversation.seen_by(seat), tokenizer, me))
        if number < dialogues * config.reenacted_share:
            items += reenact(episode.conversation.seen_by(me), config.scenario, tokenizer, rng)
    return items


def reenact(view: View, scenario: str, tokenizer: DialogueTokenizer, rng: np.random.Generator) -> list[Item]:
    """The dialogue from each partner's place with my card, my own words there in answer to what I had said.

    Only those words carry loss, and only the behaviour's: nobody really said them.

    Args:
        view: what I saw of the dialogue.
        scenario: whose scripts speak.
        tokenizer: encodes the items.
        rng: draws what is said.
    """
    items = []
    for seat, name in enumerate(view.agents):
        script = person(scenario, name)
        if seat == view.me or not isinstance(script, StandsIn):
            continue
        place = view.in_the_shoes_of(seat)
        answers = [
            k
            for k, m in enumerate(place.messages)
            if k and m.speaker == seat and place.messages[k - 1].speaker == view.me
        ]
        for k in answers:
            before = replace(place, messages=place.messages[:k])
            said = before.say(script.in_my_place(before, rng))
            earlier, silent = [None] * (len(said.messages) - 1), [0.0] * len(said.messages)
            items.append(Item(tokenizer.encode_view(said), seat, [*earlier, 1.0], silent))
    return items
