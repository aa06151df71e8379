"""What a reward is: it scores messages, a batch at a time, and says so where it cannot.

A score is a finite number, or none with a reason: unscored is not zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from goldenrule.agents.episode import Episode, Turn
from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.plugins import check_callable, find_plugin
from goldenrule.common.untrusted import contained

TASK = "task"
"""Name of the environment's own true reward; no `Reward` may take it."""
RESERVED = (TASK, "truth", "truth_of_everyone")
"""Names that no plug-in may take: the scenario's own reward, and what estimates are compared with."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one message is worth to one reward.

    Attributes:
        value: a finite number, or `None` where the reward cannot be had.
        reason: why it is `None`; empty otherwise.
        note: what to show beside the turn, such as the simulated reply.

    Raises:
        ValueError: no value and no reason, or both.
    """

    value: float | None
    reason: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(
                f"a score of {self.value!r} came with the reason {self.reason!r}; expected a number, or None and why"
            )


@runtime_checkable
class Reward(Protocol):
    """Scores messages. Pure given its models; the same object serves the AEC wrapper and the batched rollout.

    Attributes:
        name: what its scores are called: `rlhf`, `kindness`, ...; not `task`.
        privileged: whether it reads the scenario's truth (cards, judgements, others' rewards), which no agent
            may see; such scores never reach an agent's infos.
    """

    name: str
    privileged: bool

    def score(self, turns: Sequence[Turn]) -> Sequence[Score]:
        """One score for each turn, in order."""


def load_reward(name: str, params: Mapping[str, Any] | None = None) -> Reward:
    """A reward of the user's own from its class or factory.

    Args:
        name: `package.module:Class` or an entry point of `goldenrule.rewards`, perhaps with parameters in brackets.
        params: its parameters as plain data, where the name has none.

    Raises:
        UserError: it cannot be imported or made, a parameter is wrong, or it lacks a name, `privileged` or `score`.
    """
    reward: Reward = find_plugin("reward", name, params).make()
    check_reward_parts(reward, f"reward {name!r}")
    return reward


def check_reward_parts(reward: Any, whose: str) -> None:
    """See that a reward has a name of its own, says whether it is privileged, and can score.

    Raises:
        UserError: it does not.
    """
    check_callable(reward, whose, "score", "turns")
    name, privileged = getattr(reward, "name", None), getattr(reward, "privileged", None)
    if not isinstance(name, str) or not name or name in RESERVED:
        raise UserError(f"{whose} has the name {name!r}; expected a text that is none of {', '.join(RESERVED)}")
    if not isinstance(privileged, bool):
        raise UserError(
            f"{whose} has privileged={privileged!r}; expected True if it reads what no agent may see, or False"
        )


class ScoreError(ContractError):
    """A reward broke its contract: a line that says which reward, whose message, what it gave, what was expected."""


def ask(reward: Reward, turns: Sequence[Turn], place: Callable[[int], str]) -> list[Score]:
    """The scores of `turns`, checked.

    Args:
        reward: who is asked.
        turns: the messages, one batch.
        place: where turn number `i` of the batch is (agent and turn), in words, for the error.

    Raises:
        ScoreError: the wrong number of scores, something that is no `Score`, or NaN or infinity.
    """
    if not turns:
        return []
    with contained():
        scores = list(reward.score(turns))
    if len(scores) != len(turns):
        raise ScoreError(f"reward {reward.name!r} gave {len(scores)} scores; expected {len(turns)}, one a turn")
    for row, score in enumerate(scores):
        if not isinstance(score, Score):
            raise ScoreError(f"reward {reward.name!r} gave a {type(score).__name__} for {place(row)}; expected a Score")
        if score.value is not None and not math.isfinite(score.value):
            raise ScoreError(
                f"reward {reward.name!r} gave {score.value} for {place(row)}; "
                "expected a finite number, or None with a reason"
            )
    return scores


def record(turn: Turn, name: str, score: Score) -> None:
    """Write `score` into `turn` under `name`.

    Raises:
        ScoreError: the turn already has a score of that name.
    """
    if name in turn.scores:
        raise ScoreError(_taken(name, "a turn"))
    turn.scores[name] = None if score.value is None else float(score.value)
    if score.value is None:
        turn.reasons[name] = score.reason
    if score.note:
        turn.notes[name] = score.note


def score_episodes(reward: Reward, episodes: Iterable[Episode], learner: int) -> list[Score]:
    """Score every message of one seat in many episodes, as one batch, and write the scores into the turns.

    Args:
        reward: who is asked, once.
        episodes: whose turns get `scores[reward.name]`, and `reasons` and `notes` where there are any.
        learner: index of the seat whose messages are scored.

    Returns:
        The scores, in the order of the episodes and their turns.

    Raises:
        ScoreError: see `ask` and `record`; nothing has been written then.
    """
    turns, places = [], []
    for episode in episodes:
        for number, turn in enumerate(episode.turns):
            if turn.message.speaker == learner:
                turns.append(turn)
                places.append(f"{episode.agents[learner]}, turn {number} of the episode with seed {episode.seed}")
    for turn, place in zip(turns, places, strict=True):
        if reward.name in turn.scores:
            raise ScoreError(_taken(reward.name, place))
    scores = ask(reward, turns, places.__getitem__)
    for turn, score in zip(turns, scores, strict=True):
        record(turn, reward.name, score)
    return scores


def _taken(name: str, place: str) -> str:
    return f"{place} already has a score named {name!r}; give one of the two rewards another name"
