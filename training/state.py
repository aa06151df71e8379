"""The state of a training run between two updates: all that the next one depends on and that a seed does not give.

Every draw of an update comes from the run's seed and the update's number, so what is left are weights, moments and
counters. What a method has fitted before its first update is not kept: it is fitted again, to the start network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from goldenrule.training.learner import Learner


@dataclass(frozen=True, slots=True)
class TrainingState:
    """A learner after an update.

    Attributes:
        updates: how many it has made.
        tensors: weights (`network.NAME`) and moments of the optimisers (`ROUTE.PART.PLACE.MOMENT`).
        counters: plain data.
    """

    updates: int
    tensors: Mapping[str, Tensor]
    counters: Mapping[str, Any]


def state_of(learner: Learner, updates: int) -> TrainingState:
    """The state of a learner that has made so many updates; its tensors change with the next one."""
    tensors = {f"network.{name}": tensor for name, tensor in learner.network.state_dict().items()}
    for route, parts in learner.optimizer.parts.items():
        for number, part in enumerate(parts):
            for place, moments in part.moments.items():
                tensors |= {f"{route}.{number}.{place}.{k}": moment for k, moment in enumerate(moments)}
    counters = {
        "failed": learner.failed,
        "messages_asked": learner.messages_asked,
        "unscored_reasons": dict(learner.unscored_reasons),
        "tokens": learner.agent.tokens,
    }
    return TrainingState(updates, tensors, counters)


def restore(learner: Learner, state: TrainingState) -> None:
    """Make a learner at its start what `state_of` saw.

    Raises:
        RuntimeError, KeyError: the state is of another kind of learner.
    """
    prefix, device = "network.", learner.network.device
    weights = {name.removeprefix(prefix): t for name, t in state.tensors.items() if name.startswith(prefix)}
    learner.network.load_state_dict(weights)
    for route, parts in learner.optimizer.parts.items():
        for number, part in enumerate(parts):
            start = f"{route}.{number}."
            places = {int(name.removeprefix(start).split(".")[0]) for name in state.tensors if name.startswith(start)}
            part.moments = {
                place: [state.tensors[f"{start}{place}.{k}"].to(device, copy=True) for k in range(3)]
                for place in sorted(places)
            }
    counters = state.counters
    learner.failed, learner.messages_asked = counters["failed"], counters["messages_asked"]
    learner.unscored_reasons = Counter(counters["unscored_reasons"])
    learner.agent.tokens = counters["tokens"]
