"""Paths as people write them, folders for results, and files that are either whole or not there."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from goldenrule.common.errors import UserError

RUNS = Path("runs")


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


def empty_folder(path: Path, option: str = "--out", resumes: Sequence[str] = ()) -> None:
    """Do nothing where a folder is empty, is not there yet, or has one of the files `resumes` of an earlier run.

    Raises:
        UserError: it holds something else, is a file or cannot be one.
    """
    try:
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return
        if any((path / name).exists() for name in resumes):
            return
        problem = f"holds files and no {resumes[0]}" if resumes else "holds files already"
        problem = problem if path.is_dir() else "is a file"
    except OSError as error:
        problem = f"cannot be used ({error.strerror})"
    raise UserError(f"output folder {str(path)!r} {problem}; name a new or empty folder with {option}")


def fresh_path(name: str, root: Path = RUNS) -> Path:
    """`root/<time>-<name>`, numbered where two runs begin in one second."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    numbered = (root / f"{name}-{number}" for number in range(2, 10_000))
    return next(path for path in (root / name, *numbered) if not path.exists())


def write_json(path: Path, content: Any) -> None:
    """Write one JSON file, whole; its folder is made.

    Raises:
        UserError: it cannot be written.
        ValueError: something in it is not finite; JSON has no NaN.
    """
    # A lone surrogate in some error's text becomes its escape.
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode("utf-8", "backslashreplace"))
