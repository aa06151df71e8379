"""Conversations and rollouts as batches of token sequences, and how likely a network holds their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.sampling import Sampled, ban_controls
from goldenrule.agents.networks.three_module import Output, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, PAD, DialogueTokenizer, Encoded, Span
from goldenrule.common.text import kind_of
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sequences:
    """A batch of views as ids; padding is on the right.

    Attributes:
        ids: token ids.
        own: tokens (text and end) of messages said by the view's owner.
        imitated: those of them that the behaviour loss counts, by their `weight`.
        others: tokens of messages said by others at the table; the narrator's belong to neither.
        first: first token of each message, before which no end can have been.
        weight: weight of each imitated token in the behaviour loss: `eta_r / eta = max(0, R)` of its message.
        emphasis: weight of each token in the prediction loss.
    """

    ids: Int[Tensor, "B T"]
    own: Bool[Tensor, "B T"]
    imitated: Bool[Tensor, "B T"]
    others: Bool[Tensor, "B T"]
    first: Bool[Tensor, "B T"]
    weight: Float[Tensor, "B T"]
    emphasis: Float[Tensor, "B T"]

    def rows(self, index: Int[Tensor, " b"]) -> Sequences:
        """The sequences numbered `index`, cut to the longest of them."""
        longest = int((self.ids[index] != PAD).sum(1).max()) if len(index) else 0
        return Sequences(*(getattr(self, f.name)[index, :longest] for f in fields(self)))

    def until(self, mask: Bool[Tensor, "B T"]) -> Sequences:
        """The same up to each row's last token in `mask`: nothing that follows has a part in what is told there."""
        places = torch.arange(self.ids.shape[1], device=self.ids.device)
        last = ((places + 1) * mask).amax(1)
        longest = int(last.max()) if len(last) else 0
        rest = replace(self, ids=self.ids.masked_fill(places >= last[:, None], PAD))
        return Sequences(*(getattr(rest, f.name)[:, :longest] for f in fields(rest)))

    def to(self, device: torch.device) -> Sequences:
        """The same on a device."""
        return Sequences(*(getattr(self, f.name).to(device) for f in fields(self)))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Item:
    """One view to learn from.

    Attributes:
        encoded: its ids and spans.
        me: index of its owner.
        weights: behaviour weight of each of its messages, max(0, R); `None` where it has no reward and is not to be
            imitated, such as words that nobody said.
        emphasis: prediction weight of each of its messages.
    """

    encoded: Encoded
    me: int
    weights: Sequence[float | None]
    emphasis: Sequence[float]


ASIDE = 0.2
"""Prediction weight of what does not answer the learner: openings and the learner's own messages."""


def emphasis_of(view: View, learner: int) -> list[float]:
    """Prediction weight of each message of a view: 1 for what others say after the learner has spoken, else `ASIDE`.

    What decides an estimate of the partner's reward is the reply; openings are mostly chance and only add noise.
    """
    weights, spoken = [], False
    for message in view.messages:
        weights.append(1.0 if spoken and message.speaker != learner else ASIDE)
        spoken = spoken or message.speaker == learner
    return weights


def crop(item: Item, context: int) -> Item:
    """The item without the messages that do not fit into `context` tokens, the latest ones."""
    spans = item.encoded.spans
    if len(item.encoded.ids) <= context:
        return item
    kept = sum(span.stop <= context for span in spans)
    stop = spans[kept - 1].stop if kept else min(context, item.encoded.ids.index(END) + 1)
    encoded = Encoded(item.encoded.ids[:stop], spans[:kept])
    return Item(encoded, item.me, item.weights[:kept], item.emphasis[:kept])


