"""Check a method: `check_method(my_method)` trains briefly, and gives a `Finding` for each property of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.testing import SCENARIO, Chooser
from goldenrule.agents.world import World, seat_name
from goldenrule.common.plugins import Plugin
from goldenrule.common.seeding import derive
from goldenrule.envs.registry import spec
from goldenrule.envs.testing.report import BrokenError, Finding, parameter_properties, try_properties
from goldenrule.envs.testing.trace import brief_repr
from goldenrule.training.learner import Learner, Progress, TrainingConfig
from goldenrule.training.methods.registry import Method, check_method_parts

CONFIG = TrainingConfig(updates=2, dialogues=8, minibatches=1, interleave=0, replies=4)
"""Little: what is tried is the way of things, not whether anything was learnt."""


def check_method(
    method: Callable[[], Method] | Plugin,
    *,
    scenario: str = SCENARIO,
    knobs: Mapping[str, Any] | None = None,
    checkpoint: Path | None = None,
    config: TrainingConfig = CONFIG,
) -> list[Finding]:
    """Train a few times, briefly, and try what every method must keep to.

    Args:
        method: makes the method; of a plug-in (`goldenrule.training.methods.registry.find_method`) parameters are
            checked too.
        scenario, knobs: where it trains, beside someone who chooses at random.
        checkpoint: a base to start from instead of the shipped one.
        config: how.

    Returns:
        A finding for each property.

    Raises:
        ValueError: unknown scenario or knob, or no base checkpoint.
    """
    given = spec(scenario).resolve(dict(knobs or {}))
    load_base(scenario, checkpoint)
    case = _Case(method.construct if isinstance(method, Plugin) else method, scenario, given, checkpoint, config)
    properties: dict[str, Callable[[], object]] = {what: partial(run, case) for what, run in PROPERTIES.items()}
    if isinstance(method, Plugin):
        properties |= parameter_properties(method)
    return try_properties(properties, first=2)


@dataclass(frozen=True, slots=True)
class _Trained:
    """What one training run left."""

    before: str
    after: str
    learner: Learner
    reports: list[Progress]


@dataclass(frozen=True)
class _Case:
    make: Callable[[], Method]
    scenario: str
    knobs: Mapping[str, Any]
    checkpoint: Path | None
    config: TrainingConfig

    def train(self, seed: int = 0) -> _Trained:
        """Train a new learner."""
        method = self.make()
        network, tokenizer, _ = load_base(self.scenario, self.checkpoint)
        seat = seat_name(self.scenario, "learner")
        names = spec(self.scenario).build(**self.knobs).agents
        world = World(self.scenario, self.knobs, {name: Chooser() for name in names if name != seat}, derive(seed, "w"))
        config = replace(self.config, split=method.split)
        learner = Learner(network, tokenizer, config, world, None, derive(seed, "learner"))
        before, reports = weights_hash(network), list[Progress]()
        assert method.train is not None
        method.train(learner, reports.append)
        return _Trained(before, weights_hash(network), learner, reports)

    @cached_property
    def first(self) -> _Trained:
        """The first run."""
        return self.train()


def _changes_weights(case: _Case) -> None:
    trained = case.first
    if trained.before == trained.after:
        raise BrokenError("the weights are what they were; expected learner.network to be trained in place")
    broken = [name for name, w in trained.learner.network.named_parameters() if not bool(torch.isfinite(w).all())]
    if broken:
        raise BrokenError(f"{broken[0]} has weights that are not finite")


def _reports(case: _Case) -> None:
    reports, updates = case.first.reports, case.config.updates
    if not all(isinstance(one, Progress) for one in reports):
        raise BrokenError("something else than a Progress was reported")
    numbers = [one.update for one in reports]
    if numbers != list(range(1, updates + 1)) or any(one.updates != updates for one in reports):
        raise BrokenError(f"updates {numbers} were reported; expected 1 to {updates}, each of {updates}")
    for one in reports:
        for name, value in asdict(one).items():
            if value is not None and not math.isfinite(value):
                raise BrokenError(
                    f"update {one.update} reports {name}={brief_repr(value)}; expected a finite number or None"
                )


def _repeats(case: _Case) -> None:
    one, other = case.first, case.train()
    if one.after != other.after:
        raise BrokenError("two runs under one seed end with different weights; draw from learner.rng or its seed only")
    if one.reports != other.reports:
        raise BrokenError("two runs under one seed report different values")


def _seeds_matter(case: _Case) -> None:
    if case.first.after == case.train(1).after:
        raise BrokenError("two runs under different seeds end with the same weights")


PROPERTIES: Mapping[str, Callable[[_Case], object]] = {
    "it is a Method that trains a network": lambda case: check_method_parts(case.make(), "it"),
    "it trains": lambda case: case.first,
    "the network is trained in place, and its weights are finite": _changes_weights,
    "each update is reported, in order": _reports,
    "the same seed gives the same weights": _repeats,
    "another seed gives other weights": _seeds_matter,
}
"""What is tried, in words, and how."""
