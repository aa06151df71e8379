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

    @torch.no_grad()
    def chances(self, texts: Sequence[str], before: Sequence[str]) -> list[dict[str, float]]:
        """The probability of each deal and each order of needs that a message may make, by its label."""
        found = []
        for start in range(0, len(texts), 64):
            kinds, counts, needs = self(texts[start : start + 64], before[start : start + 64])
            kinds, counts = kinds.softmax(-1), counts.softmax(-1)
            orders = torch.stack([order_logprob(needs, order) for order in _ORDERS], 1).exp()
            for kind, count, order in zip(kinds.tolist(), counts.tolist(), orders.tolist(), strict=True):
                of = dict(zip(KINDS, kind, strict=True))
                chances = {name: of[name] for name in ("accept", "reject", "walk")}
                for mine in ALLOCATIONS:
                    share = count[0][mine[0]] * count[1][mine[1]] * count[2][mine[2]]
                    chances[f"submit: {packages_text(mine)}"] = of["submit"] * share
                for places, share in zip(_ORDERS, order, strict=True):
                    chances[f"need: {' '.join(ISSUES[k] for k in places)}"] = of["need"] * share
                found.append(chances)
        return found


def order_logprob(needs: torch.Tensor, order: Sequence[int]) -> torch.Tensor:
    """The log-probability of an order, most needed first, by the needs [messages, 3] (Plackett-Luce), in nats."""
    first, second, third = (needs[:, k] for k in order)
    return first - torch.logsumexp(needs, -1) + second - torch.logsumexp(torch.stack([second, third], -1), -1)


def label_of(label: Any) -> str | None:
    """A label of campers' messages as a move, `submit: 2 food, 1 water, 0 firewood`; `None` for talk and the like."""
    if isinstance(label, Mapping):
        if label["kind"] == "propose":
            return f"submit: {packages_text(tuple(label['mine']))}"
        return None if label["kind"] == "talk" else str(label["kind"])
    return None if not label else f"need: {' '.join(label)}"


def load_campers(tokenizer: Any, encoder: Any, file: Path | None = None) -> tuple[CamperModel, dict[str, float]]:
    """The fitted model, and from which probability a deal or an order of needs counts.

    Raises:
        UserError: the file cannot be read.
    """
    path = file or Path(str(files("goldenrule.agents.readers").joinpath(FITTED)))
    model = CamperModel(tokenizer, encoder).requires_grad_(False)
    try:
        with safe_open(path, "pt") as saved:
            thresholds: dict[str, float] = json.loads(saved.metadata()["thresholds"])
            model.load_state_dict({name: saved.get_tensor(name).float() for name in saved.keys()}, strict=False)  # noqa: SIM118
    except Exception as error:
        raise UserError(
            f"{str(path)!r} holds no model of campers ({error}); make it with goldenrule.agents.readers.fit_campers"
        ) from error
    for module in [*model.encoder.encoder.modules()]:
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
    return model.eval(), thresholds
