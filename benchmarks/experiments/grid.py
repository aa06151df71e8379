"""From a configuration to cells: every combination, resolved, checked and counted before anything runs."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from goldenrule.agents.base import Agent, AgentError, load_agent
from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.pretrained import load_base, shipped, unlearnt
from goldenrule.agents.scripted import person
from goldenrule.agents.testing import rehearse
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings, other_agents
from goldenrule.benchmarks.experiments.config import MAX_CELLS, NAME, MethodEntry, SweepFile, shown, wrong_field
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import Kind
from goldenrule.common.untrusted import foreign, one_line
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.base import ScenarioError
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


def comparison(
    scenario: str, methods: Sequence[str], agents: Mapping[str, str], knobs: Mapping[str, Sequence[Any]], **more: Any
) -> SweepFile:
    """The sweep of one scenario that the flags of `compare` ask for.

    Args:
        scenario: its id; the sweep has its name.
        methods: registered methods and names of `agents`, in the order of the table; agents not among them come last.
        agents: the user's own, `package.module:Class` by the name they have as a method.
        knobs: values of the scenario's knobs.
        more: further fields of `SweepFile`.

    Raises:
        UserError: a method or agent twice, or a name or value that is not allowed.
    """
    for what, given in (("method", methods), ("seed", more.get("seeds", []))):
        if twice := [one for place, one in enumerate(given) if one in given[:place]]:
            raise UserError(f"{what} {twice[0]!r} is named twice; name each once")
    for name in agents:
        if not re.fullmatch(NAME, name):
            raise UserError(
                f"agent name {name!r} is not allowed; expected up to 64 letters, digits, '_', '-' and '.', "
                "the first a letter or digit"
            )
        if is_built_in(name):
            raise UserError(f"agent name {name!r} is a method's; give your agent another name")
    if (partner := more.get("partner", "lm")) not in ("lm", "scripted"):
        raise UserError(f"--partner {partner!r} is unknown; expected lm or scripted")
    device(more.get("device", "auto"))
    named = [*methods, *(name for name in agents if name not in methods)]
    entries = [{"agent": agents[name], "name": name} if name in agents else {"id": name} for name in named]
    knobs = {name: list(values) for name, values in knobs.items()}
    content = {"name": "comparison", "scenarios": [{**knobs, "id": scenario}], "methods": entries, **more}
    try:
        found = SweepFile.model_validate(content)
    except ValidationError as error:
        raise UserError(wrong_field(error)) from None
    # Tables call a method as it was asked for, `package.module:function(key=value)` included.
    called = [entry.model_copy(update={"name": name}) for entry, name in zip(found.methods, named, strict=True)]
    return found.model_copy(update={"name": scenario, "methods": called})


def cells_of(sweep: SweepFile, where: str | None = None) -> list[Cell]:
    """The cells of a sweep, in the order of its tables: scenario, knobs, method, seed.

    Args:
        sweep: the configuration.
        where: the file that errors name; `None` where it is none.

    Raises:
        UserError: unknown scenario, method, agent, knob or setting; a value out of range; too many cells; the same
            cell twice; no base checkpoint where one is needed; no CUDA device; missing data.
    """
    named = "" if where is None else f"sweep file {shown(where, 300)}: "
    try:
        count = _count(sweep)
        if count > MAX_CELLS:
            raise UserError(f"{count:,} cells were asked for; expected at most {MAX_CELLS:,}: split it")
        variants = [one for entry in sweep.methods for one in _variants(entry, sweep.training, sweep.partner)]
        settings = CellSettings(
            episodes=sweep.episodes,
            device=device(sweep.device),
            checkpoint=sweep.checkpoint,
            partner=sweep.partner,
        )
        grid = [(entry.id, knobs) for entry in sweep.scenarios for knobs in knob_grid(entry.id, entry.knobs)]
        chosen = [load_method(one.source, one.params) for one in variants if one.source is not None]
        for scenario, knobs in grid:
            make(scenario, **knobs).reset(seed=0)  # human cards are read here
            check_scripts(scenario, knobs, sweep.partner, chosen)
        cells = [
            _cell(scenario, knobs, variant, seed, settings)
            for scenario, knobs in grid
            for variant in variants
            for seed in sweep.seeds
        ]
        _each_once(cells)
    except UserError as error:
        raise UserError(f"{named}{error}") from None
    except ValueError as error:  # the layers below say what was wrong with what they were given
        raise UserError(f"{named}{error}") from error
    return cells


def resolved(sweep: SweepFile, cells: Sequence[Cell]) -> dict[str, Any]:
    """A sweep as plain data with every default spelt out: what a run directory keeps of it.

    Besides the fields of `SweepFile`: `bases`, the hashes of the base weights its cells start from.
    """
    return sweep.model_dump(mode="json") | {
        "training": asdict(training_of(sweep.training)),
        "device": device(sweep.device),
        "bases": sorted({cell.base for cell in cells if cell.base is not None}),
    }


def alike(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Groups of cells of one method, scenario and knobs, which differ in their seeds alone; in the order given."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        key = (cell.method, cell.scenario, json.dumps(dict(cell.knobs), sort_keys=True))
        groups.setdefault(key, []).append(cell)
    return list(groups.values())


def rehearse_agents(cells: Sequence[Cell]) -> list[str]:
    """Let every agent of the user's own hold two dialogues in each scenario, see `rehearsal`.

    Returns:
        A warning for each that failed in one of them, as it will fail now and then.

    Raises:
        UserError: one cannot be made or reset, or nothing that it says can be said.
    """
    seen, warnings = set(), list[str | None]()
    for cell in cells:
        key = (cell.agent, repr(sorted(cell.params.items())), cell.scenario)
        if cell.agent is None or key in seen:
            continue
        seen.add(key)
        who, seat = f"agent {cell.method} ({cell.agent})", seat_name(cell.scenario, "learner")
        make_agent = functools.partial(load_agent, cell.agent, cell.params)
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
    try:
        with foreign():
            reason = rehearse(make_agent(), seat, partners, cell.scenario, cell.knobs)
    except ScenarioError as error:
        raise UserError(f"scenario {cell.scenario}: {error}; correct it") from error
    except UserError:
        raise
    except AgentError as error:
        raise UserError(f"{who}: {error}") from error
    except Exception as error:  # of `reset` or the scenario
        raise UserError(f"{who} raised {one_line(error)}") from error
    failed = f"{who} failed in a rehearsal: {reason}; dialogues of the run that fail so are left out"
    return None if reason is None else failed


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


def knob_grid(scenario: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of a scenario's knobs, resolved.

    Knobs that are not given are as experiments have them (`ScenarioSpec.default_knobs`).

    Args:
        scenario: its id.
        given: a value or a list of values for each knob that is set.

    Raises:
        ValueError: unknown scenario or knob, or a value out of range.
    """
    known = spec(scenario)
    return [dict(known.resolve(chosen)) for chosen in _choices({**given, **known.default_knobs(given)}, "knob")]


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


