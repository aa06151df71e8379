"""Where human data lies and how its files are opened. The data is never part of the project.

A set is a folder named after it, under the folder that `GOLDENRULE_DATA` names or `../shared/data` beside the
checkout. A missing set, file or field is one line that says what is missing and where it can be had.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from goldenrule.common.errors import UserError
from goldenrule.common.files import expand
from goldenrule.common.untrusted import one_line

VARIABLE = "GOLDENRULE_DATA"

SOURCES = {
    "casino": "the public repository kushalchawla/CaSiNo (data/split/*.json, CC BY 4.0)",
    "dialop": "the public repository jlin816/dialop (dialop/data.zip, CDLA-Permissive-2.0)",
    "flightpref": "the public repository jlin816/rewards-from-language (rewards/data, MIT)",
    "topical_chat": "the public repository alexa/Topical-Chat (conversations, CDLA-Sharing-1.0)",
    "diplomacy_lies": "the public repository DenisPeskoff/2020_acl_diplomacy (data, CC BY 4.0)",
}


class DataError(UserError):
    """Human data is missing or not of the expected form; one line says which, and what to do."""


def folder(name: str, given: str | Path | None = None) -> Path:
    """The folder of the set `name`; `given` names another folder of the same layout, or the one above it.

    Raises:
        DataError: there is no such folder.
    """
    source = SOURCES.get(name, "its authors")
    if given is not None:
        path = Path(given)
        if not path.is_dir():
            raise DataError(f"no folder {str(given)!r}; expected a folder with the {name} files, from {source}")
        return path / name if (path / name).is_dir() else path
    where = os.environ.get(VARIABLE)
    checkout = Path(__file__).resolve().parents[3]
    for root in [expand(where)] if where else [one.parent / "shared" / "data" for one in (checkout, Path.cwd())]:
        if (root / name).is_dir():
            return root / name
        if root.resolve().name == name and root.is_dir():  # the set itself was named instead of the folder above it
            return root
    tried = f"looked in {where!r}" if where else f"{VARIABLE} is not set and ../shared/data has none"
    raise DataError(
        f"no data folder {name!r} ({tried}); get it from {source} and let {VARIABLE} name the folder above it"
    )


@contextmanager
def data_at(folder: Path | None, *, must_exist: bool = True) -> Iterator[None]:
    """Human data is looked for in `folder`, which holds one folder a set, while this lasts.

    Raises:
        DataError: there is no such folder, and there must be.
    """
    if folder is None:
        yield
        return
    if must_exist and not folder.is_dir():
        raise DataError(f"no folder {str(folder)!r}; expected the folder above casino and the like")
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})


def has(name: str) -> bool:
    """Whether the set `name` is here."""
    try:
        return bool(folder(name))
    except DataError:
        return False


def files(path: Path, name: str, *patterns: str) -> list[Path]:
    """The files of `path` that match any of the patterns, by name.

    Raises:
        DataError: there is none.
    """
    matches = sorted({file for pattern in patterns for file in path.glob(pattern) if file.is_file()})
    if not matches:
        source = SOURCES.get(name, "its authors")
        raise DataError(f"no {' or '.join(patterns)} in {str(path)!r}; expected the {name} files, from {source}")
    return matches


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Take a record apart that may not be of the expected form: whatever its parts raise is an error of the data.

    Raises:
        DataError: a part is missing, or something else than expected; the line says `where`.
    """
    try:
        yield
    except DataError:
        raise
    except KeyError as missing:
        raise DataError(f"{where}: {missing} is missing; fetch the file again") from None
    except ValueError as wrong:
        raise DataError(f"{where}: {wrong}; fetch the file again") from None
    except (TypeError, AttributeError) as error:
        raise DataError(f"{where} is not as expected ({one_line(error)}); fetch the file again") from None


def read_json(file: Path) -> Any:
    """The content of a JSON file, gzipped or not.

    Raises:
        DataError: the file cannot be read or is not JSON.
    """
    return _parse(_text(file), file.name)


def read_lines(file: Path) -> Iterator[tuple[int, Any]]:
    """Number and content of each line of a JSONL file, gzipped or not.

    Raises:
        DataError: the file cannot be read or a line is not JSON.
    """
    for number, line in enumerate(_text(file).split("\n"), 1):
        if line.strip():
            yield number, _parse(line, f"{file.name} line {number}")


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{file.name} cannot be read: {error}; fetch the file again") from None


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"{place} is not JSON: {error}; fetch the file again") from None
