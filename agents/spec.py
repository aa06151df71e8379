"""Agents as plain data: whom a name stands for, and how any process makes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from goldenrule.agents.base import Agent, load_agent
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import CARD, CheckpointError, read_card, weights_hash
from goldenrule.agents.networks.pretrained import load_base, shipped_bases
from goldenrule.agents.scripted import population
from goldenrule.common.errors import UserError, closest
from goldenrule.common.files import expand
from goldenrule.common.plugins import find_plugin, installed, model_of
from goldenrule.envs.registry import spec

SCRIPTED, LM, SB3 = "scripted", "lm", "sb3"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")

Kind = Literal["person", "lm", "checkpoint", "sb3", "plugin"]


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as plain data, from which any process can make it.

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
        """Everything that its behaviour depends on, as plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "what": self.what,
            "params": dict(self.params),
            "weights": self.weights,
        }

    def make(self, scenario: str, role: str, device: str, max_new: int | None) -> Agent:
        """A new agent for a seat of this role.

        Raises:
            ValueError: it cannot be made, or its weights have changed since it was planned.
        """
        if self.kind == "person":
            return population(scenario)[self.what][role]()
        if self.kind == "plugin":
            return load_agent(self.what, self.params)
        agent, weights = load_weights(scenario, self.folder, device, max_new)
        if weights != self.weights:
            raise CheckpointError(
                f"the weights of {self.name} in {self.folder or 'the package'} are others than when this was planned; "
                "put the old ones back, or give these another name"
            )
        return agent


def role_of(seat: str) -> str:
    """`seeker_1` as `seeker`."""
    return seat.rsplit("_", 1)[0]


def known_agents(scenario: str) -> list[str]:
    """Names of everyone that a scenario brings along."""
    styles = [SCRIPTED if style == "default" else style for style in population(scenario)]
    return [*styles, *([LM] if scenario in shipped_bases() else [])]


def find_agents(scenario: str, text: str, device: str) -> list[AgentSpec]:
    """Whom a name stands for: one agent, or every checkpoint in a run's folder."""
    name, equals, target = text.partition("=")
    if not equals or not NAME.fullmatch(name.strip()):
        if equals and ":" not in name and "(" not in name:
            raise UserError(f"agent name {name!r} is not allowed; expected up to 40 letters, digits, '_', '-' or '.'")
        name, target = "", text
    name, target = name.strip(), target.strip()
    found = _find(scenario, target, device)
    if name and len(found) > 1:
        raise UserError(f"{target!r} holds {len(found)} checkpoints; name one of them, or leave {name}= out")
    return [replace(one, name=name or _plain(one.name)) for one in found]


def _plain(name: str) -> str:
    """A name that may stand in files and tables."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._")[:40] or "agent"


def _find(scenario: str, target: str, device: str) -> list[AgentSpec]:
    style = "default" if target == SCRIPTED else target
    if target != "default" and style in population(scenario):
        return [AgentSpec(target, "person", style)]
    if target == LM:
        return [AgentSpec(LM, "lm", weights=load_weights(scenario, None, device, 1)[1])]
    plain = target.partition("(")[0]
    if model_of(target) is not None or ("/" not in plain and (":" in target or plain in installed("agent"))):
        plugin = find_plugin("agent", target)
        return [AgentSpec(re.split("[:/]", plugin.name.partition("@")[0])[-1], "plugin", plugin.name, plugin.given)]
    folder = expand(target)
    if target and folder.is_dir():
        return _saved(scenario, folder, device)
    here = known_agents(scenario)
    raise UserError(
        f"agent {target!r} is unknown; {scenario} has {', '.join(here) or 'none'}; or name package.module:Class or a "
        f"folder of saved weights{closest(target, here)}"
    )


def _saved(scenario: str, folder: Path, device: str) -> list[AgentSpec]:
    """The checkpoint in a folder, or all in a run's folder or its `weights`."""
    root = folder if (folder / CARD).is_file() or not (folder / "weights").is_dir() else folder / "weights"
    inside = [root] if (root / CARD).is_file() else sorted(one.parent for one in root.glob(f"*/{CARD}"))
    if not inside:
        raise UserError(
            f"no weights in {str(folder)!r}; expected a folder with {CARD}, or a run of `compare --save-weights`"
        )
    found = [_checkpoint(scenario, one, device) for one in inside]
    names = [one.name for one in found]
    return [  # two of one method and seed differ in their settings: the folder's own name tells them apart
        replace(one, name=one.folder.name if names.count(one.name) > 1 and one.folder else one.name) for one in found
    ]


def _checkpoint(scenario: str, folder: Path, device: str) -> AgentSpec:
    card = read_card(folder)
    provenance = _part(card, "provenance")
    cell = _part(provenance, "cell")  # of a method; the base of a scenario has `config` instead
    trained = cell.get("scenario", _part(provenance, "config").get("scenario"))
    if isinstance(trained, str) and trained not in (scenario, spec(scenario).id):
        raise UserError(f"the weights in {str(folder)!r} are of {trained}; expected some of {scenario}")
    name = f"{cell['method']}-{cell['seed']}" if "method" in cell and "seed" in cell else folder.name
    kind: Kind = "sb3" if card.get("kind") == SB3 else "checkpoint"
    return AgentSpec(name, kind, folder=folder.resolve(), weights=load_weights(scenario, folder, device, 1)[1])


def _part(card: dict[str, Any], key: str) -> dict[str, Any]:
    part = card.get(key)
    return part if isinstance(part, dict) else {}


def load_weights(scenario: str, folder: Path | None, device: str, max_new: int | None) -> tuple[Agent, str]:
    """The agent of saved weights (of the shipped base without a folder), and their SHA-256.

    Raises:
        CheckpointError: missing, damaged, of another kind.
    """
    if folder is not None and read_card(folder).get("kind") == SB3:
        from goldenrule.agents.sb3 import Sb3Agent  # a slow import that no other kind needs

        policy = Sb3Agent.load(folder)
        return policy, policy.weights_hash()
    network, tokenizer, _ = load_base(scenario, folder, device)
    weights = weights_hash(network)
    return LanguageModel(network.requires_grad_(False), tokenizer, max_new=max_new), weights
