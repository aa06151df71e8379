"""Methods x scenarios x seeds: compare, sweep, sum up, report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenrule.benchmarks.storage import VOLATILE, load

__all__ = ["VOLATILE", "load"]


def __getattr__(name: str) -> Any:
    """What is asked for: the command line starts without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("goldenrule.benchmarks.storage"), name)
