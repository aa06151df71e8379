"""The optimisers: Muon for the matrices inside the layers, AdamW for the rest.

Muon (torch.optim.Muon; Jordan et al. 2024) orthogonalises the momentum of each weight matrix. Here it reaches the
moment when needs are understood in about half the updates that AdamW takes (EXPERIMENTS.md).
"""

from __future__ import annotations

import torch

from goldenrule.agents.networks.three_module import ThreeModuleTransformer

BETAS = (0.9, 0.98)
"""Of AdamW."""


class Optimiser:
    """Several optimisers that step together and share a schedule.

    Parameters without a gradient are left untouched, as gradient routing needs.
    """

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        self._peaks = [(group, group["lr"]) for part in parts for group in part.param_groups]

    def schedule(self, share: float) -> None:
        """Set all learning rates to `share` (0 to 1) of their peaks."""
        for group, peak in self._peaks:
            group["lr"] = peak * share

    def zero_grad(self) -> None:
        """Forget all gradients; `None`, not zero."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Take a step."""
        for part in self.parts:
            part.step()


def adamw(network: ThreeModuleTransformer, learning_rate: float) -> Optimiser:
    """AdamW without weight decay for all parameters of a network, up to its peak learning rate."""
    return Optimiser(torch.optim.AdamW(network.parameters(), lr=learning_rate, betas=BETAS, weight_decay=0.0))


def muon(
    network: ThreeModuleTransformer, learning_rate: float, matrix_learning_rate: float, weight_decay: float = 0.0
) -> Optimiser:
    """Muon for the layers' matrices, AdamW for embeddings, outputs and gains.

    Args:
        network: whose parameters are optimised, in place.
        learning_rate, matrix_learning_rate: peaks of AdamW and of Muon (update of spectral norm about 1).
        weight_decay: of both.
    """
    inner = {name: p for name, p in network.named_parameters() if name.startswith("blocks") and p.dim() == 2}
    rest = [p for name, p in network.named_parameters() if name not in inner]
    return Optimiser(
        torch.optim.Muon(inner.values(), lr=matrix_learning_rate, weight_decay=weight_decay, momentum=0.95),
        torch.optim.AdamW(rest, lr=learning_rate, betas=BETAS, weight_decay=weight_decay),
    )
