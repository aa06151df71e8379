"""A worker process: runs the cells it is sent, one after another, and sends back what comes of them.

Messages to it are `(cell, weights folder or None)`, and `None` to stop. It answers with
`("update", done, total)` and then `("done", row, episodes, curve, traceback or None)`.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.play import LONGEST
from goldenrule.benchmarks.cell import Cell, failed_row
from goldenrule.benchmarks.engines import forks
from goldenrule.envs.foreign import foreign, one_line
from goldenrule.envs.render import shortened

TRACE = 50_000
"""Characters of a traceback that are kept."""

Outcome = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], str | None]
"""Row, episodes, curve, and the traceback where the cell failed."""


def serve(channel: Connection, environment: Mapping[str, str]) -> None:
    """Run cells until told to stop or until the parent is gone.

    Args:
        channel: to the parent.
        environment: variables of the parent; the server that forked this process may have begun with others.
    """
    forks.settle_in(environment)
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    try:
        while (task := channel.recv()) is not None:
            cell, folder = task
            channel.send(("done", *attempt(cell, folder, lambda done, total: channel.send(("update", done, total)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def alone(cell: Cell, folder: Path | None) -> Outcome:
    """`attempt` in a process that nobody follows, on whatever machine it is."""
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    return attempt(cell, folder, lambda done, total: None)


def attempt(cell: Cell, folder: Path | None, report: Callable[[int, int], None]) -> Outcome:
    """Run a cell; one that raises gives a failed row with the reason.

    Args:
        cell: what to run.
        folder: where to save the trained network, or `None`.
        report: told of updates.
    """
    began, started = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    row, episodes, curve, trace = _attempt(cell, folder, report, began)
    where = {"started": started, "host": socket.gethostname(), "process": os.getpid()}
    return {**row, **where}, episodes, curve, trace


def _attempt(cell: Cell, folder: Path | None, report: Callable[[int, int], None], began: float) -> Outcome:
    try:
        with foreign():
            result = cell.run(report)
        if folder is not None and cell.chosen.train is not None and result.network and result.tokenizer:
            save_checkpoint(folder, result.network, result.tokenizer, {"cell": cell.description()})
        elif folder is not None and cell.chosen.kind == "sb3":
            result.agent.save(folder, {"cell": cell.description()})  # type: ignore[union-attr]  # an Sb3Agent
        return result.row, result.episodes, result.curve, None
    except (BrokenPipeError, ConnectionResetError):
        raise  # the parent is gone
    except Exception as error:  # a method, scenario or agent may raise anything; the other cells go on
        reason = str(error) if isinstance(error, ValueError) else one_line(error, LONGEST)
        row = failed_row(cell, reason or type(error).__name__, time.perf_counter() - began)
        return row, [], [], shortened(traceback.format_exc(), TRACE)
