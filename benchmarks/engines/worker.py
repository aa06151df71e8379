"""What a worker process does: run one cell after another, and return the result of each, ready to be stored."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.play import LONGEST
from goldenrule.benchmarks.evaluation.run import Cell, CellResult, failed_row
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.text import shortened
from goldenrule.common.untrusted import foreign, one_line

TRACE = 50_000
"""Characters of a traceback that are kept."""

_UPDATES: Any = None
"""Shared integers, two a cell of the run: training updates done, and in all."""


def settle_in(environment: Mapping[str, str], updates: Any) -> None:
    """In a new process: leave Ctrl-C to the parent, take over its environment, and end when the parent does.

    Args:
        environment: variables of the parent; the server that forked this process may have begun with others.
        updates: see `run_numbered`.
    """
    global _UPDATES
    _UPDATES = updates
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(2, 1)  # standard output is for the command's result: what cells print goes to standard error
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    gc.freeze()  # what the server has imported is no garbage: looking through it would copy the memory children share
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # at once: a cell that runs foreign code may never come to an end


def run_numbered(number: int, cell: Cell, folder: Path | None) -> RunRecord:
    """`attempt`, telling the parent of updates through the shared integers of `settle_in`."""

    def report(done: int, total: int) -> None:
        _UPDATES[2 * number : 2 * number + 2] = [done, total]

    return attempt(cell, folder, report)


def alone(cell: Cell, folder: Path | None) -> RunRecord:
    """`attempt` in a process of a cluster, whose progress nobody reads."""
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    return attempt(cell, folder, lambda done, total: None)


def attempt(cell: Cell, folder: Path | None, report: Callable[[int, int], None]) -> RunRecord:
    """Run a cell; one that raises gives a failed row with the reason.

    Args:
        cell: what to run.
        folder: where to save the trained network, or `None`.
        report: called after each update of training.
    """
    began, started = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    where = {"started": started, "host": socket.gethostname(), "process": os.getpid()}
    try:
        result = _run(cell, folder, report)
    except Exception as error:  # a method, scenario or agent may raise anything; the other cells go on
        told = isinstance(error, UserError | ContractError) and str(error)
        reason = told or one_line(error, LONGEST)
        trace = shortened(traceback.format_exc(), TRACE)
        return RunRecord(failed_row(cell, reason, time.perf_counter() - began) | where, trace=trace)
    try:
        return RunRecord.of(result.row | where, result.episodes, result.curve)
    except (ValueError, TypeError, RecursionError) as error:  # JSON has no NaN: a result that holds one is no result
        reason = f"the results cannot be saved: {error}"
        return RunRecord(failed_row(cell, reason, time.perf_counter() - began) | where)


def _run(cell: Cell, folder: Path | None, report: Callable[[int, int], None]) -> CellResult:
    with foreign():
        result = cell.run(report)
    if folder is not None and cell.chosen.train is not None and result.network and result.tokenizer:
        save_checkpoint(folder, result.network, result.tokenizer, {"cell": cell.description()})
    elif folder is not None and cell.chosen.kind == "sb3":
        result.agent.save(folder, {"cell": cell.description()})  # type: ignore[union-attr]  # an Sb3Agent
    return result
