"""From a sweep file to cells: every combination, resolved, checked and counted before anything runs."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.experiments.config import MAX_CELLS, MethodEntry, SweepFile, shown
from goldenrule.benchmarks.experiments.plan import base_of, check_scripts, device, rehearse, with_people
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import Kind
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.training.learner import TrainingConfig
from goldenrule.training.methods.registry import Method, is_built_in, load_method

LONGEST_VALUE = 80
"""Characters of a parameter or setting in the name of a method."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One method with one choice of its settings.

    Attributes:
        label: what it is called in rows: its name, and what the file sets of it.
        source: the name of the method; `None` for an agent of the user's own.
        agent: `package.module:Class` of such an agent.
        params, resolved: of that agent, or of a method that takes some: those given, and all of them.
        training: settings of training.
    """

    label: str
    source: str | None
    agent: str | None
    params: Mapping[str, Any]
    resolved: Mapping[str, Any]
    training: TrainingConfig


def cells_of(sweep: SweepFile, where: str) -> list[Cell]:
    """The cells of a sweep, in the order of its tables: scenario, knobs, method, seed.

    Args:
        sweep: the file.
        where: what errors call it.

    Raises:
        UserError: unknown scenario, method, agent, knob or setting; a value out of range; too many cells; the same
            cell twice; no base checkpoint where one is needed.
    """
    where = shown(where, 300)
    count = _count(sweep)
    if count > MAX_CELLS:
        raise UserError(f"sweep file {where} has {count:,} cells; expected at most {MAX_CELLS:,}: split it")
    try:
        variants = [one for entry in sweep.methods for one in _variants(entry, sweep.training, sweep.partner)]
        settings = CellSettings(
            episodes=sweep.episodes,
            device=_device(sweep.device),
            checkpoint=sweep.checkpoint,
            partner=sweep.partner,
        )
        grid = [(entry.id, knobs) for entry in sweep.scenarios for knobs in _knobs(entry.id, entry.knobs)]
        chosen = [load_method(one.source, one.params) for one in variants if one.source is not None]
        for scenario, knobs in grid:
            make(scenario, **knobs).reset(seed=0)
            check_scripts(scenario, knobs, sweep.partner, chosen)
        cells = [
            _cell(scenario, knobs, variant, seed, settings)
            for scenario, knobs in grid
            for variant in variants
            for seed in sweep.seed_list
        ]
    except UserError as error:
        raise UserError(f"sweep file {where}: {error}") from None
    except ValueError as error:  # the layers below say what was wrong with what they were given
        raise UserError(f"sweep file {where}: {error}") from error
    _each_once(cells, where)
    return cells


def alike(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Groups of cells of one method, scenario and knobs, which differ in their seeds alone; in the order given."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        key = (cell.method, cell.scenario, json.dumps(dict(cell.knobs), sort_keys=True))
        groups.setdefault(key, []).append(cell)
    return list(groups.values())


def rehearse_agents(cells: Sequence[Cell]) -> None:
    """Let every agent of the user's own hold two dialogues in each scenario, to see that it keeps the protocol.

    Raises:
        UserError: one does not.
    """
    seen = set()
    for cell in cells:
        key = (cell.agent, repr(sorted(cell.params.items())), cell.scenario)
        if cell.agent is not None and key not in seen:
            seen.add(key)
            rehearse(cell)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _count(sweep: SweepFile) -> int:
    def product(values: Mapping[str, Any]) -> int:
        return math.prod(len(_listed(value)) for value in values.values())

    scenarios = sum(product(entry.knobs) for entry in sweep.scenarios)
    methods = sum(product(entry.settings) * product(entry.params) for entry in sweep.methods)
    return scenarios * methods * len(sweep.seeds)


def _choices(values: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
    for name, value in values.items():
        if isinstance(value, list) and not value:
            raise UserError(f"{what} {name} is an empty list; expected a value, or a list with at least one")
    listed = [_listed(value) for value in values.values()]
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*listed)]


def _knobs(scenario: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of a scenario's knobs, resolved."""
    known = spec(scenario)
    with_pool = with_people(known.id, {name: _listed(value) for name, value in given.items()})
    return [dict(known.resolve(chosen)) for chosen in _choices({k: list(v) for k, v in with_pool.items()}, "knob")]


