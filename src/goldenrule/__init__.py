"""Train and compare agents that take a partner's reward as their own.

The layers, each importing only from those before it: `goldenrule.envs`, `goldenrule.agents`,
`goldenrule.rewards`, `goldenrule.training`, `goldenrule.benchmarks`. What the commands do stands here too:
`goldenrule.compare`, imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenrule.benchmarks.api import Run, compare

__all__ = ["Run", "__version__", "compare"]

__version__ = version("goldenrule")

_LAYERS = ("envs", "agents", "rewards", "training", "benchmarks")


def __getattr__(name: str) -> Any:
    """The Python interface and the layers, without their imports before they are wanted."""
    if name in ("Run", "compare"):
        return getattr(import_module("goldenrule.benchmarks.api"), name)
    if name in _LAYERS:
        return import_module(f"goldenrule.{name}")
    raise AttributeError(f"module 'goldenrule' has no attribute {name!r}")
