"""What was found of each property, and how properties are tried."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.parameters import check_parameters, parameter_model, plain_defaults
from goldenrule.common.plugins import Plugin
from goldenrule.common.untrusted import contained, one_line
from goldenrule.envs.testing.trace import call_elsewhere, first_difference, global_generators

GLOBALS = "no global random generator is used"


class BrokenError(AssertionError):
    """A property does not hold: a line that says where, what was given and what was expected."""


class NotTried(Exception):  # noqa: N818 - it is no error
    """A property cannot be tried here: a line that says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One property.

    Attributes:
        what: the property, in words.
        passed: whether it holds; `None` where it was not tried.
        why: why it does not hold, or was not tried; empty where it holds.
    """

    what: str
    passed: bool | None
    why: str = ""

    def __str__(self) -> str:
        word = {True: "ok", False: "FAILED", None: "--"}[self.passed]
        return f"{word:<6}  {self.what}{': ' if self.why else ''}{self.why}"


def all_hold(findings: Iterable[Finding]) -> bool:
    """Whether no property failed."""
    return all(finding.passed is not False for finding in findings)


def try_properties(properties: Mapping[str, Callable[[], object]], *, first: int = 1) -> list[Finding]:
    """Try each property, and whether any of them used a global random generator.

    Args:
        properties: by what they are in words; each raises `BrokenError` or `NotTried`, or whatever foreign code raises.
        first: how many of them all that follow need: where one of these fails, what follows is not tried.
    """
    found: list[Finding] = []
    used: str | None = None
    for what, run in properties.items():
        if not all_hold(found[:first]):
            found.append(Finding(what, None, "something that it needs has failed"))
            continue
        before = global_generators()
        found.append(_finding(what, run))
        if used is None:
            used = used_generator(before)
    if used is not None:
        return [*found, Finding(GLOBALS, False, f"that of {used} was; draw from a generator seeded by what is given")]
    return [*found, Finding(GLOBALS, True)]


def parameter_properties(plugin: Plugin) -> dict[str, Callable[[], None]]:
    """What the parameters of a plug-in must keep to, for `try_properties`; nothing where it has none."""
    whose = f"{plugin.kind} {plugin.name!r}"
    model = parameter_model(plugin.maker, whose)

    def typed() -> None:
        loose = [name for name, field in model.model_fields.items() if field.annotation is Any]
        if loose:
            raise BrokenError(f"{', '.join(loose)} takes anything; expected a type")

    def defaults() -> None:
        check_parameters(model, {**plugin.given, **plain_defaults(model)}, whose)

    if not model.model_fields:
        return {}
    return {"every parameter has a type": typed, "every default is of its type": defaults}


def same_elsewhere(function: str, arguments: Mapping[str, Any], what: str) -> None:
    """Raise `BrokenError` unless `function` gives in another process what it gives here, see `call_elsewhere`."""
    here = json.loads(json.dumps(pkgutil.resolve_name(function)(**arguments)))
    try:
        there = call_elsewhere(function, arguments)
    except RuntimeError as error:
        raise BrokenError(f"another process failed: {error}") from error
    different = first_difference(here, there, what)
    if different:
        raise BrokenError(f"{different} in another process; nothing may depend on hash() or on the order of a set")


def _finding(what: str, run: Callable[[], object]) -> Finding:
    try:
        with contained():
            run()
    except NotTried as reason:
        return Finding(what, None, str(reason))
    except (BrokenError, ContractError, UserError) as error:
        return Finding(what, False, " ".join(str(error).split()))
    except Exception as error:  # foreign code: whatever it raises is what is wrong with it
        return Finding(what, False, f"it raised {one_line(error)}")
    return Finding(what, True)


def used_generator(before: Mapping[str, Any]) -> str | None:
    """The library whose global generator is not as it was; one loaded since then is not held against anyone."""
    now = global_generators()
    return next((name for name, state in before.items() if now[name] != state), None)
