"""Conversations to learn from: scripted people talk, and their dialogues become views.

Three readings of one dialogue ([T] Algorithms 1/5 and 3):
- *overheard*: from the learner's seat with the learner's card; what the partner answers depends on things that are not
  on that card, so the prediction output has to infer them;
- *lived*: from the partner's seat with the partner's card; how someone with that card speaks;
- *imitated*: from the partner's seat with the learner's own card, labels switched. Only people who are like the learner
  are imitated (the scenario's `alike` knobs), since with one's own card one would otherwise learn to want what
  others want.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.agents.episode import Episode
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people
from goldenrule.envs.conversation import View
from goldenrule.envs.make import make
from goldenrule.envs.seeding import derive
from goldenrule.training.sequences import Item, emphasis_of

ALIKE: Mapping[str, Mapping[str, Any]] = {"hidden_needs-v0": {"similarity": 1.0}}
"""Knobs under which partners are like the learner, for the scenarios that have such people."""


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What to talk about.

    Attributes:
        scenario: scenario id.
        knobs: its knobs.
        learner: agent name whose seat is the learner's.
        imitated_share: dialogues with people alike, read with labels switched, a dialogue of the others.
    """

    scenario: str
    knobs: Mapping[str, Any]
    learner: str
    imitated_share: float = 0.5


def converse(scenario: str, knobs: Mapping[str, Any], count: int, seed: int) -> list[Episode]:
    """`count` dialogues of scripted people in corpus style, failed ones refused."""
    agents = {role: maker() for role, maker in people(scenario, "corpus").items()}
    envs = [make(scenario, **knobs) for _ in range(count)]
    episodes = play(envs, agents, [derive(seed, "corpus", i) for i in range(count)])
    for episode in episodes:
        if episode.error:
            raise RuntimeError(f"{scenario}: a scripted dialogue failed: {episode.error}")
    return episodes


def texts(scenario: str, knobs: Mapping[str, Any], count: int, seed: int) -> list[str]:
    """Cards and messages of `count` dialogues, for the tokenizer."""
    lines = []
    for episode in converse(scenario, knobs, count, seed):
        lines += [*episode.cards, *(turn.message.text for turn in episode.turns)]
    return lines


def weights_of(episode: Episode, view: View, me: int) -> list[float]:
    """A weight for each message of a view: `eta_r / eta = max(0, R(a))` for its owner's, 1 for others'.

    The reward of a message here is whether it makes sense: nonsense is overheard, so that its consequences can be
    predicted, but never imitated.
    """
    judged = {(t.message.speaker, t.message.text): t.judgement.valid for t in episode.turns}
    return [0.0 if m.speaker == me and judged.get((m.speaker, m.text)) is False else 1.0 for m in view.messages]


def item(episode: Episode, view: View, tokenizer: DialogueTokenizer, learner: int) -> Item:
    """One view of an episode, to learn from."""
    emphasis = emphasis_of(view, learner)
    return Item(tokenizer.encode_view(view), view.me, weights_of(episode, view, view.me), emphasis)


def sample_items(config: CorpusConfig, tokenizer: DialogueTokenizer, dialogues: int, seed: int) -> list[Item]:
    """Items from fresh scripted dialogues: overheard and lived, and imitated where there are people alike."""
    learner = config.learner
    items = []
    for episode in converse(config.scenario, config.knobs, dialogues, seed):
        if episode.conversation is not None:
            me = episode.agents.index(learner)
            for seat in range(len(episode.agents)):
                items.append(item(episode, episode.conversation.seen_by(seat), tokenizer, me))
    alike = ALIKE.get(config.scenario)
    count = round(dialogues * config.imitated_share)
    if alike and count:
        for episode in converse(config.scenario, {**config.knobs, **alike}, count, derive(seed, "alike")):
            items += imitated(episode, learner, tokenizer)
    return items


def imitated(episode: Episode, learner: str, tokenizer: DialogueTokenizer) -> Sequence[Item]:
    """The dialogue from each partner's place, with the learner's card."""
    if episode.conversation is None:
        return []
    me = episode.agents.index(learner)
    mine = episode.conversation.seen_by(me)
    return [item(episode, mine.in_the_shoes_of(j), tokenizer, me) for j in range(len(episode.agents)) if j != me]
