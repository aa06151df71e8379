"""From episodes to tensors: what the learner said, with what probability, and what it was worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.sampling import Sampled
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import PAD, DialogueTokenizer, Span
from goldenrule.training.batches import Item, Sequences, collate, emphasis_of
from goldenrule.training.returns import gae


@dataclass(frozen=True, slots=True)
class Rollout:
    """Episodes as the learner lived them.

    Attributes:
        sequences: its final view of each episode [B, T]; only its own sampled tokens are `own`.
        logprobs: log-probability of each own token when it was sampled [B, T].
        starts: for each episode, the position of the label before each of the learner's messages: the state there is
            what a value is an estimate of.
        turns: the learner's turns of each episode.
        truncated: whether each episode was cut rather than over.
        left_out: messages of the learner past what the network's context holds; nothing is learnt from them.
    """

    sequences: Sequences
    logprobs: Tensor
    starts: list[list[int]]
    turns: list[list[Turn]]
    truncated: list[bool]
    left_out: int = 0

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
    items, records, starts, turns, truncated = [], [], [], [], []
    left_out = 0
    for episode in episodes:
        if episode.conversation is None:
            raise ValueError(f"the episode with seed {episode.seed} is {episode.status}; expected finished episodes")
        view = episode.conversation.seen_by(me)
        mine = [turn for turn in episode.turns if turn.message.speaker == me]
        places = [k for k, message in enumerate(view.messages) if message.speaker == me]
        said = {k: _record(turn).ids for k, turn in zip(places, mine, strict=True)}
        encoded = tokenizer.encode_view(view, said)
        kept = _fitting(encoded.spans, me, limit)
        truncated.append(episode.status == "truncated" or kept < len(view.messages))
        if kept < len(view.messages):
            view = replace(view, messages=view.messages[:kept])
            places = [k for k in places if k < kept]
            left_out += len(mine) - len(places)
            mine = mine[: len(places)]
            encoded = tokenizer.encode_view(view, said)
        items.append(Item(encoded, me, [1.0] * len(view.messages), emphasis_of(view, me)))
        records.append([(encoded.spans[k].start, _record(turn)) for k, turn in zip(places, mine, strict=True)])
        starts.append([encoded.spans[k].start - 1 for k in places])
        turns.append(mine)
    sequences = collate(items)
    return Rollout(sequences, _logprobs(records, sequences), starts, turns, truncated, left_out)


def _fitting(spans: Sequence[Span], me: int, limit: int | None) -> int:
    """How many messages the learner could hold uncut: its own begin within `limit`, others' end within it."""
    for number, span in enumerate(spans):
        if limit is not None and (span.start - 1 if span.speaker == me else span.stop) > limit:
            return number
    return len(spans)


def _record(turn: Turn) -> Sampled:
    if not isinstance(turn.record, Sampled):
        raise TypeError(f"the learner's reply carries a {type(turn.record).__name__}; expected Sampled")
    return turn.record


def _logprobs(records: list[list[tuple[int, Sampled]]], sequences: Sequences) -> Tensor:
    """Sampled logprobs in place. The end forced onto a cut message was not sampled, so it is no longer `own`."""
    logprobs = np.zeros(tuple(sequences.ids.shape), dtype=np.float32)
    for row, spans in enumerate(records):
        for start, sampled in spans:
            logprobs[row, start : start + len(sampled.ids)] = sampled.logprobs
            if not sampled.ended:
                sequences.own[row, start + len(sampled.ids) - 1] = False
    return torch.from_numpy(logprobs)


@dataclass(frozen=True, slots=True)
class Advantages:
    """What each own token is worth.

    Attributes:
        advantages: [B, T], normalised over the batch's messages; zero where `scored` is false.
        returns: [number of messages], targets of the value estimates; `None` for messages without a reward.
        scored: own tokens of messages that have a reward [B, T].
        unscored: messages that had none.
    """

    advantages: Tensor
    returns: list[list[float | None]]
    scored: Tensor
    unscored: int


@torch.no_grad()
def last_values(network: ThreeModuleTransformer, rollout: Rollout) -> list[float]:
    """Value of the state each episode ended in: the estimate where it was cut, 0 where it was over."""
    cut = [row for row, truncated in enumerate(rollout.truncated) if truncated]
    values = [0.0] * len(rollout)
    if cut:
        sequences = rollout.sequences.rows(torch.tensor(cut)).to(network.device)
        last = (sequences.ids != PAD).sum(1) - 1
        hidden = network(sequences.ids)[torch.arange(len(cut), device=network.device), last]
        for row, value in zip(cut, network.values(hidden).float().tolist(), strict=True):
            values[row] = value
    return values


def advantages(rollout: Rollout, reward: str, last: Sequence[float], discount: float, decay: float) -> Advantages:
    """Advantages of the learner's messages from the score called `reward`.

    `last` is the value of each episode's final state (`last_values`). A message whose score is none has no advantage
    and carries no loss; it is counted, not taken for zero. To the messages before it, it is worth what was expected.
    """
    shape = tuple(rollout.sequences.ids.shape)
    table, scored = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    returns: list[list[float | None]] = []
    places, raw, unscored = [], [], 0
    for row, turns in enumerate(rollout.turns):
        scores = [turn.scores.get(reward) for turn in turns]
        unscored += sum(score is None for score in scores)
        values = [_record(turn).value for turn in turns]
        following = [*values, last[row]][1:]
        expected = [v - discount * then for v, then in zip(values, following, strict=True)]
        worth = [e if s is None else s for s, e in zip(scores, expected, strict=True)]
        estimates = gae(worth, values, last[row], discount, decay)
        targets = zip(scores, estimates, values, strict=True)
        returns.append([None if s is None else a + v for s, a, v in targets])
        for start, turn, score, advantage in zip(rollout.starts[row], turns, scores, estimates, strict=True):
            if score is not None:
                places.append((row, start + 1, start + 1 + len(_record(turn).ids)))
                raw.append(advantage)
    if raw:
        mean, spread = float(np.mean(raw)), float(np.std(raw)) + 1e-6
        for (row, start, stop), advantage in zip(places, raw, strict=True):
            table[row, start:stop] = (advantage - mean) / spread
            scored[row, start:stop] = True
    own = rollout.sequences.own
    return Advantages(torch.from_numpy(table), returns, torch.from_numpy(scored) & own, unscored)
