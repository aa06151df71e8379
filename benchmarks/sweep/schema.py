"""The sweep file: YAML, read safely, each field checked, wrong ones named with their place.

name: smoke
scenarios:
  - {id: hidden_needs-v0, similarity: [0.0, 0.5, 1.0]}      # every knob may be a list
methods:
  - scripted
  - {id: empathetic_kindness, updates: [30, 60]}            # so may every setting of training
  - {agent: "my_package.agents:Mine", name: mine, params: {tone: [warm, dry]}}
seeds: 20                                                   # how many, or which: [0, 1, 2]
episodes: 50
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from goldenrule.benchmarks.errors import UserError

MAX_SEED = 2**31 - 1
MAX_CELLS = 100_000
MAX_BYTES = 1_000_000
MAX_PATH = 1_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True)]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class SweepFile(_Strict):
    """A sweep as written down.

    Attributes:
        name: of the sweep, for reports.
        scenarios, methods: what is crossed.
        seeds: how many, or which.
        episodes: evaluation dialogues of each cell.
        partner: `lm` or `scripted`: who sits in the other seats.
        device: `cpu`, `cuda` or `auto`.
        training: settings of training for all methods.
        checkpoint: base checkpoint folder instead of the shipped one.
    """

    name: str = Field(pattern=NAME)
    scenarios: list[ScenarioEntry] = Field(min_length=1)
    methods: list[MethodEntry] = Field(min_length=1)
    seeds: Count | list[Seed] = 3
    episodes: Count = 256
    partner: str = Field("lm", pattern="^(lm|scripted)$")
    device: str = Field("auto", pattern="^(auto|cpu|cuda)$")
    training: dict[str, Any] = {}
    checkpoint: Path | None = None

    @field_validator("scenarios", "methods", mode="before")
    @classmethod
    def _short_form(cls, entries: Any) -> Any:
        """A bare name stands for an entry with that id."""
        if not isinstance(entries, list):
            return entries
        return [{"id": entry} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: int | list[int]) -> int | list[int]:
        if isinstance(seeds, list) and (not seeds or len(set(seeds)) < len(seeds)):
            raise ValueError("expected at least one seed, and each once")
        return seeds

    @field_validator("checkpoint")
    @classmethod
    def _path(cls, checkpoint: Path | None) -> Path | None:
        if checkpoint is not None and (len(str(checkpoint)) > MAX_PATH or "\0" in str(checkpoint)):
            raise ValueError(f"expected the path of a folder, at most {MAX_PATH} characters")
        return checkpoint

    @property
    def seed_list(self) -> list[int]:
        """The seeds."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)


class _Loader(yaml.SafeLoader):
    """Safe, and refuses a key that stands twice: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping with each key once."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands here twice", key_node.start_mark)
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_sweep(path: Path) -> SweepFile:
    """The sweep in a file.

    Raises:
        UserError: the file cannot be read, is no YAML, holds an unsafe tag, or a field is unknown or wrong: one line.
    """
    shown = str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"no sweep file {shown!r}; name a YAML file") from None
    except OSError as error:
        raise UserError(f"sweep file {shown!r} cannot be read ({error.strerror}); name a YAML file") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"sweep file {shown!r} has {len(raw):,} bytes; expected at most {MAX_BYTES:,}")
    return parse_sweep(raw, shown)


def parse_sweep(raw: bytes | str, shown: str) -> SweepFile:
    """The sweep in a text; `shown` is what errors call it."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        content = _load(text)
    except UnicodeDecodeError as error:
        raise UserError(f"sweep file {shown!r} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"sweep file {shown!r} is no safe YAML: {_one_line(error)}") from None
    except (RecursionError, ValueError, OverflowError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else _flat(str(error))
        raise UserError(f"sweep file {shown!r} cannot be read: {reason}") from None
    if not isinstance(content, dict):
        kind = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise UserError(f"sweep file {shown!r} {kind}; expected fields like name, scenarios, methods, seeds")
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"sweep file {shown!r}: {_first(error)}") from None


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):  # a few nested ones unfold into gigabytes
                raise yaml.YAMLError(f"aliases like *{event.anchor} are not allowed; write it out")
        return loader.get_single_data()
    finally:
        loader.dispose()


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return _flat(f"{problem}{where}")


def _flat(text: str) -> str:
    return " ".join(text.split())[:300]


def _first(error: ValidationError) -> str:
    """The first problem in a line: which field, what was given, what was expected."""
    problems = error.errors(include_url=False)
    one = problems[0]
    place = ".".join(str(part) for part in one["loc"]) or "the file"
    given = _flat(repr(one.get("input")))
    given = given if len(given) <= 80 else f"{given[:77]}..."
    if one["type"] == "extra_forbidden":
        known = ", ".join(SweepFile.model_fields)
        text = f"unknown field {place}; expected some of {known}"
    elif one["type"] == "missing":
        text = f"field {place} is missing"
    else:
        message = str(one["msg"]).removeprefix("Value error, ")
        text = f"field {place}={given}: {message[:1].lower()}{message[1:]}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{text}{more}"
