"""The optimisers: AdamW for each route of the gradient, or one Muon for the sum of them.

Muon (torch.optim.Muon; Jordan et al. 2024) orthogonalises the momentum of each weight matrix. In pre-training it
reaches the moment when needs are understood in about half the updates that AdamW takes (EXPERIMENTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goldenrule.agents.networks.adamw import AdamW
from goldenrule.agents.networks.routing import Route, module_of, routed_gradients

BETAS = (0.9, 0.98)
"""Of AdamW."""

LONGEST = 1.0
"""Norm to which the gradient of each route is clipped."""


class RoutedOptimiser:
    """A step for each route: with moments, a clipped norm and a learning rate of its own.

    Were moments shared, a loss would go on to move what another route wrote before, a large loss would shrink the step
    of a small one, and no loss could be learnt at a rate of its own: AdamW divides a constant factor out of gradients.
    Parameters that several routes name are moved by each of them.

    Args:
        network: whose parameters are optimised, in place.
        routes: by name; the modules that each may write.
        parts: makes the optimisers that together hold a route's parameters, given by name, at their peak learning
            rates.

    Attributes:
        parts: the optimisers of each route.
    """

    def __init__(
        self,
        network: nn.Module,
        routes: Mapping[str, Route],
        parts: Callable[[Mapping[str, nn.Parameter]], Sequence[AdamW]],
    ) -> None:
        self._network, self._routes = network, dict(routes)
        self.parts: dict[str, Sequence[AdamW]] = {}
        for name, modules in routes.items():
            self.parts[name] = parts({n: p for n, p in network.named_parameters() if module_of(n) in modules})
        self._groups = {name: _peaks(made) for name, made in self.parts.items()}
        self._share = 1.0
        self._pending: dict[str, tuple[dict[str, Tensor], float]] = {}

    def schedule(self, share: float) -> None:
        """Let all learning rates be `share` (0 to 1) of their peaks."""
        self._share = share

    def backward(self, route: str, loss: Tensor | None, *, scale: float = 1.0, keep_graph: bool = False) -> None:
        """Take the gradient of a route's loss; `step` follows it once those of all routes are taken.

        Args:
            route: its name.
            loss: a scalar; `None` where there is nothing to learn from, and then the route takes no step.
            scale: factor of the route's learning rate in this step.
            keep_graph: whether another loss of the same forward pass follows.
        """
        if loss is not None:
            gradients = routed_gradients(self._network, loss, self._routes[route], keep_graph=keep_graph)
            self._pending[route] = _clipped(gradients), scale

    def step(self) -> None:
        """Take a step for each route that has a gradient; what its loss does not reach stays where it is."""
        for route, (gradients, scale) in self._pending.items():
            _descend(self._network, gradients, self._groups[route], self._share * scale, self.parts[route])
        self._pending.clear()


class SummedOptimiser:
    """One step for the sum of the gradients of all routes, each clipped by itself.

    Muon's step is as long for a gradient of noise as for any other. Were each route to take one of its own, what they
    share would mostly be moved by the loss that has nothing left to teach: needs took more than twice the updates
    (EXPERIMENTS.md, section 12). What one route alone writes has moments of its own, and is learnt at the route's rate.

    Args:
        network: whose parameters are optimised, in place.
        routes: by name; the modules that each may write.
        parts: makes the optimisers that together hold the parameters, given by name, of some routes, at their peak
            learning rates.
    """

    def __init__(
        self,
        network: nn.Module,
        routes: Mapping[str, Route],
        parts: Callable[[Mapping[str, nn.Parameter]], Sequence[AdamW | torch.optim.Optimizer]],
    ) -> None:
        self._network, self._routes = network, dict(routes)
        by_owners: dict[tuple[str, ...], dict[str, nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            owners = tuple(route for route, modules in routes.items() if module_of(name) in modules)
            by_owners.setdefault(owners, {})[name] = parameter
        self._parts = {owners: parts(some) for owners, some in by_owners.items() if owners}
        self._groups = {owners: _peaks(made) for owners, made in self._parts.items()}
        self._share = 1.0
        self._pending: dict[str, tuple[dict[str, Tensor], float]] = {}

    def schedule(self, share: float) -> None:
        """Let all learning rates be `share` (0 to 1) of their peaks."""
        self._share = share

    def backward(self, route: str, loss: Tensor | None, *, scale: float = 1.0, keep_graph: bool = False) -> None:
        """As `RoutedOptimiser.backward`; in a sum, `scale` weighs the gradient beside those of other routes."""
        if loss is not None:
            gradients = routed_gradients(self._network, loss, self._routes[route], keep_graph=keep_graph)
            self._pending[route] = _clipped(gradients), scale

    def step(self) -> None:
        """Take the step; what no loss reaches stays where it is."""
        for owners, parts in self._parts.items():
            pending = [self._pending[route] for route in owners if route in self._pending]
            alone = len(owners) == 1
            total: dict[str, Tensor] = {}
            for gradients, scale in pending:
                for name, gradient in gradients.items():
                    weighed = gradient if alone else gradient * scale
                    total[name] = total[name] + weighed if name in total else weighed
            rate = pending[0][1] if alone and pending else 1.0
            _descend(self._network, total, self._groups[owners], self._share * rate, parts)
        self._pending.clear()


def _peaks(parts: Sequence[AdamW | torch.optim.Optimizer]) -> list[tuple[dict[str, Any], float]]:
    """Groups of parameters, and their peak learning rates."""
    return [(group, group["lr"]) for part in parts for group in part.param_groups]


def _clipped(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All together at most `LONGEST` long; not in place, since gradients may share memory."""
    factor = (LONGEST / (torch.nn.utils.get_total_norm(gradients.values()) + 1e-6)).clamp(max=1.0)
    return {name: gradient * factor for name, gradient in gradients.items()}


