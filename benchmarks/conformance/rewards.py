"""What a reward must keep to: one finite score a message or a reason, and pure.

That it reads no truth without saying so need not be tried: it is not handed any (`rewards.base.ask`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from goldenrule.agents.episode import Turn
from goldenrule.benchmarks.conformance.elsewhere import Request, repeats_elsewhere
from goldenrule.benchmarks.conformance.tables import ODD, SCENARIO, Tables, scored
from goldenrule.benchmarks.evaluation.plugins import RESERVED
from goldenrule.common.seeding import generator
from goldenrule.envs.testing.report import BrokenError, Finding, NotTried, shown, tried
from goldenrule.rewards.base import Reward, Score

_TOLERANCE = 1e-5
"""A network's sums depend on the shape of the batch in their last digits."""


def check_reward(
    make: Callable[[], Reward],
    *,
    scenario: str = SCENARIO,
    knobs: Mapping[str, Any] | None = None,
    dialogues: int = 6,
    named: tuple[str, Mapping[str, Any]] | None = None,
) -> list[Finding]:
    """Try what every reward must keep to, on the messages of a scenario's learner.

    A reward whose scores are meant to depend on the batch, as a control may, says `batch_invariant = False`.

    Args:
        make: makes the reward; called often, and each is to be as the others.
        scenario, knobs: whose messages are scored.
        dialogues: how many.
        named: a plug-in's name and parameters, by which another process can make it too.

    Returns:
        A finding for each property.

    Raises:
        ValueError: unknown scenario or knob.
    """
    tables = Tables(scenario, dict(knobs or {}), dialogues)
    case = _Case(make, tables.turns())
    properties = {what: partial(run, case) for what, run in PROPERTIES.items()}
    if named is not None:
        request = Request("reward", *named, scenario, tables.knobs, dialogues)
        properties["another process gives the same scores"] = partial(repeats_elsewhere, request)
    return tried(properties, first=3)


@dataclass(frozen=True, slots=True)
class _Case:
    make: Callable[[], Reward]
    _turns: list[Turn]

    def turns(self) -> list[Turn]:
        """The messages, new each time."""
        return copy.deepcopy(self._turns)

    def scores(self, turns: Sequence[Turn] | None = None, reward: Reward | None = None) -> list[Score]:
        """Checked scores of these messages, or the usual ones, by this reward, or a new one."""
        return scored(self.make() if reward is None else reward, self.turns() if turns is None else turns)

    def same(self, one: Sequence[Score], other: Sequence[Score], what: str, near: float = 0.0) -> None:
        for row, (a, b) in enumerate(zip(one, other, strict=True)):
            if a.value is None or b.value is None:
                alike = (a.value, a.reason) == (b.value, b.reason)
            else:
                alike = math.isclose(a.value, b.value, rel_tol=near, abs_tol=near)
            if not alike:
                raise BrokenError(f"message {row} scores {a.value} and {b.value} {what}")

    def promised(self) -> None:
        if getattr(self.make(), "batch_invariant", True) is False:
            raise NotTried("it does not promise that (batch_invariant = False)")


def _has_its_parts(case: _Case) -> None:
    reward = case.make()
    name, privileged = getattr(reward, "name", None), getattr(reward, "privileged", None)
    if not isinstance(name, str) or not name or name in RESERVED:
        raise BrokenError(f"its name is {shown(name)}; expected a text that is none of {', '.join(RESERVED)}")
    if not isinstance(privileged, bool):
        raise BrokenError(f"its privileged is {shown(privileged)}; expected True or False")
    if not callable(getattr(reward, "score", None)):
        raise BrokenError("it has no score; expected score(turns)")


def _scores_well(case: _Case) -> None:
    case.scores()


def _scores_anything(case: _Case) -> None:
    turns = case.turns()
    for number, turn in enumerate(turns):
        turn.message = replace(turn.message, text=ODD[number % len(ODD)])
    case.scores(turns)


def _is_pure(case: _Case) -> None:
    reward = case.make()
    once = case.scores(reward=reward)
    case.same(once, case.scores(reward=reward), "when the same reward is asked again")
    case.same(once, case.scores(), "when another reward, made alike, is asked")


def _leaves_turns_alone(case: _Case) -> None:
    turns = case.turns()
    case.scores(turns)
    changed = next((row for row, (a, b) in enumerate(zip(turns, case.turns(), strict=True)) if a != b), None)
    if changed is not None:
        raise BrokenError(f"message {changed} was changed; scores are given back, and whoever asked writes them down")


def _keeps_order(case: _Case) -> None:
    case.promised()
    order = [int(i) for i in generator(0, "shuffled").permutation(len(case.turns()))]
    mixed = case.scores([case.turns()[i] for i in order])
    unmixed = [mixed[order.index(i)] for i in range(len(order))]
    case.same(case.scores(), unmixed, "when the batch is in another order", _TOLERANCE)


def _any_size(case: _Case) -> None:
    case.promised()
    alone = [case.scores([turn])[0] for turn in case.turns()]
    case.same(case.scores(), alone, "when it is scored alone", _TOLERANCE)


PROPERTIES: Mapping[str, Callable[[_Case], None]] = {
    "it can be made, and has a name, privileged and score(turns)": _has_its_parts,
    "it gives one finite Score, or none with a reason, for each message": _scores_well,
    "the same messages get the same scores": _is_pure,
    "it can score whatever is said": _scores_anything,
    "the messages are left as they were": _leaves_turns_alone,
    "scores belong to their messages, whatever the order of the batch": _keeps_order,
    "a score does not depend on the messages beside it": _any_size,
}
"""What is tried, in words, and how."""
