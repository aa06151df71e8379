"""Paths as people write them, and files that are either whole or not there."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
from pathlib import Path


def expand(path: str | Path) -> Path:
    """`~/runs` and `$HOME/runs` as the folder that is meant: quotes and YAML keep a shell from expanding them."""
    return Path(os.path.expanduser(os.path.expandvars(path)))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside and rename it, so that `path` is either the old file or the new one, whole.

    What a process of this machine left beside it when it was killed is removed.

    Raises:
        OSError: it cannot be written; names `path`.
    """
    host = socket.gethostname()
    beside = path.with_name(f".{path.name}.{host}.{os.getpid()}.part")
    for left in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(host)}.*.part"):
        if not _runs(left.name.rsplit(".", 2)[1]):
            left.unlink(missing_ok=True)
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        error.filename = str(path)  # a full disk does not say whose write it refused
        raise
    finally:
        beside.unlink(missing_ok=True)


def _runs(process: str) -> bool:
    """Whether a process of this machine is alive, or may be."""
    if not process.isdecimal():
        return True
    with contextlib.suppress(PermissionError):  # alive, and somebody else's
        try:
            os.kill(int(process), 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
