"""AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), by PyTorch's fused kernel.

`torch.optim.AdamW` takes the same steps, but imports PyTorch's compiler with its first one: 1.5 s and 100 MB in every
process that trains.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adamw import adamw


class AdamW:
    """Takes steps on parameters in place; those without a gradient are left untouched.

    Args:
        parameters: what is optimised.
        lr: learning rate; it may be changed between steps, in `param_groups`, where `torch.optim` has it.
        betas: decay of the two moments, each step.
        weight_decay: share of each weight that a step of learning rate 1 would take away.

    Attributes:
        moments: of each parameter that has had a gradient, by its place among `parameters`: mean of gradients, mean of
            their squares, number of steps.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters, self.betas, self.weight_decay = list(parameters), betas, weight_decay
        self.param_groups = [{"lr": lr}]
        self.moments: dict[int, list[Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget all gradients; `None`, not zero."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step."""
        places = [place for place, parameter in enumerate(self.parameters) if parameter.grad is not None]
        for place in places:
            if place not in self.moments:
                like, count = self.parameters[place], torch.zeros((), device=self.parameters[place].device)
                self.moments[place] = [torch.zeros_like(like), torch.zeros_like(like), count]
        means, squares, counts = ([self.moments[place][i] for place in places] for i in range(3))
        adamw(
            [self.parameters[place] for place in places],
            [grad for place in places if (grad := self.parameters[place].grad) is not None],
            means,
            squares,
            [],
            counts,
            fused=True,
            lr=self.param_groups[0]["lr"],
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
        # The fused kernel does not tell autograd, which would go back through a graph of the weights before.
        torch.autograd.graph.increment_version([self.parameters[place] for place in places])
