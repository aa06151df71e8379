"""A Stable-Baselines3 policy at the table: it reads the LM's features of a conversation and chooses a candidate.

Weights are kept as safetensors beside a JSON card. SB3's own archives hold pickles, which run code when loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.networks.checkpoint import (
    CheckpointError,
    load_checkpoint,
    read_sealed,
    save_checkpoint,
    state_hash,
    write_sealed,
)
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import ME, PAD, DialogueTokenizer
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View

FORMAT, KIND = 1, "sb3"
FEATURES = "features"
"""Folder, inside an agent's, of the network that gives its features."""


class ConversationFeatures:
    """The LM's state of mind as it is about to speak: the trunk's hidden state at the label of its next message.

    Args:
        network, tokenizer: give the features; the caller copies the weights if they will change.
    """

    def __init__(self, network: ThreeModuleTransformer, tokenizer: DialogueTokenizer) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.size = network.config.width

    def _ids(self, view: View) -> list[int]:
        context = self.network.config.context
        ids = [*self.tokenizer.encode_within(view, context - 1), ME]
        if len(ids) > context:
            raise ValueError(f"a role card of {len(view.card)} characters does not fit a context of {context} tokens")
        return ids

    @torch.no_grad()
    def __call__(self, views: Sequence[View]) -> NDArray[np.float32]:
        """Features [len(views), size], by one forward pass."""
        rows = [self._ids(view) for view in views]
        ids = torch.full((len(rows), max(map(len, rows))), PAD)
        for k, row in enumerate(rows):
            ids[k, : len(row)] = torch.tensor(row)
        last = torch.tensor([len(row) - 1 for row in rows])
        hidden = self.network(ids.to(self.network.device))
        features: NDArray[np.float32] = hidden[torch.arange(len(rows)), last].float().cpu().numpy()
        return features


@dataclass(frozen=True, slots=True)
class PolicyShape:
    """What it takes to build the policy anew.

    Attributes:
        features: size of the observation.
        candidates: number of actions.
        hidden: widths of the hidden layers of policy and of value.
    """

    features: int
    candidates: int
    hidden: tuple[int, ...] = (64, 64)

    def arguments(self) -> dict[str, Any]:
        """SB3's `policy_kwargs`."""
        return {"net_arch": {"pi": list(self.hidden), "vf": list(self.hidden)}}

    def build(self) -> MaskableActorCriticPolicy:
        """An untrained policy of this shape, on the CPU; the global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            return MaskableActorCriticPolicy(
                Box(-np.inf, np.inf, (self.features,), np.float32),
                Discrete(self.candidates),
                lambda _: 0.0,
                **self.arguments(),
            )


class Sb3Agent:
    """An agent that chooses what to say.

    Args:
        policy: the trained policy.
        shape: its shape.
        features: what it observes.
        deterministic: take the likeliest candidate instead of sampling.
    """

    needs_candidates = True

    def __init__(
        self,
        policy: MaskableActorCriticPolicy,
        shape: PolicyShape,
        features: ConversationFeatures,
        *,
        deterministic: bool = False,
    ) -> None:
        self.policy, self.shape, self.features = policy, shape, features
        self.deterministic = deterministic
        self.policy.set_training_mode(False)
        self._rngs: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        self._rngs = [generator(seed, "choice") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One candidate for each observation.

        Raises:
            ValueError: an observation has no candidates, another number of them, or none on offer.
        """
        offers = [self._offer(seen) for seen in observations]
        masks = np.array([[bool(text) for text in offered] for offered in offers])
        chances = self.probabilities([seen.view for seen in observations], masks)
        replies = []
        for seen, offered, chance in zip(observations, offers, chances, strict=True):
            if self.deterministic:
                chosen = int(chance.argmax())
            else:
                chosen = int(self._rngs[seen.dialogue].choice(len(offered), p=chance))
            replies.append(Reply(offered[chosen], record=chosen))
        return replies

    def _offer(self, seen: Seen) -> tuple[str, ...]:
        offered, name = seen.candidates, seen.view.agents[seen.view.me]
        if offered is None:
            raise ValueError(f"{name} chooses among candidates and was shown none; use choice mode")
        if len(offered) != self.shape.candidates or not any(offered):
            raise ValueError(
                f"{name} was shown {len(offered)} candidates, {sum(map(bool, offered))} on offer; "
                f"expected {self.shape.candidates} with at least one on offer; was it trained on another scenario?"
            )
        return offered

    @torch.no_grad()
    def probabilities(self, views: Sequence[View], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The policy's chance of each candidate [len(views), candidates]: exactly zero where it is not on offer."""
        observed = torch.from_numpy(self.features(views)).to(self.policy.device)
        logits = self.policy.get_distribution(observed, masks).distribution.logits  # type: ignore[union-attr]
        chances = np.where(masks, torch.softmax(logits.double(), dim=-1).cpu().numpy(), 0.0)
        total: NDArray[np.float64] = chances / chances.sum(axis=1, keepdims=True)
        return total

    def weights_hash(self) -> str:
        """SHA-256 of the policy's weights: equal if and only if the bytes are."""
        return state_hash(self.policy.state_dict())

    def save(self, folder: Path, provenance: dict[str, Any]) -> None:
        """Save policy and features.

        Args:
            folder: made if absent.
            provenance: how it came to be: method, scenario, seed, versions.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        save_checkpoint(folder / FEATURES, self.features.network, self.features.tokenizer, {})
        weights = save({name: tensor.cpu().contiguous() for name, tensor in self.policy.state_dict().items()})
        card = {
            "format": FORMAT,
            "kind": KIND,
            "features": self.shape.features,
            "candidates": self.shape.candidates,
            "hidden": list(self.shape.hidden),
            "provenance": provenance,
        }
        write_sealed(folder, "agent", weights, card)

    @classmethod
    def load(cls, folder: Path, *, deterministic: bool = False) -> Sb3Agent:
        """The agent that `save` wrote.

        Raises:
            CheckpointError: missing, damaged or of another kind; says which file and what to do.
        """
        card, weights = read_sealed(folder, "agent", {"kind": KIND, "format": FORMAT})
        network, tokenizer, _ = load_checkpoint(folder / FEATURES)
        try:
            shape = PolicyShape(card["features"], card["candidates"], tuple(card["hidden"]))
            policy = shape.build()
            policy.load_state_dict(load(weights))
        except (KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"agent {folder} does not fit this version: {error}") from error
        return cls(policy, shape, ConversationFeatures(network, tokenizer), deterministic=deterministic)
