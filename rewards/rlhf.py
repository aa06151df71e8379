"""RLHF: a Bradley-Terry reward model, fitted to which of two messages annotators prefer.

Annotators see only the two messages. They prefer a over b with probability sigma(strength * (proxy(a) - proxy(b))), the
proxy being the scenario's (`Judgement.proxy`). The model minimises
    -log sigma(r(chosen) - r(rejected))            (Bradley & Terry 1952; Ouyang et al. 2022, arXiv 2203.02155, Eq. 1)
with r linear in features of the message: mean hidden state of the frozen start network over the message alone. Scores
are standardised on the messages it was fitted to, so that 0 is an average message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, ME, PAD, DialogueTokenizer
from goldenrule.rewards.base import Score


@dataclass(frozen=True, slots=True)
class Preference:
    """One annotation: the two texts, preferred one first."""

    chosen: str
    rejected: str


def annotate(
    episodes: Sequence[Episode], speaker: int, pairs: int, rng: np.random.Generator, strength: float = 8.0
) -> list[Preference]:
    """Preferences between random pairs of one seat's messages.

    Args:
        episodes: where the messages were said; messages without a proxy are not annotated.
        speaker: whose messages.
        pairs: how many pairs.
        rng: picks pairs and draws preferences.
        strength: how sharply annotators tell proxies apart.

    Raises:
        ValueError: fewer than two messages have a proxy.
    """
    rated = [
        (turn.message.text, turn.judgement.proxy)
        for episode in episodes
        for turn in episode.turns
        if turn.message.speaker == speaker and turn.judgement.proxy is not None
    ]
    if len(rated) < 2:
        raise ValueError(f"{len(rated)} messages have a proxy; annotators need two to compare")
    preferences = []
    for _ in range(pairs):
        i, j = rng.choice(len(rated), size=2, replace=False)
        (a, proxy_a), (b, proxy_b) = rated[i], rated[j]
        prefers_a = rng.random() < 1 / (1 + np.exp(-strength * (proxy_a - proxy_b)))
        preferences.append(Preference(a, b) if prefers_a else Preference(b, a))
    return preferences


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Mean of -log sigma(r_chosen - r_rejected), from rewards [N] each."""
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


class PreferenceModel:
    """The fitted reward model. A `Reward`: scores a message for itself, whatever was said before.

    Args:
        network, tokenizer: give the features; the weights are copied by the caller if they will change.
    """

    name, privileged = "rlhf", False

    def __init__(self, network: ThreeModuleTransformer, tokenizer: DialogueTokenizer) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.direction = torch.zeros(network.config.width, device=network.device)
        self.mean = torch.zeros((), device=network.device)
        self.scale = torch.ones((), device=network.device)

    @torch.no_grad()
    def features(self, texts: Sequence[str], chunk: int = 512) -> Tensor:
        """Mean hidden state of each text [N, width]."""
        parts = []
        for start in range(0, len(texts), chunk):
            rows = [[ME, *self.tokenizer.encode(text), END] for text in texts[start : start + chunk]]
            ids = torch.full((len(rows), max(map(len, rows))), PAD)
            for k, row in enumerate(rows):
                ids[k, : len(row)] = torch.tensor(row)
            ids = ids.to(self.network.device)
            mask = (ids != PAD).float()[..., None]
            parts.append((self.network(ids).float() * mask).sum(1) / mask.sum(1))
        return torch.cat(parts)

    def fit(self, preferences: Sequence[Preference], penalty: float = 1e-3) -> float:
        """Fit to preferences by L-BFGS with an L2 penalty; returns the share of them it ranks correctly."""
        chosen = self.features([p.chosen for p in preferences])
        rejected = self.features([p.rejected for p in preferences])
        direction = torch.zeros_like(self.direction, requires_grad=True)
        optimizer = torch.optim.LBFGS([direction], max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = bradley_terry_loss(chosen @ direction, rejected @ direction) + penalty * direction.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        self.direction = direction.detach()
        rewards = torch.cat([chosen, rejected]) @ self.direction
        self.mean, self.scale = rewards.mean(), rewards.std().clamp_min(1e-6)
        return float(((chosen - rejected) @ self.direction > 0).float().mean())

    def rate(self, texts: Sequence[str]) -> list[float]:
        """Standardised rewards of texts."""
        rates: list[float] = ((self.features(texts) @ self.direction - self.mean) / self.scale).tolist()
        return rates

    def score(self, turns: Sequence[Turn]) -> list[Score]:
        """One score for each message."""
        return [Score(rate) for rate in self.rate([turn.message.text for turn in turns])]
