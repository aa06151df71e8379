"""The population of a cross-play: who takes part in which seats, who meets whom, all checked before anything runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from goldenrule.agents.base import Agent, Simulates, load_agent
from goldenrule.agents.scripted import person, population
from goldenrule.agents.scripted.listening import among_free_words
from goldenrule.agents.spec import LM, SB3, AgentSpec, find_agents, known_agents, role_of
from goldenrule.agents.testing import Chooser
from goldenrule.agents.world import World, partner_seats, seat_name
from goldenrule.benchmarks.evaluation.run import Cell, CellReport, CellResult, CellSettings, done_row, evaluate
from goldenrule.benchmarks.experiments.config import errors_named, knob_grid
from goldenrule.benchmarks.experiments.grid import device, rehearsal
from goldenrule.benchmarks.studies.crossplay.matrix import Pair, meetings
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive
from goldenrule.common.untrusted import foreign
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.training.methods.registry import Method

STRANGER = "stranger"
MAX_PAIRINGS = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """What a cross-play is asked for.

    Attributes:
        scenario, knobs: where they meet; a value for each knob that is set.
        agents, partners: the population and the held-out partners, see `members`; the usual ones where none is named.
        seeds: one run a pair for each.
        episodes: dialogues a run.
        device: for networks.
    """

    scenario: str
    agents: Sequence[str]
    partners: Sequence[str]
    seeds: Sequence[int]
    episodes: int
    knobs: Mapping[str, Any]
    device: str


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of the population, or a held-out partner, which meets the population only; and its possible seats."""

    agent: AgentSpec
    held_out: bool
    learner: bool
    partner: bool

    @property
    def name(self) -> str:
        """Its name in rows and tables."""
        return self.agent.name

    def description(self) -> dict[str, Any]:
        """As plain data, see `AgentSpec.description`."""
        seats = {"held_out": self.held_out, "learner": self.learner, "partner": self.partner}
        return {**self.agent.description(), **seats}


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

    def run(self, report: CellReport = lambda done, total: None, state: Path | None = None) -> CellResult:
        """Run and measure the dialogues, as an evaluation does; nothing is trained, so that no state is kept.

        Raises:
            ValueError: one of the two cannot be made.
        """
        began = time.perf_counter()
        knobs, seats = spec(self.scenario).resolve(self.knobs), Seats.of(self.scenario, self.knobs)
        agent = self.make_agent(self.learner, seats.learner)
        # A network takes all its seats at once; others are one a seat.
        network = None if self.partner.weights is None else self.make_agent(self.partner, seats.partners[0])
        others = {name: network or self.make_agent(self.partner, name) for name in seats.partners}
        others |= {name: self._hearing(person(self.scenario, name)) for name in seats.third}
        world = World(self.scenario, knobs, others, derive(self.seed, "world"))
        simulator = agent if isinstance(agent, Simulates) else None
        result = evaluate(world, agent, simulator, "prediction", self.episode_numbers)
        row = done_row(self, knobs, result, time.perf_counter() - began)
        row["weights"] = None  # nothing was trained
        return CellResult(row, result.episodes, [], agent=agent)

    def make_agent(self, agent: AgentSpec, seat: str) -> Agent:
        """A new agent for a seat."""
        made = agent.make(self.scenario, role_of(seat), self.settings.device, self.settings.training.max_new)
        return self._hearing(made) if agent.kind == "person" else made

    def _hearing(self, script: Agent) -> Agent:
        return among_free_words(script, spec(self.scenario).build(**self.knobs))


class Seats(NamedTuple):
    """Names of the learner's seat, of its partners' and of those of third roles, which scripted people take."""

    learner: str
    partners: list[str]
    third: list[str]

    @classmethod
    def of(cls, scenario: str, knobs: Mapping[str, Any]) -> Seats:
        """The seats of a scenario."""
        names, learner = spec(scenario).build(**knobs).agents, seat_name(scenario, "learner")
        partners = [names[seat] for seat in partner_seats(scenario, names)]
        return cls(learner, partners, [name for name in names if name not in (learner, *partners)])


def plan(request: Request, tell: Callable[[str], None] = lambda line: None) -> tuple[dict[str, Any], list[Pairing]]:
    """Who meets whom.

    Args:
        request: what is asked for.
        tell: is told of each plug-in that failed in a rehearsal, a line each, as it will fail now and then.

    Returns:
        What was asked for as plain data, which the folder keeps; and the pairings, seeds outermost.

    Raises:
        UserError: an unknown scenario, knob or agent; an agent that breaks the protocol; nobody for a seat.
    """
    with errors_named(None), foreign():
        about, everyone, pairings = _plan(request)
        doubtful = [
            _rehearse(one, next(pairing for pairing in pairings if one.agent in (pairing.learner, pairing.partner)))
            for one in everyone
            if one.agent.kind == "plugin"
        ]
    for line in doubtful:
        if line is not None:
            tell(line)
    return about, pairings