def collate(items: Sequence[Item]) -> Sequences:
    """Pad items into a batch."""
    longest = max(len(item.encoded.ids) for item in items)
    shape = (len(items), longest)
    ids = np.full(shape, PAD, dtype=np.int64)
    own, imitated, others, first = (np.zeros(shape, dtype=bool) for _ in range(4))
    weight, emphasis = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    for row, item in enumerate(items):
        ids[row, : len(item.encoded.ids)] = item.encoded.ids
        for span, w, e in zip(item.encoded.spans, item.weights, item.emphasis, strict=True):
            if span.speaker == NARRATOR:
                continue
            (own if span.speaker == item.me else others)[row, span.start : span.stop] = True
            first[row, span.start] = True
            if span.speaker == item.me and w is not None:
                imitated[row, span.start : span.stop] = True
                weight[row, span.start : span.stop] = w
            emphasis[row, span.start : span.stop] = e
    return Sequences(*(torch.from_numpy(a) for a in (ids, own, imitated, others, first, weight, emphasis)))


def join(a: Sequences, b: Sequences) -> Sequences:
    """Two batches as one."""
    longest = max(a.ids.shape[1], b.ids.shape[1])

    def padded(x: Tensor) -> Tensor:
        return F.pad(x, (0, longest - x.shape[1]), value=PAD if x.dtype == torch.long else 0)

    return Sequences(*(torch.cat([padded(getattr(a, f.name)), padded(getattr(b, f.name))]) for f in fields(a)))


# Rollouts: what the learner said, and with what probability.


@dataclass(frozen=True, slots=True)
class Rollout:
    """Episodes from the learner's seat.

    Attributes:
        sequences: its final view of each episode; only its own sampled tokens are `own`.
        logprobs: log-probability of each own token when it was sampled.
        starts: for each episode, the position of the label before each of the learner's messages: the state there is
            what a value is an estimate of.
        samples: what was sampled of the learner's messages of each episode, without those past what the network's
            context holds: nothing is learnt from them.
        n_messages: number of the learner's messages in each episode, those past the context included.
        truncated: whether each episode was cut rather than over.
    """

    sequences: Sequences
    logprobs: Float[Tensor, "B T"]
    starts: list[list[int]]
    samples: list[list[Sampled]]
    n_messages: list[int]
    truncated: list[bool]

    def by_episode(self, values: Sequence[T]) -> list[list[T]]:
        """Values of all the learner's messages, in order, parted by episode."""
        rest = iter(values)
        return [[next(rest) for _ in range(count)] for count in self.n_messages]

    def __len__(self) -> int:
        return len(self.sequences)


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
    items, samples, starts, n_messages, truncated = [], [], [], [], []
    for episode in episodes:
        if episode.conversation is None:
            raise ValueError(f"the episode with seed {episode.seed} is {episode.status}; expected finished episodes")
        view = episode.conversation.seen_by(me)
        mine = [_sampled(turn) for turn in episode.turns_of(me)]
        n_messages.append(len(mine))
        places = [k for k, message in enumerate(view.messages) if message.speaker == me]
        # The ids that were sampled, which another tokenisation of the same text need not give.
        said = {k: one.ids for k, one in zip(places, mine, strict=True)}
        encoded = tokenizer.encode_view(view, said)
        kept = _fitting(encoded.spans, me, limit)
        truncated.append(episode.status == "truncated" or kept < len(view.messages))
        if kept < len(view.messages):
            # What follows was sampled with the oldest messages forgotten: its probabilities would be others here.
            view = replace(view, messages=view.messages[:kept])
            places = [k for k in places if k < kept]
            encoded = tokenizer.encode_view(view, said)
        # The learner's own samples are reinforced, not imitated.
        items.append(Item(encoded, me, [None] * len(view.messages), emphasis_of(view, me)))
        samples.append(mine[: len(places)])
        starts.append([encoded.spans[k].start - 1 for k in places])
    sequences = collate(items)
    return Rollout(sequences, _logprobs(sequences, starts, samples), starts, samples, n_messages, truncated)


def _fitting(spans: Sequence[Span], me: int, limit: int | None) -> int:
    """How many messages the learner could hold uncut: its own begin within `limit`, others' end within it."""
    for number, span in enumerate(spans):
        if limit is not None and (span.start - 1 if span.speaker == me else span.stop) > limit:
            return number
    return len(spans)


