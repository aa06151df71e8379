"""A network that learns what words are worth, to be read where they end."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from goldenrule.agents.networks.adamw import AdamW
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import PAD


@dataclass(frozen=True, slots=True)
class Rated:
    """Words with what they were worth.

    Attributes:
        ids: tokens of a view, within the network's context.
        ends: where messages to be rated end, as places in `ids`; of those past the context none.
        rewards: what each message was worth; `None` where that is not known.
    """

    ids: Sequence[int]
    ends: Sequence[int]
    rewards: Sequence[float | None]


class RewardNetwork:
    """A copy of a network with one output more, all of it fitted by least squares.

    Args:
        network: what it begins as; it is copied.
        rate: learning rate, AdamW's.
    """

    def __init__(self, network: ThreeModuleTransformer, rate: float = 1e-3) -> None:
        self.network = copy.deepcopy(network).requires_grad_(True)
        self.out = nn.Linear(network.config.width, 1).to(network.device, network.embedding.dtype)
        for weight in self.out.parameters():
            nn.init.zeros_(weight)
        self.optimizer = AdamW([*self.network.parameters(), *self.out.parameters()], rate)

    def __call__(self, texts: Sequence[Rated]) -> Tensor:
        """What each rated message is worth, those of one text after those of the one before [N]."""
        rows = [torch.tensor(one.ids) for one in texts]
        hidden = self.network(pad_sequence(rows, batch_first=True, padding_value=PAD).to(self.network.device))
        row = torch.tensor([k for k, one in enumerate(texts) for _ in one.ends])
        column = torch.tensor([end for one in texts for end in one.ends])
        values: Tensor = self.out(hidden[row, column])[:, 0].float()
        return values

    @torch.no_grad()
    def rate(self, texts: Sequence[Rated], chunk: int = 256) -> list[float]:
        """As a call gives it, as numbers."""
        parts = [texts[start : start + chunk] for start in range(0, len(texts), chunk)]
        return [value for part in parts if any(one.ends for one in part) for value in self(part).tolist()]

    def learn(self, texts: Sequence[Rated]) -> float | None:
        """A gradient step; the mean squared error before it, or `None` where nothing is known of any message."""
        told = [reward for one in texts for reward in one.rewards[: len(one.ends)]]
        known = [k for k, reward in enumerate(told) if reward is not None]
        if not known:
            return None
        targets = torch.tensor([told[k] for k in known], device=self.network.device)
        loss = (self(texts)[known] - targets).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimizer.parameters, 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def tensors(self) -> dict[str, Tensor]:
        """Its weights and moments, by name."""
        found = {f"network.{name}": one for name, one in self.network.state_dict().items()}
        found |= {f"out.{name}": one for name, one in self.out.state_dict().items()}
        for place, moments in self.optimizer.moments.items():
            found |= {f"moments.{place}.{k}": one for k, one in enumerate(moments)}
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Become what gave `tensors`."""
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "out": {}, "moments": {}}
        for name, one in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = one
        self.network.load_state_dict(parts["network"])
        self.out.load_state_dict(parts["out"])
        places = sorted({int(name.partition(".")[0]) for name in parts["moments"]})
        self.optimizer.moments = {n: [parts["moments"][f"{n}.{k}"].clone() for k in range(3)] for n in places}
