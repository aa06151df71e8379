"""Agents, rewards, methods and scenarios of the user's own, by name and with checked parameters.

A plug-in is named by `package.module:Name` or by an entry point (`common.plugins`). Its name stands for what,
called with the parameters, gives it: a class, or a function. A scenario's stands for its `ScenarioSpec`, whose knobs
are the parameters. Parameters may follow a name: `package.module:Name(greeting=hi, patience=2)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from goldenrule.agents.base import Agent
from goldenrule.benchmarks.evaluation.parameters import Model, as_plain_data, checked, described, from_texts, model_of
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import Kind, announced, found
from goldenrule.common.untrusted import foreign, one_line
from goldenrule.envs.registry import ScenarioSpec, spec
from goldenrule.envs.scenarios.base import Scenario

if TYPE_CHECKING:
    from goldenrule.benchmarks.evaluation.methods import Method
    from goldenrule.rewards.base import Reward

Params = Mapping[str, Any]
RESERVED = ("task", "truth", "truth_of_everyone")
"""Names that no reward may take: those of the scenario's own, and of what estimates are held against."""


def agent(name: str, params: Params | None = None) -> Agent:
    """An agent from its class or factory.

    Args:
        name: `package.module:Class` or an entry point of `goldenrule.agents`.
        params: its parameters, plain data.

    Raises:
        UserError: it cannot be imported or made, a parameter is wrong, or it lacks `reset` or `act`.
    """
    made = _made("agent", name, params)
    _has(made, "agent", name, {"reset": ("seeds",), "act": ("observations",)})
    checked_agent: Agent = made
    return checked_agent


def reward(name: str, params: Params | None = None) -> Reward:
    """A reward from its class or factory.

    Raises:
        UserError: as for `agent`; or it lacks a name, `privileged` or `score`.
    """
    made = _made("reward", name, params)
    _has(made, "reward", name, {"score": ("turns",)})
    called, privileged = getattr(made, "name", None), getattr(made, "privileged", None)
    if not isinstance(called, str) or not called or called in RESERVED:
        raise UserError(
            f"reward {name!r} has the name {called!r}; expected a text that is none of {', '.join(RESERVED)}"
        )
    if not isinstance(privileged, bool):
        raise UserError(
            f"reward {name!r} has privileged={privileged!r}; expected True if it reads what no agent may see, or False"
        )
    checked_reward: Reward = made
    return checked_reward


def method(name: str, params: Params | None = None) -> Method:
    """A method: a built-in one, or a plug-in: a `Method`, or a class or function that gives one.

    Raises:
        UserError: there is none of that name; or as for `agent`; or it gives no `Method` that trains a network.
    """
    from goldenrule.benchmarks.evaluation.methods import Method, methods
    from goldenrule.rewards.kindness import Estimator

    if name in methods():
        if params:
            raise UserError(f"method {name!r} takes no parameters; {', '.join(params)} was given")
        return methods()[name]
    made = _made("method", name, params)
    if not isinstance(made, Method):
        raise UserError(
            f"method {name!r} gave a {type(made).__name__}; expected a Method(name, doc, train), see "
            "goldenrule.benchmarks.evaluation.methods"
        )
    if made.kind != "network" or not callable(made.train):
        raise UserError(f"method {name!r} trains nothing; expected a Method with train(learner, report)")
    _takes(made.train, "method", name, "train", ("learner", "report"))
    if made.estimator not in get_args(Estimator):
        raise UserError(
            f"method {name!r} has the estimator {made.estimator!r}; expected one of {', '.join(get_args(Estimator))}"
        )
    return made


def scenario(name: str, params: Params | None = None) -> ScenarioSpec:
    """The spec of a scenario, registered; `params` are its knobs, and `spec.resolve(params)` fills in the rest.

    Raises:
        UserError: there is none of that name, a knob is wrong, or it cannot be made.
    """
    try:
        known = spec(name)
        knobs = known.resolve(params or {})
    except ValueError as error:
        raise UserError(str(error)) from error
    try:
        with foreign():
            made = known.factory(**knobs)
    except ValueError as error:  # as the layers below refuse what they are given
        raise UserError(f"scenario {name!r}: {one_line(error).partition(': ')[2]}") from error
    except Exception as error:
        raise UserError(f"scenario {name!r} cannot be made ({one_line(error)})") from error
    if not isinstance(made, Scenario):
        raise UserError(f"scenario {name!r} made a {type(made).__name__}; expected a goldenrule.envs.Scenario")
    return known


def maker(kind: Kind, name: str, params: Params | None = None) -> Callable[[], Any]:
    """What makes the plug-in, each time it is called, and checks nothing of what it makes. Not for scenarios.

    Raises:
        UserError: it cannot be imported, or a parameter is wrong.
    """
    plain, given = split(kind, name, params)
    make, model = _declared(kind, plain)
    values = checked(model, given, f"{kind} {plain!r}")
    return partial(make, **{one: getattr(values, one) for one in values.model_fields_set})


