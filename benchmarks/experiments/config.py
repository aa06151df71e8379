"""What is to be run, as a sweep file or flags say it, and how: every field, scenario, knob, method and agent checked.

name: smoke
scenarios:
  - {id: hidden_needs-v0, similarity: [0.0, 0.5, 1.0]}      # every knob may be a list
methods:
  - scripted
  - {id: empathetic_kindness, updates: [30, 60]}            # so may every setting of training
  - {agent: "my_package.agents:Mine", name: mine, params: {tone: [warm, dry]}}
seeds: 20                                                   # how many, or which: [0, 1, 2]
episodes: 50

Nothing here needs torch, which takes seconds to import: what is wrong is said at once.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.common.errors import UserError
from goldenrule.common.files import expand
from goldenrule.common.parameters import explain
from goldenrule.common.plugins import Kind, Plugin, installed
from goldenrule.common.text import kind_of, shortened
from goldenrule.common.untrusted import foreign, one_line
from goldenrule.envs.registry import spec
from goldenrule.training.methods.registry import is_built_in

MAX_CELLS = 100_000
MAX_BYTES = 1_000_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def _seed_list(seeds: Any) -> Any:
    """`3` as `[0, 1, 2]`."""
    if isinstance(seeds, list):
        return seeds
    if type(seeds) is not int or not 1 <= seeds <= MAX_CELLS:
        raise ValueError(f"expected how many, from 1 to {MAX_CELLS:,}, or a list of seeds")
    return list(range(seeds))


def _each_once(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("expected each seed once")
    return seeds


Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Seeds = Annotated[list[Seed], Field(min_length=1), BeforeValidator(_seed_list), AfterValidator(_each_once)]


class ScenarioEntry(BaseModel):
    """One scenario; whatever else stands in its entry is a knob: a value or a list of values."""

    model_config = ConfigDict(extra="allow", frozen=True)
    id: str

    @property
    def knobs(self) -> dict[str, Any]:
        """What is set."""
        return dict(self.model_extra or {})


class MethodEntry(BaseModel):
    """One method (`id`) or agent of the user's own (`agent`).

    Whatever else stands in the entry of a method is a setting of its training: a value or a list of values.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    id: str | None = None
    agent: str | None = None
    name: str | None = Field(None, pattern=NAME)
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> MethodEntry:
        if (self.id is None) == (self.agent is None):
            raise ValueError("expected either id (a method) or agent (package.module:Class)")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """What is set of its training."""
        return dict(self.model_extra or {})

    @property
    def label(self) -> str:
        """What tables call it: its `name`, or `package.module:Name(key=value)` as `Name(key=value)`."""
        plain, bracket, rest = (self.agent or self.id or "").partition("(")
        return self.name or plain.rpartition(":")[2] + bracket + rest

    def plugins(self) -> list[tuple[dict[str, Any], Plugin]]:
        """Every choice of its parameters, with the method or agent that takes them.

        Raises:
            UserError: it cannot be loaded, or a parameter is wrong.
        """
        kind: Kind = "method" if self.agent is None else "agent"
        name = self.agent or self.id or ""
        return [(params, plugin(kind, name, params)) for params in choices(self.params, "parameter")]


class SweepFile(BaseModel):
    """A sweep as written down.

    Attributes:
        name: of the sweep, for reports.
        scenarios, methods: what is crossed.
        seeds: how many, or which.
        episodes: evaluation dialogues of each cell.
        partner: `lm`, `scripted` or an agent: who sits in the other seats.
        device: `cpu`, `cuda` or `auto`.
        training: settings of training for all methods.
        checkpoint: base checkpoint instead of the shipped ones: a folder, or the name of a shipped one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=NAME)
    scenarios: list[ScenarioEntry] = Field(min_length=1)
    methods: list[MethodEntry] = Field(min_length=1)
    seeds: Seeds = [0, 1, 2]
    episodes: Count = 256
    partner: str = "lm"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    training: dict[str, Any] = {}
    checkpoint: Path | None = None

    @field_validator("scenarios", "methods", mode="before")
    @classmethod
    def _short_form(cls, entries: Any) -> Any:
        """A bare name stands for an entry with that id."""
        if not isinstance(entries, list):
            return entries
        return [{"id": entry} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("partner")
    @classmethod
    def _known(cls, partner: str) -> str:
        plain = partner.partition("(")[0]
        if plain in ("lm", "scripted") or ":" in plain or plain in installed("agent"):
            return partner
        raise ValueError("expected lm, scripted, hf:MODEL, openai:MODEL@URL or package.module:Class")

    @field_validator("checkpoint")
    @classmethod
    def _expanded(cls, checkpoint: Path | None) -> Path | None:
        return None if checkpoint is None else expand(checkpoint)


def read_sweep(path: Path) -> SweepFile:
    """The sweep in a file.

    Raises:
        UserError: the file cannot be read, is no YAML, or a field is unknown or wrong: one line.
    """
    return parse_sweep(read_file(path), str(path))


def read_file(path: Path) -> bytes:
    """What stands in a sweep file.

    Raises:
        UserError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"sweep file {str(path)!r} cannot be read ({error.strerror}); name a YAML file") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"sweep file {str(path)!r} is too large; expected at most {MAX_BYTES:,} bytes: split it")
    return raw


def parse_sweep(raw: bytes | str, name: str) -> SweepFile:
    """The sweep in a text.

    Args:
        raw: the text.
        name: what errors call it.

    Raises:
        UserError: see `read_sweep`.
    """
    with errors_named(name):
        return sweep_from(fields_of(raw))


