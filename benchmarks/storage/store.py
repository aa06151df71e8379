"""Writes the results of a sweep: a finished cell within one transaction, so that it is there whole or not at all."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.storage.opening import check, file_of, incomplete, kept_whole, same_work, translated
from goldenrule.benchmarks.storage.outcome import Outcome
from goldenrule.benchmarks.storage.schema import (
    CELL_COLUMNS,
    FIGURES,
    FILE,
    FORMAT,
    JSON_COLUMNS,
    TABLES,
    clean_text,
    dumps,
    statements,
)


class SweepStore:
    """`results.sqlite` of a folder, open for writing. A context manager; `benchmarks.engines.base.Store`.

    Args:
        folder: where the file is, or is made.
        places: place of each cell in the table's order, by its id.
        versions: of the packages that decide results.
        code: the commit of the checkout, if this is one.
        mending: whether cells may lack episodes, as `mend` will see to them.

    Raises:
        UserError: the file is of another format, damaged, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        places: Mapping[str, int],
        versions: Mapping[str, Any],
        code: str | None = None,
        mending: bool = False,
    ) -> None:
        self.path = folder / FILE
        self._places, self._versions, self._code = places, dumps(versions), code
        if self.path.exists():
            file_of(folder)
        with translated(self.path):
            # Autocommit: transactions are begun and ended by name below.
            self._db = sqlite3.connect(self.path, isolation_level=None)
        try:
            with translated(self.path):
                self._db.execute("PRAGMA synchronous = FULL")
                # What ends a transaction is synced too, as the unlinking of a journal is not: it outlives a power cut.
                self._db.execute("PRAGMA journal_mode = TRUNCATE")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA temp_store = MEMORY")
                if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    with self._transaction():
                        for statement in statements():
                            self._db.execute(statement)
                        self._db.execute("INSERT INTO meta VALUES ('format', ?)", (str(FORMAT),))
            check(self._db, self.path, mending)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> SweepStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):  # tidy alone: an empty journal does no harm
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        if kind is None:
            kept_whole(self.path)

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

    def belongs(self, kind: str, name: str) -> None:
        """Raises `UserError` where this is the file of something else than the sweep or cross-play `name`."""
        same_work(self._db, self.path, kind, name)

    def describe(self, **meta: Any) -> None:
        """Keep facts about the whole sweep, as JSON by name; later ones replace earlier ones.

        Rows of earlier runs move to the places that cells have now, those of cells that have none to the end.
        """
        with translated(self.path), self._transaction():
            for key, value in meta.items():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, dumps(value)))
            self._db.execute("CREATE TEMP TABLE places (cell TEXT PRIMARY KEY, place INTEGER NOT NULL)")
            self._db.executemany("INSERT INTO places VALUES (?, ?)", self._places.items())
            now = "coalesce((SELECT p.place FROM places p WHERE p.cell = cells.cell), ?1)"
            self._db.execute(f"UPDATE cells SET place = {now} WHERE place != {now}", (len(self._places),))
            self._db.execute("DROP TABLE places")

    def mend(self) -> list[str]:
        """Make failed rows, with that as their reason, of the cells that lack episodes; gives their ids."""
        with translated(self.path), self._transaction():
            lacking = incomplete(self._db)
            for cell, there, all_of_them in lacking:
                for table in ("curves", "episodes"):
                    self._db.execute(f"DELETE FROM {table} WHERE cell = ?", (cell,))
                without = ", ".join(f"{name} = NULL" for name in FIGURES)
                reason = f"only {there} of its {all_of_them} episodes were there"
                self._db.execute(
                    f"UPDATE cells SET status = 'failed', error = ?, {without} WHERE cell = ?", (reason, cell)
                )
        return [cell for cell, *_ in lacking]

    def settled(self) -> dict[str, str]:
        """Status (`done` or `failed`) of every cell that has a row, by its id."""
        with translated(self.path):
            return dict(self._db.execute("SELECT cell, status FROM cells"))

    def commit(self, *outcomes: Outcome) -> None:
        """Save what came of cells with their episodes, in place of earlier attempts at them.

        Once this returns it survives whatever comes; until then the earlier attempts do.

        Raises:
            UserError: the disk is full, or the file cannot be written; what was saved before is whole.
        """
        with translated(self.path), self._transaction():
            for outcome in outcomes:
                self._replace(outcome)

    def _replace(self, outcome: Outcome) -> None:
        row, cell = outcome.row, outcome.row["cell"]
        values = {name: row.get(name) for name in CELL_COLUMNS} | {
            "place": self._places.get(cell, len(self._places)),
            "params": row.get("params") or {},
            "versions": None,
            "error": clean_text(row["error"]),
            "trace": clean_text(outcome.trace),
            "episodes_truncated": outcome.truncated,
            "episodes_invalid": outcome.invalid,
        }
        values |= {name: None if values[name] is None else dumps(values[name]) for name in JSON_COLUMNS}
        values |= {"versions": self._versions, "code": self._code}
        for table in ("curves", "episodes", "cells"):
            self._db.execute(f"DELETE FROM {table} WHERE cell = ?", (cell,))
        self._insert("cells", [[values[name] for name in CELL_COLUMNS]])
        self._insert("episodes", outcome.episodes)
        if outcome.curve is not None:
            self._db.execute("INSERT INTO curves VALUES (?, ?)", (cell, outcome.curve))

    def _insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        self._db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(TABLES[table]))})", rows)
