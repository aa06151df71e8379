"""The state of a cell's training on disk, so that a cell that is killed goes on from its last saved update.

One file a cell, written beside and renamed: safetensors, with a description as JSON in its header. It is of use only to
the same cell under the same code, versions and processor, which would have come to the same bits.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from goldenrule.agents.networks import native
from goldenrule.common.files import write_whole
from goldenrule.training.learner import Learner, TrainingState

SHARE = 0.02
"""Of the time of training, what saving may take: the next state is saved when so much time has passed."""

PARTS = ("agents", "common", "envs", "rewards", "training", "benchmarks.evaluation")
"""Of this package, what decides the result of a cell."""


@functools.cache
def maker() -> dict[str, str | None]:
    """What decides, besides its description, the bits that a cell comes to."""
    digest = hashlib.blake2b(digest_size=12)
    for part in PARTS:
        root = Path(str(files(f"goldenrule.{part}")))
        for path in sorted(file for kind in ("*.py", "*.c") for file in root.rglob(kind)):
            digest.update(f"{part}/{path.relative_to(root)}".encode() + path.read_bytes())
    compiled = native.library()
    return {
        "code": digest.hexdigest(),
        **{name: version(name) for name in ("torch", "numpy", "tokenizers")},
        "native": None if compiled is None else Path(str(compiled._name)).name,
        "processor": _processor(),
    }


def _processor() -> str:
    """The processor's model, as Linux names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a cell's training stands.

    Attributes:
        state: of its learner.
        curve: one entry an update so far, of `Progress`.
        seconds: that the cell has taken so far.
    """

    state: TrainingState
    curve: Sequence[Mapping[str, Any]]
    seconds: float


@dataclass(slots=True)
class StateFile:
    """Keeps the state of one cell's training.

    Args:
        path: of the file.
        cell: its cell's id.
    """

    path: Path
    cell: str
    _due: float = field(default=-math.inf, init=False)

    def load(self) -> Saved | None:
        """What was saved; `None` where nothing was, or it is of no use here (see `difference`)."""
        if self.difference() != "":
            return None
        with safe_open(self.path, "pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        state = TrainingState(about["updates"], tensors, about["counters"])
        return Saved(state, about["curve"], about["seconds"])

    def difference(self) -> str | None:
        """Why what was saved is of no use here, in words; empty where it is of use, `None` where nothing was saved."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                about = json.loads(file.metadata()["about"])
            wrong = {"cell": self.cell, **maker()}
            differ = [name for name, value in wrong.items() if about["maker"].get(name) != value]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"it is damaged ({type(error).__name__})"
        return f"another {', '.join(differ)}" if differ else ""

    def save(self, learner: Learner, updates: int, curve: Sequence[Mapping[str, Any]], seconds: float) -> None:
        """Save the state after an update, unless the last was saved so short a time ago that it would cost too much.

        Raises:
            OSError: it cannot be written.
        """
        began = time.perf_counter()
        if began < self._due:
            return
        state = learner.state(updates)
        about = {
            "maker": {"cell": self.cell, **maker()},
            **{"updates": updates, "counters": dict(state.counters), "curve": list(curve), "seconds": seconds},
        }
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, save(tensors, {"about": json.dumps(about)}))
        now = time.perf_counter()
        self._due = now + (now - began) / SHARE
