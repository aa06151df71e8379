"""The same code learns in bfloat16 as in float32, on a CUDA device as on the CPU."""

from __future__ import annotations

import math

import pytest
import torch

from goldenrule.agents.networks.routing import MODULES, module_of
from goldenrule.agents.networks.sampling import sample
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, ME, N_CONTROL
from goldenrule.training.methods.registry import load_method
from goldenrule.training.pretraining.imagination import Branch, branch_logprobs, pack

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"))


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("method", ["rlhf_ppo", "empathetic_kindness"])
def test_a_network_in_bfloat16_learns_from_rollouts(make_learner, method, device):
    learner = make_learner(corpus=True, knobs={}, device=device, dtype=torch.bfloat16)
    before = {name: parameter.detach().clone() for name, parameter in learner.network.named_parameters()}
    seen = []
    load_method(method).train(learner, seen.append)
    assert [progress.update for progress in seen] == [1, 2]
    assert all(math.isfinite(progress.prediction_loss) for progress in seen)
    assert all(progress.kl is None or math.isfinite(progress.kl) for progress in seen)  # none: no reply could be read
    after = dict(learner.network.named_parameters())
    assert {parameter.dtype for parameter in after.values()} == {torch.bfloat16}
    assert all(torch.isfinite(parameter).all() for parameter in after.values())
    changed = {module_of(name) for name, parameter in after.items() if not torch.equal(parameter, before[name])}
    assert changed == set(MODULES)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_a_hundred_million_parameters_are_a_matter_of_sizes(device):
    heads = dict.fromkeys(("behaviour_heads", "prediction_heads", "perception_heads"), 8)
    sizes = NetworkConfig(16384, width=768, layers=12, head_width=32, feed_forward=3072, context=8, **heads)
    network = ThreeModuleTransformer(sizes).to(device=device, dtype=torch.bfloat16)
    assert sum(parameter.numel() for parameter in network.parameters()) > 100e6
    session = Session(network, 2)
    hidden = session.feed([0, 1], [[N_CONTROL] * 5, [N_CONTROL + 1] * 3])
    generator = torch.Generator(device).manual_seed(0)
    for sampled in sample(session, hidden, [0, 1], "prediction", generator, max_new=3):
        assert sampled.ids
        assert all(math.isfinite(logprob) and logprob <= 0 for logprob in sampled.logprobs)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_branches_are_read_in_bfloat16_nearly_as_in_float32(make_learner, device):
    network = make_learner(device=device).network
    context = list(range(N_CONTROL, N_CONTROL + 20))
    branches = [Branch(at, [ME, N_CONTROL + at, END], [False, True, True]) for at in (20, 12)]
    packed = pack([context, context[:15]], [branches, branches[1:]])
    fine = branch_logprobs(network, packed, "prediction")
    coarse = branch_logprobs(network.to(torch.bfloat16), packed, "prediction")
    assert fine.shape == coarse.shape == (3,)
    torch.testing.assert_close(coarse.float(), fine, atol=0.1, rtol=0.02)
