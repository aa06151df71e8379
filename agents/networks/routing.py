"""Which loss may write which parameters ([T] 4.1, Algorithms 5-7).

Routing is on parameter gradients: the forward pass is the same for every route, and a loss reaches a parameter
only if its route names the module that owns it. What a route leaves out receives no gradient at all, not a small
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

MODULES = ("behaviour", "prediction", "perception", "shared")
Route = frozenset[str]

REWARD: Route = frozenset({"behaviour", "perception", "shared"})
PREDICTION: Route = frozenset({"prediction", "perception", "shared"})
BEHAVIOUR_ONLY: Route = frozenset({"behaviour"})
EVERYTHING: Route = frozenset(MODULES)
"""No routing at all: the control `unsplit`."""


def routes(split: bool) -> tuple[Route, Route]:
    """The routes of reward and of prediction error; both everywhere for the control `unsplit`."""
    return (REWARD, PREDICTION) if split else (EVERYTHING, EVERYTHING)


def module_of(parameter_name: str) -> str:
    """The module that owns a parameter of `ThreeModuleTransformer`, by the parameter's name."""
    for module in ("behaviour", "prediction", "perception"):
        if parameter_name.endswith(f".{module}") or parameter_name.startswith(f"{module}_out"):
            return module
    return "behaviour" if parameter_name.startswith("value_out") else "shared"


def parameters_of(network: nn.Module, route: Iterable[str]) -> list[nn.Parameter]:
    """The parameters that a route may write, in the network's order."""
    modules = set(route)
    return [p for name, p in network.named_parameters() if module_of(name) in modules]


def routed_backward(network: nn.Module, losses: Sequence[tuple[Tensor, Route]]) -> None:
    """Add each loss's gradient to the parameters its route names, and to no others.

    Args:
        network: whose parameters' `.grad` is added to; a parameter that no route names keeps `grad=None`.
        losses: scalar losses, which may share one forward pass, each with its route.
    """
    for number, (loss, route) in enumerate(losses):
        # `autograd.grad` for the route's parameters alone: the gradient still flows through activations of the other
        # modules, which prediction may read, but is not written into their parameters.
        parameters = parameters_of(network, route)
        gradients = torch.autograd.grad(loss, parameters, retain_graph=number + 1 < len(losses), allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