def _cell(scenario: str, knobs: Mapping[str, Any], variant: Variant, seed: int, settings: CellSettings) -> Cell:
    label, source = variant.label, variant.source
    return Cell(
        label,
        scenario,
        knobs,
        seed,
        replace(settings, training=variant.training),
        variant.agent,
        base_of(scenario, settings.checkpoint, knobs, _kind(variant), settings.partner),
        variant.params,
        source if source != label else None,
        variant.resolved,
    )


def _kind(variant: Variant) -> str:
    """Of its method (`evaluation.methods.Method`), `custom` for an agent of the user's own."""
    return "custom" if variant.source is None else load_method(variant.source, variant.params).kind


def _each_once(cells: Sequence[Cell]) -> None:
    """Raises where two cells are the same, or two different ones would be called the same."""
    seen: dict[str, Cell] = {}
    named: dict[tuple[Any, ...], str] = {}
    for cell in cells:
        name = (cell.method, cell.scenario, repr(sorted(cell.knobs.items())), cell.seed)
        if cell.id in seen or name in named:
            raise UserError(
                f"{cell.method} on {cell.scenario} with seed {cell.seed} stands there twice; "
                "name each combination once, or give one a name"
            )
        seen[cell.id] = cell
        named[name] = cell.id


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


def device(wanted: str) -> str:
    """`auto`, `cpu` or `cuda` as `cpu` or `cuda`.

    Raises:
        UserError: another word, or no CUDA device where one was asked for.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise UserError(f"device {wanted!r} is unknown; expected auto, cpu or cuda")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UserError("device cuda was asked for, and no CUDA device is here; use cpu or auto")
    return "cuda" if wanted == "cuda" or (wanted == "auto" and there) else "cpu"
