"""Write `results.sqlite`: a finished cell within one transaction, so that it is there whole or not at all.

Its tables:

meta       key, value (JSON): kind (sweep, comparison or cross-play), sweep (what was asked for, resolved), cells (how
           many there are to be), environment, human (what people reached in the same dialogues, where that is known)
cells      a row a cell that has finished or failed, with its metrics, cost and versions
episodes   a row an evaluation episode, its whole log in `log` (JSON, `evaluation.metrics.as_data`)
unseen     the same of dialogues with people never met, from which two of a row's metrics are counted and no others
curves     a row a cell that trains: the learning curve (JSON, `goldenrule.training.learner.Progress`)
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from goldenrule.benchmarks.evaluation.metrics import KEYS, episode_metrics
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

FORMAT = 4
"""Kept as the file's `user_version`; files of version 0.1 have 0 there."""

FILE = "results.sqlite"
LOCK = "lock"
RESTORE = "restore it from a copy, or run again into a new folder"

VOLATILE = ("seconds", "started", "host", "process", "trace", "code", "versions")
"""Columns that may differ between two runs of the same cell; all others are identical.

`code` and `versions` say what made a row. A cell's id does not hold them: a sweep that goes on under another commit is
told so, and keeps its rows.
"""

CELL_COLUMNS: dict[str, str] = {
    "cell": "TEXT PRIMARY KEY",
    "place": "INTEGER NOT NULL",
    "method": "TEXT NOT NULL",
    "scenario": "TEXT NOT NULL",
    "knobs": "TEXT NOT NULL",
    "seed": "INTEGER NOT NULL",
    "params": "TEXT NOT NULL",
    "status": "TEXT NOT NULL CHECK (status IN ('done', 'failed'))",
    "error": "TEXT",
    **dict.fromkeys(KEYS, "REAL"),
    "episodes": "INTEGER",
    "episodes_failed": "INTEGER",
    "episodes_estimated": "INTEGER",
    "episodes_truncated": "INTEGER",
    "episodes_invalid": "INTEGER",
    "messages_unscored": "INTEGER",
    "tokens": "INTEGER",
    "negotiation": "TEXT",
    "training_unscored_share": "REAL",
    "training_unscored_reason": "TEXT",
    "weights": "TEXT",
    "versions": "TEXT NOT NULL",
    "code": "TEXT",
    "seconds": "REAL NOT NULL",
    "started": "TEXT",
    "host": "TEXT",
    "process": "INTEGER",
    "trace": "TEXT",
}
"""Columns of `cells`; `code` is the commit of the checkout, `trace` the traceback of a cell that failed."""

EPISODE_COLUMNS: dict[str, str] = {
    "cell": "TEXT NOT NULL REFERENCES cells (cell)",
    "episode": "INTEGER NOT NULL",
    "seed": "TEXT NOT NULL",
    "status": "TEXT NOT NULL",
    "error": "TEXT",
    "messages": "INTEGER NOT NULL",
    "invalid_messages": "INTEGER NOT NULL",
    "own_reward": "REAL",
    "partner_reward": "REAL",
    "partner_reward_estimate": "REAL",
    "third_party_reward": "REAL",
    "proxy_reward": "REAL",
    "log": "TEXT NOT NULL",
}
"""Columns of `episodes`. Rewards are sums over the episode; none where it failed or one of them could not be had."""

JSON_COLUMNS = ("knobs", "params", "negotiation", "versions")

TABLES: dict[str, dict[str, str]] = {
    "meta": {"key": "TEXT PRIMARY KEY", "value": "TEXT NOT NULL"},
    "cells": CELL_COLUMNS,
    "episodes": EPISODE_COLUMNS,
    "unseen": EPISODE_COLUMNS,
    "curves": {"cell": "TEXT PRIMARY KEY REFERENCES cells (cell)", "curve": "TEXT NOT NULL"},
}
"""Columns of every table."""


def statements() -> list[str]:
    """What makes an empty file of this format."""

    def made(table: str, columns: Mapping[str, str]) -> str:
        parts = [f"{key} {kind}" for key, kind in columns.items()]
        key = ["PRIMARY KEY (cell, episode)"] if columns is EPISODE_COLUMNS else []
        return f"CREATE TABLE {table} ({', '.join(parts + key)}) STRICT"

    return [*(made(table, columns) for table, columns in TABLES.items()), f"PRAGMA user_version = {FORMAT}"]


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True)


def dumps(content: Any) -> str:
    """JSON; a lone surrogate in some text becomes its escape, NaN is refused with a `ValueError`."""
    return _json.encode(content).encode("utf-8", "backslashreplace").decode("utf-8")


