"""Steps of pre-training: whose they are, and how long; with momentum of steps before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from goldenrule.training.batches import collate
from goldenrule.training.pretraining import pretrain as module
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items
from goldenrule.training.pretraining.pretrain import PretrainingConfig, pretrain

CORPUS = CorpusConfig("hidden_needs-v0", {}, "helper_0")
MOVED_BY_BOTH = ("embedding", "blocks.0.up.weight", "blocks.1.attention.query.perception")


@pytest.fixture
def steps_of(make_learner, words, monkeypatch):
    """How far each step moves each parameter, by name, where all messages of a step's batch pay the same."""

    def run(rewards: Sequence[float], **config):
        items = sample_items(CORPUS, words, 12, 5)
        batches = [collate(items[k::4]) for k in range(4)]
        paid = [
            replace(b, weight=torch.full_like(b.weight, reward)) for b, reward in zip(batches, rewards, strict=False)
        ]
        monkeypatch.setattr(module, "_batches", lambda *given: iter(paid))
        network, steps = make_learner().network, []
        seen = [{n: p.detach().clone() for n, p in network.named_parameters()}]

        def report(step, behaviour, prediction):
            seen.append({n: p.detach().clone() for n, p in network.named_parameters()})
            steps.append({n: seen[-1][n] - seen[-2][n] for n in seen[-1]})

        pretrain(network, words, CORPUS, PretrainingConfig(updates=4, warmup=1, **config), 0, report)
        return steps

    return run


def test_eta_r_is_a_learning_rate(steps_of):
    full, little = steps_of([1.0, 1.0, 1.0]), steps_of([1.0, 1.0, 0.01])
    for name in ("behaviour_out", "blocks.0.attention.value.behaviour"):  # of AdamW, and of Muon
        assert full[2][name].norm() > 0
        torch.testing.assert_close(little[2][name], 0.01 * full[2][name], rtol=1e-2, atol=1e-7)
        assert torch.equal(little[1][name], full[1][name])


def test_what_pays_nothing_moves_no_behaviour_though_there_is_momentum(steps_of):
    steps = steps_of([1.0, 1.0, 0.0])
    for name in steps[2]:
        if name.endswith("behaviour") or name == "behaviour_out":
            assert steps[1][name].any(), name
            assert not steps[2][name].any(), name
    assert all(steps[2][name].any() for name in ("prediction_out", *MOVED_BY_BOTH))


def test_imitation_moves_what_is_shared_and_leaves_the_step_of_the_prediction_as_it_was(steps_of):
    (both,), (heard,) = steps_of([1.0]), steps_of([0.0])
    for name in MOVED_BY_BOTH:
        assert not torch.equal(both[name], heard[name])
    assert torch.equal(both["prediction_out"], heard["prediction_out"])
