"""The plug-ins that installed packages announce by entry points."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from goldenrule.benchmarks.evaluation.plugins import built_in, factories, parameters, scenario
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import KINDS, Kind, PluginError, announced, found
from goldenrule.common.untrusted import foreign, one_line


@dataclass(frozen=True, slots=True)
class Plugin:
    """What an entry point names.

    Attributes:
        kind, name: what it is, and what it is called.
        source: where it is: `package.module:Name`.
        package: who brings it: a distribution and its version.
        about: what it is, in a line.
        parameters: by name: `type`, `required`, `default`, `about`.
        broken: why it cannot be had; `None` if it can.
    """

    kind: Kind
    name: str
    source: str
    package: str
    about: str = ""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    broken: str | None = None


Mark = tuple[Kind, str, str]
"""Kind, name and source of an entry point."""


def marks() -> list[Mark]:
    """Every plug-in that installed packages announce. None is imported."""
    return [(kind, name, point.value) for kind, name, point in _points()]


def installed(broken: Mapping[Mark, str] | None = None) -> list[Plugin]:
    """Every plug-in that installed packages announce, the broken ones with the reason.

    Args:
        broken: those known to be broken, and why: they are not imported.
    """
    known = broken or {}
    return [_plugin(*one, known.get((one[0], one[1], one[2].value))) for one in _points()]


def _points() -> list[tuple[Kind, str, EntryPoint]]:
    return [(kind, name, one) for kind in KINDS for name, points in announced(kind).items() for one in points]


def _plugin(kind: Kind, name: str, point: EntryPoint, broken: str | None) -> Plugin:
    package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""
    if broken is not None:
        return Plugin(kind, name, point.value, package, broken=broken)
    try:
        with foreign():
            if (kind == "method" and (built_in(name) or name in factories())) or (
                kind == "agent" and name in ("lm", "scripted")
            ):
                raise UserError(f"{kind} {name!r} is the name of a built-in one; give the entry point another")
            made = found(kind, name)
            if kind == "scenario":
                if scenario(name) is not made:
                    raise UserError(f"scenario id {name!r} is taken; give yours another name or version")
                about = made.doc
            else:
                about = getattr(made, "doc", None) or inspect.getdoc(made) or ""
            first = " ".join(str(about).split("\n\n")[0].split())
            return Plugin(kind, name, point.value, package, first, parameters(kind, name))
    except (UserError, PluginError) as error:
        return Plugin(kind, name, point.value, package, broken=str(error))
    except Exception as error:  # what a plug-in says of itself is foreign code too
        return Plugin(kind, name, point.value, package, broken=f"{kind} {name!r} cannot be read ({one_line(error)})")
