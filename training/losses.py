"""The losses, as pure functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.three_module import Output, ThreeModuleTransformer
from goldenrule.training.batches import Sequences


def token_logits(
    network: ThreeModuleTransformer, hidden: Tensor, batch: Sequences, mask: Tensor, output: Output
) -> Tensor:
    """Logits [N, vocab] for the N masked tokens, each from the hidden state before it, under the sampler's bans.

    Args:
        hidden: trunk of the batch [B, T, width].
        mask: which tokens [B, T].
        output: which output's policy.
    """
    logits = network.logits(hidden[:, :-1][mask[:, 1:]], output).float()
    return ban_controls(logits, batch.first[mask])


def weighted_nll(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean negative log-likelihood in nats a token, weighted.

    With weights `eta_r / eta = max(0, R)` this is the reward-scaled learning rate of [T] Algorithm 5, line 5.

    Args:
        logits: [N, vocab].
        targets: [N].
        weights: [N], at least 0; their sum normalises the mean. All zero gives 0.
    """
    nll = F.cross_entropy(logits, targets, reduction="none")
    if weights is None:
        return nll.mean() if len(nll) else logits.sum() * 0.0
    return (nll * weights).sum() / weights.sum().clamp_min(1e-8)


def clipped_policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, arXiv 1707.06347, Eq. 7), negated, a token.

    Args:
        logprobs, old_logprobs: of the taken tokens, now and when they were sampled, nats [N].
        advantages: of their messages [N].
        clip: how far the ratio may leave 1 before it stops to count.
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Half the mean squared error of value estimates [N] to returns [N]."""
    return 0.5 * (values - returns).square().mean()


def kl_divergence(logits: Tensor, reference_logits: Tensor) -> Tensor:
    """Exact KL(policy || reference) in nats a token, from logits [N, vocab]; banned ids count nothing."""
    logprobs = torch.log_softmax(logits, -1)
    reference = torch.log_softmax(reference_logits, -1)
    difference = torch.where(logprobs.isfinite(), logprobs - reference, 0.0)
    return (logprobs.exp() * difference).sum(-1).mean()
