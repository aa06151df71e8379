"""The truth an estimate is held against: what others really got for each message of the learner.

A message is credited with all that was paid from then until the learner's next message, or to the end: some rewards
come with the message, others with the reply to it, or with what follows when someone absent comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from goldenrule.agents.episode import Episode, Turn

TRUTH = "truth"
"""Name of the score under which a turn keeps what partners got for it. Privileged: for logs and the oracle only."""
EVERYONE = "truth_of_everyone"
"""The same for all but the learner, those who were absent included."""


def seats(partners: int | Sequence[int]) -> tuple[int, ...]:
    """One seat or several, as several."""
    return (partners,) if isinstance(partners, int) else tuple(partners)


def record_truth(episodes: Iterable[Episode], learner: int, partners: int | Sequence[int]) -> None:
    """Write into each turn of the learner what its partners got for it.

    Where there are several partners their rewards add, as those of individuals do ([T] Eq. 1, arXiv 2411.04127). Those
    who are not concerned by a message are paid nothing for it.

    Args:
        episodes: whose learner's turns get `scores["truth"]`.
        learner: its seat.
        partners: a seat or several.
    """
    counted = seats(partners)
    _credit(episodes, learner, TRUTH, lambda turn: sum(turn.rewards[seat] for seat in counted))


def record_everyone(episodes: Iterable[Episode], learner: int) -> None:
    """Write into each turn of the learner what all others got for it: `scores["truth_of_everyone"]`."""
    _credit(episodes, learner, EVERYONE, lambda turn: paid_to_others(turn, learner))


def paid_to_others(turn: Turn, learner: int) -> float:
    """What a turn paid all but the learner, those who were absent included."""
    return sum(reward for seat, reward in enumerate(turn.rewards) if seat != learner) + sum(turn.absent.values())


def _credit(episodes: Iterable[Episode], learner: int, name: str, paid: Callable[[Turn], float]) -> None:
    for episode in episodes:
        credit = None
        for turn in episode.turns:
            if turn.message.speaker == learner:
                credit = turn
                credit.scores[name] = 0.0
            if credit is not None:
                credit.scores[name] = (credit.scores[name] or 0.0) + paid(turn)