def _variants(entry: MethodEntry, common: Mapping[str, Any], partner: str) -> list[Variant]:
    if entry.agent is not None:
        if entry.settings:
            known = "agent, name, params"
            raise UserError(f"agent {entry.agent!r} has no field {next(iter(entry.settings))!r}; expected {known}")
        name = _free(entry.name or _short(entry.agent))
        return [
            Variant(_label(name, params), None, *_resolved("agent", entry.agent, params), TrainingConfig())
            for params in _choices(entry.params, "parameter")
        ]
    assert entry.id is not None
    name, variants = entry.name or _short(entry.id), []
    if name != entry.id:
        _free(name)
    for params in _choices(entry.params, "parameter"):
        _each_has_effect(entry.settings, load_method(entry.id, params), partner)
        source, given, resolved = _resolved("method", entry.id, params)
        for chosen in _choices(entry.settings, "setting"):
            training = training_of({**common, **chosen})
            variants.append(Variant(_label(name, {**params, **chosen}), source, None, given, resolved, training))
    return variants


def _short(name: str) -> str:
    """`package.module:Name(key=value)` as `Name(key=value)`."""
    plain, bracket, rest = name.partition("(")
    return plain.rpartition(":")[2] + bracket + rest


def _resolved(kind: Kind, name: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """A plug-in's name alone, its parameters as given in the name or beside it, and all of them."""
    found = plugin(kind, name, params)
    return found.name, found.given, found.resolved


def _free(name: str) -> str:
    """A name that a method or agent may have: of built-in methods, tables say more than their names."""
    if is_built_in(name):
        raise UserError(f"{name!r} is the name of a built-in method; give this one another with `name: ...`")
    return name


def _each_has_effect(settings: Mapping[str, Any], method: Method, partner: str) -> None:
    """Raises where a setting would make another method in the table's eyes and the same one in fact."""
    _check_settings(settings)
    if method.train is not None or method.kind not in ("network", "scripted"):
        return
    talks = method.kind == "network" or partner == "lm"  # a language model is in it, whose messages have a length
    idle = [name for name in settings if name != "max_new" or not talks]
    if idle:
        raise UserError(f"method {method.name!r} trains nothing; its setting {idle[0]!r} has no effect: take it out")


def _label(name: str, chosen: Mapping[str, Any]) -> str:
    told = ",".join(f"{key}={_cut(str(value))}" for key, value in sorted(chosen.items()))
    return f"{name}[{told}]" if told else name


def _cut(text: str) -> str:
    """A value in a name; of a long one the beginning, and what tells it from others that begin so."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…{digest}"


def training_of(chosen: Mapping[str, Any]) -> TrainingConfig:
    """Settings of training, given values checked and the rest at their defaults.

    Raises:
        ValueError: an unknown setting, a wrong type, or a value out of range.
    """
    _check_settings(chosen)
    return TrainingConfig(**chosen)


def _check_settings(names: Iterable[str]) -> None:
    known = {field.name for field in fields(TrainingConfig)} - {"split"}
    for name in names:
        if name == "split":
            raise UserError("training has no setting 'split': the method decides; name the method unsplit_kindness")
        if name not in known:
            raise UserError(f"training has no setting {name!r}; expected one of {', '.join(sorted(known))}")


def _device(wanted: str) -> str:
    try:
        return device(wanted)
    except UserError:
        raise UserError(
            f"field device: given {wanted!r}, and no CUDA device is here; expected cpu or auto: write `device: auto`"
        ) from None


def _cell(scenario: str, knobs: Mapping[str, Any], variant: Variant, seed: int, settings: CellSettings) -> Cell:
    label, source = variant.label, variant.source
    return Cell(
        label,
        scenario,
        knobs,
        seed,
        replace(settings, training=variant.training),
        variant.agent,
        _base(scenario, settings.checkpoint, knobs, variant, settings.partner),
        variant.params,
        source if source != label else None,
        variant.resolved,
    )


def _base(
    scenario: str, checkpoint: Path | None, knobs: Mapping[str, Any], variant: Variant, partner: str
) -> str | None:
    """Hash of the base weights of a cell; `None` where nothing in it needs a network."""
    kind = "custom" if variant.source is None else load_method(variant.source, variant.params).kind
    return base_of(scenario, checkpoint, knobs, kind, partner)


def _each_once(cells: Sequence[Cell], where: str) -> None:
    """Raises where two cells are the same, or two different ones would be called the same."""
    seen: dict[str, Cell] = {}
    named: dict[tuple[Any, ...], str] = {}
    for cell in cells:
        name = (cell.method, cell.scenario, repr(sorted(cell.knobs.items())), cell.seed)
        if cell.id in seen or name in named:
            raise UserError(
                f"sweep file {where}: {cell.method} on {cell.scenario} with seed {cell.seed} stands there twice; "
                "name each combination once, or give one a name"
            )
        seen[cell.id] = cell
        named[name] = cell.id
