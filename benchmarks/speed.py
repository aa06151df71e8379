"""How fast the environments are: turns a second, alone and paid, fresh and after many episodes."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from goldenrule.agents.episode import Turn
from goldenrule.envs.dialogue import ParallelDialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.rewards.base import Score
from goldenrule.rewards.wrapper import RewardWrapper

_TEXT = "You should make a plan."


class Constant:
    """A reward that costs nothing, so that only the wrapper is timed."""

    privileged = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._score = Score(1.0)

    def score(self, turns: Sequence[Turn]) -> list[Score]:
        """1 for every message."""
        return [self._score] * len(turns)


def environment_speed(
    scenario_id: str = "hidden_needs-v0", *, turns: int = 20_000, resets: int = 10_000
) -> dict[str, float]:
    """Time a scenario's environment in this process, the same sentence said at every turn.

    Args:
        scenario_id: which scenario, with its default knobs.
        turns: messages of each measurement; each is made twice and the faster one counts.
        resets: episodes begun before the last measurement.

    Returns:
        Turns a second of `bare` (AEC), `wrapped` (AEC under two reward wrappers), `parallel`, and
        `wrapped_after_resets`: the same environment as `wrapped` after `resets` more episodes; `resets`;
        `memory_growth_mb`: what those episodes added to this process; `peak_memory_mb` of this process.

    Raises:
        ValueError: unknown scenario.
    """
    spec(scenario_id)
    paid = RewardWrapper(RewardWrapper(make(scenario_id), [Constant("one")]), [Constant("two")])
    figures = {
        "bare": _fastest(lambda: _aec(make(scenario_id), turns)),
        "wrapped": _fastest(lambda: _aec(paid, turns)),
        "parallel": _fastest(lambda: _parallel(make(scenario_id, api="parallel"), turns)),
    }
    before = psutil.Process().memory_info().rss
    for _ in range(resets):
        paid.reset()
        paid.step(_TEXT)
    grown = psutil.Process().memory_info().rss - before
    figures["wrapped_after_resets"] = _fastest(lambda: _aec(paid, turns))
    # Linux counts kibibytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {**figures, "resets": resets, "memory_growth_mb": grown / 1e6, "peak_memory_mb": peak / 1e6}


def _fastest(measure: Callable[[], float]) -> float:
    # Other programs can only slow a measurement down.
    return max(measure(), measure())


def _aec(env: Any, turns: int) -> float:
    """Turns a second through `agent_iter` and `last`, observations, resets and last steps included."""
    env.reset(seed=0)
    said, start = 0, time.perf_counter()
    while said < turns:
        env.reset()
        for _ in env.agent_iter():
            _, _, over, cut, _ = env.last()
            env.step(None if over or cut else _TEXT)
            said += not (over or cut)
    return said / (time.perf_counter() - start)


def _parallel(env: ParallelDialogueEnv, turns: int) -> float:
    actions = dict.fromkeys(env.possible_agents, _TEXT)
    env.reset(seed=0)
    said, start = 0, time.perf_counter()
    while said < turns:
        env.reset()
        while env.agents:
            env.step(actions)
        said += env.table.turns
    return said / (time.perf_counter() - start)
