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

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from goldenrule.benchmarks.experiments.plain_yaml import load
from goldenrule.benchmarks.experiments.wrong_fields import shown, told
from goldenrule.common.errors import UserError
from goldenrule.common.files import expand

MAX_SEED = 2**31 - 1
MAX_CELLS = 100_000
MAX_BYTES = 1_000_000
MAX_PATH = 1_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

MAX_COUNT = 1_000_000

Count = Annotated[int, Field(ge=1, le=MAX_COUNT, strict=True)]


def _given(value: Any) -> PydanticCustomError:
    """That a part of a field is wrong, which is told in place of the whole."""
    return PydanticCustomError("given", "not allowed", {"given": shown(value)})


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
    seeds: int | list[int] = 3
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

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, seeds: Any) -> Any:
        """How many, or which, each once; names the one of a list that is wrong."""
        if not isinstance(seeds, list):
            if type(seeds) is not int or not 1 <= seeds <= MAX_COUNT:
                raise _given(seeds)
            return seeds
        wrong = [one for one in seeds if type(one) is not int or not 0 <= one <= MAX_SEED]
        if wrong or not seeds:
            raise _given(*wrong[:1] or [seeds])
        if len(set(seeds)) < len(seeds):
            twice = Counter(seeds).most_common(1)[0][0]
            raise PydanticCustomError("given", "each once", {"given": f"{twice} twice"})
        return seeds

    @field_validator("checkpoint")
    @classmethod
    def _path(cls, checkpoint: Path | None) -> Path | None:
        if checkpoint is not None and (len(str(checkpoint)) > MAX_PATH or "\0" in str(checkpoint)):
            raise _given(str(checkpoint))
        return None if checkpoint is None else expand(checkpoint)

    @property
    def seed_list(self) -> list[int]:
        """The seeds."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)


def read_sweep(path: Path) -> SweepFile:
    """The sweep in a file.

    Raises:
        UserError: the file cannot be read, is no YAML, holds an unsafe tag, or a field is unknown or wrong: one line.
    """
    where = shown(str(path), 300)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"no sweep file {where}; name a YAML file") from None
    except OSError as error:
        raise UserError(f"sweep file {where} cannot be read ({error.strerror}); name a YAML file") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"sweep file {where} is too large; expected at most {MAX_BYTES:,} bytes: split it")
    return parse_sweep(raw, str(path))


def parse_sweep(raw: bytes | str, name: str) -> SweepFile:
    """The sweep in a text.

    Args:
        raw: the text.
        name: what errors call it.

    Raises:
        UserError: see `read_sweep`.
    """
    where = shown(name, 300)
    try:
        content = load(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as error:
        raise UserError(f"sweep file {where} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"sweep file {where} is no safe YAML: {_one_line(error)}") from None
    except Exception as error:  # PyYAML's constructors raise whatever they meet
        reason = shown(str(error) or type(error).__name__, 200, quoted=False)
        raise UserError(f"sweep file {where} cannot be read: {reason}; write plain texts and numbers") from None
    if not isinstance(content, dict):
        kind = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise UserError(f"sweep file {where} {kind}; expected fields like name, scenarios, methods, seeds")
    odd = next((key for key in content if not isinstance(key, str)), "")
    if not isinstance(odd, str):
        raise UserError(f"sweep file {where}: unknown field {shown(odd)}; expected {', '.join(SweepFile.model_fields)}")
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        raise UserError(f"sweep file {where}: {told(error, list(SweepFile.model_fields))}") from None


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return shown(f"{problem}{where}", 300, quoted=False)
