"""What is typed on the command line, as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldenrule.common.errors import UserError
from goldenrule.common.notation import split_list
from goldenrule.envs.registry import ScenarioSpec, plain, spec

MAX_SEED = 2**31 - 1


def words(text: str, option: str) -> list[str]:
    """`a,b(c=1, d=2)` as its parts, see `split_list`.

    Raises:
        UserError: none, an empty one, or brackets that do not match.
    """
    try:
        found = split_list(text)
    except UserError as error:
        raise UserError(f"{option} {error}") from None
    if not all(found):
        raise UserError(f"{option} {text!r} has an empty name; expected names with commas between them")
    return found


def whole(text: str | int, option: str, low: int = 1, high: int = MAX_SEED) -> int:
    """A whole number in a range.

    Raises:
        UserError: anything else.
    """
    try:
        number = _integer(str(text))
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise UserError(f"{option} {text!r} is not allowed; expected a whole number from {low} to {high}")
    return number


def _integer(text: str) -> int:
    if not plain(text):
        raise ValueError(f"{text!r} is not written as a number")
    return int(text)


def seeds(text: str) -> list[int]:
    """`3` as the seeds 0, 1, 2; `4,7` as those seeds; `4,` as the one seed 4.

    Raises:
        UserError: anything else.
    """
    try:
        numbers = [_integer(word) for word in text.removesuffix(",").split(",")]
    except ValueError:
        raise UserError(f"--seeds {text!r} is no number; expected a count like 3, or seeds like 0,1,2") from None
    if "," in text:
        if not all(0 <= number <= MAX_SEED for number in numbers):
            raise UserError(f"--seeds {text!r} is out of range; expected seeds from 0 to {MAX_SEED}")
        return numbers
    if not 1 <= numbers[0] <= 1000:
        raise UserError(f"--seeds {text!r} is out of range; expected a count from 1 to 1000, or seeds like 0,1,2")
    return list(range(numbers[0]))


def knobs(scenario: str, given: Sequence[str]) -> dict[str, list[Any]]:
    """`name=value` or `name=value,value` as values by knob.

    Raises:
        UserError: unknown scenario or knob, a value that is not allowed, no `=`, or a knob or value named twice.
    """
    known, found = scenario_spec(scenario), dict[str, list[Any]]()
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals:
            raise UserError(f"--set {text!r} has no '='; expected knob=value")
        if name in found:
            raise UserError(f"--set {name} was given twice; expected once, with commas between several values")
        try:
            found[name] = [known.resolve({name: value})[name] for value in split_list(values)]
        except ValueError as error:
            raise UserError(str(error)) from None
        if again := [value for place, value in enumerate(found[name]) if value in found[name][:place]]:
            raise UserError(f"--set {text!r} has {again[0]} twice; name each value once")
    return found


def scenario_spec(scenario: str) -> ScenarioSpec:
    """The spec of a scenario.

    Raises:
        UserError: there is none of that id.
    """
    try:
        return spec(scenario)
    except ValueError as error:
        raise UserError(str(error)) from None


def one_each(given: dict[str, list[Any]]) -> dict[str, Any]:
    """Knobs where each may have one value only.

    Raises:
        UserError: one has several.
    """
    for name, values in given.items():
        if len(values) > 1:
            raise UserError(f"--set {name} has {len(values)} values; expected one here")
    return {name: values[0] for name, values in given.items()}


def named_agents(given: Sequence[str]) -> dict[str, str]:
    """`NAME=package.module:Class` as classes by name.

    Raises:
        UserError: not of that form, or a name twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, target = text.partition("=")
        if not equals or not name.strip() or not target.strip():
            raise UserError(f"--agent {text!r} is not of the form NAME=package.module:Class")
        if name.strip() in found:
            raise UserError(f"--agent {name.strip()} was given twice; expected each name once")
        found[name.strip()] = target.strip()
    return found


def shares(given: Sequence[str], option: str, known: Sequence[str], left: float) -> dict[str, float]:
    """`NAME=SHARE` as shares by name, of a whole of which `left` is still free.

    Raises:
        UserError: not of that form, an unknown name, one given twice, or more than is left.
    """
    found: dict[str, float] = {}
    for text in given:
        name, _, share = (part.strip() for part in text.partition("="))
        if name not in known or name in found:
            expected = f"NAME=SHARE, each once, of {', '.join(known)}"
            raise UserError(f"{option} {text!r} names no set, or one again; expected {expected}")
        try:
            found[name] = float(share)
        except ValueError:
            found[name] = 0.0
        if not 0.0 < found[name] < 1.0:
            raise UserError(f"{option} {text!r} has no share between 0 and 1; expected NAME=SHARE, like {name}=0.1")
    if sum(found.values()) >= left:
        total = sum(found.values())
        raise UserError(f"{option}: shares of {total:g} in all were given; expected less than {left:g}, which is free")
    return found
