"""Send learning curves and results to TensorBoard, Weights & Biases (offline) or trackio too.

Results are saved before a logger hears of them: one that breaks is reported once and dropped, and the run goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.engines.base import Store
from goldenrule.benchmarks.evaluation.metrics import COUNTS, METRICS
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

CURVE = ("reward", "truth", "kl", "prediction_loss", "failed", "unscored")
Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished cell as loggers hear of it: one run of the logger.

    Attributes:
        name: the cell's id, safe as a file name.
        config: its method, scenario, knobs and seed.
        curve: (update, values by name), in order; empty where nothing was trained.
        metrics: its results by name; what could not be had is not there.
    """

    name: str
    config: Mapping[str, Any]
    curve: Sequence[tuple[int, Metrics]]
    metrics: Metrics


Logger = Callable[[Finished], None]
"""Takes in a finished cell."""


def _tensorboard(folder: Path) -> Logger:
    """Event files, a folder a cell; `tensorboard --logdir FOLDER` shows them (extra `tensorboard`)."""
    writer_in = importlib.import_module("torch.utils.tensorboard").SummaryWriter

    def log(cell: Finished) -> None:
        with writer_in(str(folder / cell.name)) as writer:
            writer.add_text("config", json.dumps(cell.config, default=str))
            for update, values in cell.curve:
                for key, value in values.items():
                    writer.add_scalar(f"training/{key}", value, update)
            for key, value in cell.metrics.items():
                writer.add_scalar(f"evaluation/{key}", value, len(cell.curve))

    return log


def _wandb_like(folder: Path, package: str) -> Logger:
    """Weights & Biases and trackio, which has the same interface; nothing leaves the machine (extras of their names).

    Args:
        folder: where offline runs (`wandb sync`) or trackio's database (`TRACKIO_DIR`) go.
        package: `wandb` or `trackio`.
    """
    os.environ["TRACKIO_DIR"] = str(folder)  # read when trackio is imported
    library: Any = importlib.import_module(package)
    options: dict[str, Any] = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
    if package == "wandb":
        folder.mkdir(parents=True, exist_ok=True)
        settings = library.Settings(mode="offline", silent=True, console="off", x_disable_stats=True, disable_git=True)
        options = {"dir": str(folder), "settings": settings, "reinit": "create_new"}

    def log(cell: Finished) -> None:
        texts = {key: str(value) for key, value in cell.config.items()}
        run = library.init(project="goldenrule", name=cell.name, config=texts, **options)
        for update, values in cell.curve:
            run.log({f"training/{key}": value for key, value in values.items()}, step=update)
        run.log({f"evaluation/{key}": value for key, value in cell.metrics.items()}, step=len(cell.curve) + 1)
        run.finish() if hasattr(run, "finish") else library.finish()

    return log


KINDS = ("tensorboard", "wandb", "trackio")


def logger_from(kind: str, folder: Path) -> Logger:
    """A logger by its name, `tensorboard`, `wandb` or `trackio`, that writes under `folder`.

    Raises:
        UserError: another name, or its package is not installed.
    """
    if kind not in KINDS:
        raise UserError(f"--log {kind!r} is unknown; expected one of {', '.join(KINDS)}")
    try:
        return _tensorboard(folder / kind) if kind == "tensorboard" else _wandb_like(folder / kind, kind)
    except ImportError as error:
        raise UserError(f"--log {kind} needs {error.name}; pip install 'goldenrule[{kind}]'") from None


class Logged:
    """A store that hands what it has saved to a logger.

    Args:
        store: where rows go first.
        logger: hears of them then.
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
        curve = [(int(entry["update"]), _numbers(entry, CURVE)) for entry in json.loads(outcome.curve or "[]")]
        try:
            self._logger(Finished(row["cell"], config, curve, _numbers(row, (*METRICS, *COUNTS))))
        except Exception as error:  # foreign code; the results are saved
            self._logger = None
            reason = clean(f"{type(error).__name__}: {error}")
            print(f"goldenrule: logging stopped ({reason}); results are kept", file=sys.stderr, flush=True)


def _numbers(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Those of the named values that are there."""
    return {name: float(values[name]) for name in names if values.get(name) is not None}
