"""The truth that estimates are compared with: what others really got for each message of the learner.

A message is credited with all that was paid from then until the learner's next message, or to the end: some rewards
come with the message, others with the reply to it, or with what follows when someone absent comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from goldenrule.agents.episode import Episode, Turn

TRUTH = "truth"
"""Name under which a turn's log keeps what partners got for it. Privileged: for logs and the oracle only."""
EVERYONE = "truth_of_everyone"
"""The same for all but the learner, those who were absent included."""


def seats(partners: int | Sequence[int]) -> tuple[int, ...]:
    """One seat or several, as several."""
    return (partners,) if isinstance(partners, int) else tuple(partners)


def record_truth(episodes: Iterable[Episode], learner: int, partners: int | Sequence[int]) -> list[float]:
    """What its partners got for each message of the learner; also logged in its turns as `scores["truth"]`.

    Where there are several partners their rewards add, as those of individuals do ([T] Eq. 1, arXiv 2411.04127). Those
    who are not concerned by a message are paid nothing for it.

    Args:
        episodes: what was said.
        learner: its seat.
        partners: a seat or several.
    """
    counted = seats(partners)
    return _credit(episodes, learner, TRUTH, lambda turn: sum(turn.rewards[seat] for seat in counted))


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
