"""A step for each route, held against PyTorch's optimisers, each alone with the gradients of one loss."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from goldenrule.agents.networks.routing import PREDICTION, REWARD
from goldenrule.training.optim import BETAS, adamw, muon

ROUTES = {"reward": REWARD, "imitation": REWARD, "prediction": PREDICTION}
RATE = 0.01
SLOPES = {"reward": 0.25, "imitation": 0.02, "prediction": -0.003}
"""Of each loss, which is linear, along all numbers that it may write: norms stay below the one that is clipped."""


class Toy(nn.Module):
    """Two numbers of each output, and two and a matrix that both share."""

    def __init__(self):
        super().__init__()
        self.behaviour_out, self.prediction_out, self.shared = (nn.Parameter(torch.zeros(2)) for _ in range(3))
        self.blocks = nn.ParameterDict({"up": nn.Parameter(torch.zeros(2, 2))})

    def loss(self, name, size=1.0):
        own = self.prediction_out if name == "prediction" else self.behaviour_out
        return size * SLOPES[name] * (own.sum() + self.shared.sum() + self.blocks["up"].sum())

    def numbers(self):
        return torch.cat([p.detach().flatten() for _, p in sorted(self.named_parameters())])


def plain_adamw(steps):
    """Where PyTorch's AdamW alone moves one number; `steps` holds slopes and factors of the rate."""
    number = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    alone = torch.optim.AdamW([number], lr=RATE, betas=BETAS, weight_decay=0.0)
    for slope, factor in steps:
        alone.param_groups[0]["lr"] = RATE * factor
        number.grad = torch.full_like(number, slope)
        alone.step()
    return float(number.detach())


def test_each_route_steps_as_adamw_would_alone_and_their_steps_add_up_where_they_share():
    toy = Toy()
    optimizer = adamw(toy, ROUTES, RATE)
    taken = {name: [] for name in SLOPES}
    rounds = [("reward", "imitation", "prediction"), ("prediction",), ("reward", "prediction"), ("imitation",)]
    for number, present in enumerate(rounds):
        optimizer.schedule(1.0 / (number + 1))
        for name in SLOPES:
            factor = 0.3 if name == "imitation" else 1.0
            size = 2.0**-number
            optimizer.backward(name, toy.loss(name, size) if name in present else None, scale=factor)
            taken[name] += [(SLOPES[name] * size, factor / (number + 1))] if name in present else []
        optimizer.step()
        gone = {name: plain_adamw(steps) for name, steps in taken.items()}
        behaviour = gone["reward"] + gone["imitation"]
        expected = {"behaviour_out": behaviour, "prediction_out": gone["prediction"]}
        for name, parameter in toy.named_parameters():
            both = expected.get(name, behaviour + gone["prediction"])
            assert parameter.flatten().tolist() == pytest.approx([both] * parameter.numel(), rel=1e-4), name
        assert all(p.grad is None for p in toy.parameters())


@pytest.mark.parametrize("make", [adamw, lambda toy, routes, rate: muon(toy, routes, rate, 0.02)])
def test_without_a_loss_nothing_moves_though_there_is_momentum(make):
    toy = Toy()
    optimizer = make(toy, ROUTES, RATE)
    for name in SLOPES:
        optimizer.backward(name, toy.loss(name))
    optimizer.step()
    before = toy.numbers()
    assert before.abs().min() > 0
    for name in SLOPES:
        optimizer.backward(name, None)
    optimizer.step()
    assert torch.equal(toy.numbers(), before)


def test_a_large_loss_of_one_route_does_not_shorten_anothers_step():
    def step(size):
        toy = Toy()
        optimizer = adamw(toy, ROUTES, RATE)
        for factor in (1.0, size):  # momentum first
            optimizer.backward("reward", toy.loss("reward", factor))
            optimizer.backward("prediction", toy.loss("prediction"))
            optimizer.step()
        return toy.prediction_out.detach()

    assert torch.equal(step(1.0), step(1e6))


def test_a_gradient_longer_than_one_counts_as_one_of_length_one():
    def gone(size):
        toy = Toy()
        optimizer = adamw(toy, ROUTES, RATE)
        for factor in (1.0, size):  # a slope of 0.25 along eight numbers: its norm is 0.5 ** 0.5
            optimizer.backward("reward", toy.loss("reward", factor))
            optimizer.step()
        return toy.numbers()

    torch.testing.assert_close(gone(1e3), gone(2.0**0.5))
    assert not torch.allclose(gone(0.1), gone(1.0), rtol=1e-2)


def test_muon_takes_one_step_along_the_sum_of_all_routes_each_clipped_by_itself():
    """Against PyTorch's own optimisers, along what a reader would write down."""
    toy, alone = Toy(), Toy()
    routes = {"reward": REWARD, "prediction": PREDICTION}
    optimizer = muon(toy, routes, RATE, 0.02)
    plain = {
        name: torch.optim.Muon([p], lr=0.02, weight_decay=0.0, momentum=0.95)
        if name.startswith("blocks")
        else torch.optim.AdamW([p], lr=RATE, betas=BETAS, weight_decay=0.0)
        for name, p in alone.named_parameters()
    }
    for factor, rate in ((1.0, 1.0), (1e6, 0.5), (0.5, 0.01)):  # the second is clipped: eight numbers of equal slope
        optimizer.backward("reward", toy.loss("reward", factor), scale=rate)
        optimizer.backward("prediction", toy.loss("prediction"))
        optimizer.step()
        behaviour, prediction = min(0.25 * factor, 8.0**-0.5), SLOPES["prediction"]
        slopes = {"behaviour_out": behaviour, "prediction_out": prediction}
        plain["behaviour_out"].param_groups[0]["lr"] = RATE * rate
        for name, parameter in alone.named_parameters():
            parameter.grad = torch.full_like(parameter, slopes.get(name, rate * behaviour + prediction))
            plain[name].step()
        torch.testing.assert_close(toy.numbers(), alone.numbers(), rtol=1e-4, atol=1e-7)


def test_what_no_loss_reaches_stays_where_it_is_under_muon():
    toy = Toy()
    optimizer = muon(toy, ROUTES, RATE, 0.02)
    for name in SLOPES:
        optimizer.backward(name, toy.loss(name))
    optimizer.step()
    before = toy.behaviour_out.detach().clone()
    optimizer.backward("prediction", toy.loss("prediction"))
    optimizer.step()
    assert torch.equal(toy.behaviour_out, before)
