"""Who may sit at a table, as plain data that any process can make an agent of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from goldenrule.agents.base import Agent, load_agent
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import CARD, CheckpointError, weights_hash
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.scripted import population

SB3 = "sb3"

Kind = Literal["person", "lm", "checkpoint", "sb3", "plugin"]


@dataclass(frozen=True, slots=True)
class Sitter:
    """Someone who can be asked to sit down.

    Attributes:
        name: what it is called in rows and tables.
        kind: a scripted `person`, the base `lm`, a `checkpoint` of a trained network, an `sb3` policy, a `plugin`.
        what: of a person its style; of a plug-in its name.
        params: of a plug-in.
        folder: of saved weights.
        weights: SHA-256 of a network's weights: what a checkpoint is, not where it lies.
    """

    name: str
    kind: Kind
    what: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    weights: str | None = None

    def description(self) -> dict[str, Any]:
        """All that what it does depends on, as plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "what": self.what,
            "params": dict(self.params),
            "weights": self.weights,
        }

    def sit(self, scenario: str, role: str, device: str, max_new: int | None) -> Agent:
        """A new agent for a seat of this role.

        Raises:
            ValueError: it cannot be made, or its weights are not those that it was planned with.
        """
        if self.kind == "person":
            return population(scenario)[self.what][role]()
        if self.kind == "plugin":
            return load_agent(self.what, self.params)
        agent, weights = loaded(scenario, self.folder, device, max_new)
        if weights != self.weights:
            raise CheckpointError(
                f"the weights of {self.name} in {self.folder or 'the package'} are others than when this was planned; "
                "put the old ones back, or give these another name"
            )
        return agent


def loaded(scenario: str, folder: Path | None, device: str, max_new: int | None) -> tuple[Agent, str]:
    """The agent of saved weights (of the shipped base without a folder), and their SHA-256.

    Raises:
        CheckpointError: missing, damaged, of another kind.
    """
    if folder is not None and card_of(folder).get("kind") == SB3:
        from goldenrule.agents.sb3 import Sb3Agent  # a slow import that no other kind needs

        policy = Sb3Agent.load(folder)
        return policy, policy.weights_hash()
    network, tokenizer, _ = load_base(scenario, folder, device)
    weights = weights_hash(network)
    return LanguageModel(network.requires_grad_(False), tokenizer, max_new=max_new), weights


def card_of(folder: Path) -> dict[str, Any]:
    """The card of a checkpoint.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {folder} cannot be read ({error}); name a folder with {CARD}") from None
    if not isinstance(card, dict):
        raise CheckpointError(f"checkpoint {folder} is damaged: {CARD} is no object; make it again or use another")
    return card
