"""How much memory a cell will take, from a few of its dialogues that are held now.

A cell holds all of its dialogues at once and keeps them until it is saved. Where language models talk, what they
remember of each dialogue is most of it: 0.5 to 8 MB with the shipped bases.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from dataclasses import replace
from pathlib import Path

from goldenrule.benchmarks.evaluation.run import Cell, run_cell

LARGE = 16e6
"""Bytes that a dialogue does not take: what fits even so is not tried."""

DIALOGUES = 32


def may_not_fit(cell: Cell, workers: int) -> bool:
    """Whether so many cells side by side may need more memory than is free, for all that is known without a trial."""
    there = free()
    return there is not None and workers * cell.settings.episodes * LARGE > there


def free() -> int | None:
    """Bytes that processes of this machine can still have; `None` where the system does not tell."""
    return _told(Path("/proc/meminfo"), "MemAvailable")


def needed(cell: Cell) -> int | None:
    """Bytes that a cell's dialogues take; rather too many than too few. `None` where the system does not tell.

    What training takes besides does not grow with the number of dialogues, and is not in it.
    """
    trained = cell.chosen.train is not None or cell.chosen.kind == "sb3"
    talks = replace(cell, method="untrained", source=None, params={}, resolved=None) if trained else cell
    few = min(DIALOGUES, cell.settings.episodes)
    with contextlib.suppress(OSError, AttributeError):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what was freed is given back: it would hide what the trial takes
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
        before = _told(Path("/proc/self/status"), "VmRSS")
        run_cell(replace(talks, settings=replace(talks.settings, episodes=few)))
        peak = _told(Path("/proc/self/status"), "VmHWM")
        if before is not None and peak is not None:
            return max(0, peak - before) * cell.settings.episodes // few
    return None


def _told(file: Path, name: str) -> int | None:
    """Bytes that the system tells of in a line `name: 12 kB`."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return None
