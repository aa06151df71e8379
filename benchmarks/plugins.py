"""Agents of the user's own, named by `package.module:Class`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from goldenrule.agents.base import Agent
from goldenrule.benchmarks.errors import UserError


def load_class(name: str, what: str = "agent") -> Any:
    """The object that `package.module:Name` names; modules of the current folder are found too.

    Raises:
        UserError: not of that form, not importable, or not there.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute.isidentifier():
        raise UserError(f"{what} {name!r} is not a name; expected package.module:Class")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # foreign code runs on import: whatever it raises is its author's to mend
        raise UserError(
            f"{what} {name!r} cannot be imported ({type(error).__name__}: {error}); "
            "run from the folder that holds it, or install it"
        ) from error
    if not hasattr(module, attribute):
        raise UserError(f"{what} {name!r}: {module_name} has no {attribute}; expected package.module:Class")
    return getattr(module, attribute)


def load_agent(name: str) -> Agent:
    """An agent from its class, made without arguments.

    Raises:
        UserError: it cannot be imported or made, or lacks `reset` or `act`.
    """
    maker = load_class(name)
    try:
        agent = maker()
    except Exception as error:
        raise UserError(
            f"agent {name!r} cannot be made ({type(error).__name__}: {error}); expected a class without arguments"
        ) from error
    missing = [verb for verb in ("reset", "act") if not callable(getattr(agent, verb, None))]
    if missing:
        raise UserError(
            f"agent {name!r} has no {' and no '.join(missing)}; expected reset(seeds) and act(observations)"
        )
    checked: Agent = agent
    return checked
