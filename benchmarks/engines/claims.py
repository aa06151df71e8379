"""Who has a cell that was handed to a worker ahead of its turn: the worker, or the parent that wants it back.

For each such cell there lies a byte in a pipe that both read without waiting. Whoever gets it has the cell; the other
finds none and leaves it alone. A process that dies has read it, and begun the cell, or has not.
"""

from __future__ import annotations

import os
from multiprocessing.connection import Pipe
from typing import Any


class Claim:
    """Goes to a process as an argument of its; only the parent offers."""

    def __init__(self) -> None:
        self._out, self._into = Pipe(duplex=False)
        os.set_blocking(self._out.fileno(), False)  # a property of the pipe: for both

    def offer(self) -> None:
        """Lay down a byte for one cell more. Before the cell is sent: else it might be thought to be taken back."""
        os.write(self._into.fileno(), b"\0")

    def take(self) -> bool:
        """Take a byte, if there is one: whether the cell is ours."""
        try:
            return os.read(self._out.fileno(), 1) != b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Let go of it, in the parent."""
        self._out.close()
        self._into.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_out": self._out}
