"""A worker process: runs the cells it is sent, one after another, and sends back what comes of them.

Messages to it are `(cell, weights folder or None, whether it was handed ahead)`. It answers with
`("update", done, total)` and then `("done", outcome)`.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.play import LONGEST
from goldenrule.benchmarks.engines import forks
from goldenrule.benchmarks.engines.claims import Claim
from goldenrule.benchmarks.evaluation.run import Cell, CellResult, failed_row
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.common.text import shortened
from goldenrule.common.untrusted import foreign, one_line

TRACE = 50_000
"""Characters of a traceback that are kept."""


def serve(channel: Connection, environment: Mapping[str, str], claim: Claim) -> None:
    """Run cells until the parent is gone.

    Args:
        channel: to the parent.
        environment: variables of the parent; the server that forked this process may have begun with others.
        claim: to cells that were handed ahead.
    """
    forks.settle_in(environment)
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    try:
        while True:
            cell, folder, ahead = channel.recv()
            if ahead and not claim.take():
                continue  # it was taken back
            channel.send(("done", attempt(cell, folder, lambda done, total: channel.send(("update", done, total)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def alone(cell: Cell, folder: Path | None) -> RunRecord:
    """`attempt` in a process that nobody follows, on whatever machine it is."""
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    return attempt(cell, folder, lambda done, total: None)


def attempt(cell: Cell, folder: Path | None, report: Callable[[int, int], None]) -> RunRecord:
    """Run a cell; one that raises gives a failed row with the reason.

    Args:
        cell: what to run.
        folder: where to save the trained network, or `None`.
        report: told of updates.
    """
    began, started = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    where = {"started": started, "host": socket.gethostname(), "process": os.getpid()}
    try:
        result = _run(cell, folder, report)
    except (BrokenPipeError, ConnectionResetError):
        raise  # the parent is gone
    except Exception as error:  # a method, scenario or agent may raise anything; the other cells go on
        reason = (str(error) if isinstance(error, ValueError) else one_line(error, LONGEST)) or type(error).__name__
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
