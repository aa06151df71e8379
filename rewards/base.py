"""The Reward protocol: a reward scores messages, a batch at a time, with a number or with none and the reason.

Unscored is not zero: a score is a finite number, or none with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from goldenrule.agents.episode import Episode, Turn, speaker_turns
from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.frozen import quick_init
from goldenrule.common.numbers import as_float
from goldenrule.common.plugins import check_callable, find_plugin
from goldenrule.common.text import counted, kind_of
from goldenrule.common.untrusted import raised_by

TRUTH = "truth"
"""Name under which a turn's log keeps what partners got for it. Privileged: for logs and the oracle only."""
EVERYONE = "truth_of_everyone"
"""The same for all but the learner, those who were absent included."""
RESERVED = ("task", TRUTH, EVERYONE)
"""Names that no `Reward` may take: the environment's own reward, and what estimates are compared with."""


@quick_init
@dataclass(frozen=True, slots=True)
class Score:
    """The score that one reward gives to one message.

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
        if self.reason if self.value is not None else not self.reason:
            raise ValueError(
                f"a score of {self.value!r} came with the reason {self.reason!r}; expected a number, or None and why"
            )


@runtime_checkable
class Reward(Protocol):
    """Scores messages. Pure given its models; the same object serves the AEC wrapper and the batched rollout.

    Attributes:
        name: what its scores are called: `rlhf`, `kindness`, ...; not `task`.
        privileged: whether it reads the scenario's truth (cards, judgements, others' rewards and scores), which no
            agent may see; such scores never reach an agent's infos.
    """

    name: str
    privileged: bool

    def score(self, turns: Sequence[Any]) -> Sequence[Score]:
        """One score for each turn, in order.

        Args:
            turns: `SpeakerTurn`s, or `Turn`s for a privileged reward.

        Returns:
            Scores. A bare number stands for a `Score` of it, as do tensors and arrays of one element (see
            `goldenrule.common.numbers`), so that a tensor of N rewards will do; a bare `None` lacks its reason and is
            refused.
        """


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
        reward: who is asked. Only a privileged one is handed the turns; others get copies of what the speakers knew,
            from which no reference leads to more. (One that walks the frames of its callers, or all objects of the
            process, is not kept from the truth: that would take another process.)
        turns: the messages, one batch; of one seat, since their views hold the cards of those who spoke.
        place: where turn number `i` of the batch is (agent and turn), in words, for the error.

    Raises:
        ContractError: it raised; says what.
        ScoreError: see `check_scores`.
    """
    return ask_about(reward, list(turns) if reward.privileged else speaker_turns(turns), place) if turns else []


def ask_about(reward: Reward, shown: list[Any], place: Callable[[int], str]) -> list[Score]:
    """As `ask`, handing `shown` to the reward: turns if it is privileged, otherwise copies as `speaker_turns` makes.

    Every message of an environment passes here, so what is right costs as little as it can.
    """
    count = len(shown)
    try:
        given: Any = reward.score(shown)
        if type(given) is not list and not isinstance(given, Iterable):
            raise ScoreError(f"{_name(reward)} gave {kind_of(given)}; expected {counted(count, 'score')}")
        scores = list(given)
    except BaseException:
        with raised_by(_name(reward)):
            raise
    if len(scores) == count:
        for one in scores:
            if type(one) is not Score or not _is_plain(one.value, one.reason, one.note):
                break
        else:
            return scores
    return check_scores(scores, _name(reward), count, place)


def _name(reward: Reward) -> str:
    return f"reward {reward.name!r}"


def _is_plain(value: Any, reason: Any, note: Any) -> bool:
    """Whether `check_scores` returns a score of these parts as it is: a finite float, and words."""
    return type(value) is float and math.isfinite(value) and type(reason) is str and type(note) is str


def check_scores(given: Sequence[Any], giver: str, count: int, place: Callable[[int], str]) -> list[Score]:
    """What was given as scores, with plain floats for values.

    Args:
        given: scores or bare numbers, as a reward or a method returned them.
        giver: who gave them, for the error.
        count: how many there should be.
        place: where message number `i` is, in words, for the error.

    Raises:
        ScoreError: a wrong number of scores, or one that is no finite number, nor `None` with a reason in words.
    """
    if len(given) != count:
        raise ScoreError(f"{giver} gave {counted(len(given), 'score')}; expected {count}, one a turn")
    scores = []
    for row, one in enumerate(given):
        try:
            scores.append(_as_score(one))
        except ValueError as wrong:
            raise ScoreError(
                f"{giver} gave {wrong} for {place(row)}; expected a finite number, or None with a reason"
            ) from None
    return scores


