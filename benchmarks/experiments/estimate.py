"""What a sweep will cost, from one small cell of each kind that is run and timed now."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from goldenrule.benchmarks.engines.apart import DiedError, apart
from goldenrule.benchmarks.evaluation.run import Cell, run_cell
from goldenrule.benchmarks.experiments.grid import alike
from goldenrule.benchmarks.experiments.memory import free, may_not_fit, needed
from goldenrule.common.untrusted import foreign, one_line

EPISODES = 32
"""Dialogues that are tried: of fewer each takes a language model longer than in a whole cell, which batches them."""
UPDATES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Of cells of one method in one scenario.

    Attributes:
        method, scenario: which.
        cells: how many.
        seconds: of one cell, on one core.
        megabytes: that one cell's episodes take on disk.
        memory: megabytes that they take in memory, where it is not sure that there is room for all workers'.
        failed: why the trial did not work, where it did not.
    """

    method: str
    scenario: str
    cells: int
    seconds: float | None
    megabytes: float | None
    memory: float | None = None
    failed: str | None = None


def estimate(cells: Sequence[Cell], workers: int) -> list[Cost]:
    """Time a small cell of each method, scenario and knobs, and reckon from it what the whole ones take.

    They are tried in one process, as a worker has many; if one of them ends it, each in its own.
    """
    groups = alike(cells)
    try:
        together: list[Cost] = apart(_costs, groups, workers)
    except DiedError:
        return [_alone(group, workers) for group in groups]
    return together


def crowded(costs: Sequence[Cost], workers: int) -> str | None:
    """That there is no room for so many of the largest cells side by side, in a line; `None` where there is."""
    largest = max(costs, key=lambda cost: cost.memory or 0.0, default=None)
    there = free()
    if largest is None or largest.memory is None or there is None or workers * largest.memory * 1e6 <= there:
        return None
    fit = int(there / 1e6 / largest.memory)
    then = f"name at most {fit} with --workers, or" if fit else "name"
    return (
        f"a cell of {largest.method} on {largest.scenario} holds its dialogues in memory, about "
        f"{largest.memory / 1e3:.1f} GB, and {there / 1e9:.1f} GB are free here for {workers} "
        f"worker{'s' * (workers != 1)}: {then} fewer episodes and more seeds"
    )


def _alone(group: Sequence[Cell], workers: int) -> Cost:
    try:
        found: list[Cost] = apart(_costs, [group], workers)
    except DiedError as error:
        return Cost(group[0].method, group[0].scenario, len(group), None, None, failed=str(error))
    return found[0]


def _costs(groups: Sequence[Sequence[Cell]], workers: int) -> list[Cost]:
    torch.set_num_threads(1)  # as in a worker
    return [_cost(group, workers) for group in groups]


def _cost(group: Sequence[Cell], workers: int) -> Cost:
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
        return Cost(cell.method, cell.scenario, len(group), None, None, failed=one_line(error))
    marks.append(time.perf_counter())
    an_update = (marks[-2] - marks[1]) / (len(marks) - 3) if len(marks) > 3 else 0.0
    start = marks[1] - marks[0] - an_update if len(marks) > 2 else 0.0
    an_episode = (marks[-1] - marks[-2]) / len(result.episodes)
    size = sum(len(json.dumps(one)) for one in result.episodes) / len(result.episodes)
    trained = updates if len(marks) > 2 else 0
    seconds = max(0.0, start) + trained * an_update + episodes * an_episode
    taken = needed(cell) if may_not_fit(cell, workers) else None
    memory = None if taken is None else taken / 1e6
    return Cost(cell.method, cell.scenario, len(group), seconds, size * episodes / 1e6, memory)
