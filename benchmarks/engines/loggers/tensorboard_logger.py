"""TensorBoard event files, a folder a cell (extra `tensorboard`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Writes under a folder; `tensorboard --logdir FOLDER` shows it."""

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
        with SummaryWriter(str(self._folder / name)) as writer:
            writer.add_text("config", json.dumps(config, default=str))
            for update, values in curve:
                for key, value in values.items():
                    writer.add_scalar(f"training/{key}", value, update)
            for key, value in figures.items():
                writer.add_scalar(f"evaluation/{key}", value, len(curve))