def clean_text(text: str | None) -> str | None:
    """A text as SQLite holds it: no lone surrogates, no NUL."""
    if text is None:
        return None
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What came of a cell, in the form in which it is stored.

    It is made where the cell ran, in whatever process and on whatever machine: who commits it has nothing left to do
    but write.

    Attributes:
        row: its row, whose key `cell` is its id; `trace` is the traceback, where the cell failed.
        episodes: a row of `episodes` each, see `episode_row`.
        curve: the learning curve as JSON text; `None` where nothing was trained.
        unseen: a row of `unseen` each.
    """

    row: dict[str, Any]
    episodes: Sequence[dict[str, Any]] = ()
    curve: str | None = None
    unseen: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(
        cls,
        row: dict[str, Any],
        episodes: Sequence[Mapping[str, Any]] = (),
        curve: Sequence[Mapping[str, Any]] = (),
        unseen: Sequence[Mapping[str, Any]] = (),
    ) -> RunRecord:
        """What a cell gave.

        Args:
            row: its row.
            episodes: as `goldenrule.benchmarks.evaluation.metrics.as_data` gives them.
            curve: an entry an update.
            unseen: as `episodes`, of dialogues with people never met.

        Raises:
            ValueError: something in it is not finite; JSON has no NaN.
            TypeError: something in it is no plain data.
        """
        dumps(row)
        rows, more = ([episode_row(row["cell"], one) for one in some] for some in (episodes, unseen))
        return cls(row, rows, dumps(list(curve)) if curve else None, more)

    def values(self) -> dict[str, Any]:
        """The columns of `cells`, in their order; those that the store knows (`place`, `versions`, `code`) are none."""
        values = {name: self.row.get(name) for name in CELL_COLUMNS} | {
            "params": self.row.get("params") or {},
            "error": clean_text(self.row["error"]),
            "trace": clean_text(self.row.get("trace")),
            "episodes_truncated": sum(one["status"] == "truncated" for one in self.episodes),
            "episodes_invalid": sum(one["invalid_messages"] > 0 for one in self.episodes),
        }
        return values | {name: None if values[name] is None else dumps(values[name]) for name in JSON_COLUMNS}


def episode_row(cell: str, log: Mapping[str, Any]) -> dict[str, Any]:
    """One episode of a cell as a row of `episodes`.

    Args:
        cell: its id.
        log: the episode as `evaluation.metrics.as_data` gives it.
    """
    return {
        "cell": cell,
        "episode": log["episode"],
        "seed": str(log["seed"]),
        "status": log["status"],
        "error": clean_text(log["error"]),
        **episode_metrics(log),
        "log": dumps(log),
    }


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for writing; the operating system releases it when this process ends, however it ends.

    Raises:
        UserError: another process holds it, or the file system knows no locks.
        OSError: the folder cannot be written.
    """
    path = folder / LOCK
    path.touch()  # what is wrong with the folder itself is not the lock's trouble
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
        raise UserError(
            f"{str(folder)!r} is in use by {clean(holder[:200])}; wait for it, stop it, or name another folder"
        ) from None
    except (NotImplementedError, OSError) as error:
        raise UserError(
            f"{str(folder)!r} lies on a file system without locks ({error}); name a folder on another"
        ) from error
    try:
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Errors of SQLite, and of the JSON in it, as one line about the file."""
    try:
        yield
    except (sqlite3.Error, json.JSONDecodeError) as error:
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            line = f"cannot be written or read ({error}); what was saved is kept. Free space, then run this again"
        elif name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
            line = f"cannot be opened ({error}); mend its permissions, or name another folder"
        elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            line = f"is in use by another process ({error}); wait for it, or stop it"
        elif name == "SQLITE_NOTADB":
            line = f"is no results file ({error}); {RESTORE}"
        else:
            line = f"is damaged ({error}); {RESTORE}"
        raise UserError(f"{str(path)!r} {line}") from error


def check(db: sqlite3.Connection, file: Path) -> None:
    """Check an open file's pages and format.

    Raises:
        UserError: it is damaged, or of another format.
    """
    with sqlite_errors(file):
        (fault,) = db.execute("PRAGMA quick_check(1)").fetchone()
        (given,) = db.execute("PRAGMA user_version").fetchone()
        (page,) = db.execute("PRAGMA page_size").fetchone()
    if file.stat().st_size % page:  # SQLite fills the rest of a last page with zeros, and sees no fault
        fault = "it is cut short"
    if fault != "ok":
        told = " ".join(str(fault).replace("*** in database main ***", "").split())
        raise UserError(f"{str(file)!r} is damaged ({clean(told[:300])}); {RESTORE}")
    if given != FORMAT:
        what = "is of version 0.1 of goldenrule" if given == 0 else f"has format {given}"
        raise UserError(
            f"{str(file)!r} {what}; expected format {FORMAT}: use the version that wrote it, "
            "or run again into a new folder"
        )


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether a file has no tables: a run that was killed at birth leaves such a file."""
    return not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def same_work(db: sqlite3.Connection, file: Path, kind: str, name: str) -> None:
    """Raises `UserError` where a file holds the results of something else than the `kind` called `name`."""
    with sqlite_errors(file):
        about = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
    asked = about.get("sweep")
    there = (about.get("kind"), asked.get("name") if isinstance(asked, dict) else None)
    if "kind" in about and there != (kind, name):
        given = clean(f"{there[0]} {there[1]!r}"[:300])
        raise UserError(f"{str(file.parent)!r} holds the {given}; this is the {kind} {name!r}: name another folder")


