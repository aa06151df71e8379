"""PettingZoo's own tests on scenarios whose knobs are far from where they stand by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from goldenrule.envs.make import EnvModule

KNOBS: list[tuple[str, dict[str, Any]]] = [
    ("campsite-v0", {"rules": True}),
    ("false_belief-v0", {"questions": 3, "turns": 2, "containers": 8, "objects": 6, "moves": 12, "told": 1.0}),
    ("hidden_needs-v0", {"seekers": 4, "turns": 6, "cue": 0.0}),
    ("third_party-v0", {"absent": 4, "return_share": 1.0, "turns": 3}),
]


@pytest.mark.parametrize(("scenario_id", "knobs"), KNOBS)
@pytest.mark.parametrize("mode", ["text", "choice"])
@pytest.mark.parametrize("private", [False, True])
def test_aec_and_parallel_api(scenario_id: str, knobs: dict[str, Any], mode: str, private: bool) -> None:
    module = EnvModule(scenario_id)
    api_test(module.raw_env(mode=mode, private=private, **knobs), num_cycles=100)
    parallel_api_test(module.parallel_env(mode=mode, private=private, **knobs), num_cycles=100)


@pytest.mark.parametrize(("scenario_id", "knobs"), KNOBS)
def test_seeds(scenario_id: str, knobs: dict[str, Any]) -> None:
    module = EnvModule(scenario_id)
    seed_test(lambda: module.env(**knobs), num_cycles=50)
    parallel_seed_test(lambda: module.parallel_env(**knobs), num_cycles=50)
