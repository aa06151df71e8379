"""Opens `results.sqlite`: whatever is wrong with the file is one line that says what, and what to do.

A file is looked through once in each state in which it comes from elsewhere: SQLite's own check of its pages, its
tables and columns, JSON where JSON must be, and that every cell has the episodes its row counts.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from goldenrule.benchmarks.storage.schema import FILE, FORMAT, JSON_COLUMNS, TABLES
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

RESTORE = "restore it from a copy, or name another folder"
RERUN = f"run its sweep again with --rerun-damaged, {RESTORE}"
CLOSED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
FULL = ("SQLITE_FULL", "SQLITE_IOERR")
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")

_passed: dict[Path, tuple[int, ...]] = {}
"""The state in which each file was when it was last looked through and found whole."""


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as one line about the file."""
    try:
        yield
    except sqlite3.Error as error:
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(FULL):
            line = (
                f"cannot be written or read ({error}); what was saved before is kept. Free space, then run this again"
            )
        elif name.startswith(CLOSED):
            line = f"cannot be opened ({error}); mend its permissions, or name another folder"
        elif name.startswith(BUSY):
            line = f"is in use by another process ({error}); wait for it, or stop it"
        elif name == "SQLITE_NOTADB":
            line = f"is no results file ({error}); {RESTORE}"
        else:
            line = f"is damaged ({error}); {RESTORE}"
        raise UserError(f"{_called(path)} {line}") from error


def file_of(path: str | Path) -> Path:
    """The results file of a folder, or the file itself.

    Raises:
        UserError: it is no file, or cannot be looked at.
    """
    try:
        given = Path(path)
        file = given / FILE if given.is_dir() else given
        if file.is_file():
            return file
        there = file.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{_called(path)} cannot be looked at ({reason}); name the folder of a sweep") from error
    if there:
        raise UserError(f"{_called(file)} is no file; expected the results of a sweep: move it, or name another folder")
    raise UserError(f"no results in {_called(path)}: {FILE} is missing; name the folder of a sweep")


def check(db: sqlite3.Connection, file: Path, mending: bool = False) -> None:
    """Look an open file through, unless that was done in the state it is in.

    Args:
        db, file: the file.
        mending: whether cells may be `incomplete`: they are to be run again.

    Raises:
        UserError: it is of another format, cut short, damaged, or lacks what its rows say it holds.
    """
    state = _state(file)
    if _passed.get(file) != state:
        with translated(file):
            _look_through(db, file, state[0])
            lacking = incomplete(db)
        if not lacking:
            _passed[file] = state
        elif not mending:
            cell, there, all_of_them = lacking[0]
            others = f"; cells that lack some: {len(lacking)}" if len(lacking) > 1 else ""
            fault = clean(f"{there} of {all_of_them} episodes of cell {cell} are there{others}"[:300])
            raise UserError(f"{_called(file)} is damaged ({fault}); {RERUN}")


def kept_whole(file: Path) -> None:
    """Take a file that was whole for one in the state it is in now: only this process has written to it since."""
    if file in _passed:
        _passed[file] = _state(file)


def _state(file: Path) -> tuple[int, ...]:
    """Size, time of the last change, and which file it is."""
    try:
        about = file.stat()  # not opened: to close it again would end the locks that SQLite has on it
    except OSError as error:
        raise UserError(
            f"{_called(file)} cannot be opened ({error.strerror}); mend its permissions, or name another folder"
        ) from error
    return about.st_size, about.st_mtime_ns, about.st_dev, about.st_ino


def same_work(db: sqlite3.Connection, file: Path, kind: str, name: str) -> None:
    """Raises `UserError` where an open file holds the results of something else than the sweep or cross-play `name`."""
    with translated(file):
        about = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
    asked = about.get("sweep")
    there = (about.get("kind"), asked.get("name") if isinstance(asked, dict) else None)
    if "kind" in about and there != (kind, name):
        given = clean(f"{there[0]} {there[1]!r}"[:300])
        raise UserError(
            f"{_called(file.parent)} holds the {given}; this is the {kind} {name!r}: name another folder with --out"
        )


def _look_through(db: sqlite3.Connection, file: Path, size: int) -> None:
    called = _called(file)
    (page,) = db.execute("PRAGMA page_size").fetchone()
    if size % page:
        raise UserError(f"{called} is cut short ({size:,} bytes, no whole number of {page:,}); {RESTORE}")
    given = _format(db)
    if given != str(FORMAT):
        told = "has no format" if given is None else f"has format {clean(given[:40])}"
        raise UserError(f"{called} {told}; expected {FORMAT}: use the version that wrote it, or name another folder")
    for what in (_pages, _columns, _json):
        fault = what(db)
        if fault is not None:
            raise UserError(f"{called} is damaged ({clean(fault[:300])}); {RESTORE}")


def _format(db: sqlite3.Connection) -> str | None:
    if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]:
        return None
    found = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    return None if found is None else str(found[0])


def _pages(db: sqlite3.Connection) -> str | None:
    (told,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if told == "ok" else " ".join(str(told).replace("*** in database main ***", "").split())


def _columns(db: sqlite3.Connection) -> str | None:
    for table, columns in TABLES.items():
        found = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        if not found:
            return f"its table {table} is missing"
        if found != list(columns):
            lacking = [f"lacks the column {name}" for name in columns if name not in found]
            beyond = [f"has a column {name} too many" for name in found if name not in columns]
            return f"its table {table} {(lacking + beyond + ['has its columns in another order'])[0]}"
    return None


def _json(db: sqlite3.Connection) -> str | None:
    wrong = db.execute("SELECT key FROM meta WHERE NOT json_valid(value)").fetchone()
    if wrong is not None:
        return f"{wrong[0]} in its table meta is no JSON"
    for name in JSON_COLUMNS:
        kind = f"CASE WHEN json_valid({name}) THEN json_type({name}) ELSE 'no JSON' END"
        wrong = db.execute(f"SELECT cell, {kind} FROM cells WHERE {name} IS NOT NULL AND {kind} != 'object'").fetchone()
        if wrong is not None:
            return f"{name} of cell {wrong[0]} is {wrong[1]}; it should be an object"
    return None


def incomplete(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """The cells that do not have the episodes their rows count: id, how many there are, how many there should be."""
    return db.execute(
        "SELECT cell, coalesce(n, 0), episodes + episodes_failed FROM cells "
        "LEFT JOIN (SELECT cell, count(*) AS n FROM episodes GROUP BY cell) USING (cell) "
        "WHERE status = 'done' AND coalesce(n, 0) != episodes + episodes_failed ORDER BY place, cell"
    ).fetchall()


def _called(path: str | Path) -> str:
    """A path for a line, cut where it is very long."""
    text = str(path)
    return repr(text if len(text) <= 300 else f"{text[:300]}...")