def fields_of(raw: bytes | str) -> dict[str, Any]:
    """The fields of a sweep file as plain data.

    Raises:
        UserError: it is no YAML, or holds no fields.
    """
    try:
        content = YAML(typ="safe", pure=True).load(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as error:
        raise UserError(f"no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except Exception as error:  # constructors raise whatever they meet: ValueError, IndexError, RecursionError
        raise UserError(f"no plain YAML: {_yaml_problem(error)}") from None
    if not isinstance(content, dict):
        kind = "it is empty" if content is None else f"it holds {kind_of(content)}"
        raise UserError(f"{kind}; expected fields like name, scenarios, methods, seeds")
    return content


@contextlib.contextmanager
def errors_named(file: str | None) -> Iterator[None]:
    """Begin what is wrong with a sweep with the name of its file; `None` where flags or Python asked for it.

    Raises:
        UserError: in place of every `ValueError`: the layers below say what was wrong with what they were given.
    """
    try:
        yield
    except ValueError as error:
        line = str(error) if file is None else f"sweep file {file!r}: {error}"
        raise UserError(line) from (None if isinstance(error, UserError) else error)


METHODS = (
    "untrained",
    "scripted",
    "rlhf_ppo",
    "naive_kindness",
    "empathetic_kindness",
    "feedback_kindness",
    "oracle_kindness",
)
"""What is compared where no methods are named."""


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
        UserError: a name, knob or value that is not allowed.
    """
    for name in agents:
        if not re.fullmatch(NAME, name):
            raise UserError(
                f"agent name {name!r} is not allowed; expected up to 64 letters, digits, '_', '-' and '.', "
                "the first a letter or digit"
            )
    named = [*methods, *(name for name in agents if name not in methods)]
    entries = [{"agent": agents[name], "name": name} if name in agents else {"id": name} for name in named]
    where = {name: list(values) for name, values in knobs.items()} | {"id": scenario}
    with errors_named(None):
        found = sweep_from({"name": "comparison", "scenarios": [where], "methods": entries, **more})
    # Tables call a method as it was asked for, `package.module:function(key=value)` included.
    called = [entry.model_copy(update={"name": name}) for entry, name in zip(found.methods, named, strict=True)]
    return found.model_copy(update={"name": scenario, "methods": called})


def sweep_from(content: dict[str, Any]) -> SweepFile:
    """The sweep in plain data, once its fields, its size and all that it names are known to be right."""
    try:
        sweep = SweepFile.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, "the sweep", "field", SweepFile.model_fields)) from None
    n_settings = sum(_n_choices(entry.knobs) for entry in sweep.scenarios)
    n_methods = sum(_n_choices(entry.settings) * _n_choices(entry.params) for entry in sweep.methods)
    if (count := n_settings * n_methods * len(sweep.seeds)) > MAX_CELLS:
        raise UserError(f"{count:,} cells were asked for; expected at most {MAX_CELLS:,}: split it")
    for entry in sweep.methods:
        if entry.agent is not None and entry.settings:
            field = next(iter(entry.settings))
            raise UserError(f"agent {entry.agent!r} has no field {field!r}; expected agent, name, params")
        if entry.label != entry.id and is_built_in(entry.label):  # of built-in ones, tables say more than their names
            raise UserError(f"{entry.label!r} is the name of a built-in method; give this one another name")
    with foreign():
        for where in sweep.scenarios:
            knob_grid(where.id, where.knobs)
        for entry in sweep.methods:
            entry.plugins()
        if sweep.partner not in ("lm", "scripted"):
            plugin("agent", sweep.partner)
    return sweep


def _value_lists(values: Mapping[str, Any]) -> list[list[Any]]:
    return [value if isinstance(value, list) else [value] for value in values.values()]


def _n_choices(values: Mapping[str, Any]) -> int:
    return math.prod(map(len, _value_lists(values)))


def choices(values: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
    """Every combination of values, where each is one or a list of them; errors call them `what`.

    Raises:
        UserError: a list is empty.
    """
    for name, value in values.items():
        if isinstance(value, list) and not value:
            raise UserError(f"{what} {name} is an empty list; expected a value, or a list with at least one")
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*_value_lists(values))]


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
    return [dict(known.resolve(chosen)) for chosen in choices({**given, **known.default_knobs(given)}, "knob")]


def _yaml_problem(error: Exception) -> str:
    if not isinstance(error, YAMLError):
        return one_line(error)
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return shortened(" ".join(f"{place}{problem}".split()), 300)


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to run what a file says; nothing here shows in the results.

    Attributes:
        workers: processes, CPUs or jobs side by side, 0 for this process alone; as many as cores if not given.
        engine: `local`, `ray` or `slurm`.
        address: of a running Ray cluster; submitit's `local` in place of SLURM.
        limit: run at most so many cells now.
        only: run only cells of whose method, scenario or id one of these is a part, or that have a knob=value of these.
        retry_failed: run failed cells again, and the failed dialogues of others.
        save_weights: keep every trained network, in `weights/<cell>`.
        log: where curves and results go besides, see `goldenrule.benchmarks.engines.loggers`; `None` for nowhere.

    Raises:
        UserError: some of them have no effect together.
    """

    workers: int | None = None
    engine: str = "local"
    address: str | None = None
    limit: int | None = None
    only: Sequence[str] = ()
    retry_failed: bool = False
    save_weights: bool = False
    log: str | None = None

    def __post_init__(self) -> None:
        if self.address is None:
            return
        given = f"--address {self.address!r}"
        if self.engine == "local":
            raise UserError(f"{given} has no effect with --engine local; leave it out, or use --engine ray")
        if self.engine == "slurm" and self.address != "local":
            raise UserError(f"{given} means nothing to --engine slurm; expected local, or none for SLURM")
        if self.engine == "ray" and self.workers is not None:
            raise UserError(f"--workers has no effect with {given}: a cluster has the CPUs it has; leave one out")
