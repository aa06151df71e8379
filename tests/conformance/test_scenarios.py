"""Every registered scenario, bare and under wrapper stacks, against PettingZoo's tests and our own checker."""

from collections.abc import Callable

import pettingzoo
import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

import goldenrule.envs as envs
from goldenrule.envs.make import EnvModule
from goldenrule.rewards.base import Score
from goldenrule.rewards.wrapper import RewardWrapper


class Length:
    """Longer is better, but odd lengths cannot be scored."""

    privileged = False

    def __init__(self, name):
        self.name = name

    def score(self, turns):
        lengths = [len(turn.message.text) for turn in turns]
        return [Score(None, "odd") if n % 2 else Score(n / 100) for n in lengths]


STACKS: dict[str, Callable] = {
    "bare": lambda env: env,
    "order": OrderEnforcingWrapper,
    "reward": lambda env: RewardWrapper(env, [Length("one")]),
    "rewards, order inside and out": lambda env: OrderEnforcingWrapper(
        RewardWrapper(OrderEnforcingWrapper(RewardWrapper(env, [Length("one")])), [Length("two")], weights={"two": -3})
    ),
}
ids = pytest.mark.parametrize("scenario_id", list(envs.specs()))
stacks = pytest.mark.parametrize("stack", list(STACKS))


def maker(scenario_id, stack="bare", **options):
    return lambda **more: STACKS[stack](envs.make(scenario_id, **options, **more))


def options(scenario_id):
    modes = envs.spec(scenario_id).modes
    found = [{"mode": mode} for mode in modes]
    return [*found, {"private": True}] if "text" in modes else found


def test_there_are_scenarios():
    assert "hidden_needs-v0" in envs.specs()


@ids
@stacks
def test_pettingzoo_api_and_seed(scenario_id, stack, capsys):
    for given in options(scenario_id):
        make = maker(scenario_id, stack, **given)
        api_test(make(), num_cycles=30)
        seed_test(make, num_cycles=30)


@ids
def test_pettingzoo_render_and_max_cycles(scenario_id, capsys):
    module = EnvModule(scenario_id)
    render_test(lambda render_mode=None: module.env(render_mode=render_mode))
    max_cycles_test(module)


@ids
def test_pettingzoo_parallel(scenario_id, capsys):
    for given in options(scenario_id):
        make = lambda given=given: envs.make(scenario_id, api="parallel", **given)  # noqa: E731
        parallel_api_test(make(), num_cycles=30)
        if given.get("mode") != "choice":  # the test ignores action masks
            parallel_seed_test(make, num_cycles=30)


@ids
@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_pettingzoo_makes_it(scenario_id, api):
    env = pettingzoo.make(api, f"goldenrule/{scenario_id}")
    env.reset(seed=0)
    assert env.possible_agents == list(envs.make(scenario_id).possible_agents)


@ids
def test_check_bare(scenario_id):
    report = envs.check(scenario_id, seeds=(0, 1, 2))
    assert not report.skipped
    assert len(report.passed) == 10 * len(options(scenario_id)) + 1


@ids
@stacks
def test_check_under_wrappers(scenario_id, stack):
    for given in options(scenario_id):
        assert envs.check(maker(scenario_id, stack, **given), seeds=(3,)).passed
