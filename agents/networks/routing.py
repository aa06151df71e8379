"""Which loss may write which parameters ([T] 4.1, Algorithms 5-7).

Routing is on parameter gradients: the forward pass is the same for every route, and a loss reaches a parameter
only if its route names the module that owns it. What a route leaves out receives no gradient at all, not a small
one.
"""

from __future__ import annotations

from collections.abc import Iterable

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


def routed_gradients(
    network: nn.Module, loss: Tensor, route: Iterable[str], *, keep_graph: bool = False
) -> dict[str, Tensor]:
    """The gradient of a loss to the parameters that its route names, by the parameter's name.

    What the loss does not reach is left out. The gradient still flows through activations of the other modules, which
    either output reads; it is only not taken to their parameters.

    Args:
        network: whose parameters.
        loss: a scalar.
        route: modules that it may write.
        keep_graph: whether another loss of the same forward pass follows.
    """
    modules = set(route)
    parameters = {name: p for name, p in network.named_parameters() if module_of(name) in modules}
    gradients = torch.autograd.grad(loss, list(parameters.values()), retain_graph=keep_graph, allow_unused=True)
    return {name: gradient for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None}
