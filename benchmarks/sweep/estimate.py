"""What a sweep will cost, from one small cell of each kind that is run and timed now."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from goldenrule.benchmarks.cell import Cell, run_cell
from goldenrule.benchmarks.sweep.grid import alike
from goldenrule.envs.foreign import foreign, one_line

EPISODES = 8
UPDATES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Of cells of one method in one scenario.

    Attributes:
        method, scenario: which.
        cells: how many.
        seconds: of one cell, on one core.
        megabytes: that one cell's episodes take.
        failed: why the trial did not work, where it did not.
    """

    method: str
    scenario: str
    cells: int
    seconds: float | None
    megabytes: float | None
    failed: str | None = None


def estimate(cells: Sequence[Cell]) -> list[Cost]:
    """Time a small cell of each method, scenario and knobs, and reckon from it what the whole ones take."""
    torch.set_num_threads(1)  # as in a worker
    return [_cost(group) for group in alike(cells)]


def _cost(group: Sequence[Cell]) -> Cost:
    cell = group[0]
    updates, episodes = cell.settings.training.updates, cell.settings.episodes
    tried = min(updates, UPDATES)
    small = replace(
        cell,
        settings=replace(
            cell.settings,
            training=replace(cell.settings.training, updates=tried),
            episodes=min(episodes, EPISODES),
        ),
    )
    marks = [time.perf_counter()]
    try:
        with foreign():
            result = run_cell(small, lambda done, total: marks.append(time.perf_counter()))
    except Exception as error:  # a method or agent may raise anything; the sweep itself would give failed rows
        return Cost(cell.method, cell.scenario, len(group), None, None, one_line(error))
    marks.append(time.perf_counter())
    an_update = (marks[-2] - marks[1]) / (len(marks) - 3) if len(marks) > 3 else 0.0
    start = marks[1] - marks[0] - an_update if len(marks) > 2 else 0.0
    an_episode = (marks[-1] - marks[-2]) / len(result.episodes)
    size = sum(len(json.dumps(one)) for one in result.episodes) / len(result.episodes)
    trained = updates if len(marks) > 2 else 0
    seconds = max(0.0, start) + trained * an_update + episodes * an_episode
    return Cost(cell.method, cell.scenario, len(group), seconds, size * episodes / 1e6)