def _as_score(given: Any) -> Score:
    """A score of a plain float or none.

    Raises:
        ValueError: it is no such thing; the message says what it is.
    """
    if given is None:
        raise ValueError("a bare None")
    score = given if isinstance(given, Score) else Score(given)
    for words in (score.reason, score.note):
        if not isinstance(words, str):
            raise ValueError(f"a reason or note of type {type(words).__name__}")
    if score.value is None:
        return score
    value = as_float(score.value)
    if not math.isfinite(value):
        raise ValueError(str(value))
    return score if value is score.value else replace(score, value=value)


def score_episodes(reward: Reward, episodes: Iterable[Episode], learner: int) -> list[Score]:
    """Score every message of one seat in many episodes, as one batch.

    Args:
        reward: who is asked, once.
        episodes: where the messages were said.
        learner: index of the seat whose messages are scored.

    Returns:
        The scores, in the order of the episodes and their turns. They are not written anywhere: see `log_scores`.

    Raises:
        ScoreError: see `check_scores`.
    """
    turns, place = _messages(episodes, learner)
    return ask(reward, turns, place)


def _messages(episodes: Iterable[Episode], learner: int) -> tuple[list[Turn], Callable[[int], str]]:
    """The turns of one seat, and where number `i` of them is, in words."""
    turns, places = list[Turn](), list[str]()
    for episode in episodes:
        for number, turn in enumerate(episode.turns):
            if turn.message.speaker == learner:
                turns.append(turn)
                places.append(f"{episode.agents[learner]}, turn {number} of the episode with seed {episode.seed}")
    return turns, places.__getitem__


def log_scores(episodes: Iterable[Episode], learner: int, name: str, scores: Sequence[Score]) -> None:
    """Write the scores of one seat's messages into the log of their turns.

    Args:
        episodes, learner, scores: as `score_episodes` takes and returns them.
        name: what they are called in the log.

    Raises:
        ScoreError: a turn already has a score of that name; nothing has been written then.
    """
    turns, place = _messages(episodes, learner)
    for row, turn in enumerate(turns):
        if name in turn.scores:
            raise ScoreError(f"{place(row)} already has a score named {name!r}; give one of the two another name")
    for turn, score in zip(turns, scores, strict=True):
        log_score(turn, name, score)


def log_score(turn: Turn, name: str, score: Score) -> None:
    """Write `score` into the log of `turn` under `name`."""
    turn.scores[name] = score.value
    if score.value is None:
        turn.reasons[name] = score.reason
    if score.note:
        turn.notes[name] = score.note


# The truth that estimates are compared with: what others really got for each message of the learner. A message is
# credited with all that was paid from then until the learner's next message, or to the end: some rewards come with the
# message, others with the reply to it, or with what follows when someone absent comes back.


def record_truth(episodes: Iterable[Episode], learner: int, partners: Sequence[int]) -> list[float]:
    """What its partners got for each message of the learner; also logged in its turns as `scores["truth"]`.

    Where there are several partners their rewards add, as those of individuals do ([T] Eq. 1, arXiv 2411.04127). Those
    who are not concerned by a message are paid nothing for it.

    Args:
        episodes: what was said.
        learner: its seat.
        partners: seats of its partners.
    """
    return _credit(episodes, learner, TRUTH, lambda turn: sum(turn.rewards[seat] for seat in partners))


def record_everyone(episodes: Iterable[Episode], learner: int) -> list[float]:
    """What all others got for each message of the learner; also logged as `scores["truth_of_everyone"]`."""
    return _credit(episodes, learner, EVERYONE, lambda turn: paid_to_others(turn, learner))


def paid_to_others(turn: Turn, learner: int) -> float:
    """What a turn paid all but the learner, those who were absent included."""
    return sum(reward for seat, reward in enumerate(turn.rewards) if seat != learner) + sum(turn.absent.values())


def _credit(episodes: Iterable[Episode], learner: int, name: str, paid: Callable[[Turn], float]) -> list[float]:
    credits: list[float] = []
    for episode in episodes:
        message = None  # of the learner, to be credited with what is paid from now on
        for turn in episode.turns:
            if turn.message.speaker == learner:
                message = turn
                credits.append(0.0)
            if message is not None:
                credits[-1] += paid(turn)
                message.scores[name] = credits[-1]
    return credits
