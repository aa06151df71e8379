"""Weights & Biases, offline: a run a cell, to be sent with `wandb sync` if at all (extra `wandb`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb


class Wandb:
    """Writes offline runs under a folder; nothing leaves the machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def log(
        self,
        name: str,
        config: Mapping[str, Any],
        curve: Sequence[tuple[int, Mapping[str, float]]],
        figures: Mapping[str, float],
    ) -> None:
        """See `Logger.log`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(mode="offline", silent=True, console="off", x_disable_stats=True, disable_git=True)
        run = wandb.init(
            project="goldenrule",
            name=name,
            dir=str(self._folder),
            config=dict(config),
            settings=settings,
            reinit="create_new",
        )
        for update, values in curve:
            run.log({f"training/{key}": value for key, value in values.items()}, step=update)
        run.summary.update({f"evaluation/{key}": value for key, value in figures.items()})
        run.finish()
