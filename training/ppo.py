"""PPO on the messages of a dialogue: the page by which every method with a reward trains; only the reward differs.

With b and p the behaviour and prediction outputs of the learner, b_0 the start policy, each update
    1. collects    dialogues of b with the others
    2. scores      R(a_t) for each message a_t of the learner: a number, or none with a reason
    3. estimates   A_t = sum_k (gamma lambda)^k delta_{t+k},  delta_t = R(a_t) + gamma V(s_{t+1}) - V(s_t)
    4. descends, a gradient step for each minibatch of dialogues,
         L_RL   = -mean min(r A, clip(r, 1 - eps, 1 + eps) A) + kl KL(b || b_0) + value / 2 mean (V - A - V_old)^2
                                                                        writes behaviour, perception, shared
         L_NLL  = NLL(p) of what was really said in the rollout and in interleaved conversations
                                                                        writes prediction, perception, shared
         L_IMIT = eta_r-weighted NLL(b) of interleaved conversations    writes behaviour, perception, shared
       each with AdamW moments and a clipped norm of its own, and none where there is nothing to learn from
    5. reports     the mean reward and the mean true reward of an episode, and what could not be scored

Sources: [T] (arXiv 2411.04127) Algorithms 2/6 and 4/7; PPO: arXiv 1707.06347, Eq. 7; GAE: arXiv 1506.02438, Eq. 16.

Departures from PPO. A time step is a message, not a token: all tokens of a message share its advantage, and r is the
ratio of one token. Each dialogue is learnt from once, so that r leaves 1 only from one minibatch to the next.
Advantages are normalised over the messages of the rollout. The KL to the start policy is a loss, exact over the
vocabulary, on half of the rows. There is no entropy bonus and no clipping of values, and the value loss does not write
the trunk.

Departures from [T]. It names no PPO loss, KL, value or optimiser. Pre-training is interleaved within each step, as it
asks; the behaviour imitates interleaved conversations alone, where rewards are known. Messages weigh `eta_r / eta =
max(0, R)` within the batch, and the mean of it over the batch, times `TrainingConfig.imitation`, scales the learning
rate of the step. The prediction also learns from what the partner really answered, without which a policy learns to
please a fiction (EXPERIMENTS.md). In L_NLL the others' words after the learner's weigh 1, its own and openings
`batches.ASIDE`. The conversations that are interleaved are read as in pre-training, from the partner's seat with its
card too (`pretraining.corpus`): in the rollout the network sees its own card alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from goldenrule.agents.episode import Episode
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import PAD
from goldenrule.rewards.base import Score, check_scores, record_everyone, record_truth
from goldenrule.training.batches import (
    Rollout,
    Sequences,
    imitation_loss,
    join,
    prediction_loss,
    token_logits,
    tokenise,
)
from goldenrule.training.learner import Learner, Progress, Report

ScoreFunction = Callable[[Sequence[Episode]], Sequence[Score]]
"""Scores of the learner's messages in finished episodes, in their order; a bare number stands for a `Score` of it."""

LEFT_OUT = "the message lies past the network's context"

WARMUP = 5
"""Updates over which the learning rate rises: Adam's first steps are as long as its later ones and know less."""


def train(learner: Learner, score: ScoreFunction, report: Report) -> None:
    """Run all updates of a learner, those after its `saved` state where it has one.

    Args:
        learner: changed in place.
        score: the reward to maximise.
        report: called after each update.

    Raises:
        RuntimeError: all dialogues of an update failed.
        ScoreError: `score` returned a wrong number of scores, or something that is no score.
    """
    first = 0
    if learner.saved is not None:
        learner.restore(learner.saved)
        first = learner.saved.updates
    for update in range(first, learner.config.updates):
        learner.begin(update)
        warm = min(1.0, (update + 1) / WARMUP)
        learner.optimizer.schedule(warm * (1.0 - 0.9 * update / learner.config.updates))

        # 1. Collect. Failed dialogues have no reward; they are counted and left out.
        failed_before = learner.failed
        episodes = learner.collect(update)
        if not episodes:
            raise RuntimeError(
                f"update {update + 1}: all {learner.config.dialogues} dialogues failed; nothing to learn from"
            )
        # The truth is logged for the report and for privileged rewards; others never see the log (`rewards.base.ask`).
        truths = record_truth(episodes, learner.me, learner.world.partners)
        record_everyone(episodes, learner.me)

        # 2. Score.
        scores = check_scores(score(episodes), "the score function", len(truths), "message {} of the rollout".format)

        # 3. Advantages, 4. losses and steps.
        rollout = tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)
        stats = learn_from(learner, rollout, scores)

        # 5. Report.
        report(
            Progress(
                update=update + 1,
                updates=learner.config.updates,
                reward=mean_episode_total(rollout.by_episode([one.value for one in scores])),
                truth=mean_episode_total(rollout.by_episode(truths)),
                kl=stats.kl,
                prediction_loss=stats.prediction_loss,
                failed=learner.failed - failed_before,
                unscored=stats.unscored,
            )
        )