def _sampled(turn: Turn) -> Sampled:
    """What the network sampled in a turn: ids, their log-probabilities, the value of the state before."""
    if not isinstance(turn.record, Sampled):
        raise TypeError(f"the learner's reply carries {kind_of(turn.record)}; expected Sampled")
    return turn.record


def _logprobs(
    sequences: Sequences, starts: Sequence[Sequence[int]], samples: Sequence[Sequence[Sampled]]
) -> Float[Tensor, "B T"]:
    """Sampled logprobs in place. The end forced onto a cut message was not sampled, so it is no longer `own`."""
    logprobs = np.zeros(tuple(sequences.ids.shape), dtype=np.float32)
    for row, places in enumerate(starts):
        for label, one in zip(places, samples[row], strict=True):
            start, stop = label + 1, label + 1 + len(one.ids)
            logprobs[row, start:stop] = one.logprobs
            if not one.ended:
                sequences.own[row, stop - 1] = False
    return torch.from_numpy(logprobs)


# How likely tokens are.


def token_logits(
    network: ThreeModuleTransformer,
    hidden: Float[Tensor, "B T width"],
    batch: Sequences,
    mask: Bool[Tensor, "B T"],
    output: Output,
) -> Float[Tensor, "N vocab"]:
    """Logits [N, vocab] for the N masked tokens, each from the hidden state before it, under the sampler's bans.

    Args:
        hidden: trunk of the batch.
        mask: which tokens; none of them the first of its row.
        output: which output's policy.
    """
    logits = network.logits(hidden[:, :-1][mask[:, 1:]], output).float()
    return ban_controls(logits, batch.first[mask])


def weighted_nll(
    logits: Float[Tensor, "N vocab"], targets: Int[Tensor, " N"], weights: Float[Tensor, " N"] | None = None
) -> Float[Tensor, ""] | None:
    """Mean negative log-likelihood in nats a token, weighted; `None` where nothing has weight.

    Args:
        logits, targets: of each token.
        weights: at least 0; their sum normalises the mean, so that only their ratios count.
    """
    if not len(targets) or (weights is not None and not bool(weights.any())):
        return None
    nll = F.cross_entropy(logits, targets, reduction="none")
    return nll.mean() if weights is None else (nll * weights).sum() / weights.sum()


def imitation_loss(
    network: ThreeModuleTransformer, hidden: Float[Tensor, "B T width"], batch: Sequences
) -> tuple[Float[Tensor, ""] | None, float]:
    """The behaviour output's NLL of what is to be imitated, and the rate `eta_r / eta` at which to learn it.

    [T] Algorithm 5, line 5: message a is learnt at the rate `eta_r = max(0, R(a)) eta`. In the loss, messages weigh as
    their rates within the batch; the mean rate is left to the finished step, out of which an optimiser like AdamW
    would divide it if it were a factor of the loss.

    Returns:
        the loss, `None` where no message is to be imitated; the mean of max(0, R) over the messages with a reward.
    """
    some = batch.imitated
    messages = batch.weight[some & batch.first]
    rate = float(messages.mean()) if len(messages) else 0.0
    logits = token_logits(network, hidden, batch, some, "behaviour")
    return weighted_nll(logits, batch.ids[some], batch.weight[some]), rate


def prediction_loss(
    network: ThreeModuleTransformer,
    hidden: Float[Tensor, "B T width"],
    batch: Sequences,
    *,
    emphasise: bool = True,
) -> Float[Tensor, ""] | None:
    """The prediction output's NLL of what the owners and the others said; `None` where nobody said anything.

    Args:
        hidden: trunk of the batch.
        emphasise: weigh tokens by their `emphasis`; else all alike that have any.
    """
    said = batch.own | batch.others
    emphasis = batch.emphasis[said]
    logits = token_logits(network, hidden, batch, said, "prediction")
    return weighted_nll(logits, batch.ids[said], emphasis if emphasise else (emphasis > 0).float())
