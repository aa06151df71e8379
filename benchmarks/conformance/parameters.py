"""What the parameters of a plug-in must keep to: typed, and refused where they are wrong."""

from __future__ import annotations

from goldenrule.benchmarks.evaluation.plugins import parameters, resolve
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import Kind
from goldenrule.envs.testing.report import BrokenError, Finding, tried

_EVERY_TYPE = ({"no such key": [None]}, [{"no": "such"}], "\x00no such text", -(10**30), 0.123456789, True, None)
"""Plain data of every type; nothing that has a type takes all of it."""


def check_parameters(kind: Kind, name: str) -> list[Finding]:
    """Try that each parameter of a plug-in has a type, and that values of other types are refused.

    Raises:
        UserError: the plug-in cannot be imported.
    """
    declared = parameters(kind, name)

    def typed() -> None:
        loose = [one for one, about in declared.items() if about["type"] == "anything"]
        if loose:
            raise BrokenError(f"{', '.join(loose)} takes anything; expected a type")

    def defaults() -> None:
        for one, about in declared.items():
            refusal = None if about["required"] else _refused(kind, name, one, about["default"])
            if refusal:
                raise BrokenError(refusal)

    def refuses() -> None:
        for one, about in declared.items():
            if about["type"] != "anything" and not any(_refused(kind, name, one, value) for value in _EVERY_TYPE):
                raise BrokenError(f"{one} takes values of every type; expected {about['type']}")

    if not declared:
        return []
    properties = {
        "every parameter has a type": typed,
        "every default is of its type": defaults,
        "values of other types are refused": refuses,
    }
    return tried(properties, first=0)[:-1]  # nothing was drawn


def _refused(kind: Kind, name: str, parameter: str, value: object) -> str | None:
    """Why a value is refused; `None` where it is taken, or where only other parameters are missing."""
    try:
        resolve(kind, name, {parameter: value})
    except UserError as error:
        return str(error) if f"{parameter}=" in str(error) else None
    return None
