"""Send learning curves and results elsewhere too: TensorBoard, Weights & Biases (offline), trackio.

Results are safe before a logger hears of them: one that breaks is reported once and dropped, and the run goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from goldenrule.benchmarks.engines.base import Store
from goldenrule.benchmarks.evaluation.metrics import COUNTS, METRICS
from goldenrule.benchmarks.storage.schema import RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

CURVE = ("reward", "truth", "kl", "prediction_loss", "failed", "unscored")
Metrics = Mapping[str, float]


class Logger(Protocol):
    """Where curves and results go besides. One cell is one run of the logger."""

    def log(self, name: str, config: Mapping[str, Any], curve: Sequence[tuple[int, Metrics]], metrics: Metrics) -> None:
        """Take in one finished cell; there is no later call.

        Args:
            name: the cell's id, safe as a file name.
            config: its method, scenario, knobs and seed.
            curve: (update, values by name), in order; empty where nothing was trained.
            metrics: its results by name; what could not be had is not there.
        """


class TensorBoard:
    """Event files, a folder a cell; `tensorboard --logdir FOLDER` shows them (extra `tensorboard`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter

    def log(self, name: str, config: Mapping[str, Any], curve: Sequence[tuple[int, Metrics]], metrics: Metrics) -> None:
        """See `Logger.log`."""
        with self._writer(str(self._folder / name)) as writer:
            writer.add_text("config", json.dumps(config, default=str))
            for update, values in curve:
                for key, value in values.items():
                    writer.add_scalar(f"training/{key}", value, update)
            for key, value in metrics.items():
                writer.add_scalar(f"evaluation/{key}", value, len(curve))


class WandbLike:
    """Weights & Biases and trackio, which has the same interface; nothing leaves the machine (extras of their names).

    Args:
        folder: where offline runs (`wandb sync`) or trackio's database (`TRACKIO_DIR`) go.
        package: `wandb` or `trackio`.
    """

    def __init__(self, folder: Path, package: str) -> None:
        os.environ["TRACKIO_DIR"] = str(folder)  # read when trackio is imported
        self._package: Any = importlib.import_module(package)
        self._options: dict[str, Any] = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
        if package == "wandb":
            folder.mkdir(parents=True, exist_ok=True)
            settings = self._package.Settings(
                mode="offline", silent=True, console="off", x_disable_stats=True, disable_git=True
            )
            self._options = {"dir": str(folder), "settings": settings, "reinit": "create_new"}

    def log(self, name: str, config: Mapping[str, Any], curve: Sequence[tuple[int, Metrics]], metrics: Metrics) -> None:
        """See `Logger.log`."""
        texts = {key: str(value) for key, value in config.items()}
        run = self._package.init(project="goldenrule", name=name, config=texts, **self._options)
        for update, values in curve:
            run.log({f"training/{key}": value for key, value in values.items()}, step=update)
        run.log({f"evaluation/{key}": value for key, value in metrics.items()}, step=len(curve) + 1)
        run.finish() if hasattr(run, "finish") else self._package.finish()


KINDS = ("tensorboard", "wandb", "trackio")


def logger_from(kind: str, folder: Path) -> Logger:
    """A logger by its name, `tensorboard`, `wandb` or `trackio`, that writes under `folder`.

    Raises:
        UserError: another name, or its package is not installed.
    """
    if kind not in KINDS:
        raise UserError(f"--log {kind!r} is unknown; expected one of {', '.join(KINDS)}")
    try:
        return TensorBoard(folder / kind) if kind == "tensorboard" else WandbLike(folder / kind, kind)
    except ImportError as error:
        raise UserError(f"--log {kind} needs {error.name}; pip install 'goldenrule[{kind}]'") from None


class Logged:
    """A store that hands what it has saved to a logger.

    Args:
        store: where rows go first.
        logger: what is told then.
    """

    def __init__(self, store: Store, logger: Logger) -> None:
        self._store = store
        self._logger: Logger | None = logger

    def commit(self, *outcomes: RunRecord) -> None:
        """Save, then log."""
        self._store.commit(*outcomes)
        for outcome in outcomes:
            self._log(outcome)

    def _log(self, outcome: RunRecord) -> None:
        if self._logger is None:
            return
        row = outcome.row
        config = {key: row[key] for key in ("method", "scenario", "knobs", "seed", "status", "error")}
        curve = [(int(entry["update"]), numbers(entry, CURVE)) for entry in json.loads(outcome.curve or "[]")]
        try:
            self._logger.log(row["cell"], config, curve, numbers(row, (*METRICS, *COUNTS)))
        except Exception as error:  # foreign code; the results are saved
            self._logger = None
            reason = clean(f"{type(error).__name__}: {error}")
            print(f"goldenrule: logging stopped ({reason}); results are kept", file=sys.stderr, flush=True)


def numbers(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Those of the named values that are there."""
    return {name: float(values[name]) for name in names if values.get(name) is not None}
