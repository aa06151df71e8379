"""What campers say, deals and needs, read by the embedding model with weights of its own.

A message is read behind the names of the three things, "food water wood: ...", and each name's last state tells how
many packages of it the speaker gets, and how much it is needed; the first state tells what kind of message it is. One
head serves all three, whatever the words for them. The weights are low-rank changes (LoRA, Hu et al. 2021, arXiv
2106.09685) that `goldenrule.agents.readers.fit_campers` fits, and ship.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn
from torch.nn.utils import parametrize

from goldenrule.agents.readers.encoder import load_encoder
from goldenrule.common.errors import UserError
from goldenrule.envs.scenarios.campsite.language import ALLOCATIONS, ISSUES, N_PACKAGES, packages_text

FITTED = "campers.safetensors"
KINDS = ("submit", "accept", "reject", "walk", "need", "none")
RANK = 32
"""Of the changes to each matrix."""
LONGEST = 160
"""Tokens of a message and what was said before it that count."""
_BEFORE = "food water wood: "
_ORDERS = tuple(permutations(range(len(ISSUES))))


class Change(nn.Module):
    """A matrix and a change of low rank to it."""

    def __init__(self, matrix: torch.Tensor, rng: torch.Generator | None = None) -> None:
        super().__init__()
        rows, columns = matrix.shape
        self.down = nn.Parameter(torch.randn(RANK, columns, generator=rng) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, RANK))

    def forward(self, matrix: torch.Tensor) -> torch.Tensor:
        """The changed matrix."""
        return matrix + (self.up @ self.down).to(matrix.dtype)


class CamperModel(nn.Module):
    """The embedding model with its changes and heads.

    Args:
        tokenizer, encoder: of the embedding model.
        rng: of the beginning, where it is to be fitted.
    """

    def __init__(self, tokenizer: Any, encoder: Any, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self._tokenizer, self.encoder = tokenizer, encoder.requires_grad_(False)
        for module in [*encoder.encoder.modules()]:
            if isinstance(module, nn.Linear):
                parametrize.register_parametrization(module, "weight", Change(module.weight, rng))
        width = encoder.config.hidden_size
        self.kind, self.count, self.need = (nn.Linear(width, n) for n in (len(KINDS), N_PACKAGES + 1, 1))
        for head in (self.kind, self.count, self.need):
            nn.init.normal_(head.weight, std=0.05, generator=rng)
            nn.init.zeros_(head.bias)

    def forward(self, texts: Sequence[str], before: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits of kinds [messages, kinds] and counts [messages, 3, 4], and how much each is needed [messages, 3]."""
        given = self._tokenizer(
            [_BEFORE + text for text in texts],
            [*before],
            padding=True,
            truncation=True,
            max_length=LONGEST,
            return_tensors="pt",
        )
        states = self.encoder(**given).last_hidden_state.float()
        named = states[:, 1 : 1 + len(ISSUES)]
        return self.kind(states[:, 0]), self.count(named), self.need(named)[..., 0]


class Campers:
    """Several models that were fitted from different beginnings; a probability is the mean of theirs.

    Attributes:
        thresholds: the probability from which a deal, or an order of needs, counts.
    """

    def __init__(self, models: Sequence[CamperModel], thresholds: Mapping[str, float]) -> None:
        self.models, self.thresholds = models, thresholds
        self._kept: dict[tuple[str, str], dict[str, float]] = {}

    @torch.no_grad()
    def chances(self, texts: Sequence[str], before: Sequence[str]) -> list[dict[str, float]]:
        """The probability of each deal and each order of needs that a message may make, by its label.

        Those of messages seen are kept: one is read for its deal, and again for its needs.
        """
        keys = [*zip(texts, before, strict=True)]
        new = [key for key in dict.fromkeys(keys) if key not in self._kept]
        for start in range(0, len(new), 64):
            part = new[start : start + 64]
            told = [_shares(*model(*zip(*part, strict=True))) for model in self.models]
            kinds, splits, orders = (torch.stack(one).mean(0).tolist() for one in zip(*told, strict=True))
            for key, kind, split, order in zip(part, kinds, splits, orders, strict=True):
                chances = dict(zip(("accept", "reject", "walk"), kind, strict=True))
                chances |= {f"submit: {packages_text(mine)}": p for mine, p in zip(ALLOCATIONS, split, strict=True)}
                chances |= {
                    f"need: {' '.join(ISSUES[k] for k in places)}": p for places, p in zip(_ORDERS, order, strict=True)
                }
                self._kept[key] = chances
        return [self._kept[key] for key in keys]


def _shares(
    kinds: torch.Tensor, counts: torch.Tensor, needs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The probabilities of accept, reject and walk, of each split, and of each order."""
    kind, count = kinds.softmax(-1), counts.softmax(-1)
    submit, accept, reject, walk, need, _ = kind.unbind(-1)
    splits = torch.stack([count[:, 0, a] * count[:, 1, b] * count[:, 2, c] for a, b, c in ALLOCATIONS], 1)
    orders = torch.stack([order_logprob(needs, order) for order in _ORDERS], 1).exp()
    return torch.stack([accept, reject, walk], 1), submit[:, None] * splits, need[:, None] * orders


def order_logprob(needs: torch.Tensor, order: Sequence[int]) -> torch.Tensor:
    """The log-probability of an order, most needed first, by the needs [messages, 3] (Plackett-Luce), in nats."""
    first, second, third = (needs[:, k] for k in order)
    return first - torch.logsumexp(needs, -1) + second - torch.logsumexp(torch.stack([second, third], -1), -1)


def load_campers(file: Path | None = None) -> Campers:
    """The fitted models.

    Raises:
        UserError: the file cannot be read.
    """
    path = file or Path(str(files("goldenrule.agents.readers").joinpath(FITTED)))
    models: list[CamperModel] = []
    try:
        with safe_open(path, "pt") as saved:
            about = json.loads(saved.metadata()["campers"])
            for number in range(about["models"]):
                model = CamperModel(*load_encoder()).requires_grad_(False)
                own = {name: saved.get_tensor(f"{number}.{name}").float() for name in fitted_weights(model)}
                model.load_state_dict(own, strict=False)
                for module in [*model.encoder.encoder.modules()]:
                    if parametrize.is_parametrized(module):
                        parametrize.remove_parametrizations(module, "weight")
                models.append(model.eval())
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{str(path)!r} holds no models of campers ({error}); make them with goldenrule.agents.readers.fit_campers"
        ) from error
    return Campers(models, about["thresholds"])


def fitted_weights(model: CamperModel) -> dict[str, torch.Tensor]:
    """What is fitted, by name: the changes and the heads."""
    return {
        name: one.detach()
        for name, one in model.named_parameters()
        if name.partition(".")[0] in ("kind", "count", "need") or name.endswith((".down", ".up"))
    }
