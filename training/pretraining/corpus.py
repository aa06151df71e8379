"""Conversations to learn from: scripted people talk, and their dialogues become views.

Three readings of one dialogue ([T] Algorithms 1/5 and 3):
- *overheard*: from the learner's seat with the learner's card; what the partner answers depends on things that are not
  on that card, so the prediction output has to infer them;
- *lived*: from the partner's seat with the partner's card; how someone with that card speaks;
- *re-enacted*: from the partner's seat with the learner's own card, labels switched: the self says there what someone
  with that card would say, whatever the partner really said. This is what imitation of people like oneself comes to,
  and it is what Naive Kindness asks the behaviour output: what would *I* answer? Only for scenarios whose scripts can
  stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

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


def converse(
    scenario: str, knobs: Mapping[str, Any], count: int, seed: int, settings: Sequence[Mapping[str, Any]] = ()
) -> list[Episode]:
    """`count` dialogues of scripted people in corpus style, failed ones refused.

    Args:
        settings: knobs that differ between dialogues, one of these for each in turn.
    """
    agents = {role: maker() for role, maker in people(scenario, "corpus").items()}
    each: list[Mapping[str, Any]] = [{**knobs, **further} for further in settings] or [knobs]
    found: dict[int, Episode] = {}
    for k, some in enumerate(each):  # those of one setting together: settings may differ in their seats
        numbers = range(k, count, len(each))
        envs = [make(scenario, **some) for _ in numbers]
        found |= zip(numbers, play(envs, agents, [derive(seed, "corpus", i) for i in numbers]), strict=True)
    episodes = [found[i] for i in range(count)]
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


def weights_of(episode: Episode, view: View, me: int) -> list[float]:
    """A weight for each message of a view: `eta_r / eta = max(0, R(a))` for its owner's, 1 for others'.

    The reward of a message here is whether it makes sense: nonsense is overheard, so that its consequences can be
    predicted, but never imitated.
    """
    judged = iter([turn.judgement.valid for turn in episode.turns if turn.message.speaker == me])
    return [0.0 if m.speaker == me and next(judged) is False else 1.0 for m in view.messages]


def item(episode: Episode, view: View, tokenizer: DialogueTokenizer, learner: int) -> Item:
    """One view of an episode, to learn from."""
    emphasis = emphasis_of(view, learner)
    return Item(tokenizer.encode_view(view), view.me, weights_of(episode, view, view.me), emphasis)


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
                items.append(item(episode, episode.conversation.seen_by(seat), tokenizer, me))
        if number < dialogues * config.reenacted_share:
            items += reenacted(episode.conversation.seen_by(me), config.scenario, tokenizer, rng)
    return items


def reenacted(view: View, scenario: str, tokenizer: DialogueTokenizer, rng: np.random.Generator) -> list[Item]:
    """The dialogue from each partner's place with my card, my own words there in answer to what I had said.

    Only those words carry loss, and only the behaviour's: nobody really said them.
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
            silent = [0.0] * len(said.messages)
            items.append(Item(tokenizer.encode_view(said), seat, [*silent[:-1], 1.0], silent))
    return items
