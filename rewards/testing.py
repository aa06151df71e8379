"""Check a reward: `check_reward(MyReward)` tries everything that others rely on, and gives a `Finding` for each.

That it reads no truth without saying so need not be tried: it is not handed any (`rewards.base.ask`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from goldenrule.agents.episode import Turn
from goldenrule.agents.testing import ODD, SCENARIO, Chooser, Stage
from goldenrule.agents.world import partner_seats
from goldenrule.common.plugins import Plugin
from goldenrule.common.seeding import generator
from goldenrule.common.text import kind_of
from goldenrule.envs.testing.report import (
    BrokenError,
    Finding,
    NotTried,
    parameter_properties,
    same_elsewhere,
    try_properties,
)
from goldenrule.rewards.base import (
    Reward,
    Score,
    ask,
    check_reward_parts,
    load_reward,
    record_everyone,
    record_truth,
)

_TOLERANCE = 1e-5
"""A network's sums depend on the shape of the batch in their last digits."""


def check_reward(
    reward: Callable[[], Reward] | Plugin,
    *,
    scenario: str = SCENARIO,
    knobs: Mapping[str, Any] | None = None,
    dialogues: int = 6,
) -> list[Finding]:
    """Try what every reward must keep to, on the messages of a scenario's learner.

    A reward whose scores are meant to depend on the batch, as a control may, says `batch_invariant = False`.

    Args:
        reward: makes the reward; called often, and each is to be as the others. Of a plug-in
            (`goldenrule.common.plugins.find_plugin`) parameters are checked too, and that another process agrees.
        scenario, knobs: whose messages are scored.
        dialogues: how many.

    Returns:
        A finding for each property.

    Raises:
        ValueError: unknown scenario or knob.
    """
    stage = Stage(scenario, dict(knobs or {}), dialogues)
    case = _Case(reward.construct if isinstance(reward, Plugin) else reward, _learner_turns(stage))
    properties: dict[str, Callable[[], object]] = {what: partial(run, case) for what, run in PROPERTIES.items()}
    if isinstance(reward, Plugin):
        properties["another process gives the same scores"] = partial(_repeats_elsewhere, reward, stage)
        properties |= parameter_properties(reward)
    return try_properties(properties, first=3)


@dataclass(frozen=True, slots=True)
class _Case:
    make: Callable[[], Reward]
    _turns: list[Turn]

    def turns(self) -> list[Turn]:
        """The messages, new each time."""
        return copy.deepcopy(self._turns)

    def scores(self, turns: Sequence[Turn] | None = None, reward: Reward | None = None) -> list[Score]:
        """Checked scores of these messages, or the usual ones, by this reward, or a new one."""
        reward = self.make() if reward is None else reward
        return ask(reward, self.turns() if turns is None else turns, "message {}".format)

    def compare(self, one: Sequence[Score], other: Sequence[Score], what: str, near: float = 0.0) -> None:
        for row, (a, b) in enumerate(zip(one, other, strict=True)):
            if a.value is None or b.value is None:
                alike = (a.value, a.reason) == (b.value, b.reason)
            else:
                alike = math.isclose(a.value, b.value, rel_tol=near, abs_tol=near)
            if not alike:
                raise BrokenError(f"message {row} scores {a.value} and {b.value} {what}")

    def need_batch_invariance(self) -> None:
        if getattr(self.make(), "batch_invariant", True) is False:
            raise NotTried("it does not promise that (batch_invariant = False)")


def _learner_turns(stage: Stage) -> list[Turn]:
    """The messages of the learner's seat in dialogues of choosers, the truth recorded in them."""
    episodes = stage.run_episodes(Chooser(), stage.seeds())
    names = episodes[0].agents
    me = names.index(stage.seat)
    record_truth(episodes, me, partner_seats(stage.scenario, names))
    record_everyone(episodes, me)
    return [turn for episode in episodes for turn in episode.turns if turn.message.speaker == me]


def _repeats_elsewhere(reward: Plugin, stage: Stage) -> None:
    arguments = {"name": reward.name, "params": reward.given, **asdict(stage)}
    same_elsewhere("goldenrule.rewards.testing:message_scores", arguments, "reward")


def message_scores(name: str, params: Mapping[str, Any], **where: Any) -> list[float | str]:
    """What each message of a `Stage` scores with a reward that is a plug-in: called in another process, to compare."""
    scores = ask(load_reward(name, params), _learner_turns(Stage(**where)), "message {}".format)
    return [score.reason if score.value is None else round(score.value, 6) for score in scores]


def _has_its_parts(case: _Case) -> None:
    reward = case.make()
    check_reward_parts(reward, kind_of(reward))


def _scores_anything(case: _Case) -> None:
    turns = case.turns()
    for number, turn in enumerate(turns):
        turn.message = replace(turn.message, text=ODD[number % len(ODD)])
    case.scores(turns)


def _is_pure(case: _Case) -> None:
    reward = case.make()
    once = case.scores(reward=reward)
    case.compare(once, case.scores(reward=reward), "when the same reward is asked again")
    case.compare(once, case.scores(), "when another reward, made alike, is asked")


def _leaves_turns_alone(case: _Case) -> None:
    turns = case.turns()
    case.scores(turns)
    changed = next((row for row, (a, b) in enumerate(zip(turns, case.turns(), strict=True)) if a != b), None)
    if changed is not None:
        raise BrokenError(f"message {changed} was changed; scores are given back, and whoever asked writes them down")


def _keeps_order(case: _Case) -> None:
    case.need_batch_invariance()
    order = [int(i) for i in generator(0, "shuffled").permutation(len(case.turns()))]
    mixed = case.scores([case.turns()[i] for i in order])
    unmixed = [mixed[order.index(i)] for i in range(len(order))]
    case.compare(case.scores(), unmixed, "when the batch is in another order", _TOLERANCE)


def _any_size(case: _Case) -> None:
    case.need_batch_invariance()
    alone = [case.scores([turn])[0] for turn in case.turns()]
    case.compare(case.scores(), alone, "when it is scored alone", _TOLERANCE)


PROPERTIES: Mapping[str, Callable[[_Case], object]] = {
    "it can be made, and has a name, privileged and score(turns)": _has_its_parts,
    "it gives one finite Score, or none with a reason, for each message": _Case.scores,
    "the same messages get the same scores": _is_pure,
    "it can score whatever is said": _scores_anything,
    "the messages are left as they were": _leaves_turns_alone,
    "scores belong to their messages, whatever the order of the batch": _keeps_order,
    "a score does not depend on the messages beside it": _any_size,
}
"""What is tried, in words, and how."""
