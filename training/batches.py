"""Conversations as batches of token sequences, with masks that say whose tokens are whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from goldenrule.agents.networks.tokenizer import END, PAD, Encoded
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR


@dataclass(frozen=True, slots=True)
class Sequences:
    """A batch of views as ids; padding is on the right.

    Attributes:
        ids: token ids.
        own: tokens (text and end) of messages said by the view's owner.
        others: tokens of messages said by others at the table; the narrator's belong to neither.
        first: first token of each message, before which no end can have been.
        weight: weight of each own token in the behaviour loss: `eta_r / eta`.
        emphasis: weight of each token in the prediction loss.
    """

    ids: Int[Tensor, "B T"]
    own: Bool[Tensor, "B T"]
    others: Bool[Tensor, "B T"]
    first: Bool[Tensor, "B T"]
    weight: Float[Tensor, "B T"]
    emphasis: Float[Tensor, "B T"]

    def rows(self, index: Int[Tensor, " b"]) -> Sequences:
        """The sequences numbered `index`, cut to the longest of them."""
        longest = int((self.ids[index] != PAD).sum(1).max()) if len(index) else 0
        return Sequences(*(getattr(self, f.name)[index, :longest] for f in fields(self)))

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
        weights: behaviour weight of each of its messages.
        emphasis: prediction weight of each of its messages.
    """

    encoded: Encoded
    me: int
    weights: Sequence[float]
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


def cropped(item: Item, context: int) -> Item:
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
    own, others, first = (np.zeros(shape, dtype=bool) for _ in range(3))
    weight, emphasis = (np.zeros(shape, dtype=np.float32) for _ in range(2))
    for row, item in enumerate(items):
        ids[row, : len(item.encoded.ids)] = item.encoded.ids
        for span, w, e in zip(item.encoded.spans, item.weights, item.emphasis, strict=True):
            if span.speaker == NARRATOR:
                continue
            (own if span.speaker == item.me else others)[row, span.start : span.stop] = True
            first[row, span.start] = True
            weight[row, span.start : span.stop] = w
            emphasis[row, span.start : span.stop] = e
    return Sequences(*(torch.from_numpy(a) for a in (ids, own, others, first, weight, emphasis)))


def join(a: Sequences, b: Sequences) -> Sequences:
    """Two batches as one."""
    longest = max(a.ids.shape[1], b.ids.shape[1])

    def padded(x: Tensor) -> Tensor:
        return torch.nn.functional.pad(x, (0, longest - x.shape[1]), value=PAD if x.dtype == torch.long else 0)

    return Sequences(*(torch.cat([padded(getattr(a, f.name)), padded(getattr(b, f.name))]) for f in fields(a)))
