"""The methods that are compared: how each trains its learner, and whose estimate of the partner's reward it holds."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from goldenrule.rewards.base import Reward, score_episodes
from goldenrule.rewards.kindness import Estimator
from goldenrule.training.learner import Learner, Report
from goldenrule.training.methods.empathetic_kindness import train_empathetic_kindness
from goldenrule.training.methods.naive_kindness import train_naive_kindness
from goldenrule.training.methods.rlhf import train_rlhf_ppo
from goldenrule.training.ppo import train


@dataclass(frozen=True, slots=True)
class Method:
    """One way to get an agent.

    Attributes:
        name: what it is called on the command line and in results.
        doc: what it is, in a line.
        train: trains a learner in place; `None` for methods that do not train a network.
        estimator: whose estimate of the partner's reward the table shows for it.
        split: whether gradients are routed by module.
        kind: `network`, or how else the agent is made: `scripted`, `sb3`.
    """

    name: str
    doc: str
    train: Callable[[Learner, Report], None] | None
    estimator: Estimator = "prediction"
    split: bool = True
    kind: str = "network"


_METHODS = {
    method.name: method
    for method in (
        Method("untrained", "the base checkpoint as it is", None),
        Method("rlhf_ppo", "PPO on a Bradley-Terry model of annotators' preferences", train_rlhf_ppo),
        Method("naive_kindness", "kindness with its own reply in the partner's place", train_naive_kindness, "naive"),
        Method("empathetic_kindness", "kindness with the prediction module's reply", train_empathetic_kindness),
        Method(
            "oracle_kindness",
            "control: the partner's true reward",
            partial(train_empathetic_kindness, estimator="oracle"),
        ),
        Method(
            "shuffled_kindness",
            "control: another conversation's estimate",
            partial(train_empathetic_kindness, estimator="shuffled"),
        ),
        Method(
            "unsplit_kindness",
            "control: empathetic kindness without gradient routing",
            train_empathetic_kindness,
            split=False,
        ),
        Method(
            "universal_kindness",
            "empathetic kindness towards everyone known, third parties included",
            partial(train_empathetic_kindness, individuals="known"),
        ),
        Method("rlhf_sb3", "RLHF with Stable-Baselines3's MaskablePPO, choosing among candidates", None, kind="sb3"),
        Method("scripted", "the scenario's own scripted helper, no training", None, kind="scripted"),
    )
}


def ppo_on(
    reward: Annotated[str, Field(description="of the user's own: package.module:Class, or an entry point")],
    params: Annotated[dict[str, Any] | None, Field(description="of that reward")] = None,
) -> Method:
    """PPO on a reward of the user's own: `ppo_on(reward=package.module:Class)`."""
    from goldenrule.benchmarks.evaluation import plugins  # which itself looks methods up here

    asked = plugins.reward(reward, params)
    return Method("ppo_on", f"PPO on the reward {asked.name}", partial(_train_on, asked=asked))


def _train_on(learner: Learner, report: Report, asked: Reward) -> None:
    train(learner, lambda episodes: score_episodes(asked, episodes, learner.me), report)


FACTORIES: dict[str, Callable[..., Method]] = {"ppo_on": ppo_on}
"""Methods that take parameters, by name."""


def methods() -> dict[str, Method]:
    """All methods that take no parameters by name, in the order of the table."""
    return dict(_METHODS)


def method(name: str) -> Method:
    """The method called `name`.

    Raises:
        ValueError: there is none; the message names those there are.
    """
    if name not in _METHODS:
        close = difflib.get_close_matches(name, list(_METHODS), n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        known = ", ".join([*_METHODS, *FACTORIES])
        raise ValueError(f"no method {name!r}; expected one of {known}, or package.module:function{hint}")
    return _METHODS[name]
