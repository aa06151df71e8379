"""Paths as people write them, and files that are either whole or not there."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from goldenrule.common.errors import UserError


def expand(path: str | Path) -> Path:
    """`~/runs` and `$HOME/runs` as the folder that is meant: quotes and YAML keep a shell from expanding them."""
    return Path(os.path.expanduser(os.path.expandvars(path)))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside `path` and rename it, so that `path` is either the old file or the new one, whole.

    What killed processes of this machine left beside it is removed.

    Raises:
        OSError: it cannot be written; names `path`.
    """
    host = socket.gethostname()
    beside = path.with_name(f".{path.name}.{host}.{os.getpid()}.part")
    for left in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(host)}.*.part"):
        process = left.name.split(".")[-2]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
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


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Write a file, or into a folder.

    Raises:
        UserError: in place of an `OSError`: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"cannot write {str(path)!r}: {reason}; name a writable folder") from error
