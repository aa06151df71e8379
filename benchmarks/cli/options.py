"""Options that several commands have, and what is typed for them as values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from goldenrule.common.errors import UserError
from goldenrule.common.parameters import split_list
from goldenrule.envs.registry import spec

T = TypeVar("T")
MAX_SEED = 2**31 - 1  # and the largest of other numbers
SCENARIO = "hidden_needs-v0"

Scenario = Annotated[str, typer.Option(help="Scenario id; see `goldenrule ls`.")]
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of every random draw.")]
Knobs = Annotated[list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="A knob; can be given again.")]
Checkpoint = Annotated[Path | None, typer.Option(help="Checkpoint: a folder, or a shipped one by name.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder that holds casino and the like; GOLDENRULE_DATA otherwise.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

# Of compare, sweep and crossplay.
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where networks run.")]
Workers = Annotated[int | None, typer.Option(min=1, max=1024, help="Side by side; all cores otherwise.")]
Engine = Annotated[Literal["local", "ray", "slurm"], typer.Option(help="What runs the cells.")]
Address = Annotated[str | None, typer.Option(help="Of a running Ray cluster; with slurm, `local` runs the jobs here.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Run what failed again.")]


def words(text: str, option: str) -> list[str]:
    """`a,b(c=1, d=2)` as its parts, see `split_list`.

    Raises:
        UserError: none, an empty one, one twice, or brackets that do not match.
    """
    try:
        found = split_list(text)
    except UserError as error:
        raise UserError(f"{option} {error}") from None
    if not all(found):
        raise UserError(f"{option} {text!r} has an empty name; expected names with commas between them")
    return each_once(found, option)


def each_once(values: list[T], option: str) -> list[T]:
    """The values themselves.

    Raises:
        UserError: there is one twice.
    """
    if twice := [value for place, value in enumerate(values) if value in values[:place]]:
        raise UserError(f"{option} names {twice[0]!r} twice; name each once")
    return values


def pairs(given: Sequence[str], option: str, form: str) -> dict[str, str]:
    """Several `NAME=VALUE` as texts by name.

    Args:
        given: as they were typed.
        option, form: for the error: the option's name, and what one looks like.

    Raises:
        UserError: not of that form, or a name twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not name or not equals:
            raise UserError(f"{option} {text!r} is not allowed; expected {form}")
        if name in found:
            raise UserError(f"{option} {name} was given twice; expected each name once")
        found[name] = value
    return found


def knobs(scenario: str, given: Sequence[str] | None) -> dict[str, list[Any]]:
    """`name=value` or `name=value,value` as values by knob.

    Raises:
        UserError: unknown scenario or knob, a value that is not allowed, no `=`, or a knob or value named twice.
    """
    known, found = spec(scenario), dict[str, list[Any]]()
    for name, text in pairs(given or (), "--set", "knob=value, with commas between several values").items():
        values = [known.resolve({name: value})[name] for value in split_list(text)]
        found[name] = each_once(values, f"--set '{name}={text}'")
    return found


def one_each(given: dict[str, list[Any]]) -> dict[str, Any]:
    """Knobs where each may have one value only.

    Raises:
        UserError: one has several.
    """
    for name, values in given.items():
        if len(values) > 1:
            raise UserError(f"--set {name} has {len(values)} values; expected one here")
    return {name: values[0] for name, values in given.items()}


def seeds(text: str) -> list[int]:
    """`3` as the seeds 0, 1, 2; `4,7` as those seeds; `4,` as the one seed 4.

    Raises:
        UserError: anything else.
    """
    try:
        numbers = [int(word) for word in text.removesuffix(",").split(",")]
    except ValueError:
        raise UserError(f"--seeds {text!r} is no number; expected a count like 3, or seeds like 0,1,2") from None
    if "," in text:
        if not all(0 <= number <= MAX_SEED for number in numbers):
            raise UserError(f"--seeds {text!r} is out of range; expected seeds from 0 to {MAX_SEED}")
        return each_once(numbers, "--seeds")
    if not 1 <= numbers[0] <= 1000:
        raise UserError(f"--seeds {text!r} is out of range; expected a count from 1 to 1000, or seeds like 0,1,2")
    return list(range(numbers[0]))
