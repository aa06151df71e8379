"""Plan a comparison: its cells, and everything that can be checked before the first file is written."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.base import load_agent
from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.pretrained import load_base, shipped, unlearnt
from goldenrule.agents.play import play
from goldenrule.agents.scripted import person
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.engines.apart import DiedError, apart
from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings, others
from goldenrule.common.cores import available_cores
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive
from goldenrule.common.untrusted import foreign, one_line
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.promises import ScenarioError
from goldenrule.training.methods.registry import Method, load_method, methods


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare.

    Attributes:
        scenario: its id.
        methods: registered methods and names of `agents`, in the order of the table.
        seeds: one run a method for each.
        knobs: settings of the scenario; several values for one make a grid.
        agents: the user's own, `package.module:Class` by the name they have as a method.
        settings: what all cells share.
        workers: processes; `None` for as many as there are cores.
        save_weights: keep every trained network.
    """

    scenario: str
    methods: Sequence[str]
    seeds: Sequence[int]
    knobs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    settings: CellSettings = field(default_factory=CellSettings)
    workers: int | None = None
    save_weights: bool = False

    @property
    def processes(self) -> int:
        """How many workers."""
        return available_cores() if self.workers is None else self.workers


def plan(wanted: Comparison) -> list[Cell]:
    """The cells, seeds outermost so that early results compare methods.

    Raises:
        UserError: unknown scenario, method, knob or agent; a value out of range; a checkpoint that cannot be read; an
            agent that breaks the protocol; no CUDA device; missing data.
    """
    try:
        grid = knob_grid(wanted.scenario, with_people(wanted.scenario, wanted.knobs))
        chosen = {name: load_method(name) for name in wanted.methods if name not in wanted.agents}
        settings = replace(wanted.settings, device=device(wanted.settings.device))
        _check_names(wanted)
        with foreign():
            resolved = {name: _resolved(wanted, name) for name in wanted.methods}
        for knobs in grid:
            with foreign():
                make(wanted.scenario, **knobs).reset(seed=0)  # human cards are read here
            check_scripts(wanted.scenario, knobs, settings.partner, chosen.values())
        kinds = {name: chosen[name].kind if name in chosen else "custom" for name in wanted.methods}
        bases = [
            {
                name: base_of(wanted.scenario, settings.checkpoint, knobs, kind, settings.partner)
                for name, kind in kinds.items()
            }
            for knobs in grid
        ]
    except UserError:
        raise
    except ValueError as error:  # the layers below say what was wrong with what they were given
        raise UserError(str(error)) from error
    cells = [
        Cell(name, wanted.scenario, knobs, seed, settings, wanted.agents.get(name), base[name], resolved=resolved[name])
        for knobs, base in zip(grid, bases, strict=True)
        for seed in wanted.seeds
        for name in wanted.methods
    ]
    for name in wanted.methods:
        if name in wanted.agents:
            rehearse(next(cell for cell in cells if cell.method == name))
    return cells


def _resolved(wanted: Comparison, name: str) -> dict[str, Any]:
    """All parameters of a method or agent."""
    agent = wanted.agents.get(name)
    return dict((plugin("method", name) if agent is None else plugin("agent", agent)).resolved)


def base_of(scenario: str, checkpoint: Path | None, knobs: Mapping[str, Any], kind: str, partner: str) -> str | None:
    """Hash of the base weights of a cell; `None` where nothing in it needs a network.

    Args:
        scenario, checkpoint, knobs, partner: of the cell.
        kind: of its method (`evaluation.methods.Method`), `custom` for an agent of the user's own.

    Raises:
        CheckpointError: there are none where they are needed, they are damaged, or of another scenario.
    """
    needed = partner == "lm" or kind not in ("scripted", "custom")
    if not needed and checkpoint is None and scenario not in shipped():
        return None
    return base_hash(scenario, checkpoint, tuple(sorted(knobs.items())))


@functools.lru_cache(maxsize=64)
def base_hash(scenario: str, checkpoint: Path | None, knobs: tuple[tuple[str, Any], ...]) -> str:
    """Hash of the base weights of a cell.

    Raises:
        CheckpointError: there are none, they are damaged, or of another scenario.
    """
    return weights_hash(load_base(scenario, checkpoint, knobs=dict(knobs))[0])


