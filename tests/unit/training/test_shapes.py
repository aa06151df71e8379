"""Shapes in signatures are checked as tests run: a wrong one is refused where it is handed over."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError

from goldenrule.agents.networks.session import Session
from goldenrule.training.batches import token_logits, tokenise, weighted_nll
from goldenrule.training.ppo import clipped_policy_loss, kl_divergence, kl_to_start, value_loss


@pytest.mark.parametrize(
    "call",
    [
        lambda: clipped_policy_loss(torch.zeros(3), torch.zeros(3), torch.zeros(4), 0.2),
        lambda: clipped_policy_loss(torch.zeros(3, 1), torch.zeros(3), torch.zeros(3), 0.2),
        lambda: kl_divergence(torch.zeros(3, 5), torch.zeros(3, 4)),
        lambda: value_loss(torch.zeros(3), torch.zeros(3, 1)),
        lambda: weighted_nll(torch.zeros(3, 5), torch.zeros(3)),  # targets are no whole numbers
    ],
)
def test_a_loss_refuses_a_wrong_shape(call):
    with pytest.raises(TypeCheckError):
        call()


def test_networks_rollouts_and_the_page_of_ppo_refuse_wrong_shapes(make_learner):
    learner = make_learner(dialogues=4)
    rollout = tokenise(learner.collect(0), learner.me, learner.tokenizer, learner.agent.limit)
    sequences, network = rollout.sequences, learner.network
    hidden = network(sequences.ids)
    with pytest.raises(TypeCheckError):
        network(sequences.ids[0])
    with pytest.raises(TypeCheckError):
        token_logits(network, hidden, sequences, sequences.own[:, 1:], "behaviour")
    with pytest.raises(TypeCheckError):
        kl_to_start(learner, sequences, sequences.own[0], torch.zeros(1, learner.tokenizer.vocab_size))
    with pytest.raises(TypeCheckError):
        replace(rollout, logprobs=rollout.logprobs[0])
    with pytest.raises(TypeCheckError):
        replace(sequences, own=sequences.own[:, 1:])
    with pytest.raises(TypeCheckError):
        Session(network, 2).append(None, torch.zeros(2, 3, dtype=torch.long), torch.ones(3, dtype=torch.long))
