"""Many continuations of one context in one forward pass.

A context is read once; each branch starts after some length of it and sees that much of it and itself, no other branch.
The hidden states equal those of reading each context and continuation on its own, as with a branched cache in sampling,
but with gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.three_module import Output, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import PAD


@dataclass(frozen=True, slots=True)
class Branch:
    """A continuation.

    Attributes:
        at: how many ids of the context it follows, at least 1.
        ids: its ids.
        target: whether each id carries loss; as many as `ids`. An id that does must not be the first.
        label: a group of branches, for the caller to sum by.
    """

    at: int
    ids: Sequence[int]
    target: Sequence[bool]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """Contexts with their branches. Tensors [B, L]; the mask [B, 1, L, L] is true where a position may look.

    Attributes:
        ids, positions, mask: what the network reads.
        targets: for each target (row, index of the id before it, the id, number of its branch in the batch) [N, 4].
        first: whether a target is the first of its message [N], where no end can be.
        labels: label of each branch of the batch.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor
    first: Tensor
    labels: list[str]

    def to(self, device: torch.device) -> Packed:
        """The same on a device."""
        ids, positions, mask = self.ids.to(device), self.positions.to(device), self.mask.to(device)
        return Packed(ids, positions, mask, self.targets.to(device), self.first.to(device), self.labels)


def pack(contexts: Sequence[Sequence[int]], branches: Sequence[Sequence[Branch]]) -> Packed:
    """Lay out each context and its branches in a row."""
    lengths = [len(c) + sum(len(b.ids) for b in bs) for c, bs in zip(contexts, branches, strict=True)]
    count, longest = len(contexts), max(lengths)
    ids = np.full((count, longest), PAD, dtype=np.int64)
    positions = np.zeros((count, longest), dtype=np.int64)
    mask = np.broadcast_to(np.eye(longest, dtype=bool), (count, longest, longest)).copy()  # padding sees itself
    targets: list[tuple[int, int, int, int]] = []
    first: list[bool] = []
    labels: list[str] = []
    for row, (context, own) in enumerate(zip(contexts, branches, strict=True)):
        size = len(context)
        ids[row, :size], positions[row, :size] = context, np.arange(size)
        mask[row, :size, :size] = np.tril(np.ones((size, size), dtype=bool))
        start = size
        for branch in own:
            stop = start + len(branch.ids)
            ids[row, start:stop], positions[row, start:stop] = branch.ids, branch.at + np.arange(stop - start)
            mask[row, start:stop, : branch.at] = True
            mask[row, start:stop, start:stop] = np.tril(np.ones((stop - start, stop - start), dtype=bool))
            for k, wanted in enumerate(branch.target):
                if wanted:
                    targets.append((row, start + k - 1, branch.ids[k], len(labels)))
                    first.append(not branch.target[k - 1])
            labels.append(branch.label)
            start = stop
    return Packed(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        torch.from_numpy(mask)[:, None],
        torch.tensor(targets, dtype=torch.long).reshape(-1, 4),
        torch.tensor(first, dtype=torch.bool),
        labels,
    )


def trunk(network: ThreeModuleTransformer, packed: Packed) -> Tensor:
    """Hidden states [B, L, width] that the network's outputs read."""
    packed = packed.to(network.device)
    cos, sin = network.cos[packed.positions], network.sin[packed.positions]
    x = F.embedding(packed.ids, network.embedding)
    seen = x.new_zeros(packed.mask.shape).masked_fill_(~packed.mask, -torch.inf)  # once, not anew in each layer
    for block in network.blocks:
        x = block(x, cos, sin, seen)
    return network.norm(x)


def target_logprobs(network: ThreeModuleTransformer, packed: Packed, output: Output) -> Tensor:
    """Log-probability [N] of each target under one output, with the sampler's bans."""
    packed = packed.to(network.device)
    row, before, target, _ = packed.targets.unbind(1)
    logits = ban_controls(network.logits(trunk(network, packed)[row, before], output).float(), packed.first)
    return torch.log_softmax(logits, -1).gather(-1, target[:, None])[:, 0]


def branch_logprobs(network: ThreeModuleTransformer, packed: Packed, output: Output) -> Tensor:
    """Log-probability [branches of the batch] of all targets of each branch together."""
    each = target_logprobs(network, packed, output)
    return each.new_zeros(len(packed.labels)).index_add(0, packed.targets[:, 3].to(each.device), each)
