"""The end of a process that is interrupted while it imports."""

from __future__ import annotations

import contextlib
import os
import sys

CODE, LINE = 130, "goldenrule: interrupted"


def leave() -> None:
    """End the process at once and say that it was interrupted."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"{LINE}\n".encode())
    os._exit(CODE)
