"""The optimisers: Muon for the matrices inside the layers, AdamW for the rest.

Muon (torch.optim.Muon; Jordan et al. 2024) orthogonalises the momentum of each weight matrix. Here it reaches the
moment when needs are understood in about half the updates that AdamW takes (EXPERIMENTS.md).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from goldenrule.agents.networks.three_module import ThreeModuleTransformer


class Optimiser:
    """One or two optimisers that step together and share a schedule.

    Parameters without a gradient are left untouched, as gradient routing needs.
    """

    def __init__(self, parts: Iterable[torch.optim.Optimizer]) -> None:
        self.parts = list(parts)
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self.parts]

    def schedule(self, share: float) -> None:
        """Set all learning rates to `share` (0 to 1) of their peaks."""
        for part, peaks in zip(self.parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * share

    def zero_grad(self) -> None:
        """Forget all gradients; `None`, not zero."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Take a step."""
        for part in self.parts:
            part.step()


def adamw(network: ThreeModuleTransformer, learning_rate: float, beta2: float = 0.98) -> Optimiser:
    """AdamW without weight decay, for everything.

    Args:
        network: whose parameters are optimised, in place.
        learning_rate: its peak.
        beta2: decay of the second moment.
    """
    return Optimiser([torch.optim.AdamW(network.parameters(), lr=learning_rate, betas=(0.9, beta2), weight_decay=0.0)])


def muon(
    network: ThreeModuleTransformer, learning_rate: float, matrix_learning_rate: float, beta2: float = 0.98
) -> Optimiser:
    """Muon for the layers' matrices, AdamW for embeddings, outputs and gains.

    Args:
        network: whose parameters are optimised, in place.
        learning_rate, matrix_learning_rate: peaks of AdamW and of Muon (update of spectral norm about 1).
        beta2: of AdamW.
    """
    inner = [p for name, p in network.named_parameters() if name.startswith("blocks") and p.dim() == 2]
    taken = {id(p) for p in inner}
    rest = [p for p in network.parameters() if id(p) not in taken]
    return Optimiser(
        [
            torch.optim.Muon(inner, lr=matrix_learning_rate, weight_decay=0.0, momentum=0.95),
            torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, beta2), weight_decay=0.0),
        ]
    )