def doubts(cells: Iterable[Cell]) -> list[str]:
    """A line for every scenario and knobs whose base has not learnt how people talk there: its figures mean little."""
    asked = {
        (cell.scenario, cell.settings.checkpoint, tuple(sorted(cell.knobs.items()))): None
        for cell in cells
        if cell.settings.partner == "lm" or cell.chosen.kind not in ("scripted", "custom")
    }
    found: dict[str, None] = {}
    for scenario, checkpoint, knobs in asked:
        missing = unlearnt(scenario, dict(knobs), load_base(scenario, checkpoint, knobs=dict(knobs))[2])
        if missing is not None:
            found[
                f"the base of {scenario} has not learnt talks under {missing}; what language models say there means "
                f"little: make one with goldenrule pretrain --scenario {scenario} --set KNOB=VALUE --out FOLDER, "
                "and name it with --checkpoint"
            ] = None
    return list(found)


def _check_names(wanted: Comparison) -> None:
    if wanted.settings.partner not in ("lm", "scripted"):
        raise UserError(f"--partner {wanted.settings.partner!r} is unknown; expected lm or scripted")
    for what, given in (("method", wanted.methods), ("seed", wanted.seeds)):
        twice = next((one for one in given if list(given).count(one) > 1), None)
        if twice is not None:
            raise UserError(f"{what} {twice!r} is named twice; name each once")
    for name in wanted.agents:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name):
            raise UserError(f"agent name {name!r} is not allowed; expected up to 40 letters, digits, '_', '-' or '.'")
        if name in methods():
            raise UserError(f"agent name {name!r} is a method's; give your agent another name")


def check_scripts(scenario: str, knobs: Mapping[str, Any], partner: str, chosen: Iterable[Method]) -> None:
    """See that there are scripts for all seats in which scripted people are to sit.

    Args:
        scenario, knobs: where.
        partner: `lm` or `scripted`: who sits in the other seats.
        chosen: the methods.

    Raises:
        UnscriptedError: there is none for one of them.
    """
    learner = seat_name(scenario, "learner")
    seats = {learner} if any(one.kind == "scripted" for one in chosen) else set()
    if partner == "scripted":
        seats |= {*spec(scenario).build(**knobs).agents} - {learner}
    for seat in sorted(seats):
        person(scenario, seat)


def with_people(scenario: str, knobs: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
    """Knobs under which the cards are those of real people, where their data is here and nobody said otherwise."""
    return {**knobs, **{name: [value] for name, value in spec(scenario).default_knobs(knobs).items()}}


def knob_grid(scenario: str, knobs: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the knobs' values, resolved.

    Raises:
        ValueError: unknown scenario or knob, or a value out of range.
    """
    known = spec(scenario)
    combinations = itertools.product(*knobs.values())
    grid = [known.resolve(dict(zip(knobs, values, strict=True))) for values in combinations]
    return [one for number, one in enumerate(grid) if one not in grid[:number]]


def device(wanted: str) -> str:
    """`auto`, `cpu` or `cuda` as `cpu` or `cuda`.

    Raises:
        UserError: another word, or no CUDA device where one was asked for.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device {wanted!r} is unknown; expected auto, cpu or cuda")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UserError("--device cuda was asked for and no CUDA device is here; use --device cpu or auto")
    return "cuda" if wanted == "cuda" or (wanted == "auto" and there) else "cpu"


def rehearse(cell: Cell, dialogues: int = 2) -> None:
    """Hold dialogues with the user's agent to see that it keeps the protocol; what `act` raises is not judged here.

    They are held in a process of their own, which an agent may end without ending this one.

    Raises:
        UserError: it cannot be made or reset, gives a wrong number of replies, a non-string, an empty or over-long
            text, or ends its process.
    """
    try:
        apart(_rehearse, cell, dialogues)
    except DiedError as error:
        raise UserError(f"agent {cell.method} ({cell.agent}): {error} while it was tried; mend what ends it") from None


def _rehearse(cell: Cell, dialogues: int) -> None:
    assert cell.agent is not None
    with foreign():
        agent = load_agent(cell.agent, cell.params)
        seats = {
            **others(cell, cell.settings, derive(cell.seed, "partner")),
            seat_name(cell.scenario, "learner"): agent,
        }
        envs = [make(cell.scenario, **cell.knobs) for _ in range(dialogues)]
        try:
            play(envs, seats, [derive(0, "rehearsal", i) for i in range(dialogues)], strict=True)
        except ScenarioError as error:
            raise UserError(f"scenario {cell.scenario}: {error}; mend it") from error
        except ValueError as error:
            raise UserError(f"agent {cell.method} ({cell.agent}): {error}") from error
        except Exception as error:  # `play` lets through what `reset` or the scenario raises
            raise UserError(f"agent {cell.method} ({cell.agent}) raised {one_line(error)}") from error
