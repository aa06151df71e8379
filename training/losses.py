"""The losses, as pure functions of tensors."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.three_module import Output, ThreeModuleTransformer
from goldenrule.training.batches import Sequences


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
) -> Float[Tensor, ""]:
    """Mean negative log-likelihood in nats a token, weighted.

    With weights `eta_r / eta = max(0, R)` this is the reward-scaled learning rate of [T] Algorithm 5, line 5.

    Args:
        logits, targets: of each token.
        weights: at least 0; their sum normalises the mean. All zero gives 0.
    """
    nll = F.cross_entropy(logits, targets, reduction="none")
    if weights is None:
        return nll.mean() if len(nll) else logits.sum() * 0.0
    return (nll * weights).sum() / weights.sum().clamp_min(1e-8)


def clipped_policy_loss(
    logprobs: Float[Tensor, " N"], old_logprobs: Float[Tensor, " N"], advantages: Float[Tensor, " N"], clip: float
) -> Float[Tensor, ""]:
    """PPO's clipped surrogate (Schulman et al. 2017, arXiv 1707.06347, Eq. 7), negated, a token.

    Args:
        logprobs, old_logprobs: of the taken tokens, now and when they were sampled, nats.
        advantages: of their messages.
        clip: how far the ratio may leave 1 before it stops to count.
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def value_loss(values: Float[Tensor, " N"], returns: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    """Half the mean squared error of value estimates to returns."""
    return 0.5 * (values - returns).square().mean()


def kl_divergence(logits: Float[Tensor, "N vocab"], reference_logits: Float[Tensor, "N vocab"]) -> Float[Tensor, ""]:
    """Exact KL(policy || reference) in nats a token, from logits; banned ids count nothing."""
    logprobs = torch.log_softmax(logits, -1)
    reference = torch.log_softmax(reference_logits, -1)
    difference = torch.where(logprobs.isfinite(), logprobs - reference, 0.0)
    return (logprobs.exp() * difference).sum(-1).mean()
