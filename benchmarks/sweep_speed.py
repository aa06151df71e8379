"""What the engine of sweeps costs a cell, and what a second worker saves."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from goldenrule.benchmarks.engines import forks
from goldenrule.benchmarks.engines.base import Unwatched
from goldenrule.benchmarks.engines.worker import alone
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.experiments.run import SweepOptions, run_sweep


def sweep_speed(
    scenario: str = "hidden_needs-v0", *, cells: int = 200, episodes: int = 50, rounds: int = 3
) -> dict[str, float]:
    """Time sweeps of a trivial agent: the scenario's scripted people on all seats, on this machine.

    Args:
        scenario: which scenario, with its default knobs.
        cells: of each sweep.
        episodes: dialogues of each cell.
        rounds: how often each is run, all of them in turn; seconds are medians.

    Returns:
        `cells`, `episodes`; `start_seconds`: of a sweep of one cell, which begins the server of the workers;
        `one_worker_seconds` and `two_workers_seconds`: of the sweep, with the server there; `speed_up`: their ratio;
        `bare_speed_up`: of two processes that run half of the cells each over one that runs all, which are handed
        nothing, give nothing back and save nothing: what this machine has to give just now; `cell_ms`: a cell's own
        work; `overhead_ms`: what a cell takes beyond that with one worker, waiting for the disk included;
        `parent_ms`: processor time of this process, a cell.

    Raises:
        ValueError: unknown scenario.
    """
    settings = CellSettings(episodes=episodes, partner="scripted")
    grid = [Cell("scripted", scenario, {}, seed, settings) for seed in range(cells)]
    start, _ = _timed(grid[:1], 1)
    ones, twos, bare, spent = [], [], [], 0.0
    for _ in range(rounds):
        began = time.process_time()
        ones.append(_timed(grid, 1))
        spent += (time.process_time() - began) / rounds
        twos.append(_timed(grid, 2)[0])
        bare.append(_side_by_side(grid) / _side_by_side(grid[::2], grid[1::2]))
    one, own = sorted(ones)[rounds // 2]
    two = sorted(twos)[rounds // 2]
    return {
        "cells": cells,
        "episodes": episodes,
        "start_seconds": start,
        "one_worker_seconds": one,
        "two_workers_seconds": two,
        "speed_up": one / two,
        "bare_speed_up": sorted(bare)[rounds // 2],
        "cell_ms": 1e3 * own / cells,
        "overhead_ms": 1e3 * (one - own) / cells,
        "parent_ms": 1e3 * spent / cells,
    }


def _timed(cells: Sequence[Cell], workers: int) -> tuple[float, float]:
    """Seconds of a sweep, and the sum of its cells' own."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        options = SweepOptions(workers=workers)
        done = run_sweep(
            {"name": "speed"}, cells, Path(folder) / "out", options, lambda todo: contextlib.nullcontext(Unwatched())
        )
        return time.perf_counter() - began, sum(row["seconds"] for row in done.rows)


def _side_by_side(*shares: Sequence[Cell]) -> float:
    """Seconds until a process for each share has run its cells."""
    children = [forks.child(_run, list(share)) for share in shares]
    channels = [channel for channel, _ in children]
    for channel in channels:
        channel.recv()
    began = time.perf_counter()
    for channel in channels:
        channel.send("go")
    for channel in channels:
        channel.recv()
    taken = time.perf_counter() - began
    for channel, process in children:
        channel.close()
        process.join()
    return taken


def _run(channel: Connection, environment: Mapping[str, str], cells: Sequence[Cell]) -> None:
    forks.settle_in(environment)
    channel.send("ready")
    channel.recv()
    for cell in cells:
        alone(cell, None)
    channel.send("done")
