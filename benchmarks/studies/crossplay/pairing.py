"""Two agents in one dialogue: a cell that trains nothing, run by any engine and stored as a sweep's cells are."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from goldenrule.agents.base import Agent, Simulates, load_agent
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import CARD, CheckpointError, weights_hash
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.scripted import people, population
from goldenrule.agents.world import World, partner_seats, seat_name
from goldenrule.benchmarks.evaluation.evaluate import evaluate
from goldenrule.benchmarks.evaluation.run import Cell, CellReport, CellResult, done_row
from goldenrule.common.seeding import derive
from goldenrule.envs.registry import spec
from goldenrule.training.methods.registry import Method

SB3 = "sb3"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing(Cell):
    """A pair x scenario x knobs x seed. Under one seed all pairs are dealt the same cards.

    The row's `method` names both, its `params` are `learner` and `partner`: their names by the seats they take.

    Attributes:
        learner, partner: who sits in the scenario's learner's seat, and in its partners' seats. In self-play these
            are two agents made alike. A seat of a third role is taken by the scenario's own scripted person.
    """

    learner: AgentSpec
    partner: AgentSpec

    def description(self) -> dict[str, Any]:
        """Everything that the row depends on, as plain data."""
        return {
            "crossplay": 1,
            "learner": self.learner.description(),
            "partner": self.partner.description(),
            "scenario": self.scenario,
            "knobs": spec(self.scenario).resolve(self.knobs),
            "seed": self.seed,
            "episodes": self.settings.episodes,
            "device": self.settings.device,
            "max_new": self.settings.training.max_new,
        }

    @property
    def chosen(self) -> Method:
        """No method of training."""
        return Method(self.method, "two agents as they are", None, kind="custom")

    @property
    def trains(self) -> bool:
        """Nobody learns."""
        return False

    def run(self, report: CellReport) -> CellResult:
        """Run and measure the dialogues, as an evaluation does.

        Raises:
            ValueError: one of the two cannot be made.
        """
        began = time.perf_counter()
        knobs = spec(self.scenario).resolve(self.knobs)
        agent = self._make(self.learner, seat_name(self.scenario, "learner"))
        world = World(self.scenario, knobs, self.others(), derive(self.seed, "world"))
        simulator = agent if isinstance(agent, Simulates) else None
        result = evaluate(world, agent, simulator, "prediction", self.episode_numbers)
        row = done_row(self, knobs, result, time.perf_counter() - began)
        row["weights"] = None  # nothing was trained
        return CellResult(row, result.episodes, [], agent=agent)

    def others(self) -> dict[str, Agent]:
        """Who sits in every seat but the learner's. A network takes all its seats at once; others are one a seat."""
        names = spec(self.scenario).build(**self.knobs).agents
        taken = [names[seat] for seat in partner_seats(self.scenario, names)]
        made: dict[str, Agent] = {}
        for name in names:
            if name in taken and self.partner.weights is not None and made.get(taken[0]):
                made[name] = made[taken[0]]
            elif name in taken:
                made[name] = self._make(self.partner, name)
            elif name != seat_name(self.scenario, "learner"):
                made[name] = people(self.scenario)[role_of(name)]()
        return made

    def _make(self, agent: AgentSpec, seat: str) -> Agent:
        return agent.make(self.scenario, role_of(seat), self.settings.device, self.settings.training.max_new)


def role_of(seat: str) -> str:
    """`seeker_1` as `seeker`."""
    return seat.rsplit("_", 1)[0]


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


def read_card(folder: Path) -> dict[str, Any]:
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
