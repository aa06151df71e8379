"""What a scenario must keep to: all that `goldenrule.envs.check` proves, one finding a property, and its spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from goldenrule.envs.datasets.files import DataError
from goldenrule.envs.make import make
from goldenrule.envs.registry import Knob, ScenarioSpec, spec
from goldenrule.envs.testing.case import CheckError
from goldenrule.envs.testing.checker import Trial, trials
from goldenrule.envs.testing.report import BrokenError, Finding, NotTried, try_properties
from goldenrule.envs.testing.trace import EpisodeError, episode


def check_scenario(name: str, *, knobs: Mapping[str, Any] | None = None) -> list[Finding]:
    """Try what every scenario must keep to, in every way to act and with both APIs.

    Args:
        name: a registered id, `package.module:SPEC`, or the name of an entry point.
        knobs: its settings.

    Returns:
        A finding for each property; one that fails in several variants names the first.

    Raises:
        ValueError: unknown scenario or knob.
    """
    known, given = spec(name), dict(knobs or {})
    by_property: dict[str, list[Trial]] = {}
    for trial in trials(name, knobs=given):
        by_property.setdefault(trial.what, []).append(trial)
    properties: dict[str, Callable[[], None]] = {
        "its learner and partner have seats": partial(_seats, known, given),
        **{what: partial(_all, tried_in) for what, tried_in in by_property.items()},
        "every knob works at the ends of its range": partial(_knobs, name, known, given),
    }
    return try_properties(properties)


def _seats(known: ScenarioSpec, knobs: Mapping[str, Any]) -> None:
    names = known.build(**knobs).agents
    for which in ("learner", "partner"):
        role: str = getattr(known, which)
        if role not in names and f"{role}_0" not in names:
            raise BrokenError(f"its {which} is {role!r}; expected a role or seat of {', '.join(names)}")


def _all(trials_of_one: list[Trial]) -> None:
    for trial in trials_of_one:
        try:
            trial.run()
        except CheckError as error:
            raise BrokenError(str(error)) from error


def _knobs(name: str, known: ScenarioSpec, given: Mapping[str, Any]) -> None:
    missing = []
    for knob in known.knobs:
        for value in _ends(knob):
            try:
                env = make(name, **{**given, knob.name: value})
                for _ in episode(env, 0):
                    pass
            except DataError as error:
                missing.append(f"{knob.name}={value}: {error}")
            except (EpisodeError, ValueError) as error:
                raise BrokenError(f"with {knob.name}={value}: {error}") from error
    if missing:
        raise NotTried(missing[0])


def _ends(knob: Knob) -> list[Any]:
    if knob.choices:
        return list(knob.choices)
    if isinstance(knob.default, bool):
        return [False, True]
    return [type(knob.default)(end) for end in (knob.low, knob.high) if end is not None]