class ResultStore:
    """`results.sqlite` of a folder, open for writing. A context manager; `benchmarks.engines.base.Store`.

    Args:
        folder: where the file is, or is made.
        places: place of each cell in the table's order, by its id.
        versions: of the packages that decide results.
        code: the commit of the checkout, if this is one.

    Raises:
        UserError: the file is of another format, damaged, or cannot be written.
    """

    def __init__(
        self, folder: Path, places: Mapping[str, int], versions: Mapping[str, Any], code: str | None = None
    ) -> None:
        self.path = folder / FILE
        self._places, self._versions, self._code = places, dumps(versions), code
        if self.path.exists() and not self.path.is_file():
            raise UserError(f"{str(self.path)!r} is no file; move it, or name another folder")
        with sqlite_errors(self.path):
            # Autocommit: transactions are begun and ended by name below.
            self._db = sqlite3.connect(self.path, isolation_level=None)
        try:
            with sqlite_errors(self.path):
                self._db.execute("PRAGMA synchronous = FULL")
                # What ends a transaction is synced too, as the unlinking of a journal is not: it outlives a power cut.
                self._db.execute("PRAGMA journal_mode = TRUNCATE")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA temp_store = MEMORY")
                if is_empty(self._db):
                    with self._transaction():
                        for statement in statements():
                            self._db.execute(statement)
            check(self._db, self.path)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> ResultStore:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):  # tidy alone: an empty journal does no harm
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise

    def describe(self, **meta: Any) -> None:
        """Keep facts about the whole run, as JSON by name; later ones replace earlier ones.

        Rows of earlier runs move to the places that cells have now, those of cells that have none to the end.

        Raises:
            UserError: this is the file of something else than the `kind` of that `sweep`.
        """
        if "kind" in meta:
            same_work(self._db, self.path, meta["kind"], str(meta["sweep"]["name"]))
        with sqlite_errors(self.path), self._transaction():
            for key, value in meta.items():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, dumps(value)))
            self._db.execute("CREATE TEMP TABLE places (cell TEXT PRIMARY KEY, place INTEGER NOT NULL)")
            self._db.executemany("INSERT INTO places VALUES (?, ?)", self._places.items())
            now = "coalesce((SELECT p.place FROM places p WHERE p.cell = cells.cell), ?1)"
            self._db.execute(f"UPDATE cells SET place = {now} WHERE place != {now}", (len(self._places),))
            self._db.execute("DROP TABLE places")

    def settled(self) -> dict[str, str]:
        """Status (`done` or `failed`) of every cell that has a row, by its id."""
        return dict(self._query("SELECT cell, status FROM cells"))

    def failed_episodes(self) -> dict[str, tuple[int, ...]]:
        """Numbers of the failed episodes of every cell that has some, by its id."""
        found: dict[str, tuple[int, ...]] = {}
        for cell, number in self._query(
            "SELECT cell, episode FROM episodes WHERE status = 'failed' ORDER BY cell, episode"
        ):
            found[cell] = (*found.get(cell, ()), number)
        return found

    def logs(self, cell: str) -> dict[int, dict[str, Any]]:
        """The stored episodes of a cell, by number."""
        found = self._query("SELECT episode, log FROM episodes WHERE cell = ? ORDER BY episode", cell)
        return {number: json.loads(log) for number, log in found}

    def costs(self, cell: str) -> tuple[float, int | None]:
        """Seconds and tokens that a stored cell took."""
        ((seconds, tokens),) = self._query("SELECT seconds, tokens FROM cells WHERE cell = ?", cell)
        return seconds, tokens

    def _query(self, query: str, *values: Any) -> list[Any]:
        with sqlite_errors(self.path):
            return self._db.execute(query, values).fetchall()

    def commit(self, *records: RunRecord) -> None:
        """Save what came of cells with their episodes, in place of earlier attempts at them.

        Once this returns it survives whatever comes; until then the earlier attempts do.

        Raises:
            UserError: the disk is full, or the file cannot be written; what was saved before is whole.
        """
        with sqlite_errors(self.path), self._transaction():
            for record in records:
                self._replace(record)

    def _replace(self, record: RunRecord) -> None:
        cell = record.row["cell"]
        place = self._places.get(cell, len(self._places))
        values = record.values() | {"place": place, "versions": self._versions, "code": self._code}
        for table in ("curves", "unseen", "episodes", "cells"):
            self._db.execute(f"DELETE FROM {table} WHERE cell = ?", (cell,))
        self._insert("cells", [values])
        self._insert("episodes", record.episodes)
        self._insert("unseen", record.unseen)
        if record.curve is not None:
            self._db.execute("INSERT INTO curves VALUES (?, ?)", (cell, record.curve))

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._db.executemany(f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in TABLES[table])})", rows)