def parameters(kind: Kind, name: str) -> dict[str, dict[str, Any]]:
    """Of each parameter its `type` in words, whether it is `required`, its `default`, and what it is `about`.

    Raises:
        UserError: the plug-in cannot be imported, or its parameters cannot be read.
    """
    if kind == "scenario":
        return {
            knob.name: {"type": knob.range, "required": False, "default": knob.default, "about": knob.doc}
            for knob in scenario(name).knobs
        }
    if kind == "method" and built_in(name):
        return {}
    return described(_declared(kind, name)[1])


def resolve(kind: Kind, name: str, params: Params | None = None) -> dict[str, Any]:
    """All parameters of a plug-in as plain data, those not given at their defaults: what an id can be made of.

    Raises:
        UserError: it cannot be imported, or a parameter is wrong.
    """
    if kind == "scenario":
        return dict(scenario(name, params).resolve(params or {}))
    if kind == "method" and built_in(name):
        method(name, params)
        return {}
    plain, given = split(kind, name, params)
    model = _declared(kind, plain)[1]
    return as_plain_data(checked(model, given, f"{kind} {plain!r}"))


def typed(kind: Kind, name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Parameters from a command line, `--set key=value`, as plain data of the types that the plug-in declares.

    Raises:
        UserError: it cannot be imported, or a parameter is wrong.
    """
    if kind == "scenario":
        scenario(name, texts)
        known = spec(name).resolve(texts)
        return {knob: known[knob] for knob in texts}
    if kind == "method" and built_in(name):
        method(name, texts)
        return {}
    return from_texts(_declared(kind, name)[1], texts, f"{kind} {name!r}")


def factories() -> Mapping[str, Callable[..., Any]]:
    """Built-in methods that take parameters, by name."""
    from goldenrule.benchmarks.evaluation.methods import FACTORIES

    return FACTORIES


def built_in(name: str) -> bool:
    """Whether a method of that name is built in."""
    from goldenrule.benchmarks.evaluation.methods import methods

    return name in methods()


def split(kind: Kind, name: str, params: Params | None = None) -> tuple[str, Params]:
    """`Name(key=value, ...)` as its name and parameters.

    Raises:
        UserError: not of that form, or parameters were given twice.
    """
    plain, bracket, rest = name.partition("(")
    if not bracket:
        return name, params or {}
    if params or not rest.endswith(")"):
        raise UserError(f"{kind} {name!r} is not a name; expected one like package.module:Name(key=value, key=value)")
    texts: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest[:-1].split(","))):
        key, equals, value = part.partition("=")
        if not equals or key.strip() in texts:
            raise UserError(f"{kind} {name!r}: {part!r} is not allowed; expected key=value, each key once")
        texts[key.strip()] = value.strip()
    return plain.strip(), typed(kind, plain.strip(), texts)


def _declared(kind: Kind, name: str) -> tuple[Callable[..., Any], Model]:
    """What makes a plug-in, and its parameters."""
    try:
        make = _ours(name) if kind == "method" else None
        make = found(kind, name) if make is None else make
    except ValueError as error:  # a `PluginError`, or that there is no such method
        raise UserError(str(error)) from error
    if kind == "method" and not callable(make):
        made = make
        make = lambda: made  # noqa: E731 - a `Method` as it is
    if not callable(make):
        raise UserError(f"{kind} {name!r} is a {type(make).__name__}; expected a class or a function that makes one")
    if kind == "method" and {"learner", "report"} <= _names(make):
        raise UserError(
            f"method {name!r} is the training itself; expected a function that returns it in a Method(name, doc, train)"
        )
    return make, model_of(make, f"{kind} {name!r}")


def _ours(name: str) -> Callable[..., Any] | None:
    """What makes a built-in method; `None` for the name of a plug-in.

    Raises:
        ValueError: there is none of that name; says which there are.
    """
    from goldenrule.benchmarks.evaluation.methods import method as known_method

    if name in factories():
        return factories()[name]
    return None if ":" in name or name in announced("method") else partial(known_method, known_method(name).name)


def _names(make: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        return set()


def _made(kind: Kind, name: str, params: Params | None) -> Any:
    make = maker(kind, name, params)
    try:
        with foreign():
            return make()
    except UserError:  # one that ours raised, as for a plug-in that it was to make in turn
        raise
    except Exception as error:  # foreign code: whatever it raises is its author's to mend
        raise UserError(f"{kind} {name!r} cannot be made ({one_line(error)})") from error


def _has(made: Any, kind: Kind, name: str, verbs: Mapping[str, tuple[str, ...]]) -> None:
    signatures = [f"{verb}({', '.join(takes)})" for verb, takes in verbs.items()]
    missing = [verb for verb in verbs if not callable(getattr(made, verb, None))]
    if missing:
        raise UserError(f"{kind} {name!r} has no {' and no '.join(missing)}; expected {' and '.join(signatures)}")
    for verb, takes in verbs.items():
        _takes(getattr(made, verb), kind, name, verb, takes)


def _takes(function: Callable[..., Any], kind: Kind, name: str, verb: str, takes: tuple[str, ...]) -> None:
    """Refuse a function that cannot be called with these arguments by place."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # of a compiled one nothing is known
    try:
        signature.bind(*takes)
    except TypeError:
        raise UserError(f"{kind} {name!r} has {verb}{signature}; expected {verb}({', '.join(takes)})") from None
