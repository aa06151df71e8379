"""RLHF: a Bradley-Terry reward model, fitted to which of two messages annotators prefer.

Annotators see only the two messages. They prefer a over b with probability sigma(strength * (worth(a) - worth(b))). A
message that makes sense is worth the scenario's proxy (`Judgement.proxy`), nonsense `NONSENSE`. The model minimises
    -log sigma(r(chosen) - r(rejected))            (Bradley & Terry 1952; Ouyang et al. 2022, arXiv 2203.02155, Eq. 1)
with r a small perceptron on features of the message alone: the frozen start network's hidden states of its tokens, and
their log-probabilities.

A policy finds whatever such a model over-rates. Three things keep it to what annotators saw: they are shown nonsense of
many kinds (`training.methods.rlhf`); r is the lowest of several fits from different starts, which agree where there
were data and differ where there were none (worst-case optimisation, Coste et al. 2023, arXiv 2310.02743, Eq. 3); and r
never leaves the range of the messages it was fitted to. It is standardised on them: 0 is an average message.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.adamw import AdamW
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, ME, PAD, DialogueTokenizer
from goldenrule.common.text import counted
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.rewards.base import Score

NONSENSE = -1.0
"""What a message that makes no sense is worth to annotators: as far below the worst proxy as the best is above it."""
UNFITTED = "the reward model has not been fitted to preferences"


@dataclass(frozen=True, slots=True)
class Preference:
    """One annotation: the two texts, preferred one first."""

    chosen: str
    rejected: str


def worth(judgement: Judgement) -> float | None:
    """What a message is worth to annotators, -1 to 1; `None` for messages that they are not shown."""
    return NONSENSE if judgement.valid is False and judgement.proxy is not None else judgement.proxy


def annotate(
    episodes: Sequence[Episode], speaker: int, pairs: int, rng: np.random.Generator, strength: float = 8.0
) -> list[Preference]:
    """Preferences between random pairs of one seat's messages.

    Args:
        episodes: where the messages were said; messages without a proxy are not annotated.
        speaker: whose messages.
        pairs: how many pairs.
        rng: picks pairs and draws preferences.
        strength: how sharply annotators distinguish worths.

    Raises:
        ValueError: fewer than two messages have a proxy.
    """
    rated = [
        (turn.message.text, value)
        for episode in episodes
        for turn in episode.turns
        if turn.message.speaker == speaker and (value := worth(turn.judgement)) is not None
    ]
    if len(rated) < 2:
        raise ValueError(f"{counted(len(rated), 'message')} with a proxy; annotators need two to compare")
    preferences = []
    for _ in range(pairs):
        i, j = rng.choice(len(rated), size=2, replace=False)
        (a, worth_a), (b, worth_b) = rated[i], rated[j]
        prefers_a = rng.random() < 1 / (1 + np.exp(-strength * (worth_a - worth_b)))
        preferences.append(Preference(a, b) if prefers_a else Preference(b, a))
    return preferences


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Mean of -log sigma(r_chosen - r_rejected), from rewards of one shape."""
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How preferences are learnt.

    Attributes:
        fits: how many perceptrons, of which the lowest reward counts.
        hidden: width of their hidden layer.
        steps, batch: gradient steps, and pairs a step for each of them.
        learning_rate: of AdamW, with linear decay to a twentieth.
        weight_decay: of AdamW.
    """

    fits: int = 4
    hidden: int = 64
    steps: int = 800
    batch: int = 128
    learning_rate: float = 5e-3
    weight_decay: float = 0.01


class _Perceptrons:
    """Several perceptrons with one output side by side, from features [fits, N, size] to rewards [fits, N]."""

    def __init__(self, size: int, config: FitConfig, rng: np.random.Generator, device: torch.device) -> None:
        def draw(*shape: int) -> Tensor:
            return torch.from_numpy(rng.normal(size=shape, scale=shape[-2] ** -0.5).astype(np.float32)).to(device)

        first, second = draw(config.fits, size, config.hidden), draw(config.fits, config.hidden, 1)
        self.weights = [first, torch.zeros(config.fits, 1, config.hidden, device=device), second]

    def __call__(self, features: Tensor) -> Tensor:
        first, bias, second = self.weights
        return (torch.nn.functional.gelu(features @ first + bias) @ second)[..., 0]


class PreferenceModel:
    """The fitted reward model. A `Reward`: scores a message for itself, whatever was said before.

    Args:
        network, tokenizer: give the features; the weights are copied.
        config: how it is fitted.
    """

    name, privileged = "rlhf", False

    def __init__(
        self, network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, config: FitConfig | None = None
    ) -> None:
        self.network, self.tokenizer = copy.deepcopy(network).requires_grad_(False), tokenizer
        self.config = FitConfig() if config is None else config
        self._fits: _Perceptrons | None = None

    @torch.no_grad()
    def features(self, texts: Sequence[str], chunk: int = 128) -> Tensor:
        """Features of each text [N, 3 * width + 6].

        Mean, maximum and minimum of the hidden states over its tokens; then mean, minimum and sum of its tokens'
        log-probabilities under each output, in nats: it takes one odd word to spoil a message.
        """
        rows = [torch.tensor([ME, *self.tokenizer.encode(text), END]) for text in texts]
        order = sorted(range(len(rows)), key=lambda k: len(rows[k]))  # rows of one length need no padding
        parts = []
        for start in range(0, len(order), chunk):
            some = [rows[k] for k in order[start : start + chunk]]
            ids = pad_sequence(some, batch_first=True, padding_value=PAD).to(self.network.device)
            parts.append(self._features(ids, ids != PAD))
        return torch.cat(parts)[torch.tensor(order).argsort()]

    def _features(self, ids: Tensor, said: Tensor) -> Tensor:
        hidden = self.network(ids)
        there = said[..., None]
        lowest, highest = torch.finfo(hidden.dtype).min, torch.finfo(hidden.dtype).max
        features = [
            (hidden * there).sum(1) / there.sum(1),
            hidden.masked_fill(~there, lowest).amax(1),
            hidden.masked_fill(~there, highest).amin(1),
        ]
        for output in ("behaviour", "prediction"):
            logprobs = torch.log_softmax(self.network.logits(hidden[:, :-1], output).float(), -1)
            of_tokens = logprobs.gather(-1, ids[:, 1:, None])[..., 0] * said[:, 1:]
            total = of_tokens.sum(1)
            features.append(torch.stack([total / said[:, 1:].sum(1), of_tokens.amin(1), total], 1))
        return torch.cat([part.float() for part in features], 1)

    def fit(self, preferences: Sequence[Preference], rng: np.random.Generator) -> float:
        """Fit to preferences; returns the share of them it ranks correctly.

        Args:
            preferences: at least one.
            rng: draws first weights and batches.
        """
        texts = list(dict.fromkeys(text for p in preferences for text in (p.chosen, p.rejected)))
        number = {text: k for k, text in enumerate(texts)}
        raw = self.features(texts)
        self._centre, self._spread = raw.mean(0), raw.std(0, correction=0) + 1e-3
        features = (raw - self._centre) / self._spread
        pairs = torch.tensor([[number[p.chosen], number[p.rejected]] for p in preferences], device=raw.device)
        self._fits = _Perceptrons(raw.shape[1], self.config, rng, raw.device)
        self._learn(self._fits, features, pairs, rng)
        with torch.no_grad():
            each = self._fits(features.expand(self.config.fits, -1, -1))[:, pairs.flatten()]
            self._means, self._scales = each.mean(1, keepdim=True), each.std(1, keepdim=True).clamp_min(1e-6)
            lowest = self._lowest(features)
            shown = lowest[pairs.flatten()]
            self._mean, self._scale = shown.mean(), shown.std().clamp_min(1e-6)
            rates = (lowest - self._mean) / self._scale
            self._low, self._high = rates.min(), rates.max()
        return float((lowest[pairs[:, 0]] > lowest[pairs[:, 1]]).float().mean())

    def _learn(self, fits: _Perceptrons, features: Tensor, pairs: Tensor, rng: np.random.Generator) -> None:
        config = self.config
        for weight in fits.weights:
            weight.requires_grad_(True)
        optimizer = AdamW(fits.weights, lr=config.learning_rate, weight_decay=config.weight_decay)
        for step in range(config.steps):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * (1.0 - 0.95 * step / config.steps)
            batch = pairs[torch.from_numpy(rng.integers(0, len(pairs), (config.fits, config.batch))).to(pairs.device)]
            chosen, rejected = fits(features[batch.flatten(1)]).unflatten(1, batch.shape[1:]).unbind(-1)
            optimizer.zero_grad()
            (config.fits * bradley_terry_loss(chosen, rejected)).backward()  # each learns as if it were alone
            optimizer.step()
        for weight in fits.weights:
            weight.requires_grad_(False)

    def _lowest(self, features: Tensor) -> Tensor:
        """The lowest of the fits' standardised rewards [N]."""
        assert self._fits is not None
        each = self._fits(features.expand(self.config.fits, -1, -1))
        return ((each - self._means) / self._scales).amin(0)

    @torch.no_grad()
    def rate(self, texts: Sequence[str]) -> list[float]:
        """Standardised rewards of texts, within the range of what it was fitted to.

        Raises:
            ValueError: it has not been fitted.
        """
        if self._fits is None:
            raise ValueError(f"{UNFITTED}; call fit(preferences, rng) first")
        lowest = self._lowest((self.features(texts) - self._centre) / self._spread)
        rates: list[float] = ((lowest - self._mean) / self._scale).clamp(self._low, self._high).tolist()
        return rates

    def score(self, turns: Sequence[Turn]) -> list[Score]:
        """One score for each message; none before the model was fitted."""
        if self._fits is None:
            return [Score(None, UNFITTED)] * len(turns)
        return [Score(rate) for rate in self.rate([turn.message.text for turn in turns])]
