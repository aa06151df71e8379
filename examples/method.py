"""A method: empathetic kindness in few words.

goldenrule check method examples.method:brief_kindness --set cost=0.1
goldenrule compare --methods untrained,empathetic_kindness,examples.method:brief_kindness
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from goldenrule.agents import Episode
from goldenrule.rewards.base import Score, record, score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.learner import Learner, Report
from goldenrule.training.loop import train
from goldenrule.training.methods.registry import Method

REWARD = "brief_kindness"


def brief_kindness(
    cost: Annotated[float, Field(ge=0, description="what each word of a message costs")] = 0.01,
) -> Method:
    """Empathetic kindness, less a cost for each word."""
    # `estimator` says whose estimate of the partner's reward stands in the table: the one it learns from.
    return Method(REWARD, "empathetic kindness in few words", partial(train_briefly, cost=cost), "prediction")


def train_briefly(learner: Learner, report: Report, cost: float) -> None:
    """Train `learner.network` in place; `report` is told of each update. Draw from `learner.rng` only."""
    world = learner.world
    kindness = Kindness(
        "prediction", learner.agent, world.read, world.partners, scenario=world.env(0).scenario, rng=learner.rng
    )

    def score(episodes: Sequence[Episode]) -> None:
        """Write the score to learn from into each of the learner's turns."""
        score_episodes(kindness, episodes, learner.me)
        for episode in episodes:
            for turn in episode.turns:
                if turn.message.speaker != learner.me:
                    continue
                kind = turn.scores[kindness.name]
                words = len(turn.message.text.split())
                unknown = Score(None, "its kindness is unknown")
                record(turn, REWARD, unknown if kind is None else Score(kind - cost * words))

    train(learner, score, REWARD, report)  # rollouts, PPO, and what every method does around its reward
