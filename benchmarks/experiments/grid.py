"""From a configuration to cells: every combination, with what it is trained from, before anything runs."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from goldenrule.agents.base import Agent, load_agent
from goldenrule.agents.networks import native
from goldenrule.agents.networks.checkpoint import read_card, weights_hash
from goldenrule.agents.networks.pretrained import (
    GATE,
    base_folder,
    bases_for,
    failed_gate,
    knobs_not_learnt,
    load_base,
    shipped_bases,
)
from goldenrule.agents.readers import free_words
from goldenrule.agents.scripted import person
from goldenrule.agents.testing import rehearse
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.evaluation.plugins import plugin_errors
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings, other_agents
from goldenrule.benchmarks.experiments.config import (
    MethodEntry,
    SweepFile,
    choices,
    errors_named,
    knob_grid,
)
from goldenrule.common.errors import UserError, closest
from goldenrule.common.parameters import explain
from goldenrule.common.untrusted import foreign
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.training.learner import TrainingConfig
from goldenrule.training.methods.registry import Method, load_method

LONGEST_VALUE = 80
"""Characters of a parameter or setting in the name of a method."""


def checked_cells(sweep: SweepFile, tell: Callable[[str], None], file: str | None = None) -> list[Cell]:
    """The cells of a sweep, once every agent has been tried.

    Args:
        sweep: the configuration.
        tell: is told of what is doubtful about them, a line each.
        file: name of the sweep file, for errors; `None` where it is none.

    Raises:
        UserError: see `cells_of` and `rehearse_agents`.
    """
    with foreign():
        cells = cells_of(sweep, file)
        doubtful = rehearse_agents(cells)
    for line in [*doubtful, *unlearnt_knobs(cells), *misleading_base(cells), *slow_network(cells)]:
        tell(line)
    return cells


def cells_of(sweep: SweepFile, file: str | None = None) -> list[Cell]:
    """The cells of a sweep, in the order of its tables: scenario, knobs, method, seed.

    Raises:
        UserError: a wrong setting of training; the same cell twice; no base checkpoint or script where one is needed;
            no CUDA device; missing data.
    """
    with errors_named(file):
        settings = CellSettings(
            episodes=sweep.episodes,
            device=device(sweep.device),
            checkpoint=sweep.checkpoint,
            partner=sweep.partner,
        )
        variants = [one for entry in sweep.methods for one in _variants(entry, sweep.training, settings)]
        given = [str(value) for entry in sweep.methods for value in entry.params.values()]
        free = free_words((sweep.partner, *(entry.agent for entry in sweep.methods), *given))
        grid = [(entry.id, knobs) for entry in sweep.scenarios for knobs in knob_grid(entry.id, free | entry.knobs)]
        for scenario, knobs in grid:
            make(scenario, **knobs).reset(seed=0)  # human cards are read here
            _check_scripts(scenario, knobs, variants)
        cells = [
            replace(variant, scenario=scenario, knobs=knobs, seed=seed, base=bases[seed % len(bases)])
            for scenario, knobs in grid
            for variant in variants
            for bases in [_bases(scenario, knobs, variant)]
            for seed in sweep.seeds
        ]
        _check_unique(cells)
    return cells


def resolve(sweep: SweepFile, cells: Sequence[Cell]) -> dict[str, Any]:
    """A sweep as plain data with every default spelt out: what a run directory keeps of it.

    Besides the fields of `SweepFile`: `bases`, the hashes of the base weights its cells start from.
    """
    return sweep.model_dump(mode="json") | {
        "training": asdict(_training(sweep.training)),
        "device": device(sweep.device),
        "bases": sorted({cell.base for cell in cells if cell.base is not None}),
    }


def rehearse_agents(cells: Sequence[Cell]) -> list[str]:
    """Let every agent of the user's own hold two dialogues in each scenario, see `rehearsal`.

    Returns:
        A warning for each that failed in one of them, as it will fail now and then.

    Raises:
        UserError: one cannot be made or reset, or nothing that it says can be said.
    """
    first: dict[tuple[str, str, str], Cell] = {}
    for cell in cells:
        if cell.agent is not None:
            first.setdefault((cell.agent, repr(sorted(cell.params.items())), cell.scenario), cell)
    warnings = []
    for (agent, _, scenario), cell in first.items():
        make_agent = functools.partial(load_agent, agent, cell.params)
        who, seat = f"agent {cell.method} ({agent})", seat_name(scenario, "learner")
        warnings.append(rehearsal(who, make_agent, seat, other_agents(cell), cell))
    return [line for line in warnings if line is not None]


def rehearsal(
    who: str, make_agent: Callable[[], Agent], seat: str, partners: Mapping[str, Agent], cell: Cell
) -> str | None:
    """Let an agent hold two dialogues, see `goldenrule.agents.testing.rehearse`.

    Args:
        who: what errors and warnings call it.
        make_agent, seat: who is tried, and where.
        partners: who takes the other seats, by name.
        cell: says under which scenario and knobs.

    Returns:
        A warning if a dialogue failed.

    Raises:
        UserError: it cannot be made or reset, or nothing that it says can be said.
    """
    with plugin_errors(who, cell.scenario), foreign():
        reason = rehearse(make_agent(), seat, partners, cell.scenario, cell.knobs)
    return f"{who} failed in a rehearsal: {reason}; dialogues of the run that fail so are left out" if reason else None


def _variants(entry: MethodEntry, common: Mapping[str, Any], settings: CellSettings) -> list[Cell]:
    """A method with every choice of its parameters and settings, or an agent with every choice of its parameters.

    Each is a cell that has yet to be placed: in a scenario, under knobs and a seed.
    """
    found = []
    for params, plugin in entry.plugins():
        unplaced = functools.partial(Cell, scenario="", knobs={}, seed=0, params=plugin.given, resolved=plugin.resolved)
        if plugin.kind == "agent":
            alone = replace(settings, training=TrainingConfig())
            found.append(unplaced(_label(entry.label, params), settings=alone, agent=plugin.name))
            continue
        _check_has_effect(entry.settings, load_method(plugin.name, plugin.given), settings.partner)
        for chosen in choices(entry.settings, "setting"):
            label, training = _label(entry.label, {**params, **chosen}), _training({**common, **chosen})
            source = None if plugin.name == label else plugin.name
            found.append(unplaced(label, settings=replace(settings, training=training), source=source))
    return found


def _check_has_effect(settings: Mapping[str, Any], method: Method, partner: str) -> None:
    """Raises where a setting would make another method in the table's eyes and the same one in fact."""
    if method.train is not None or method.kind not in ("network", "scripted"):
        return
    talks = method.kind == "network" or partner == "lm"  # a language model is in it, whose messages have a length
    idle = [name for name in settings if name != "max_new" or not talks]
    if idle:
        raise UserError(f"method {method.name!r} trains nothing; its setting {idle[0]!r} has no effect: take it out")


