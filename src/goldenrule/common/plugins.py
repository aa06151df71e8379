"""Plug-ins: objects of other packages, named by `package.module:Name` or by an entry point.

The groups of entry points are `goldenrule.agents`, `goldenrule.rewards`, `goldenrule.methods`, `goldenrule.scenarios`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from goldenrule.common.untrusted import foreign, one_line

Kind = Literal["agent", "reward", "method", "scenario"]
KINDS: tuple[Kind, ...] = ("agent", "reward", "method", "scenario")
FORM = {
    "agent": "package.module:Class",
    "reward": "package.module:Class",
    "method": "package.module:function",
    "scenario": "package.module:SPEC",
}
"""What the name of a plug-in looks like, by its kind."""

PLUGGED = "plug-in "
"""What stands before the name of a package in `imported`."""


_IMPORTED: set[str] = set()
"""Top-level packages and modules that plug-ins were imported from in this process."""


class PluginError(ValueError):
    """A plug-in cannot be had: a line that says which, why, and what was expected."""


def group(kind: Kind) -> str:
    """The group of entry points of a kind."""
    return f"goldenrule.{kind}s"


def closest(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` where one of `known` is close to `name`; an empty text otherwise."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def announced(kind: Kind) -> dict[str, list[EntryPoint]]:
    """The entry points of a kind by name; two packages may have taken the same name."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=group(kind)), key=lambda point: (point.name, point.value)):
        if all(point.value != other.value for other in found.setdefault(point.name, [])):
            found[point.name].append(point)
    return found


def found(kind: Kind, name: str) -> Any:
    """The object that `name` names; modules of the current folder are found too.

    Args:
        kind: what it is to be; decides the group of entry points.
        name: `package.module:Name`, or the name of an entry point.

    Raises:
        PluginError: not of that form, not importable, not there, or an entry point of two packages.
    """
    if ":" in name:
        return _imported(kind, name, name)
    points = announced(kind).get(name, [])
    if not points:
        known = ", ".join(announced(kind))
        others = f", or one of the installed: {known}" if known else ""
        raise PluginError(
            f"{kind} {name!r} is not a name; expected {FORM[kind]}{others}{closest(name, announced(kind))}"
        )
    if len(points) > 1:
        given = " and ".join(point.value for point in points)
        raise PluginError(f"{kind} {name!r} is announced by two packages ({given}); name one of these instead")
    return _imported(kind, points[0].value.split("[")[0].strip(), name)


def _imported(kind: Kind, target: str, name: str) -> Any:
    module_name, _, attribute = (part.strip() for part in target.partition(":"))
    if not module_name or not all(part.isidentifier() for part in attribute.split(".")):
        raise PluginError(f"{kind} {name!r} is not a name; expected {FORM[kind]}")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        with foreign():
            made = importlib.import_module(module_name)
    except Exception as error:  # foreign code runs on import: whatever it raises is its author's to mend
        cure = _cure(error, module_name)
        raise PluginError(f"{kind} {name!r} cannot be imported ({one_line(error)}); {cure}") from error
    _IMPORTED.add(module_name.partition(".")[0])
    for part in attribute.split("."):
        if not hasattr(made, part):
            raise PluginError(f"{kind} {name!r}: {module_name} has no {attribute}; expected {FORM[kind]}")
        made = getattr(made, part)
    return made


def _cure(error: Exception, module_name: str) -> str:
    """What to do where a module cannot be imported."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return "mend what its module does on import"
    if f"{module_name}.".startswith(f"{error.name}."):
        return "run from the folder that holds it, or install it"
    return f"install {error.name}, which its module needs"


def imported() -> dict[str, str]:
    """Of each package or module that plug-ins were imported from here, a digest of its Python files.

    Two runs of a plug-in whose digests differ were made by other code. What it imports from elsewhere is not in it.
    """
    return {f"{PLUGGED}{name}": _digest(name) for name in sorted(_IMPORTED) if name in sys.modules}


def _digest(name: str) -> str:
    """Twelve digits; `unknown` where there are no files to read."""
    module = sys.modules[name]
    file = getattr(module, "__file__", None)
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    try:
        files = {path.relative_to(folder): path for folder in folders for path in folder.rglob("*.py")}
        files |= {} if files or file is None else {Path(name): Path(file)}
        found = hashlib.blake2b(digest_size=6)
        for place in sorted(files):
            found.update(f"{place} {files[place].stat().st_size} ".encode() + files[place].read_bytes())
    except OSError:
        return "unknown"
    return found.hexdigest() if files else "unknown"
