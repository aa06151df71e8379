"""trackio: a local dashboard (`trackio show --project goldenrule`), a run a cell (extra `trackio`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Trackio:
    """Writes trackio's database under a folder; set TRACKIO_DIR to it to look at it."""

    def __init__(self, folder: Path) -> None:
        os.environ["TRACKIO_DIR"] = str(folder)  # read when the package is imported
        import trackio

        self._trackio = trackio

    def log(
        self,
        name: str,
        config: Mapping[str, Any],
        curve: Sequence[tuple[int, Mapping[str, float]]],
        figures: Mapping[str, float],
    ) -> None:
        """See `Logger.log`."""
        run = self._trackio.init(
            project="goldenrule",
            name=name,
            config={key: str(value) for key, value in config.items()},
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        for update, values in curve:
            run.log({f"training/{key}": value for key, value in values.items()}, step=update)
        run.log({f"evaluation/{key}": value for key, value in figures.items()}, step=len(curve) + 1)
        self._trackio.finish()