def _label(name: str, chosen: Mapping[str, Any]) -> str:
    told = ",".join(f"{key}={_short_value(str(value))}" for key, value in sorted(chosen.items()))
    return f"{name}[{told}]" if told else name


def _short_value(text: str) -> str:
    """A value in a name; of a long one the beginning, and what tells it from others that begin so."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…{digest}"


def _training(chosen: Mapping[str, Any]) -> TrainingConfig:
    """Settings of training, given values checked and the rest at their defaults.

    Raises:
        ValueError: an unknown setting, a wrong type, or a value out of range.
    """
    known = sorted({field.name for field in fields(TrainingConfig)} - {"split"})
    for name in chosen:
        if name == "split":
            raise UserError("training has no setting 'split': the method decides; name the method unsplit_kindness")
        if name not in known:
            raise UserError(f"training has no setting {name!r}; expected {', '.join(known)}{closest(name, known)}")
    try:
        return TrainingConfig(**chosen)
    except ValidationError as error:
        raise UserError(explain(error, "training", "setting", known)) from None


def _bases(scenario: str, knobs: Mapping[str, Any], cell: Cell) -> tuple[str | None, ...]:
    """Hashes of the bases that a cell starts from once it is placed there, by seed; of none where it needs none."""
    settings = cell.settings
    if settings.partner == "lm" or settings.checkpoint is not None or scenario in shipped_bases() or cell.needs_base:
        return _base_hashes(scenario, settings.checkpoint, tuple(sorted(knobs.items())))
    return (None,)


@functools.lru_cache(maxsize=64)
def _base_hashes(scenario: str, checkpoint: Path | None, knobs: tuple[tuple[str, Any], ...]) -> tuple[str, ...]:
    """Hashes of the weights of the bases of a cell, by seed.

    Raises:
        CheckpointError: there are none, they are damaged, or of another scenario.
    """
    folders = bases_for(scenario, dict(knobs)) if checkpoint is None else [checkpoint]
    return tuple(weights_hash(load_base(scenario, folder)[0]) for folder in folders)


def _check_unique(cells: Sequence[Cell]) -> None:
    """Raises where two cells are the same, or two different ones would be called the same."""
    seen = set[Any]()
    for cell in cells:
        name = (cell.method, cell.scenario, repr(sorted(cell.knobs.items())), cell.seed)
        if not seen.isdisjoint({cell.id, name}):
            raise UserError(
                f"{cell.method} on {cell.scenario} with seed {cell.seed} stands there twice; "
                "name each combination once, or give one a name"
            )
        seen |= {cell.id, name}


def unlearnt_knobs(cells: Iterable[Cell]) -> list[str]:
    """A line for every scenario and knobs whose base has not learnt how people talk there: its figures mean little."""
    asked = {
        (cell.scenario, cell.settings.checkpoint, tuple(sorted(cell.knobs.items()))): None
        for cell in cells
        if cell.settings.partner == "lm" or cell.needs_base
    }
    found: dict[str, None] = {}
    for scenario, checkpoint, knobs in asked:
        missing = knobs_not_learnt(scenario, dict(knobs), load_base(scenario, checkpoint, knobs=dict(knobs))[2])
        if missing is not None:
            found[
                f"the base of {scenario} has not learnt talks under {missing}; what language models say there means "
                f"little: make one with goldenrule pretrain --scenario {scenario} --set KNOB=VALUE --out FOLDER, "
                "and name it with --checkpoint"
            ] = None
    return list(found)


def misleading_base(cells: Sequence[Cell]) -> list[str]:
    """A line on a base of the user's own from which something trains though it failed its gate."""
    cell = next((one for one in cells if one.settings.checkpoint is not None and one.trains), None)
    if cell is None or cell.settings.checkpoint is None:
        return []
    share = failed_gate(read_card(base_folder(cell.settings.checkpoint)).get("provenance") or {}, cell.knobs)
    if share is None:
        return []
    told = f"the partner that {cell.settings.checkpoint} imagines is right in {share:.3f} of all cases"
    return [f"{told}; below {GATE} reward training from it will mislead"]


