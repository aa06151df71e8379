"""Plug-ins: objects of other packages by name, made with parameters that pydantic checks.

A name is `package.module:Name` or that of an entry point in one of the groups `goldenrule.agents`,
`goldenrule.rewards`, `goldenrule.methods`, `goldenrule.scenarios` and `goldenrule.readers`. It stands for a class or
function; its annotated keyword arguments are the parameters. They may follow the name:
`package.module:Name(greeting=hi, patience=2)`.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from goldenrule.common.errors import UserError, closest
from goldenrule.common.parameters import check_parameters, parameter_model, parse_call, plain_values, read_texts
from goldenrule.common.text import kind_of
from goldenrule.common.untrusted import contained, foreign, one_line

Kind = Literal["agent", "reward", "method", "scenario", "reader"]
KINDS: tuple[Kind, ...] = ("agent", "reward", "method", "scenario", "reader")
FORM = {
    "agent": "package.module:Class",
    "reward": "package.module:Class",
    "method": "package.module:function",
    "scenario": "package.module:SPEC",
    "reader": "package.module:Class",
}
"""What the name of a plug-in looks like, by its kind."""

SCHEMES = {
    "hf": ("goldenrule.agents.huggingface:HuggingFaceAgent", "hf", "transformers"),
    "openai": ("goldenrule.agents.endpoint:EndpointAgent", "endpoint", "openai"),
}
"""Agents that are named by the model they speak with, `hf:FOLDER`, which is their first parameter; with the extra that
they need, and its package."""

DIGEST_PREFIX = "plug-in "
"""Precedes a package's name in `code_digests`."""

_IMPORTED: set[str] = set()
"""Top-level packages and modules that plug-ins were imported from in this process."""


def installed(kind: Kind) -> dict[str, list[EntryPoint]]:
    """The entry points of a kind by name; two packages may have taken the same name."""
    points: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=f"goldenrule.{kind}s"), key=lambda point: (point.name, point.value)):
        if all(point.value != other.value for other in points.setdefault(point.name, [])):
            points[point.name].append(point)
    return points


def load_object(kind: Kind, name: str) -> Any:
    """The object that `name` stands for; modules of the current folder are found too.

    Args:
        kind: what it is to be; decides the group of entry points.
        name: `package.module:Name`, or the name of an entry point.

    Raises:
        UserError: not of that form, not importable, not there, or an entry point of two packages.
    """
    target = name
    if ":" not in name:
        known = installed(kind)
        others = f", or one of the installed: {', '.join(known)}" if known else ""
        if name not in known:
            raise UserError(f"{kind} {name!r} is not a name; expected {FORM[kind]}{others}{closest(name, known)}")
        targets = [point.value.split("[")[0].strip() for point in known[name]]
        if len(targets) > 1:
            raise UserError(
                f"{kind} {name!r} is announced by two packages ({' and '.join(targets)}); name one of these instead"
            )
        target = targets[0]
    if not re.fullmatch(r"\w+(\.\w+)*\s*:\s*\w+(\.\w+)*", target):
        raise UserError(f"{kind} {name!r} is not a name; expected {FORM[kind]}")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    try:
        with foreign():
            found = pkgutil.resolve_name(target.replace(" ", ""))
    except Exception as error:
        module = target.partition(":")[0].strip()
        # Where importing a module failed it is not kept there.
        if isinstance(error, AttributeError) and module in sys.modules:
            raise UserError(f"{kind} {name!r}: {one_line(error)}; expected {FORM[kind]}") from error
        raise UserError(f"{kind} {name!r} cannot be imported ({one_line(error)}); {_remedy(error, module)}") from error
    _IMPORTED.add(re.split(r"[.:\s]", target)[0])
    return found