def _plan(request: Request) -> tuple[dict[str, Any], list[Member], list[Pairing]]:
    scenario, where = request.scenario, device(request.device)
    knobs = knob_grid(scenario, request.knobs)[0]
    make(scenario, **knobs).reset(seed=0)  # human cards are read here
    for seat in Seats.of(scenario, knobs).third:
        person(scenario, seat)  # there must be one
    found = members(scenario, *_named(request), where)
    seats = {which: seat_name(scenario, which) for which in ("learner", "partner")}
    about: dict[str, Any] = {
        "name": f"crossplay of {scenario}",
        "scenario": scenario,
        "knobs": knobs,
        "symmetric": role_of(seats["learner"]) == role_of(seats["partner"]),  # anyone can take either seat
        "seats": seats,
        "seeds": list(request.seeds),
        "episodes": request.episodes,
        "members": [one.description() for one in found],
    }
    pairs = meetings(about["members"])
    _check_everyone_meets(scenario, found, pairs)
    if len(pairs) * len(request.seeds) > MAX_PAIRINGS:
        raise UserError(f"{len(pairs)} pairs of {len(request.seeds)} seeds are more than {MAX_PAIRINGS}; name fewer")
    settings, agents = CellSettings(episodes=request.episodes, device=where), {one.name: one.agent for one in found}
    pairings = [
        Pairing(
            method=f"{row} with {column}",
            scenario=scenario,
            knobs=knobs,
            seed=seed,
            settings=settings,
            params={"learner": row, "partner": column},
            learner=agents[row],
            partner=agents[column],
        )
        for seed in request.seeds
        for row, column in pairs
    ]
    return about, found, pairings


def _named(request: Request) -> tuple[Sequence[str], Sequence[str]]:
    """Agents and partners as named; by default all scripted people, the stranger held out."""
    if request.agents:
        return request.agents, request.partners
    usual = [name for name in known_agents(request.scenario) if name != LM]
    agents = [name for name in usual if name != STRANGER and name not in request.partners]
    return agents, request.partners or [name for name in usual if name == STRANGER]


def _check_everyone_meets(scenario: str, found: Sequence[Member], pairs: Sequence[Pair]) -> None:
    for which, option in (("learner", "--agents"), ("partner", "--partners")):
        if not any(getattr(one, which) for one in found):
            raise UserError(
                f"nobody named here can be a {role_of(seat_name(scenario, which))} of {scenario}; name one with "
                f"{option}: {', '.join(known_agents(scenario)) or 'package.module:Class'}"
            )
    met = {name for pair in pairs for name in pair}
    if alone := [one.name for one in found if one.name not in met]:
        raise UserError(f"{', '.join(alone)} would meet nobody; name somebody for the other seat with --agents")


def _rehearse(member: Member, cell: Pairing) -> str | None:
    """Rehearse a plug-in in each of its seats, with partners who say what is on offer; see `grid.rehearsal`."""
    of = Seats.of(cell.scenario, cell.knobs)
    seats = [*([of.learner] if member.learner else []), *(of.partners if member.partner else [])]
    others = {name: Chooser() for name in (of.learner, *of.partners, *of.third)}
    who = f"agent {member.name} ({member.agent.what})"
    tried = (rehearsal(who, partial(cell.make_agent, member.agent, seat), seat, others, cell) for seat in seats)
    return next((warning for warning in tried if warning is not None), None)


# From names to members


def members(scenario: str, agents: Sequence[str], partners: Sequence[str], device: str) -> list[Member]:
    """Everyone named, in that order.

    Args:
        scenario: where they meet.
        agents: the population: registered names, `package.module:Class`, checkpoint folders, runs that saved
            weights; each perhaps with a name of your own before it, `NAME=...`.
        partners: who is held out, likewise.
        device: where networks are tried.

    Raises:
        UserError: one is unknown, cannot be loaded, was trained on another scenario, or is named twice.
    """
    found = [
        _member(scenario, agent, held_out)
        for held_out, texts in ((False, agents), (True, partners))
        for text in texts
        for agent in find_agents(scenario, text, device)
    ]
    names = [member.name for member in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"agent {twice!r} is named twice; name each once, or put a name of its own before it: NAME=...")
    return found


def _member(scenario: str, agent: AgentSpec, held_out: bool) -> Member:
    """With the seats that its roles allow. A plug-in may name its `roles`, or it takes the seat it is named for."""
    mine, theirs = (role_of(seat_name(scenario, which)) for which in ("learner", "partner"))
    roles: tuple[str, ...] = (mine, theirs)
    if agent.kind == "person":
        roles = tuple(population(scenario)[agent.what])
    elif agent.kind == SB3:
        roles = (mine,)  # it has learnt to choose among the learner's candidates
    elif agent.kind == "plugin":
        given: Any = getattr(load_agent(agent.what, agent.params), "roles", (theirs if held_out else mine,))
        if not isinstance(given, tuple | list) or not all(isinstance(one, str) for one in given):
            raise UserError(f"agent {agent.what!r} has roles={given!r}; expected a tuple of role names")
        roles = tuple(given)
    if mine not in roles and theirs not in roles:
        raise UserError(
            f"agent {agent.name!r} can be {' or '.join(roles) or 'nobody'}; {scenario} has {mine} and {theirs}"
        )
    return Member(agent, held_out, mine in roles, theirs in roles)
