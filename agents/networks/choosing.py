"""The sampling policy: which ids may be said, and the choice of one."""

from __future__ import annotations

import torch
from torch import Tensor

from goldenrule.agents.networks.tokenizer import END, N_CONTROL


def ban_controls(logits: Tensor, first: Tensor | bool) -> Tensor:
    """Logits [..., vocab] with every control id but `END` at -inf, and `END` too where `first` [...] is true.

    The sampling policy is defined with these bans; training must apply the same ones to get its logprobs.
    Works in place: hand it logits that nobody else needs.
    """
    logits[..., :END] = -torch.inf
    logits[..., END + 1 : N_CONTROL] = -torch.inf
    if isinstance(first, bool):
        if first:
            logits[..., END] = -torch.inf
        return logits
    logits[..., END].masked_fill_(first, -torch.inf)
    return logits


BLOCK = 64
"""Ids whose probabilities are summed together before one is drawn."""


def choose(logits: Tensor, generator: torch.Generator, temperature: float) -> tuple[Tensor, Tensor]:
    """Sample an id from logits [R, vocab]; returns ids [R] and their logprobs [R] under the tempered policy.

    Works in place: hand it logits that nobody else needs.
    """
    if temperature not in (0, 1):
        logits /= temperature
    probs = logits.softmax(dim=-1)
    ids = logits.argmax(dim=-1) if temperature == 0 else _drawn(probs, generator)
    return ids, probs.gather(-1, ids[:, None])[:, 0].log()


def _drawn(probs: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an id from each row of probabilities [R, vocab] by inversion, from one uniform number a row.

    A running sum is slow, one addition after another, so it is taken over blocks of ids first, and then in one of them.
    """
    vocab = probs.shape[1]
    whole = vocab - vocab % BLOCK
    sums = probs[:, :whole].unflatten(1, (-1, BLOCK)).sum(-1)
    if whole < vocab:
        sums = torch.cat([sums, probs[:, whole:].sum(-1, keepdim=True)], dim=1)
    ends = sums.cumsum(-1)
    uniform = torch.rand((len(probs), 1), generator=generator, device=probs.device) * ends[:, -1:]
    block = _met(ends, uniform)
    before = ends.gather(1, block) - sums.gather(1, block)
    ids = block * BLOCK + torch.arange(BLOCK, device=probs.device)
    inside = probs.gather(1, ids.clamp_max(vocab - 1)).masked_fill_(ids >= vocab, 0.0)
    return (block * BLOCK + _met(inside.cumsum(-1), uniform - before))[:, 0]


def _met(ends: Tensor, number: Tensor) -> Tensor:
    """Where running sums [R, N] first pass a number [R, 1] below the last: never where nothing is added."""
    below = torch.nextafter(ends[:, -1:], torch.zeros_like(number))  # what rounding took beyond the end comes back
    return torch.searchsorted(ends, torch.minimum(number, below).clamp_min_(0.0), right=True)
