"""Frozen dataclasses that are made in every turn."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def quick_init(cls: type[T]) -> type[T]:
    """Let a frozen dataclass with slots be made in half the time; to stand above `@dataclass(frozen=True, slots=True)`.

    The `__init__` of dataclasses looks each slot up by its name (`object.__setattr__`); this one has them at hand. It
    takes the same arguments, and instances are as frozen as before.
    """
    names: dict[str, Any] = {"MISSING": MISSING}
    takes, body = ["self"], []
    for one in fields(cls):  # type: ignore[arg-type]
        name, value = one.name, one.name
        names |= {f"set_{name}": getattr(cls, name).__set__, f"default_{name}": one.default}
        if one.default_factory is not MISSING:
            names[f"make_{name}"] = one.default_factory
            value = f"make_{name}() if {name} is MISSING else {name}"
        optional = one.default is not MISSING or value != name
        takes.append(f"{name}=default_{name}" if optional else name)
        body.append(f"set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    # As in `dataclasses`: only code of its own for each class takes arguments by position or name at no further cost.
    exec(f"def __init__({', '.join(takes)}):\n " + "\n ".join(body), names)
    cls.__init__ = wraps(cls.__init__)(names["__init__"])  # type: ignore[method-assign]
    return cls
