"""Storage of a rollout: what the learner said and with what probability, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.sampling import Sampled
from goldenrule.agents.networks.tokenizer import DialogueTokenizer, Span
from goldenrule.training.batches import Item, Sequences, collate, emphasis_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rollout:
    """Episodes from the learner's seat.

    Attributes:
        sequences: its final view of each episode; only its own sampled tokens are `own`.
        logprobs: log-probability of each own token when it was sampled.
        starts: for each episode, the position of the label before each of the learner's messages: the state there is
            what a value is an estimate of.
        turns: the learner's turns of each episode, without those past what the network's context holds: nothing is
            learnt from them.
        n_messages: number of the learner's messages in each episode, those past the context included.
        truncated: whether each episode was cut rather than over.
    """

    sequences: Sequences
    logprobs: Float[Tensor, "B T"]
    starts: list[list[int]]
    turns: list[list[Turn]]
    n_messages: list[int]
    truncated: list[bool]

    @property
    def left_out(self) -> int:
        """Messages of the learner past what the network's context holds."""
        return sum(self.n_messages) - sum(map(len, self.turns))

    def by_episode(self, values: Sequence[T]) -> list[list[T]]:
        """Values of all the learner's messages, in order, parted by episode."""
        rest = iter(values)
        return [[next(rest) for _ in range(count)] for count in self.n_messages]

    def __len__(self) -> int:
        return len(self.turns)


def tokenise(episodes: Sequence[Episode], me: int, tokenizer: DialogueTokenizer, limit: int | None = None) -> Rollout:
    """The learner's view of each finished episode; failed ones must have been set aside by the caller.

    Args:
        episodes: what was said.
        me: the learner's seat.
        tokenizer: the learner's.
        limit: longest context from which the learner's messages were sampled uncut (`LanguageModel.limit`). A view
            ends before the first message past it: what follows was said with the oldest messages forgotten.

    Raises:
        ValueError: an episode is not finished.
        TypeError: the learner is no network: its replies carry no sampled ids.
    """
    items, records, starts, turns, n_messages, truncated = [], [], [], [], [], []
    for episode in episodes:
        if episode.conversation is None:
            raise ValueError(f"the episode with seed {episode.seed} is {episode.status}; expected finished episodes")
        view = episode.conversation.seen_by(me)
        mine = episode.turns_of(me)
        n_messages.append(len(mine))
        places = [k for k, message in enumerate(view.messages) if message.speaker == me]
        # The ids that were sampled, which another tokenisation of the same text need not give.
        said = {k: sampled(turn).ids for k, turn in zip(places, mine, strict=True)}
        encoded = tokenizer.encode_view(view, said)
        kept = _fitting(encoded.spans, me, limit)
        truncated.append(episode.status == "truncated" or kept < len(view.messages))
        if kept < len(view.messages):
            # What follows was sampled with the oldest messages forgotten: its probabilities would be others here.
            view = replace(view, messages=view.messages[:kept])
            places = [k for k in places if k < kept]
            mine = mine[: len(places)]
            encoded = tokenizer.encode_view(view, said)
        items.append(Item(encoded, me, [1.0] * len(view.messages), emphasis_of(view, me)))
        records.append([(encoded.spans[k].start, sampled(turn)) for k, turn in zip(places, mine, strict=True)])
        starts.append([encoded.spans[k].start - 1 for k in places])
        turns.append(mine)
    sequences = collate(items)
    return Rollout(sequences, _logprobs(records, sequences), starts, turns, n_messages, truncated)


def _fitting(spans: Sequence[Span], me: int, limit: int | None) -> int:
    """How many messages the learner could hold uncut: its own begin within `limit`, others' end within it."""
    for number, span in enumerate(spans):
        if limit is not None and (span.start - 1 if span.speaker == me else span.stop) > limit:
            return number
    return len(spans)


def sampled(turn: Turn) -> Sampled:
    """What the network sampled in a turn: ids, their log-probabilities, the value of the state before.

    Raises:
        TypeError: the turn is not a network's.
    """
    if not isinstance(turn.record, Sampled):
        raise TypeError(f"the learner's reply carries a {type(turn.record).__name__}; expected Sampled")
    return turn.record


def _logprobs(records: list[list[tuple[int, Sampled]]], sequences: Sequences) -> Float[Tensor, "B T"]:
    """Sampled logprobs in place. The end forced onto a cut message was not sampled, so it is no longer `own`."""
    logprobs = np.zeros(tuple(sequences.ids.shape), dtype=np.float32)
    for row, spans in enumerate(records):
        for start, one in spans:
            logprobs[row, start : start + len(one.ids)] = one.logprobs
            if not one.ended:
                sequences.own[row, start + len(one.ids) - 1] = False
    return torch.from_numpy(logprobs)