def slow_network(cells: Sequence[Cell]) -> list[str]:
    """A line where networks are to learn and their C code cannot be had, though nobody has switched it off."""
    off = os.environ.get("GOLDENRULE_NATIVE") == "0" or all(cell.settings.device != "cpu" for cell in cells)
    if off or native.library() is not None or not any(cell.needs_base and cell.trains for cell in cells):
        return []
    return [
        "training takes twice as long as it could: its C code could not be compiled and kept; "
        "name a C compiler with CC=, or a folder that can be written with XDG_CACHE_HOME="
    ]


def _check_scripts(scenario: str, knobs: Mapping[str, Any], variants: Sequence[Cell]) -> None:
    """See that there are scripts for all seats in which scripted people are to sit.

    Raises:
        UnscriptedError: there is none for one of them.
    """
    learner = seat_name(scenario, "learner")
    seats = {learner} if any(one.chosen.kind == "scripted" for one in variants) else set()
    if variants[0].settings.partner == "scripted":
        seats |= {*spec(scenario).build(**knobs).agents} - {learner}
    for seat in sorted(seats):
        person(scenario, seat)


def device(wanted: str) -> str:
    """`auto`, `cpu` or `cuda` as `cpu` or `cuda`.

    Raises:
        UserError: no CUDA device where one was asked for.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UserError("device cuda was asked for, and no CUDA device is here; use cpu or auto")
    return "cuda" if there and wanted != "cpu" else "cpu"
