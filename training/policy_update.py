"""One update of a learner from a scored rollout: the step that all reward-driven algorithms share.

With own tokens a of the rollout, advantages A and the start policy b_0:
    L_RL   = PPO-clip(a, A) + kl * KL(b || b_0) + value * (V - return)^2     writes behaviour, perception, shared
    L_NLL  = NLL(p, everything really said in the rollout)
             + NLL(p, interleaved conversations)                            writes prediction, perception, shared
    L_IMIT = eta_r-weighted NLL(b, interleaved conversations)                writes behaviour, perception, shared
([T] Algorithms 2/6 and 4/7; PPO: arXiv 1707.06347. The KL and the interleaving: see EXPERIMENTS.md.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from goldenrule.agents.networks.routing import routed_backward
from goldenrule.training.batches import Sequences, join
from goldenrule.training.learner import Learner
from goldenrule.training.losses import clipped_policy_loss, kl_divergence, token_logits, weighted_nll
from goldenrule.training.pretraining.pretrain import routes
from goldenrule.training.rollout import Advantages, Rollout, advantages, last_values


@dataclass(frozen=True, slots=True)
class UpdateStats:
    """Means over an update's gradient steps: nats a token, and how many messages could not be learnt from."""

    kl: float
    prediction_loss: float
    unscored: int


def update_from(learner: Learner, rollout: Rollout, reward: str) -> UpdateStats:
    """Learn from a rollout whose turns carry the score `reward`.

    Args:
        learner: changed in place.
        rollout: what was said.
        reward: name of the score to maximise; messages without one carry no loss.
    """
    config, network = learner.config, learner.network
    last = last_values(network, rollout) if learner.discount > 0 else [0.0] * len(rollout)
    worth = advantages(rollout, reward, last, learner.discount, config.gae_decay)
    unused = worth.unscored + rollout.left_out
    learner.unscored += unused
    order = torch.from_numpy(learner.rng.permutation(len(rollout)))
    kls, losses = [], []
    for rows in order.chunk(config.minibatches):
        kl, loss = _step(learner, rollout, worth, rows)
        kls.append(kl)
        losses.append(loss)
    return UpdateStats(sum(kls) / len(kls), sum(losses) / len(losses), unused)


def _step(learner: Learner, rollout: Rollout, worth: Advantages, rows: Tensor) -> tuple[float, float]:
    """One gradient step: the policy on all `rows`, imitation and prediction on some of them and other views."""
    config, network = learner.config, learner.network
    reward_route, prediction_route = routes(config.split)
    learner.optimizer.zero_grad()
    spoken = rollout.sequences.rows(rows).to(network.device)
    hidden = network(spoken.ids)
    policy, kl = _policy_loss(learner, rollout, worth, rows, spoken, hidden)
    policy = policy + config.value * _value_loss(learner, rollout, worth, rows, hidden)
    routed_backward(network, [(policy, reward_route)])
    heard = rollout.sequences.rows(rows[: config.replies // config.minibatches])
    extra = learner.interleaved(config.interleave // config.minibatches)
    batch = (heard if extra is None else join(heard, extra)).to(network.device)
    hidden = network(batch.ids)
    prediction = _prediction_loss(learner, batch, hidden, len(heard))
    losses = [(prediction, prediction_route)]
    if extra is not None:
        losses.append((config.imitation * _imitation(learner, batch, hidden, len(heard)), reward_route))
    routed_backward(network, losses)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    learner.optimizer.step()
    return kl, float(prediction.detach())


def _cut(table: Tensor, rows: Tensor, like: Sequences) -> Tensor:
    return table[rows][:, : like.ids.shape[1]].to(like.ids.device)


def _policy_loss(
    learner: Learner, rollout: Rollout, worth: Advantages, rows: Tensor, spoken: Sequences, hidden: Tensor
) -> tuple[Tensor, float]:
    """PPO's surrogate and the KL to the start policy, over the rollout's own scored tokens."""
    network, device = learner.network, hidden.device
    spoken = spoken.to(device)
    scored = _cut(worth.scored, rows, spoken).to(device)
    own = hidden[: len(rows), : spoken.ids.shape[1]]
    if not bool(scored.any()):
        return hidden.sum() * 0.0, 0.0
    logits = token_logits(network, own, spoken, scored, "behaviour")
    logprobs = torch.log_softmax(logits, -1).gather(-1, spoken.ids[scored][:, None])[:, 0]
    old = _cut(rollout.logprobs, rows, spoken).to(device)[scored]
    advantage = _cut(worth.advantages, rows, spoken).to(device)[scored]
    kl = _kl(learner, spoken, scored, logits)
    surrogate = clipped_policy_loss(logprobs, old, advantage, learner.config.clip)
    return surrogate + learner.config.kl * kl, float(kl.detach())


def _kl(learner: Learner, spoken: Sequences, scored: Tensor, logits: Tensor) -> Tensor:
    """KL to the start policy, on the first half of the (shuffled) rows: an unbiased estimate for half the work."""
    half = max(1, len(spoken) // 2)
    mask, some = scored[:half], spoken.rows(torch.arange(half, device=spoken.ids.device))
    mask = mask[:, : some.ids.shape[1]]
    if not bool(mask.any()):
        return logits.new_zeros(())
    with torch.no_grad():
        start = token_logits(learner.reference, learner.reference(some.ids), some, mask, "behaviour")
    return kl_divergence(logits[: len(start)], start)


def _value_loss(learner: Learner, rollout: Rollout, worth: Advantages, rows: Tensor, hidden: Tensor) -> Tensor:
    """Half the squared error of the value before each message that has a reward."""
    known = [
        (k, start, target)
        for k, row in enumerate(rows.tolist())
        for start, target in zip(rollout.starts[row], worth.returns[row], strict=True)
        if target is not None
    ]
    if not known:
        return hidden.sum() * 0.0
    row_index, start_index = (torch.tensor([one[i] for one in known], device=hidden.device) for i in (0, 1))
    targets = [target for _, _, target in known]
    values = learner.network.values(hidden[row_index, start_index]).float()
    return 0.5 * (values - torch.tensor(targets, device=hidden.device)).square().mean()


def _imitation(learner: Learner, batch: Sequences, hidden: Tensor, spoken: int) -> Tensor:
    """`L_IMIT` over the interleaved views, which follow the first `spoken` rows."""
    own = batch.own.clone()
    own[:spoken] = False
    logits = token_logits(learner.network, hidden, batch, own, "behaviour")
    return weighted_nll(logits, batch.ids[own], batch.weight[own])


def _prediction_loss(learner: Learner, batch: Sequences, hidden: Tensor, spoken: int) -> Tensor:
    """`L_NLL`: what was really said, by the learner and by the others, here and in the interleaved views."""
    said = batch.own | batch.others
    if not learner.config.predict_replies:
        said = said.clone()
        said[:spoken] = False
    logits = token_logits(learner.network, hidden, batch, said, "prediction")
    return weighted_nll(logits, batch.ids[said], batch.emphasis[said])
