"""The protocol of loggers, and a store that tells one what it has saved.

Results are safe before a logger hears of them: one that breaks is told once and dropped, and the run goes on.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from goldenrule.benchmarks.engines.base import Store
from goldenrule.benchmarks.evaluation.evaluate import Evaluation
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign

KINDS = {"tensorboard": "TensorBoard", "wandb": "Wandb", "trackio": "Trackio"}
"""The class of each kind, in the module named after it."""
CURVE = ("reward", "truth", "kl", "prediction_loss", "failed", "unscored")


class Logger(Protocol):
    """Where curves and results go besides. One cell is one run of the logger."""

    def log(
        self,
        name: str,
        config: Mapping[str, Any],
        curve: Sequence[tuple[int, Mapping[str, float]]],
        figures: Mapping[str, float],
    ) -> None:
        """Take in one finished cell, and hold nothing of it back: there is no later call.

        Args:
            name: the cell's id, safe as a file name.
            config: its method, scenario, knobs and seed.
            curve: (update, values by name), in order; empty where nothing was trained.
            figures: its results by name; what could not be had is not there.
        """


def logger_from(text: str, folder: Path) -> Logger:
    """A logger by its name, `tensorboard`, `wandb` or `trackio`, that writes under `folder`.

    Raises:
        UserError: another name, or its package is not installed.
    """
    if text not in KINDS:
        raise UserError(f"--log {text!r} is unknown; expected one of {', '.join(KINDS)}")
    try:
        module = importlib.import_module(f"goldenrule.benchmarks.engines.loggers.{text}_logger")
        made: Logger = getattr(module, KINDS[text])(folder / text)
    except ImportError as error:
        raise UserError(f"--log {text} needs {error.name}; pip install 'goldenrule[{text}]'") from None
    return made


class Logged:
    """A store that hands what it has saved to a logger.

    Args:
        store: where rows go first.
        logger: who is told then.
    """

    def __init__(self, store: Store, logger: Logger) -> None:
        self._store = store
        self._logger: Logger | None = logger

    def commit(self, *outcomes: RunRecord) -> None:
        """Save, then log."""
        self._store.commit(*outcomes)
        for outcome in outcomes:
            self._tell(outcome)

    def _tell(self, outcome: RunRecord) -> None:
        if self._logger is None:
            return
        row, curve = outcome.row, json.loads(outcome.curve or "[]")
        config = {key: row[key] for key in ("method", "scenario", "knobs", "seed", "status", "error")}
        try:
            with foreign():  # what they print is theirs: it goes, cleaned, to standard error
                self._logger.log(row["cell"], config, told(curve), numbers(row, Evaluation.KEYS))
        except Exception as error:  # foreign code; the results are saved
            self._logger = None
            reason = clean(f"{type(error).__name__}: {error}")
            print(f"goldenrule: logging stopped ({reason}); results are kept", file=sys.stderr, flush=True)


def numbers(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """The figures that are there."""
    return {name: float(given[name]) for name in names if given.get(name) is not None}


def told(curve: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    """A learning curve as loggers take it."""
    return [(int(entry["update"]), numbers(entry, CURVE)) for entry in curve]
