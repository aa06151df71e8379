"""campsite-v0 passes PettingZoo's own tests, in text and (turn by turn) in choice mode."""

from __future__ import annotations

import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)

from goldenrule.envs import campsite_v0


@pytest.mark.parametrize("mode", ["text", "choice"])
def test_aec_api(mode):
    api_test(campsite_v0.env(mode=mode), num_cycles=60)


def test_parallel_api():
    parallel_api_test(campsite_v0.parallel_env(), num_cycles=60)


@pytest.mark.parametrize("rules", [False, True])
def test_seeds(rules):
    seed_test(lambda: campsite_v0.env(rules=rules), num_cycles=60)
    parallel_seed_test(lambda: campsite_v0.parallel_env(rules=rules), num_cycles=60)


def test_max_cycles():
    max_cycles_test(campsite_v0)


def test_rendering(capsys):
    render_test(campsite_v0.env)