def _remedy(error: Exception, module: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        own = f"{module}.".startswith(f"{error.name}.")
        return "run from the folder that holds it, or install it" if own else f"install {error.name}, which it needs"
    return "correct what its module does on import"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in by name, with the parameters it is to be made with.

    Attributes:
        kind, name: what it is, and its name without parameters.
        given: the parameters that were given, as plain data.
        resolved: all of them, those not given at their defaults: what an id can be made of, the same in every process.
        maker, arguments: the class or function, and what it is called with.
    """

    kind: Kind
    name: str
    given: Mapping[str, Any]
    resolved: Mapping[str, Any]
    maker: Callable[..., Any]
    arguments: Mapping[str, Any]

    def construct(self) -> Any:
        """A new one; raises whatever the plug-in raises."""
        return self.maker(**self.arguments)

    def make(self) -> Any:
        """A new one.

        Raises:
            UserError: it raised.
        """
        try:
            with contained():
                return self.construct()
        except UserError:  # of a plug-in that this one makes in turn
            raise
        except Exception as error:
            raise UserError(f"{self.kind} {self.name!r} cannot be made ({one_line(error)})") from error


def find_plugin(
    kind: Kind,
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
    maker: Callable[[str], Callable[..., Any]] | None = None,
) -> Plugin:
    """The plug-in called `name`, its parameters checked; nothing is made yet.

    Args:
        kind: what it is; a scenario is no such plug-in (see `goldenrule.envs.spec`).
        name: `package.module:Name` or an entry point, perhaps with parameters in brackets.
        params: parameters as plain data, where the name has none.
        texts: or as they were typed on a command line.
        maker: finds what makes the plug-in; `load_object` by default.

    Raises:
        UserError: it cannot be imported, is not callable, or a parameter is wrong or given twice.
    """
    plain, in_name = parse_call(name)
    if in_name and (params or texts):
        raise UserError(f"{kind} {name!r} has parameters in its name and beside it; give them in one place")
    if kind == "agent" and model_of(plain) is not None:
        maker = _maker_of_model
    make = load_object(kind, plain) if maker is None else maker(plain)
    whose = f"{kind} {plain!r}"
    if not callable(make):
        raise UserError(f"{whose} is {kind_of(make)}; expected a class or a function that makes one")
    model = parameter_model(make, whose)
    given = dict(params or {}) or read_texts(model, texts or in_name)
    values = check_parameters(model, given, whose)
    arguments = {key: vars(values)[key] for key in values.model_fields_set}
    return Plugin(kind, plain, given, plain_values(values), make, arguments)


def model_of(name: str) -> str | None:
    """The model of an agent that is named by it (`hf:FOLDER` has `FOLDER`); `None` for any other name."""
    scheme, colon, model = name.partition("(")[0].partition(":")
    return model if colon and scheme in SCHEMES else None


def _maker_of_model(name: str) -> Callable[..., Any]:
    """What makes an agent named by its model, whose other parameters are still to be given."""
    target, extra, package = SCHEMES[name.partition(":")[0]]
    if find_spec(package) is None:
        raise UserError(f"{name} needs the extra {extra}; install it with: pip install 'goldenrule[{extra}]'")
    return functools.partial(pkgutil.resolve_name(target), model_of(name))


def check_callable(made: Any, whose: str, verb: str, *takes: str) -> None:
    """See that `made` has a method `verb` that can be called with these arguments by place.

    Raises:
        UserError: it has not.
    """
    function, expected = getattr(made, verb, None), f"{verb}({', '.join(takes)})"
    if not callable(function):
        raise UserError(f"{whose} has no {verb}; expected {expected}")
    signature = signature_of(function)
    if signature is None:
        return
    try:
        signature.bind(*takes)
    except TypeError:
        raise UserError(f"{whose} has {verb}{signature}; expected {expected}") from None


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """What a function or class takes; `None` where it does not tell, as a compiled one."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def code_digests() -> dict[str, str]:
    """A digest of the Python files of each package or module that plug-ins were imported from in this process.

    Rows of a plug-in whose digests differ were made by different code. What it imports from elsewhere is not covered.
    """
    return {f"{DIGEST_PREFIX}{name}": _digest(name) for name in sorted(_IMPORTED) if name in sys.modules}


def _digest(name: str) -> str:
    """Twelve hexadecimal digits; `unknown` where there are no files to read."""
    module = sys.modules[name]
    file = getattr(module, "__file__", None)
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    try:
        files = {path.relative_to(folder): path for folder in folders for path in folder.rglob("*.py")}
        files |= {} if files or file is None else {Path(name): Path(file)}
        digest = hashlib.blake2b(digest_size=6)
        for place in sorted(files):
            digest.update(f"{place} {files[place].stat().st_size} ".encode() + files[place].read_bytes())
    except OSError:
        return "unknown"
    return digest.hexdigest() if files else "unknown"
