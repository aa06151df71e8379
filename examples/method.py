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
from goldenrule.rewards.base import Score, score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.learner import Learner, Report
from goldenrule.training.methods.registry import Method
from goldenrule.training.ppo import train


def brief_kindness(
    cost: Annotated[float, Field(ge=0, description="what each word of a message costs")] = 0.01,
) -> Method:
    """Empathetic kindness, less a cost for each word."""
    # `estimator` says whose estimate of the partner's reward stands in the table: the one it learns from.
    return Method("brief_kindness", "empathetic kindness in few words", partial(train_briefly, cost=cost), "prediction")


def train_briefly(learner: Learner, report: Report, cost: float) -> None:
    """Train `learner.network` in place; `report` is told of each update. Draw from `learner.rng` only."""
    world = learner.world
    kindness = Kindness("prediction", learner.agent, world.read, world.partners, scenario=world.public_scenario)

    def score(episodes: Sequence[Episode]) -> list[Score]:
        """One score for each of the learner's messages, in order."""
        turns = [turn for episode in episodes for turn in episode.turns_of(learner.me)]
        kind = score_episodes(kindness, episodes, learner.me)
        return [
            one if one.value is None else Score(one.value - cost * len(turn.message.text.split()))
            for one, turn in zip(kind, turns, strict=True)
        ]

    train(learner, score, report)  # rollouts, PPO, and what every method does around its reward
