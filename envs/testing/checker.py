"""`check` and `check_scenario`: what PettingZoo's tests do not prove of a dialogue environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from goldenrule.common.data import DataError
from goldenrule.envs.dialogue import DialogueEnv, ParallelDialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import Knob, ScenarioSpec, spec
from goldenrule.envs.testing.checks import BOTH_APIS, PROPERTIES, Case, same_elsewhere, same_in_both_apis
from goldenrule.envs.testing.report import BrokenError, Finding, NotTried, try_properties, used_generator
from goldenrule.envs.testing.trace import EpisodeError, episode, global_generators


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was proved.

    Attributes:
        name: the environment.
        passed: one line for each property of each variant (mode and API).
        skipped: what could not be tried here, and why.
    """

    name: str
    passed: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.passed)} properties hold", *(f"  ok  {line}" for line in self.passed)]
        return "\n".join([*lines, *(f"  --  {line}" for line in self.skipped)])


def check(
    env: str | Callable[[], Any],
    *,
    seeds: Sequence[int] = (0, 1),
    knobs: Mapping[str, Any] | None = None,
    parallel: Callable[[], ParallelDialogueEnv] | None = None,
) -> CheckReport:
    """Prove of an environment what PettingZoo's tests leave open.

    Whole episodes repeat under a seed, also in another process and under another hash seed; different seeds differ;
    the global random generators are untouched; nothing of an earlier episode is visible after `reset`; nobody sees
    another's card or a message not addressed to them; a reader cannot alter what others see; observations and
    actions are in their spaces; rewards are finite and add up; termination and truncation are kept apart; illegal
    actions are refused with `ValueError` and change nothing; both APIs tell and pay the same.

    Args:
        env: a registered scenario's id (every mode, private addressing and both APIs are tried), or a callable that
            makes an AEC `DialogueEnv` or a wrapper stack around one.
        seeds: the episodes to play.
        knobs: of the scenario, where `env` is an id.
        parallel: makes the same environment with the Parallel API, where `env` is a callable.

    Returns:
        What was proved, and what could not be tried.

    Raises:
        CheckError: the first property that does not hold.
        ValueError: unknown scenario or knob, no seeds, or not a dialogue environment.
    """
    if not seeds:
        raise ValueError("no seeds were given; expected at least one")
    if isinstance(env, str):
        name, tried = env, list(trials(env, tuple(seeds), knobs))
        main = spec(env).factory.__module__ == "__main__"
        skipped = ("repeats in another process: it is defined in __main__",) if main else ()
    elif knobs:
        raise ValueError("knobs were given with a callable; expected them only with a scenario's id")
    else:
        made = env()
        if not isinstance(made.unwrapped, DialogueEnv):
            kind = type(made.unwrapped).__name__
            raise ValueError(f"a {kind} was made; expected a DialogueEnv or wrappers around one")
        name, skipped = str(made), ("repeats in another process: needs a scenario's id",)
        tried = list(_trials(Case(name, env, tuple(seeds)), parallel))
    for trial in tried:
        trial.run()
    return CheckReport(name, tuple(f"{trial.where}: {trial.what}" for trial in tried), skipped)


@dataclass(frozen=True, slots=True)
class Trial:
    """One property of one variant of a scenario, to be tried.

    Attributes:
        where: the scenario and its variant.
        what: the property.
        run: raises `CheckError` where it does not hold.
    """

    where: str
    what: str
    run: Callable[[], None]


def trials(scenario_id: str, seeds: Sequence[int] = (0, 1), knobs: Mapping[str, Any] | None = None) -> Iterator[Trial]:
    """All that `check` tries of a registered scenario, for those who want to hear of each.

    Raises:
        ValueError: unknown scenario or knob.
    """
    found, given = spec(scenario_id), dict(knobs or {})
    found.resolve(given)
    variants: list[dict[str, Any]] = [{"mode": mode} for mode in found.modes]
    variants += [{"mode": "text", "private": True}] if "text" in found.modes else []
    for variant in variants:
        label = f"{scenario_id} ({'private ' if 'private' in variant else ''}{variant['mode']})"
        options = {**given, **variant}
        case = Case(label, partial(make, scenario_id, **options), tuple(seeds))
        yield from _trials(case, partial(make, scenario_id, api="parallel", **options))
    module = found.factory.__module__
    if module != "__main__":
        request = {"module": module, "scenario_id": scenario_id, "knobs": given, "variants": variants, "seeds": seeds}
        yield Trial(scenario_id, "repeats in other processes and hash seeds", partial(same_elsewhere, request))


def _trials(case: Case, parallel: Callable[[], ParallelDialogueEnv] | None) -> Iterator[Trial]:
    properties = dict(PROPERTIES)
    if parallel is not None:
        properties[BOTH_APIS] = partial(same_in_both_apis, make_parallel=parallel)
    for what, run in properties.items():
        yield Trial(case.name, what, partial(_try, case, what, run))


def _try(case: Case, what: str, run: Callable[[Case], None]) -> None:
    before = global_generators()
    run(case)
    if used := used_generator(before):
        raise case.error(f"the global generator of {used} was used while checking: {what}", case.seeds[0])


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
        trial.run()


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
