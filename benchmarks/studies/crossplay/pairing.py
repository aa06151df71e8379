"""Two agents in one dialogue: a cell that trains nothing, run by any engine and stored as a sweep's cells are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from goldenrule.agents.base import Agent, Simulates
from goldenrule.agents.scripted import people
from goldenrule.agents.spec import AgentSpec, role_of
from goldenrule.agents.world import World, partner_seats, seat_name
from goldenrule.benchmarks.evaluation.evaluate import evaluate
from goldenrule.benchmarks.evaluation.run import Cell, CellReport, CellResult, done_row
from goldenrule.common.seeding import derive
from goldenrule.envs.registry import spec
from goldenrule.training.methods.registry import Method


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
