"""The truth an estimate is held against: what the partner really got for each message of the learner."""

from __future__ import annotations

from collections.abc import Iterable

from goldenrule.agents.episode import Episode

TRUTH = "truth"
"""Name of the score under which a turn keeps what the partner got for it. Privileged: for logs and the oracle only."""


def record_truth(episodes: Iterable[Episode], learner: int, partner: int) -> None:
    """Credit each message of the learner with all that its partner got from then until the learner's next message.

    Args:
        episodes: whose learner's turns get `scores["truth"]`.
        learner, partner: seats.
    """
    for episode in episodes:
        credit = None
        for turn in episode.turns:
            if turn.message.speaker == learner:
                credit = turn
                credit.scores[TRUTH] = 0.0
            if credit is not None:
                credit.scores[TRUTH] = (credit.scores[TRUTH] or 0.0) + turn.rewards[partner]
