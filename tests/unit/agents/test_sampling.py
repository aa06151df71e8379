"""The choice of one id: from the policy, never what it bans, with the policy's own log-probability."""

from __future__ import annotations

import pytest
import torch

from goldenrule.agents.networks.sampling import BLOCK, ban_controls, choose
from goldenrule.agents.networks.tokenizer import END, N_CONTROL

SIZES = (5, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniforms(count: int, seed: int) -> torch.Tensor:
    return torch.rand(count, generator=rng(seed))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_ids_are_drawn_as_often_as_their_probability_says(size, temperature):
    logits = torch.randn(size, generator=rng())
    logits[::3] = -torch.inf
    count = 40_000
    ids, _ = choose(logits.expand(count, size).contiguous(), uniforms(count, 1), temperature)
    wanted = (logits / temperature).softmax(-1)
    found = torch.bincount(ids, minlength=size) / count
    assert found[::3].sum() == 0
    deviation = (wanted * (1 - wanted) / count).sqrt()
    assert ((found - wanted).abs() <= 5 * deviation).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_the_logprob_is_the_tempered_policys(size, temperature):
    logits = torch.randn(200, size, generator=rng(2)) * 4
    ids, logprobs = choose(logits.clone(), uniforms(200, 3), temperature)
    policy = (logits / (temperature or 1.0)).log_softmax(-1)
    torch.testing.assert_close(logprobs, policy.gather(1, ids[:, None])[:, 0], atol=1e-5, rtol=1e-5)
    if temperature == 0:
        assert torch.equal(ids, logits.argmax(-1))


@pytest.mark.parametrize("size", SIZES)
def test_the_only_id_left_is_taken_wherever_it_is(size):
    logits = torch.full((size, size), -torch.inf).fill_diagonal_(0.0)
    for seed in range(20):
        ids, logprobs = choose(logits.clone(), uniforms(size, seed), 1.0)
        assert torch.equal(ids, torch.arange(size))
        assert torch.equal(logprobs, torch.zeros(size))


@pytest.mark.parametrize("size", SIZES)
def test_the_largest_number_that_can_be_drawn_meets_an_id_that_can_be_said(size):
    logits = torch.randn(500, size, generator=rng(4))
    logits[:, -2:] = -torch.inf
    largest = 1 - 2.0**-24
    ids, logprobs = choose(logits.clone(), torch.full((500,), largest), 1.0)
    assert torch.isfinite(logprobs).all()
    assert (ids < size - 2).all()


def test_controls_are_never_said_and_no_message_begins_with_its_end():
    logits = torch.zeros(2, N_CONTROL + 3)
    banned = ban_controls(logits.clone(), torch.tensor([True, False]))
    said = torch.isfinite(banned)
    assert said[:, N_CONTROL:].all()
    assert said[:, :N_CONTROL].sum() == 1
    assert said[1, END]
