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


def choose(logits: Tensor, generator: torch.Generator, temperature: float) -> tuple[Tensor, Tensor]:
    """Sample an id from logits [R, vocab]; returns ids [R] and their logprobs [R] under the tempered policy.

    Works in place: hand it logits that nobody else needs.
    """
    if temperature not in (0, 1):
        logits /= temperature
    logits -= logits.amax(dim=-1, keepdim=True)
    sums = logits.exp().cumsum(dim=-1)
    if temperature == 0:
        ids = logits.argmax(dim=-1)
    else:
        # Inversion: one uniform number a row. An id of probability zero adds nothing to the sum and is never met.
        uniform = torch.rand((len(sums), 1), generator=generator, device=sums.device) * sums[:, -1:]
        ids = torch.searchsorted(sums, uniform, right=True)[:, 0].clamp_max(sums.shape[-1] - 1)
    return ids, logits.gather(-1, ids[:, None])[:, 0] - sums[:, -1].log()
