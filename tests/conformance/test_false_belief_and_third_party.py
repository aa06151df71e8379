"""PettingZoo's own tests on false_belief-v0 and third_party-v0."""

from __future__ import annotations

from typing import Any

import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)

from goldenrule import envs

KNOBS: list[tuple[envs.EnvModule, dict[str, Any]]] = [
    (envs.false_belief_v0, {}),
    (envs.false_belief_v0, {"questions": 3, "turns": 2, "containers": 8, "objects": 6, "moves": 12, "told": 1.0}),
    (envs.third_party_v0, {}),
    (envs.third_party_v0, {"absent": 4, "return_share": 1.0, "turns": 3}),
]
MODULES = [envs.false_belief_v0, envs.third_party_v0]


@pytest.mark.parametrize(("module", "knobs"), KNOBS)
@pytest.mark.parametrize("mode", ["text", "choice"])
@pytest.mark.parametrize("private", [False, True])
def test_aec_and_parallel_api(module: envs.EnvModule, knobs: dict[str, Any], mode: str, private: bool) -> None:
    api_test(module.raw_env(mode=mode, private=private, **knobs), num_cycles=100)
    parallel_api_test(module.parallel_env(mode=mode, private=private, **knobs), num_cycles=100)


@pytest.mark.parametrize("module", MODULES)
def test_seeds(module: envs.EnvModule) -> None:
    seed_test(module.env, num_cycles=50)
    parallel_seed_test(module.parallel_env, num_cycles=50)


@pytest.mark.parametrize("module", MODULES)
def test_max_cycles(module: envs.EnvModule) -> None:
    max_cycles_test(module)


@pytest.mark.parametrize("module", MODULES)
def test_render(module: envs.EnvModule) -> None:
    render_test(module.raw_env, {"ansi": lambda result: isinstance(result, str)})