def _descend(
    network: nn.Module,
    gradients: Mapping[str, Tensor],
    groups: Sequence[tuple[dict[str, Any], float]],
    share: float,
    parts: Sequence[AdamW | torch.optim.Optimizer],
) -> None:
    """A step of `parts` along some gradients, at a share of the peak rates in `groups`."""
    network.zero_grad(set_to_none=True)
    for name, parameter in network.named_parameters():
        parameter.grad = gradients.get(name)
    for group, peak in groups:
        group["lr"] = peak * share
    for part in parts:
        part.step()
    network.zero_grad(set_to_none=True)


def adamw(network: nn.Module, routes: Mapping[str, Route], learning_rate: float) -> RoutedOptimiser:
    """AdamW without weight decay for all parameters of each route, up to its peak learning rate."""
    return RoutedOptimiser(network, routes, lambda parameters: [AdamW(parameters.values(), learning_rate, BETAS)])


def muon(
    network: nn.Module,
    routes: Mapping[str, Route],
    learning_rate: float,
    matrix_learning_rate: float,
    weight_decay: float = 0.0,
) -> SummedOptimiser:
    """Muon for the layers' matrices, AdamW for embeddings, outputs and gains.

    Args:
        network, routes: as for `SummedOptimiser`.
        learning_rate, matrix_learning_rate: peaks of AdamW and of Muon (update of spectral norm about 1).
        weight_decay: of both.
    """

    def parts(parameters: Mapping[str, nn.Parameter]) -> list[AdamW | torch.optim.Optimizer]:
        inner = {name: p for name, p in parameters.items() if name.startswith("blocks") and p.dim() == 2}
        rest = [p for name, p in parameters.items() if name not in inner]
        made: list[AdamW | torch.optim.Optimizer] = [AdamW(rest, learning_rate, BETAS, weight_decay)] if rest else []
        if inner:
            muon = torch.optim.Muon(inner.values(), lr=matrix_learning_rate, weight_decay=weight_decay, momentum=0.95)
            made.append(muon)
        return made

    return SummedOptimiser(network, routes, parts)
