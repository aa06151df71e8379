"""Plan cross-play: who meets whom, and everything that can be checked before the first file is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.agents.base import Agent
from goldenrule.agents.scripted import people
from goldenrule.agents.testing import Chooser, rehearse
from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.benchmarks.evaluation.run import CellSettings
from goldenrule.benchmarks.experiments.grid import device, knob_grid
from goldenrule.benchmarks.studies.crossplay.members import Member, known, members, symmetric, usual
from goldenrule.benchmarks.studies.crossplay.pairing import Pairing, role
from goldenrule.common.errors import UserError
from goldenrule.common.untrusted import one_line
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.training.learner import TrainingConfig

MAX_PAIRINGS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        scenario, knobs: where they meet.
        agents, partners: the population and who is held out, see `members`; nobody for the usual ones.
        seeds: one run a pair for each.
        episodes: dialogues a run.
        device: for networks.
    """

    scenario: str
    agents: Sequence[str] = ()
    partners: Sequence[str] = ()
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    episodes: int = 50
    knobs: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be run.

    Attributes:
        asked: as it came.
        knobs: all of them.
        members: everyone, the population first.
        cells: a pairing each, seeds outermost.
        warnings: a line for each plug-in that fails now and then.
    """

    asked: Asked
    knobs: Mapping[str, Any]
    members: Sequence[Member]
    cells: Sequence[Pairing]
    warnings: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What a folder of it is known by."""
        return f"crossplay of {self.asked.scenario}"

    def description(self) -> dict[str, Any]:
        """As plain data: what a folder keeps of it."""
        scenario = self.asked.scenario
        return {
            "name": self.name,
            "scenario": scenario,
            "knobs": dict(self.knobs),
            "symmetric": symmetric(scenario),
            "seats": {which: seat_name(scenario, which) for which in ("learner", "partner")},
            "seeds": list(self.asked.seeds),
            "episodes": self.asked.episodes,
            "members": [
                {**one.sitter.description(), "held_out": one.held_out, "learner": one.learner, "partner": one.partner}
                for one in self.members
            ],
        }


def plan(asked: Asked) -> Plan:
    """Who meets whom.

    Raises:
        UserError: an unknown scenario, knob or agent; an agent that breaks the protocol; nobody for a seat.
    """
    try:
        spec(asked.scenario)
        where = device(asked.device)
        knobs = knob_grid(asked.scenario, asked.knobs)[0]
        make(asked.scenario, **knobs).reset(seed=0)  # human cards are read here
        found = members(asked.scenario, *_named(asked), where)
        _seats_filled(asked.scenario, knobs)
        twice = next((seed for seed in asked.seeds if list(asked.seeds).count(seed) > 1), None)
        if twice is not None:
            raise UserError(f"seed {twice!r} is named twice; name each once")
    except UserError:
        raise
    except ValueError as error:  # the layers below say what was wrong with what they were given
        raise UserError(str(error)) from error
    pairs = meetings(found)
    _everyone_meets(asked.scenario, found, pairs)
    if len(pairs) * len(asked.seeds) > MAX_PAIRINGS:
        raise UserError(f"{len(pairs)} pairs of {len(asked.seeds)} seeds are more than {MAX_PAIRINGS}; name fewer")
    settings = CellSettings(TrainingConfig(), asked.episodes, where)
    cells = [
        Pairing(
            method=f"{row.name} with {column.name}",
            scenario=asked.scenario,
            knobs=knobs,
            seed=seed,
            settings=settings,
            params={"learner": row.name, "partner": column.name},
            learner=row.sitter,
            partner=column.sitter,
        )
        for seed in asked.seeds
        for row, column in pairs
    ]
    warnings = [
        _rehearse(member, next(c for c in cells if member.sitter in (c.learner, c.partner)))
        for member in found
        if member.sitter.kind == "plugin"
    ]
    return Plan(asked, knobs, found, cells, [line for line in warnings if line is not None])


def _named(asked: Asked) -> tuple[Sequence[str], Sequence[str]]:
    """Who was named; the usual people where nobody was, but for those who are held out."""
    if asked.agents:
        return asked.agents, asked.partners
    agents, partners = usual(asked.scenario)
    return [name for name in agents if name not in asked.partners], asked.partners or partners


def meetings(found: Sequence[Member]) -> list[tuple[Member, Member]]:
    """Every ordered pair that can sit down: the learner's seat first. Who is held out meets the population only."""
    return [
        (row, column)
        for row in found
        for column in found
        if row.learner and column.partner and not (row.held_out and column.held_out)
    ]


def _everyone_meets(scenario: str, found: Sequence[Member], pairs: Sequence[tuple[Member, Member]]) -> None:
    names = {which: role(seat_name(scenario, which)) for which in ("learner", "partner")}
    for which, option in (("learner", "--agents"), ("partner", "--partners")):
        if not any(getattr(one, which) for one in found):
            raise UserError(
                f"nobody named here can be a {names[which]} of {scenario}; name one with {option}: "
                f"{', '.join(known(scenario)) or 'package.module:Class'}"
            )
    met = {one.name for pair in pairs for one in pair}
    alone = [one.name for one in found if one.name not in met]
    if alone:
        raise UserError(f"{', '.join(alone)} would meet nobody; name somebody for the other seat with --agents")


def _seats_filled(scenario: str, knobs: Mapping[str, Any]) -> None:
    """Raises where a seat that is neither the learner's nor a partner's has no scripted person."""
    names = spec(scenario).build(**knobs).agents
    mine = {seat_name(scenario, "learner"), *(names[seat] for seat in partner_seats(scenario, names))}
    for name in names:
        if name not in mine and role(name) not in people(scenario):
            raise UserError(f"nobody can sit as {name} in {scenario}: it has no scripted {role(name)}")


def _rehearse(member: Member, cell: Pairing) -> str | None:
    """Let a plug-in hold dialogues in each of its seats, with partners who say what is on offer.

    Returns:
        A warning, where a dialogue failed.

    Raises:
        UserError: it cannot be made or reset, or nothing that it says can be said.
    """
    who = f"agent {member.name} ({member.sitter.what})"
    names = spec(cell.scenario).build(**cell.knobs).agents
    partners = [names[seat] for seat in partner_seats(cell.scenario, names)]
    seats = [*([seat_name(cell.scenario, "learner")] if member.learner else []), *(partners if member.partner else [])]
    reasons = []
    for seat in seats:
        agent = member.sitter.sit(cell.scenario, role(seat), cell.settings.device, 1)
        others: dict[str, Agent] = {name: Chooser() for name in names}
        try:
            reasons.append(rehearse(agent, seat, others, cell.scenario, cell.knobs))
        except ValueError as error:
            raise UserError(f"{who}: {error}") from error
        except Exception as error:  # of `reset`
            raise UserError(f"{who} raised {one_line(error)}") from error
    reason = next(filter(None, reasons), None)
    return f"{who} failed in a rehearsal: {reason}; dialogues of the run that fail so are left out" if reason else None
