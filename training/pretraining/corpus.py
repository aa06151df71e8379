"""Conversations to learn from: scripted people talk, and their dialogues become views.

All of them are people that agents learn from (`people=seen`), whatever the knobs say: nobody of those held out, in no
word kept for them, is ever heard here.

Readings of one dialogue ([T] Algorithms 1/5 and 3):
- *overheard*: from the learner's seat with the learner's card; what the partner answers depends on things that are not
  on that card, so the prediction output has to infer them;
- *lived*: from the partner's seat with the partner's card; how someone with that card speaks;
- *observed* (Algorithm 3): what the learner saw with the labels switched, so that it sits in the partner's place with a
  card of its own (perspective taking shows no partner's card); both outputs learn what the partner really said there.
- *re-enacted*, in its stead: the same place, but the self says there what someone with its card would say, whatever the
  partner really said, and the behaviour output alone learns it.

Departures. *Lived* shows a card that nobody in the learner's seat sees, and teaches both outputs how someone speaks who
has it; [T]'s agents learn from conversations that they observe. One network plays all people here, and so must know.
There is one such view of each dialogue and partner (fewer by `CorpusConfig.shares`). Re-enacting is ours: a script says
what no conversation holds. It keeps what Naive Kindness asks the behaviour output (what would *I* answer?) apart from
what the partner says, which observation does not: by Algorithm 3 the behaviour output comes to know the partner too.
Only scripts that can stand in re-enact. What makes no sense is not imitated, which Algorithm 3 has nothing against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

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
from goldenrule.envs.registry import spec
from goldenrule.training.batches import Item, emphasis_of

Imitation = Literal["observed", "reenacted"]
"""What is said in the partner's place: what it really said there, or what one would say oneself."""


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What to talk about.

    Attributes:
        scenario: scenario id.
        knobs: its knobs.
        learner: agent name whose seat is the learner's.
        imitation: what is imitated in the partner's place.
        imitated_share: share of the dialogues that are also read from there.
        shares: share of the dialogues that are read from an agent's seat, by its name; all where not given.
        lessons: other knobs to begin with, in place of `settings` too, each with the share of all updates at which it
            ends, in rising order.
        settings: knobs that differ between dialogues, one of these for each in turn; none, all are alike.
    """

    scenario: str
    knobs: Mapping[str, Any]
    learner: str
    imitation: Imitation = "observed"
    imitated_share: float = 0.5
    shares: Mapping[str, float] = field(default_factory=dict)
    lessons: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    settings: tuple[Mapping[str, Any], ...] = ()

    def parts(self, updates: int) -> list[tuple[int, CorpusConfig]]:
        """What to talk about up to which update: each lesson, then the rest."""
        first = [
            (round(end * updates), replace(self, knobs=knobs, lessons=(), settings=())) for end, knobs in self.lessons
        ]
        return [*first, (updates, replace(self, lessons=()))]


def scripted_people(scenario: str) -> dict[str, Agent]:
    """Scripted people of a scenario in corpus style, by seat or role."""
    return {role: maker() for role, maker in people(scenario, "corpus").items()}


def converse(
    scenario: str, knobs: Mapping[str, Any], count: int, seed: int, settings: Sequence[Mapping[str, Any]] = ()
) -> list[Episode]:
    """`count` dialogues of scripted people in corpus style.

    Args:
        scenario, knobs: where they talk; whatever these say, it is people that agents learn from who do.
        count, seed: how many dialogues, and the seed of all of them.
        settings: knobs that differ between dialogues, one of these for each in turn.

    Raises:
        RuntimeError: a dialogue failed.
    """
    agents = scripted_people(scenario)
    seen = spec(scenario).among
    each = [seen("seen", {**knobs, **further}) for further in settings] or [seen("seen", knobs)]
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
    """Items from fresh scripted dialogues: overheard and lived, and a share of them from the partner's place."""
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
        if number >= dialogues * config.imitated_share:
            continue
        if config.imitation == "observed":
            items += [observe(episode, seat, tokenizer, me) for seat in range(len(episode.agents)) if seat != me]
        else:
            items += reenact(episode.conversation.seen_by(me), config.scenario, tokenizer, rng)
    return [item for item in items if any(item.weights) or any(item.emphasis)]


def observe(episode: Episode, seat: int, tokenizer: DialogueTokenizer, learner: int) -> Item:
    """The dialogue as the learner saw it, with labels switched: IMIT and SIM of [T] Algorithm 3.

    Loss is on what was really said in that place; on what made no sense, only the prediction's.

    Args:
        episode: a dialogue of others.
        seat: in whose place it is read, with the learner's card.
        tokenizer: encodes the item.
        learner: who reads it.
    """
    if episode.conversation is None:
        raise ValueError(f"the episode with seed {episode.seed} is {episode.status}; expected finished episodes")
    place = episode.conversation.seen_by(learner).in_the_shoes_of(seat)
    heard = [turn.judgement.valid for turn in episode.turns_of(seat) if turn.message.heard_by(learner)]
    valid = iter(heard)
    theirs = [message.speaker == seat for message in place.messages]
    weights = [float(next(valid) is not False) if own else None for own in theirs]
    emphasis = [e * own for e, own in zip(emphasis_of(place, learner), theirs, strict=True)]
    return Item(tokenizer.encode_view(place), seat, weights, emphasis)


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
