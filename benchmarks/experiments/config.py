"""The sweep file: plain YAML, each field checked, wrong ones named with their place.

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

import difflib
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

from goldenrule.common.errors import UserError
from goldenrule.common.files import expand
from goldenrule.common.text import shortened

MAX_CELLS = 100_000
MAX_BYTES = 1_000_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def _listed(seeds: Any) -> Any:
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
Seeds = Annotated[list[Seed], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_each_once)]


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
    seeds: Seeds = [0, 1, 2]
    episodes: Count = 256
    partner: Literal["lm", "scripted"] = "lm"
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

    @field_validator("checkpoint")
    @classmethod
    def _expanded(cls, checkpoint: Path | None) -> Path | None:
        return None if checkpoint is None else expand(checkpoint)


def read_sweep(path: Path) -> SweepFile:
    """The sweep in a file.

    Raises:
        UserError: the file cannot be read, is no YAML, or a field is unknown or wrong: one line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"sweep file {str(path)!r} cannot be read ({error.strerror}); name a YAML file") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"sweep file {str(path)!r} is too large; expected at most {MAX_BYTES:,} bytes: split it")
    return parse_sweep(raw, str(path))


def parse_sweep(raw: bytes | str, name: str) -> SweepFile:
    """The sweep in a text.

    Args:
        raw: the text.
        name: what errors call it.

    Raises:
        UserError: see `read_sweep`.
    """
    where = f"sweep file {shown(name, 300)}"
    try:
        content = YAML(typ="safe", pure=True).load(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except Exception as error:  # constructors raise whatever they meet: ValueError, IndexError, RecursionError
        raise UserError(f"{where} is no plain YAML: {_yaml_problem(error)}") from None
    if not isinstance(content, dict):
        kind = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise UserError(f"{where} {kind}; expected fields like name, scenarios, methods, seeds")
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {wrong_field(error)}") from None


def _yaml_problem(error: Exception) -> str:
    if not isinstance(error, YAMLError):
        return shown(f"{type(error).__name__}: {error}", 200, quoted=False)
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return shown(f"{place}{problem}", 300, quoted=False)


def wrong_field(error: ValidationError) -> str:
    """The first thing that is wrong, in pydantic's words; unknown fields first, they may be others misspelt."""
    wrong = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    first, more = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    field = shown(".".join(str(part) for part in first["loc"]), quoted=False)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(field, SweepFile.model_fields, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"unknown field {field}; expected some of {', '.join(SweepFile.model_fields)}{hint}{more}"
    given = "" if first["type"] == "missing" else f": given {shown(first['input'])}"
    return f"field {field}{given}: {first['msg'].removeprefix('Value error, ')}{more}"


def shown(value: Any, longest: int = 80, quoted: bool = True) -> str:
    """Any value in a line of at most so many characters and a few words."""
    try:
        text = " ".join((repr(value) if quoted else str(value)).split())
    except ValueError:  # a number of more digits than Python writes out
        text = "a very long number"
    return text if len(text) <= longest else shortened(text, longest)
