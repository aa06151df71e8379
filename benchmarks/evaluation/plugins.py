"""Plug-ins of every kind under one call, and those that installed packages announce.

What a plug-in of one kind must keep to, and how it is loaded, is defined in its layer: `goldenrule.agents.base`,
`goldenrule.rewards.base`, `goldenrule.training.methods.registry`, `goldenrule.envs.registry`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

from goldenrule.agents.base import AgentError
from goldenrule.common.errors import UserError
from goldenrule.common.parameters import describe_parameters
from goldenrule.common.plugins import KINDS, Kind, Plugin, find_plugin, installed, load_object
from goldenrule.common.untrusted import contained, foreign, one_line
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.base import ScenarioError
from goldenrule.training.methods.registry import find_method, is_built_in


def plugin(
    kind: Kind,
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
) -> Plugin:
    """The plug-in called `name` with its parameters, see `goldenrule.common.plugins.find_plugin`.

    A scenario's parameters are its knobs.

    Raises:
        UserError: it cannot be loaded, or a parameter is wrong.
    """
    if kind == "method":
        return find_method(name, params, texts=texts)
    if kind != "scenario":
        return find_plugin(kind, name, params, texts=texts)
    try:
        known = spec(name)
        given = dict(texts or params or {})
        resolved = known.resolve(given)
    except ValueError as error:
        raise UserError(str(error)) from error
    return Plugin(kind, name, {key: resolved[key] for key in given}, resolved, known.build, resolved)


def installed_plugins() -> list[dict[str, Any]]:
    """Every plug-in that installed packages announce.

    Returns:
        Records `kind`, `name`, `source` (`package.module:Name`), `package` (the distribution and its version), `about`
        (what it is, in a line), `parameters` (by name: `type`, `required`, `default`, `about`) and `broken` (why it
        cannot be loaded; `None` if it can).
    """
    return [
        _describe(kind, name, point)
        for kind in KINDS
        for name, points in installed(kind).items()
        for point in points
        if point.dist is None or point.dist.name != "goldenrule"  # what it announces itself is no plug-in of another
    ]


def _describe(kind: Kind, name: str, point: EntryPoint) -> dict[str, Any]:
    package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""
    about, parameters, broken = "", dict[str, Any](), None
    try:
        with foreign():
            if (kind == "method" and is_built_in(name)) or (kind == "agent" and name in ("lm", "scripted")):
                raise UserError(f"{kind} {name!r} is the name of a built-in one; give the entry point another")
            loaded = load_object(kind, name)
            if kind == "scenario" and spec(name) is not loaded:
                raise UserError(f"scenario id {name!r} is taken; give yours another name or version")
            text = getattr(loaded, "doc", None) or inspect.getdoc(loaded) or ""
            about, parameters = str(text), _parameters(kind, name, loaded)
    except UserError as error:
        broken = str(error)
    except Exception as error:  # a plug-in's code runs as it is described
        broken = f"{kind} {name!r} cannot be read ({one_line(error)})"
    return {
        "kind": kind,
        "name": name,
        "source": point.value,
        "package": package,
        "about": " ".join(about.split("\n\n")[0].split()),
        "parameters": parameters,
        "broken": broken,
    }


def _parameters(kind: Kind, name: str, loaded: Any) -> dict[str, dict[str, Any]]:
    if kind == "scenario":
        return {
            knob.name: {"type": knob.range, "required": False, "default": knob.default, "about": knob.doc}
            for knob in spec(name).knobs
        }
    return describe_parameters(loaded, f"{kind} {name!r}") if callable(loaded) else {}


@contextlib.contextmanager
def plugin_errors(who: str, scenario: str) -> Iterator[None]:
    """Let agents of the user's own talk in a scenario; whatever they raise becomes a line that names who raised it.

    Raises:
        UserError: in place of every other `Exception`.
    """
    try:
        with contained():
            yield
    except UserError:
        raise
    except ScenarioError as error:
        raise UserError(f"scenario {scenario}: {error}; correct it") from error
    except AgentError as error:
        raise UserError(f"{who}: {error}; correct it, or name another") from error
    except Exception as error:  # of the agent's `reset`, or of the scenario
        raise UserError(f"{who} raised {one_line(error)}; correct it, or name another") from error
