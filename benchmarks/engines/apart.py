"""Call a function; kept until its callers call it themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class DiedError(RuntimeError):
    """Never raised."""


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function(*arguments)` gives."""
    return function(*arguments)
