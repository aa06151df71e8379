"""The methods by name: how each trains its learner, and whose estimate of the partner's reward its table shows."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field

from goldenrule.common.errors import UserError, closest
from goldenrule.common.parameters import parse_call
from goldenrule.common.plugins import Plugin, check_callable, find_plugin, installed, load_object, signature_of
from goldenrule.common.text import kind_of
from goldenrule.rewards.base import Reward, load_reward, score_episodes
from goldenrule.rewards.kindness import Estimator

if TYPE_CHECKING:
    from goldenrule.training.learner import Learner, Report


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


def _train(function: str, learner: Learner, report: Report, **options: Any) -> None:
    """Train by a function of this folder, `module:function`. Only then is it imported, and torch with it."""
    pkgutil.resolve_name(f"goldenrule.training.methods.{function}")(learner, report, **options)


_RLHF = partial(_train, "rlhf:train_rlhf_ppo")
_NAIVE = partial(_train, "naive_kindness:train_naive_kindness")
_EMPATHETIC = partial(_train, "empathetic_kindness:train_empathetic_kindness")
_UNIVERSAL = partial(_EMPATHETIC, individuals="known")
_ORACLE, _SHUFFLED = partial(_EMPATHETIC, estimator="oracle"), partial(_EMPATHETIC, estimator="shuffled")
_FEEDBACK = partial(_train, "feedback_kindness:train_feedback_kindness")
_CRITIC = partial(_train, "critic_kindness:train_critic_kindness")

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("untrained", "the base checkpoint as it is", None),
        Method("rlhf_ppo", "PPO on a Bradley-Terry model of annotators' preferences", _RLHF),
        Method("naive_kindness", "kindness with its own reply in the partner's place", _NAIVE, "naive"),
        Method("empathetic_kindness", "kindness with the prediction module's reply", _EMPATHETIC),
        Method("oracle_kindness", "control: the partner's true reward", _ORACLE),
        Method("shuffled_kindness", "control: another conversation's estimate", _SHUFFLED),
        Method(
            "feedback_kindness", "control: kindness as the partner's real reply tells it, nothing imagined", _FEEDBACK
        ),
        Method("critic_kindness", "control: what a critic of the message foresees, nothing imagined", _CRITIC),
        Method("unsplit_rlhf", "control: RLHF without gradient routing", _RLHF, split=False),
        Method("unsplit_kindness", "control: empathetic kindness without gradient routing", _EMPATHETIC, split=False),
        Method("universal_kindness", "empathetic kindness towards everyone known, third parties included", _UNIVERSAL),
        Method("rlhf_sb3", "RLHF with Stable-Baselines3's MaskablePPO, choosing among candidates", None, kind="sb3"),
        Method("scripted", "the scenario's own scripted helper, no training", None, kind="scripted"),
    )
}
"""Those that take no parameters by name, in the order of the table."""


def ppo_on(
    reward: Annotated[str, Field(description="of the user's own: package.module:Class, or an entry point")],
    params: Annotated[dict[str, Any] | None, Field(description="of that reward")] = None,
) -> Method:
    """PPO on a reward of the user's own: `ppo_on(reward=package.module:Class)`."""
    loaded = load_reward(reward, params)
    return Method("ppo_on", f"PPO on the reward {loaded.name}", partial(_train_on, reward=loaded))


def _train_on(learner: Learner, report: Report, reward: Reward) -> None:
    from goldenrule.training.ppo import train

    train(learner, lambda episodes: score_episodes(reward, episodes, learner.me), report)


def empathetic(
    reward: Annotated[Literal["reading", "experience"], Field(description="R of an imagined reply")] = "reading",
) -> Method:
    """Empathetic kindness with another R: `empathetic_kindness(reward=experience)`."""
    doc = METHODS["empathetic_kindness"].doc + {"reading": "", "experience": ", rated by its own experience"}[reward]
    return Method("empathetic_kindness", doc, partial(_EMPATHETIC, reward=reward))


FACTORIES: dict[str, Callable[..., Method]] = {"ppo_on": ppo_on, "empathetic_kindness": empathetic}
"""Methods that take parameters, by name."""


def is_built_in(name: str) -> bool:
    """Whether a method of that name comes with this package; one with parameters in brackets does too."""
    return parse_call(name)[0] in {**METHODS, **FACTORIES}


def find_method(
    name: str, params: Mapping[str, Any] | None = None, *, texts: Mapping[str, str] | None = None
) -> Plugin:
    """What makes the method called `name`: a built-in one or a plug-in; arguments as for `find_plugin`.

    Raises:
        UserError: there is none of that name, or a parameter is wrong.
    """
    if name in METHODS and not params and not texts:
        return Plugin("method", name, {}, {}, lambda: METHODS[name], {})
    return find_plugin("method", name, params, texts=texts, maker=_maker)


def _maker(name: str) -> Callable[..., Any]:
    if name in FACTORIES:
        return FACTORIES[name]
    if name in METHODS:
        return lambda: METHODS[name]
    if ":" not in name and name not in installed("method"):
        known = [*METHODS, *FACTORIES]
        raise UserError(
            f"no method {name!r}; expected one of {', '.join(known)}, or package.module:function{closest(name, known)}"
        )
    made = load_object("method", name)
    if not callable(made):
        return lambda: made  # a `Method` as it is
    signature = signature_of(made)
    if signature is not None and {"learner", "report"} <= signature.parameters.keys():
        raise UserError(
            f"method {name!r} is the training itself; expected a function that returns it in a Method(name, doc, train)"
        )
    return made


def load_method(name: str, params: Mapping[str, Any] | None = None) -> Method:
    """A built-in method or a plug-in: a `Method`, or a class or function that gives one.

    Raises:
        UserError: see `find_method`; or it gives no `Method` that trains a network.
    """
    plugin = find_method(name, params)
    made = plugin.make()
    if plugin.name not in METHODS:
        check_method_parts(made, f"method {name!r}")
    method: Method = made
    return method


def check_method_parts(made: Any, whose: str) -> None:
    """See that a plug-in made a `Method` that trains a network.

    Raises:
        UserError: it did not.
    """
    if not isinstance(made, Method):
        raise UserError(
            f"{whose} gave {kind_of(made)}; expected a Method(name, doc, train) of goldenrule.training.methods.registry"
        )
    if made.kind != "network" or not callable(made.train):
        raise UserError(f"{whose} trains nothing; expected a Method with train(learner, report)")
    check_callable(made, whose, "train", "learner", "report")
    if made.estimator not in get_args(Estimator):
        raise UserError(
            f"{whose} has the estimator {made.estimator!r}; expected one of {', '.join(get_args(Estimator))}"
        )
