"""What every engine is given (cells, a store for their results, a progress callback), and how it runs one cell.

Each has a `run_cells(cells, store, progress, pool)`, which commits every cell to the store when it is finished: what
was finished is there also where it raises.

The result of a cell depends on the cell alone. Whichever engine ran it, on however many workers, in whatever order: the
rows are the same but for the columns named `VOLATILE`.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from goldenrule.agents.base import Agent
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.play import LONGEST
from goldenrule.benchmarks.evaluation.run import Cell, failed_row
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.text import shortened
from goldenrule.common.untrusted import foreign, one_line

TRACE = 50_000
"""Characters of a traceback that are kept."""


class Store(Protocol):
    """Where finished cells are saved."""

    def commit(self, *outcomes: RunRecord) -> None:
        """Save the results of one or more cells for good."""


class Progress(Protocol):
    """Progress callback."""

    def started(self, cell: Cell) -> None:
        """A cell begins."""
        return None

    def advanced(self, cell: Cell, done: int, total: int) -> None:
        """A cell has made `done` of `total` updates."""
        return None

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        """A cell is finished and saved."""
        return None


class NoProgress(Progress):
    """A progress callback that does nothing."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How to run.

    Attributes:
        workers: processes; 0 runs in this one.
        weights: folder under which trained networks are kept, by cell id; `None` keeps none.
        states: folder in which the states of training are kept while cells run, a file each; `None` keeps none.
    """

    workers: int = 1
    weights: Path | None = None
    states: Path | None = None

    def folder(self, cell: Cell) -> Path | None:
        """Where the network of `cell` is kept."""
        return self.weights / cell.id if self.weights is not None else None

    def state(self, cell: Cell) -> Path | None:
        """Where the state of the training of `cell` is kept."""
        return state_file(self.states, cell.id) if self.states is not None else None


def state_file(states: Path, cell: str) -> Path:
    """The file in the folder `states` in which the state of training of the cell of that id is kept."""
    return states / f"{cell}.safetensors"


def attempt(
    cell: Cell, folder: Path | None, report: Callable[[int, int], None], state: Path | None = None
) -> RunRecord:
    """Run a cell; one that raises gives a failed row with the reason.

    Args:
        cell: what to run.
        folder: where to save the trained network, or `None`.
        report: called after each update of training.
        state: see `Cell.run`.
    """
    began, started = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    where = {"started": started, "host": socket.gethostname(), "process": os.getpid()}
    try:
        with foreign():
            result = cell.run(report, state)
        if folder is not None and cell.trains:
            _save_weights(cell, result.agent, folder)
    except Exception as error:  # a method, scenario or agent may raise anything; the other cells go on
        told = isinstance(error, UserError | ContractError) and str(error)
        reason = told or one_line(error, LONGEST)
        trace = shortened(traceback.format_exc(), TRACE)
        return RunRecord(failed_row(cell, reason, time.perf_counter() - began) | where | {"trace": trace})
    try:
        return RunRecord.of(result.row | where, result.episodes, result.curve, result.unseen)
    except (ValueError, TypeError, RecursionError) as error:  # JSON has no NaN: a result that holds one is no result
        reason = f"the results cannot be saved: {error}"
        return RunRecord(failed_row(cell, reason, time.perf_counter() - began) | where)


def alone(cell: Cell, folder: Path | None, state: Path | None = None) -> RunRecord:
    """`attempt` in a process of a cluster, whose progress nobody reads."""
    torch.set_num_threads(1)  # the same sums whatever the number of cores
    return attempt(cell, folder, lambda done, total: None, state)


def _save_weights(cell: Cell, agent: Agent | None, folder: Path) -> None:
    if isinstance(agent, LanguageModel):
        save_checkpoint(folder, agent.network, agent.tokenizer, {"cell": cell.description()})
    elif cell.chosen.kind == "sb3":
        agent.save(folder, {"cell": cell.description()})  # type: ignore[union-attr]  # an Sb3Agent
