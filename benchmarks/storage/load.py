"""Reads the results of a sweep as tables."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.storage.opening import check, file_of, incomplete, same_work, translated
from goldenrule.benchmarks.storage.schema import FILE, JSON_COLUMNS
from goldenrule.common.errors import UserError
from goldenrule.envs.registry import in_order

if TYPE_CHECKING:
    import pandas as pd

PLANNED = "c.place < coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'cells'), c.place + 1)"
"""Whether a cell is one of those that the sweep names now; cells that it no longer names lie behind all others."""


def connect(path: str | Path, mending: bool = False) -> sqlite3.Connection:
    """The results of a folder (or the file itself), for reading only.

    Args:
        path: the folder or the file.
        mending: whether cells may lack episodes: they are to be run again.

    Raises:
        UserError: there is none, or it is damaged or of another format.
    """
    file = file_of(path)
    with translated(file):
        # Not immutable: what a killed run left half-written has to be rolled back first.
        db = sqlite3.connect(file, isolation_level=None)
    try:
        with translated(file):
            filled = _filled(db)
            db.execute("PRAGMA query_only = ON")
        if not filled:
            raise UserError(f"no results in {str(path)!r} yet: the sweep was stopped before it saved any; run it again")
        check(db, file, mending)
    except BaseException:
        db.close()
        raise
    return db


def begun(folder: Path) -> bool:
    """Whether a folder has a results file that holds anything, be it damaged; a sweep killed at birth leaves none.

    Raises:
        UserError: there is something of that name that is no results file, or the folder cannot be looked at.
    """
    try:
        if not (folder / FILE).exists():
            return False
    except OSError as error:
        raise UserError(
            f"{str(folder)[:300]!r} cannot be looked at ({error.strerror}); name another folder with --out"
        ) from error
    file = file_of(folder)
    with translated(file), contextlib.closing(sqlite3.connect(file)) as db:
        return _filled(db)


def _filled(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of cells as the engine gave them, in the order of the sweep; as `RunDirectory.rows`.

    `planned` tells whether a cell is one of those that the sweep names now; those that it no longer names come last.
    What many rows have in common (knobs, versions) is one object in all of them: change copies.

    Raises:
        UserError: no results there, damaged or of another format.
    """
    columns, found = _fetch(path, f"SELECT c.*, {PLANNED} AS planned FROM cells c ORDER BY place, cell")
    read, read_knobs = functools.lru_cache(1024)(json.loads), functools.lru_cache(1024)(_knobs)

    def value(name: str, stored: Any, scenario: str) -> Any:
        if name == "planned":
            return bool(stored)
        if name == "knobs":
            return read_knobs(scenario, stored)
        return read(stored) if name in JSON_COLUMNS and stored is not None else stored

    place = columns.index("scenario")
    return [{name: value(name, stored, one[place]) for name, stored in zip(columns, one, strict=True)} for one in found]


def _knobs(scenario: str, text: str) -> dict[str, Any]:
    """In the order in which everything else shows them."""
    return in_order(scenario, json.loads(text))


def standing(folder: Path, kind: str, name: str, mending: bool = False) -> list[dict[str, Any]]:
    """`cell`, `status`, `code` and `versions` of every row; empty where there are no results yet.

    Args:
        folder: of the sweep or cross-play `name`.
        kind, name: what is expected there.
        mending: whether cells may lack episodes; their status is `damaged`.

    Raises:
        UserError: the results are damaged, of another format, or of something else than the sweep or cross-play `name`.
    """
    if not begun(folder):
        return []
    with contextlib.closing(connect(folder, mending)) as db:
        same_work(db, folder / FILE, kind, name)
        with translated(folder / FILE):
            damaged = {cell for cell, *_ in incomplete(db)} if mending else set()
            found = db.execute("SELECT cell, status, code, versions FROM cells ORDER BY place, cell").fetchall()
    read = functools.lru_cache(1024)(json.loads)
    return [
        {"cell": cell, "status": "damaged" if cell in damaged else status, "code": code, "versions": read(versions)}
        for cell, status, code, versions in found
    ]


def load(path: str | Path) -> pd.DataFrame:
    """A row a cell, in the order of the sweep; every knob is a column of its own too, as `knob.<name>`.

    `planned` is false for cells that the sweep file, as it was when it was last run, does not name; they come last.

    Args:
        path: folder of a sweep, or its `results.sqlite`.

    Raises:
        UserError: no results there, damaged or of another format.
    """
    table = _read(path, f"SELECT c.*, {PLANNED} AS planned FROM cells c ORDER BY place, cell")
    import pandas as pd

    table["planned"] = table["planned"].astype(bool)

    for name in JSON_COLUMNS:
        table[name] = [None if text is None else json.loads(text) for text in table[name]]
    ordered: list[Any] = list(map(in_order, table["scenario"], table["knobs"]))
    table["knobs"] = ordered
    knobs = pd.DataFrame(list(table["knobs"]), index=table.index).add_prefix("knob.")
    return pd.concat([table.drop(columns=["place"]), knobs], axis=1)


def episodes(path: str | Path, log: bool = False) -> pd.DataFrame:
    """A row an episode, with the method, scenario and seed of its cell.

    Args:
        path: folder of a sweep, or its `results.sqlite`.
        log: whether to read each episode's whole log too, as JSON text.

    Raises:
        UserError: no results there, damaged or of another format.
    """
    from goldenrule.benchmarks.storage.schema import EPISODE_COLUMNS

    own = ", ".join(f"e.{name}" for name in EPISODE_COLUMNS if log or name != "log")
    return _read(
        path,
        "SELECT c.method, c.scenario, c.knobs, c.seed AS cell_seed, "
        f"{own} FROM episodes e JOIN cells c USING (cell) ORDER BY c.place, c.cell, e.episode",
    )


def episode_figures(path: str | Path, figure: str) -> dict[str, list[tuple[int, str, str | None, float | None]]]:
    """Number, status, error and one figure of every episode, by cell.

    Args:
        path: folder of a sweep, or its `results.sqlite`.
        figure: a column of rewards (`goldenrule.benchmarks.storage.schema.EPISODE_COLUMNS`).

    Raises:
        UserError: no results there, damaged or of another format.
    """
    found: dict[str, list[tuple[int, str, str | None, float | None]]] = {}
    for cell, *told in _fetch(path, f"SELECT cell, episode, status, error, {figure} FROM episodes ORDER BY 1, 2")[1]:
        found.setdefault(cell, []).append((told[0], told[1], told[2], told[3]))
    return found


def _read(path: str | Path, query: str) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise UserError("tables need pandas; pip install 'goldenrule[tables]'") from None
    columns, found = _fetch(path, query)
    return pd.DataFrame(found, columns=columns)


def _fetch(path: str | Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    db = connect(path)
    try:
        with translated(Path(path)):
            found = db.execute(query)
            return [name for name, *_ in found.description], found.fetchall()
    finally:
        db.close()


def meta(path: str | Path) -> dict[str, Any]:
    """What is known of the whole sweep: its resolved file, its environment."""
    db = connect(path)
    try:
        with translated(Path(path)):
            return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
    finally:
        db.close()