def mean_episode_total(rewards: Sequence[Sequence[float | None]]) -> float | None:
    """Mean over episodes of the sum of a reward; an episode in which some message has none is left out.

    `None` if no episode has it.
    """
    totals = [sum(r for r in row if r is not None) for row in rewards if row and None not in row]
    return sum(totals) / len(totals) if totals else None


# Advantages


@dataclass(frozen=True, slots=True)
class Advantages:
    """What is learnt from the scores of a rollout.

    Attributes:
        advantages: of each token, normalised over the rollout's messages; zero where `scored` is false.
        returns: of each message, by episode: targets of the value estimates; `None` for messages without a score.
        scored: own tokens of messages that have a score.
        reasons: why the other messages have none, one reason a message.
    """

    advantages: Float[Tensor, "B T"]
    returns: list[list[float | None]]
    scored: Bool[Tensor, "B T"]
    reasons: list[str]


def gae(
    rewards: Sequence[float], values: Sequence[float], last_value: float, discount: float, gae_lambda: float
) -> list[float]:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438, Eq. 16).

    Args:
        rewards: reward of each message of the learner.
        values: value of the state before each of them.
        last_value: value of the state after the last: 0 where the talk terminated, the value estimate where it was
            truncated (it was cut, not over, so it bootstraps).
        discount: gamma, 0 to 1, a message of the learner.
        gae_lambda: lambda, 0 to 1.

    Returns:
        advantages, as many as rewards.
    """
    advantages = [0.0] * len(rewards)
    advantage, next_value = 0.0, last_value
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + discount * next_value - values[t]
        advantage = delta + discount * gae_lambda * advantage
        advantages[t], next_value = advantage, values[t]
    return advantages


@torch.no_grad()
def last_values(network: ThreeModuleTransformer, rollout: Rollout) -> list[float]:
    """Value of the state each episode ended in: the estimate where it was cut, 0 where it was over.

    A dialogue at its turn limit would have gone on, and so would one that outgrew the network's context: to take
    either for over would teach that long talks are worth nothing in the end.
    """
    cut = [row for row, truncated in enumerate(rollout.truncated) if truncated]
    values = [0.0] * len(rollout)
    if cut:
        sequences = rollout.sequences.rows(torch.tensor(cut)).to(network.device)
        last = (sequences.ids != PAD).sum(1) - 1
        hidden = network(sequences.ids)[torch.arange(len(cut), device=network.device), last]
        for row, value in zip(cut, network.values(hidden).float().tolist(), strict=True):
            values[row] = value
    return values


def estimate_advantages(
    rollout: Rollout, scores: Sequence[Score], last: Sequence[float], discount: float, gae_lambda: float
) -> Advantages:
    """Advantages of the learner's messages.

    A message without a score has no advantage and carries no loss: it is counted, not taken for zero. In the sums of
    the messages before it, its reward is what the values expected of it, V(s_t) - gamma V(s_{t+1}), whose delta is 0.

    Args:
        rollout: what was said.
        scores: of all the learner's messages, in order.
        last: value of each episode's final state (`last_values`).
        discount, gae_lambda: as in `gae`.
    """
    shape = tuple(rollout.sequences.ids.shape)
    table, scored = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    returns: list[list[float | None]] = []
    spans: list[tuple[int, int, int]] = []  # row, start and stop of each scored message's tokens
    raw: list[float] = []
    reasons: list[str] = []
    for row, (samples, given) in enumerate(zip(rollout.samples, rollout.by_episode(scores), strict=True)):
        reasons += [LEFT_OUT] * (len(given) - len(samples))
        kept = given[: len(samples)]
        reasons += [score.reason for score in kept if score.value is None]
        values = [one.value for one in samples]
        following = [*values, last[row]][1:]
        rewards = [
            value - discount * next_value if score.value is None else score.value
            for score, value, next_value in zip(kept, values, following, strict=True)
        ]
        estimates = gae(rewards, values, last[row], discount, gae_lambda)
        targets = zip(kept, estimates, values, strict=True)
        returns.append([None if score.value is None else a + v for score, a, v in targets])
        for start, one, score, advantage in zip(rollout.starts[row], samples, kept, estimates, strict=True):
            if score.value is not None:
                spans.append((row, start + 1, start + 1 + len(one.ids)))
                raw.append(advantage)
    if raw:
        mean, spread = float(np.mean(raw)), float(np.std(raw)) + 1e-6
        for (row, start, stop), advantage in zip(spans, raw, strict=True):
            table[row, start:stop] = (advantage - mean) / spread
            scored[row, start:stop] = True
    # The end forced onto a message that was cut lies in its span and is not `own`: it was not sampled.
    own = rollout.sequences.own
    return Advantages(torch.from_numpy(table), returns, torch.from_numpy(scored) & own, reasons)


# Losses and steps


@dataclass(frozen=True, slots=True)
class UpdateStats:
    """Means over the gradient steps that tell it, nats a token, and how many messages could not be learnt from."""

    kl: float | None
    prediction_loss: float | None
    unscored: int


def learn_from(learner: Learner, rollout: Rollout, scores: Sequence[Score]) -> UpdateStats:
    """One update from a rollout.

    Args:
        learner: changed in place.
        rollout: what was said.
        scores: of all the learner's messages, in order; those without a value carry no loss.
    """
    config = learner.config
    last = last_values(learner.network, rollout) if learner.discount > 0 else [0.0] * len(rollout)
    advantages = estimate_advantages(rollout, scores, last, learner.discount, config.gae_lambda)
    learner.messages_asked += len(scores)
    learner.unscored_reasons.update(advantages.reasons)
    order = torch.from_numpy(learner.rng.permutation(len(rollout)))
    steps = [gradient_step(learner, rollout, advantages, rows) for rows in order.chunk(config.minibatches)]
    kl, prediction_loss = (_mean_of_known(values) for values in zip(*steps, strict=True))
    return UpdateStats(kl, prediction_loss, len(advantages.reasons))


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def gradient_step(
    learner: Learner, rollout: Rollout, advantages: Advantages, rows: Int[Tensor, " b"]
) -> tuple[float | None, float | None]:
    """One gradient step: L_RL on all `rows` of the rollout, L_NLL and L_IMIT on some of them and other conversations.

    Returns:
        the KL to the start policy and the prediction loss, nats a token; `None` where nothing tells it.
    """
    config, network, optimizer = learner.config, learner.network, learner.optimizer
    batch = rollout.sequences.rows(rows)
    batch = batch.until(batch.own).to(network.device)  # what others answered has no part in how likely it was
    hidden = network(batch.ids)
    policy, kl = policy_loss(learner, rollout, advantages, rows, batch, hidden)
    value = message_value_loss(network, rollout, advantages, rows, hidden)
    losses = [loss for loss in (policy, None if value is None else config.value * value) if loss is not None]
    optimizer.backward("reward", sum(losses[1:], losses[0]) if losses else None)

    # The prediction learns from few of the dialogues: it needs no more, and they cost a second forward pass.
    count = config.replies // config.minibatches if config.predict_replies else 0
    parts = [rollout.sequences.rows(rows[:count]), learner.interleaved(config.interleave // config.minibatches)]
    given = [part for part in parts if part is not None and len(part)]
    prediction = None
    if given:
        batch = (given[0] if len(given) == 1 else join(*given)).to(network.device)
        hidden = network(batch.ids)
        prediction = prediction_loss(network, hidden, batch)
        imitation, rate = imitation_loss(network, hidden, batch)
        optimizer.backward("prediction", prediction, keep_graph=imitation is not None)
        optimizer.backward("imitation", imitation, scale=config.imitation * rate)

    optimizer.step()
    return kl, None if prediction is None else float(prediction.detach())


def policy_loss(
    learner: Learner,
    rollout: Rollout,
    advantages: Advantages,
    rows: Int[Tensor, " b"],
    batch: Sequences,
    hidden: Float[Tensor, "b t width"],
) -> tuple[Float[Tensor, ""] | None, float | None]:
    """The clipped surrogate plus the weighted KL to the start policy, over the rollout's own scored tokens; the KL.

    Both are `None` where no token is scored; the KL alone where none is in the rows that it is taken on.

    Args:
        rows: numbers of the rollout's rows in this minibatch.
        batch: those rows, cut to the longest of them.
        hidden: their trunk.
    """
    device, length = hidden.device, batch.ids.shape[1]
    scored = advantages.scored[rows][:, :length].to(device)
    if not bool(scored.any()):
        return None, None
    logits = token_logits(learner.network, hidden, batch, scored, "behaviour")
    logprobs = torch.log_softmax(logits, -1).gather(-1, batch.ids[scored][:, None])[:, 0]
    old_logprobs = rollout.logprobs[rows][:, :length].to(device)[scored]
    advantage = advantages.advantages[rows][:, :length].to(device)[scored]
    surrogate = clipped_policy_loss(logprobs, old_logprobs, advantage, learner.config.clip)
    kl = kl_to_start(learner, batch, scored, logits)
    return (surrogate, None) if kl is None else (surrogate + learner.config.kl * kl, float(kl.detach()))


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


def kl_to_start(
    learner: Learner, batch: Sequences, scored: Bool[Tensor, "b t"], logits: Float[Tensor, "N vocab"]
) -> Float[Tensor, ""] | None:
    """KL to the start policy, on the first half of the rows; `None` where none of their tokens is scored.

    Rows are shuffled, so that half of them give an unbiased estimate for half of the reference's forward pass. Masked
    tokens are in row-major order: the logits of the first rows are the first of `logits`.
    """
    half = max(1, len(batch) // 2)
    some = batch.rows(torch.arange(half, device=batch.ids.device))
    mask = scored[:half, : some.ids.shape[1]]
    if not bool(mask.any()):
        return None
    with torch.no_grad():
        start = token_logits(learner.reference, learner.reference(some.ids), some, mask, "behaviour")
    return kl_divergence(logits[: len(start)], start)


def kl_divergence(logits: Float[Tensor, "N vocab"], reference_logits: Float[Tensor, "N vocab"]) -> Float[Tensor, ""]:
    """Exact KL(policy || reference) in nats a token, from logits; banned ids count nothing."""
    logprobs = torch.log_softmax(logits, -1)
    reference = torch.log_softmax(reference_logits, -1)
    difference = torch.where(logprobs.isfinite(), logprobs - reference, 0.0)
    return (logprobs.exp() * difference).sum(-1).mean()


def message_value_loss(
    network: ThreeModuleTransformer,
    rollout: Rollout,
    advantages: Advantages,
    rows: Int[Tensor, " b"],
    hidden: Float[Tensor, "b t width"],
) -> Float[Tensor, ""] | None:
    """Value loss at the state before each scored message of these rows; `None` where none is scored."""
    known = [
        (k, start, target)
        for k, row in enumerate(rows.tolist())
        for start, target in zip(rollout.starts[row], advantages.returns[row], strict=True)
        if target is not None
    ]
    if not known:
        return None
    row_index, start_index = (torch.tensor([one[i] for one in known], device=hidden.device) for i in (0, 1))
    targets = torch.tensor([target for _, _, target in known], device=hidden.device)
    return value_loss(network.values(hidden[row_index, start_index]).float(), targets)


def value_loss(values: Float[Tensor, " N"], returns: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    """Half the mean squared error of value estimates to returns."""
    return 0.5 * (values - returns).square().mean()
