"""The maths of training against closed forms and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from goldenrule.common.seeding import generator
from goldenrule.rewards.kindness import derangement
from goldenrule.rewards.rlhf import bradley_terry_loss
from goldenrule.training.batches import weighted_nll
from goldenrule.training.ppo import clipped_policy_loss, gae, kl_divergence, value_loss


def test_gae_with_decay_one_is_the_discounted_return_minus_the_value():
    rewards, values, last, discount = [1.0, -2.0, 0.5], [0.3, 0.1, -0.4], 0.7, 0.9
    returns = [sum(discount**k * r for k, r in enumerate(rewards[t:])) + discount ** (3 - t) * last for t in range(3)]
    expected = [g - v for g, v in zip(returns, values, strict=True)]
    assert gae(rewards, values, last, discount, 1.0) == pytest.approx(expected)


def test_gae_with_decay_zero_is_the_one_step_error():
    assert gae([1.0, 2.0], [0.5, 0.25], 4.0, 0.5, 0.0) == pytest.approx([1 + 0.125 - 0.5, 2 + 2 - 0.25])


def test_a_talk_that_is_over_does_not_bootstrap_and_a_cut_one_does():
    assert gae([0.0], [0.0], 0.0, 1.0, 0.95) == [0.0]
    assert gae([0.0], [0.0], 3.0, 1.0, 0.95) == [3.0]


def test_clipping_stops_the_gradient_only_where_the_ratio_has_gone_far_enough():
    logprobs = torch.tensor([math.log(1.5), math.log(0.5), math.log(1.5), math.log(0.5)], requires_grad=True)
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    clipped_policy_loss(logprobs, torch.zeros(4), advantages, 0.2).backward()
    assert (logprobs.grad == 0).tolist() == [True, False, False, True]


def test_at_ratio_one_the_surrogates_gradient_is_the_policy_gradient():
    logprobs = torch.zeros(3, requires_grad=True)
    advantages = torch.tensor([2.0, -1.0, 0.5])
    clipped_policy_loss(logprobs, logprobs.detach(), advantages, 0.2).backward()
    torch.testing.assert_close(logprobs.grad, -advantages / 3)


def test_kl_against_a_sum_by_hand_with_a_banned_id():
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    reference = torch.tensor([[1.0, 0.0, -torch.inf]])
    p, q = np.exp([0, 1]) / np.exp([0, 1]).sum(), np.exp([1, 0]) / np.exp([1, 0]).sum()
    assert kl_divergence(logits, reference).item() == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-5)
    assert kl_divergence(logits, logits).item() == 0.0


def test_kl_has_a_finite_gradient_beside_banned_ids():
    logits = torch.tensor([[0.0, 1.0, -torch.inf]], requires_grad=True)
    kl_divergence(logits, torch.tensor([[1.0, 0.0, -torch.inf]])).backward()
    assert logits.grad.isfinite().all()


def test_the_value_loss_is_half_the_mean_squared_error():
    assert value_loss(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 1.0])).item() == (1.0 + 4.0) / 4


def test_only_ratios_of_nll_weights_count_and_without_any_there_is_no_loss():
    logits, targets = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]]), torch.tensor([0, 0])
    assert weighted_nll(logits, targets, torch.tensor([1.0, 0.0])).item() == pytest.approx(math.log(2))
    for size in (1.0, 1e-3):
        assert weighted_nll(logits, targets, size * torch.tensor([1.0, 3.0])).item() == pytest.approx(
            (math.log(2) + 3 * math.log(4)) / 4
        )
    assert weighted_nll(logits, targets).item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert weighted_nll(logits, targets, torch.zeros(2)) is None
    assert weighted_nll(logits[:0], targets[:0]) is None


def test_bradley_terry_loss_by_hand():
    loss = bradley_terry_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2, rel=1e-6)


@pytest.mark.parametrize("count", [2, 3, 7, 100])
def test_a_derangement_moves_everyone_and_loses_nobody(count):
    order = derangement(count, generator(0, "d", count))
    assert sorted(order) == list(range(count))
    assert all(i != k for k, i in enumerate(order))
