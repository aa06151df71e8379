"""`check`: what PettingZoo's tests do not prove of a dialogue environment or a wrapper stack around one."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from goldenrule.envs.dialogue import DialogueEnv, ParallelDialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.testing.case import Case
from goldenrule.envs.testing.checks import PROPERTIES, as_action
from goldenrule.envs.testing.trace import (
    Request,
    Step,
    first_difference,
    plain,
    traces,
    traces_elsewhere,
)

BOTH_APIS = "both APIs tell and pay the same"
_HASH_SEEDS = (1, 2)


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
        return _check_scenario(env, tuple(seeds), dict(knobs or {}))
    if knobs:
        raise ValueError("knobs were given with a callable; expected them only with a scenario's id")
    made = env()
    if not isinstance(made.unwrapped, DialogueEnv):
        raise ValueError(f"a {type(made.unwrapped).__name__} was made; expected a DialogueEnv or wrappers around one")
    case = Case(str(made), env, tuple(seeds))
    passed = _checks(case, PROPERTIES)
    if parallel is not None:
        passed += _checks(case, {BOTH_APIS: lambda c: _parallel(c, parallel)})
    skipped = ("repeats in another process: needs a scenario's id",)
    return CheckReport(case.name, tuple(passed), skipped)


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
        yield from _trials(case, PROPERTIES)
        both = partial(_parallel, make_parallel=partial(make, scenario_id, api="parallel", **options))
        yield from _trials(case, {BOTH_APIS: both})
    module = found.factory.__module__
    if module != "__main__":
        request = Request(module, scenario_id, given, variants, tuple(seeds))
        yield Trial(scenario_id, "repeats in other processes and hash seeds", partial(_elsewhere, request))


def _check_scenario(scenario_id: str, seeds: tuple[int, ...], knobs: dict[str, Any]) -> CheckReport:
    passed = []
    for trial in trials(scenario_id, seeds, knobs):
        trial.run()
        passed.append(f"{trial.where}: {trial.what}")
    main = spec(scenario_id).factory.__module__ == "__main__"
    skipped = ("repeats in another process: it is defined in __main__",) if main else ()
    return CheckReport(scenario_id, tuple(passed), skipped)


def _trials(case: Case, checks: Mapping[str, Callable[[Case], None]]) -> Iterator[Trial]:
    for what, run in checks.items():
        yield Trial(case.name, what, partial(_tried, case, what, run))


def _tried(case: Case, what: str, run: Callable[[Case], None]) -> None:
    with _globals_untouched(case, what):
        run(case)


def _checks(case: Case, checks: Mapping[str, Callable[[Case], None]]) -> list[str]:
    for trial in _trials(case, checks):
        trial.run()
    return [f"{case.name}: {what}" for what in checks]


@contextlib.contextmanager
def _globals_untouched(case: Case, what: str) -> Iterator[None]:
    before = global_generators()
    yield
    for name, state in global_generators().items():
        if before.get(name, state) != state:
            raise case.error(f"the global generator of {name} was used while checking: {what}", case.seeds[0])


def global_generators() -> dict[str, Any]:
    """The state of every global random generator that is loaded, by its library's name."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy": plain(np.random.get_state())}  # noqa: NPY002
    torch = sys.modules.get("torch")  # read only where someone else has imported it
    if torch is not None:
        states["torch"] = torch.random.get_rng_state().tolist()
    return states


def _parallel(case: Case, make_parallel: Callable[[], ParallelDialogueEnv]) -> None:
    for seed in case.seeds:
        steps = case.play(seed)
        env = make_parallel()
        seen, _ = env.reset(seed=seed)
        case.same([_both(steps[0])], [_both(steps[0], seen)], "AEC and Parallel begin differently", seed)
        said: dict[str, Any] = {}
        for turn, (before, step) in enumerate(pairwise(steps), 1):
            said[step["agent"]] = as_action(env, step)
            if step["turns"] == before["turns"]:
                continue  # others speak in the same turn
            seen, *paid, _ = env.step(said)
            said = {}
            told = _both(step, seen, *paid, absent=env.absent_rewards)
            difference = first_difference(_both(step), told)
            if difference:
                raise case.error(f"AEC and Parallel differ: {difference}", seed, turn, step["agent"])
        if env.agents:
            raise case.error("the episode is over in AEC and goes on in Parallel", seed)


def _both(step: Step, seen: Any = None, *paid: Any, absent: Any = None) -> Step:
    """What both APIs tell of a step: as AEC told it, or with what Parallel told in its place."""
    names = ("rewards", "terminations", "truncations")
    told = {name: step[name] for name in (*names, "seen", "absent", "agent", "next")}
    if seen is not None:
        told["seen"] = plain(seen)
    if paid:
        told.update(zip(names, map(plain, paid), strict=True), absent=plain(absent))
    return told


def _elsewhere(request: Request) -> None:
    here = traces(request)
    for hash_seed in _HASH_SEEDS:
        case = Case(f"{request.scenario_id} (another process, hash seed {hash_seed})", lambda: None, ())
        try:
            there = traces_elsewhere(request, hash_seed)
        except RuntimeError as error:
            raise case.error(f"it could not be played: {error}", request.seeds[0]) from error
        for ours, theirs in zip(here, there, strict=True):
            for seed, one, other in zip(request.seeds, ours, theirs, strict=True):
                case.same(one, other, "the episode differs from this process", seed)
