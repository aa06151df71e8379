"""How the shipped base checkpoints are made: what each learns from, how large it is, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from goldenrule.agents.networks.three_module import NetworkConfig
from goldenrule.envs.registry import spec
from goldenrule.training.pretraining.base_model import BaseConfig
from goldenrule.training.pretraining.pretrain import PretrainingConfig

_SMALL = NetworkConfig(vocab_size=0, width=64, layers=4, feed_forward=256, context=192)

BASES: dict[str, BaseConfig] = {
    config.name or config.scenario: config
    for config in (
        BaseConfig("hidden_needs-v0", network=_SMALL, pretraining=PretrainingConfig(updates=1800)),
        BaseConfig(
            "hidden_needs-v0",
            "hidden_needs-v0-talks",
            settings=tuple(
                {"turns": turns, "seekers": seekers, "cue": cue}
                for turns in (1, 2, 3, 4)
                for seekers in (1, 2)
                for cue in (0.0, 1.0)
            ),
            network=replace(_SMALL, context=256),
            pretraining=PretrainingConfig(updates=2400, batch=64),
        ),
        BaseConfig(
            "false_belief-v0",
            # Several questions a story, few moves at first: each teaches one thing at a time, and more often.
            lessons=(
                (0.06, {"questions": 4, "moves": 0}),
                (0.18, {"questions": 4, "moves": 1}),
                (0.3, {"questions": 4, "moves": 2}),
                (1.0, {"questions": 4}),
            ),
            shares={"friend_0": 0.15},
            narrated=True,
            network=replace(_SMALL, context=384, longest_message=32),
            pretraining=PretrainingConfig(updates=2400, batch=32, emphasise=True, pool=2048),
        ),
        BaseConfig("third_party-v0", network=_SMALL, pretraining=PretrainingConfig(updates=900)),
        BaseConfig(
            "campsite-v0",
            human={"casino": 0.12},
            cards=0.2,
            asked=0.25,
            vocab_size=1536,
            network=replace(_SMALL, context=512, longest_message=48),
            pretraining=PretrainingConfig(updates=2000, batch=32, emphasise=True, pool=2048),
        ),
    )
}
"""By name: a scenario's first is called by its id."""


def base_config(scenario: str, settings: Sequence[Mapping[str, Any]] = ()) -> BaseConfig:
    """How to make a base checkpoint for a scenario; one of one's own gets the sizes of the smallest.

    Args:
        scenario: scenario id, or the name of one of `BASES`.
        settings: knobs that differ between dialogues, instead of the recipe's own.
    """
    found = BASES.get(scenario) or BaseConfig(spec(scenario).id, network=_SMALL)
    return replace(found, settings=tuple(settings)) if settings else found
