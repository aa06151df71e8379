"""Read the results of a run: its rows at once, its episodes a few at a time.

Nothing stays locked between two reads: the run may still be going on.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.storage.store import (
    CELL_COLUMNS,
    EPISODE_COLUMNS,
    FILE,
    JSON_COLUMNS,
    check,
    is_empty,
    same_work,
    sqlite_errors,
)
from goldenrule.common.errors import UserError
from goldenrule.common.text import counted, typed, visible
from goldenrule.envs.registry import in_order

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 16
"""Episodes that are in memory together: their texts may be long."""

OLD = ("rows.jsonl", "config.json")
"""Files of a run directory of version 0.1."""

_ROWS = (
    "SELECT c.*, c.place < coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'cells'), c.place + 1) "
    "AS planned FROM cells c ORDER BY place, cell"
)
"""Cells that the run's configuration no longer names lie behind all others, and are not `planned`."""


class NoResultsError(UserError):
    """There are no results in a folder, or none yet: a run that is killed at birth leaves an empty file."""


def connect(path: str | Path) -> sqlite3.Connection:
    """The results in a folder (or the file itself), for reading only.

    Raises:
        NoResultsError: there are none.
        UserError: they are damaged or of another version.
    """
    file = _file_in(path)
    with sqlite_errors(file):
        # Not immutable: what a killed run left half-written has to be rolled back first.
        db = sqlite3.connect(file, isolation_level=None)
    try:
        with sqlite_errors(file):
            empty = is_empty(db)
            db.execute("PRAGMA query_only = ON")
        if empty:
            raise NoResultsError(
                f"no results in {str(path)!r} yet: the run was stopped before it saved any; run it again"
            )
        check(db, file)
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def open_results(path: str | Path) -> Iterator[sqlite3.Connection]:
    """`connect`, closed at the end.

    Raises:
        UserError: see `connect`; or a read failed.
    """
    with contextlib.closing(connect(path)) as db, sqlite_errors(_file_in(path)):
        yield db


def _file_in(path: str | Path) -> Path:
    """The results file of a folder, or the file itself.

    Raises:
        UserError: there is none; says so where the folder is a run directory of version 0.1.
    """
    given = Path(path)
    try:
        if (file := next((one for one in (given, given / FILE) if one.is_file()), None)) is not None:
            return file
        old = next((name for name in OLD if (given / name).is_file()), None)
        kind = "is missing" if not given.exists() else f"has no {FILE}" if given.is_dir() else "is no folder"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{str(path)!r} cannot be read ({reason}); name the folder of a run") from error
    if old is not None:
        raise UserError(
            f"{str(path)!r} holds a run of version 0.1 ({old} and no {FILE}); read it with goldenrule 0.1, "
            "or run it again into a new folder"
        )
    raise NoResultsError(f"no run in {str(path)!r}: it {kind}; name the folder of a run")


def rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of cells as the engine gave them, in the order of the run.

    `planned` tells whether a cell is one of those that the run's configuration names now; the others come last.
    What many rows have in common (knobs, versions) is one object in all of them: change copies.

    Raises:
        UserError: no results there, damaged or of another version.
    """
    with open_results(path) as db:
        return _rows(db)


def _rows(db: sqlite3.Connection) -> list[dict[str, Any]]:
    read = functools.lru_cache(1024)(json.loads)
    # In the order in which everything else shows them.
    read_knobs = functools.lru_cache(1024)(lambda scenario, text: in_order(scenario, json.loads(text)))

    def row(values: sqlite3.Row) -> dict[str, Any]:
        one = dict(values)
        plain = {name: read(one[name]) for name in JSON_COLUMNS if name != "knobs" and one[name] is not None}
        return one | plain | {"knobs": read_knobs(one["scenario"], one["knobs"]), "planned": bool(one["planned"])}

    cursor = db.execute(_ROWS)
    cursor.row_factory = sqlite3.Row
    return [row(values) for values in cursor]


def earlier_rows(folder: Path, kind: str, name: str) -> list[dict[str, Any]]:
    """The rows of a run, see `rows`; empty where there are none yet.

    Args:
        folder: of the run.
        kind, name: what is expected there, as `same_work` takes them.

    Raises:
        UserError: the results are damaged, of another version, or of something else than what is expected.
    """
    try:
        with open_results(folder) as db:
            same_work(db, folder / FILE, kind, name)
            return _rows(db)
    except NoResultsError:
        return []


def load(path: str | Path) -> pd.DataFrame:
    """A row a cell, in the order of the run; every knob is a column of its own too, as `knob.<name>`.

    `planned` is false for cells that the run's configuration, as it was last run, does not name; they come last.

    Args:
        path: folder of a run, or its `results.sqlite`.

    Raises:
        UserError: no results there, damaged or of another version.
    """
    pd = _pandas()
    found = rows(path)
    table = pd.DataFrame(found, columns=[*CELL_COLUMNS, "planned"]).astype({"planned": bool})
    knobs = pd.DataFrame([row["knobs"] for row in found], index=table.index).add_prefix("knob.")
    return pd.concat([table.drop(columns=["place"]), knobs], axis=1)


def episodes(path: str | Path, log: bool = False) -> pd.DataFrame:
    """A row an episode, with the method, scenario and seed of its cell.

    Args:
        path: folder of a run, or its `results.sqlite`.
        log: whether to read each episode's whole log too, as JSON text.

    Raises:
        UserError: no results there, damaged or of another version.
    """
    pd = _pandas()
    own = ", ".join(f"e.{name}" for name in EPISODE_COLUMNS if log or name != "log")
    query = (
        "SELECT c.method, c.scenario, c.knobs, c.seed AS cell_seed, "
        f"{own} FROM episodes e JOIN cells c USING (cell) ORDER BY c.place, c.cell, e.episode"
    )
    with open_results(path) as db:
        return pd.read_sql_query(query, db)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise UserError("tables need pandas; pip install 'goldenrule[tables]'") from None
    return pandas


def number(value: Any) -> float | None:
    """A finite number, or `None` for anything else: NaN, infinity and truth values are no metrics."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


@dataclass(frozen=True, slots=True, eq=False)
class StoredCell:
    """One row, and the name of what is kept beside it.

    Attributes:
        id: name of the cell.
        row: the row as it was written.
        method, scenario, status: of the row, as visible text.
        seed: of the row, as visible text.
        knobs: of the row.
    """

    id: str
    row: Mapping[str, Any]
    method: str
    scenario: str
    status: str
    seed: str
    knobs: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any], name: str) -> StoredCell:
        """The cell of a row that is called `name`."""
        knobs = row.get("knobs")
        texts = {key: visible(row.get(key, "?"), 80) for key in ("method", "scenario", "status", "seed")}
        return cls(name, row, knobs=knobs if isinstance(knobs, dict) else {}, **texts)

    @property
    def done(self) -> bool:
        """Whether the row has metrics."""
        return self.status == "done"

    @property
    def n_episodes(self) -> int | None:
        """Number of episodes that were run, failed ones included; `None` where the row does not say."""
        counts = [self.value(key) for key in ("episodes", "episodes_failed")]
        return None if None in counts else int(sum(count for count in counts if count is not None))

    def value(self, key: str) -> float | None:
        """The metric called `key`; `None` where the cell failed or has no such metric."""
        return number(self.row.get(key)) if self.done else None


@dataclass(frozen=True, slots=True)
class Setting:
    """The cells of one scenario under one choice of knobs.

    Attributes:
        label: the scenario and the knobs that tell this setting from others of the run.
        cells: in the order of the rows.
    """

    label: str
    cells: Sequence[StoredCell]

    def of(self, method: str) -> list[StoredCell]:
        """The cells of one method, one a seed."""
        return [cell for cell in self.cells if cell.method == method]


@dataclass
class Run:
    """A run, as far as it could be read. A context manager, which lets go of the file.

    Episodes and curves are read piece by piece: they may be larger than memory.

    Attributes:
        folder: where it lies.
        config, environment: what was asked for, and where it ran; empty where missing.
        human: what people reached in the same dialogues, where that is known.
        cells: one for each row, in the order of the rows.
        planned: how many cells there were to be; `None` where that is not known.
        problems: what was missing or damaged, a sentence each; grows as more is read.

    Raises:
        UserError: from what reads episodes and curves, where the file is damaged.
    """

    folder: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    human: Mapping[str, Any] | None
    cells: Sequence[StoredCell]
    planned: int | None
    problems: list[str]
    _db: sqlite3.Connection = field(repr=False)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def is_crossplay(self) -> bool:
        """Whether its methods are pairs of agents, which stand each by themselves."""
        return isinstance(self.config.get("members"), list)

    @cached_property
    def by_id(self) -> dict[str, StoredCell]:
        """Every cell by its name."""
        return {cell.id: cell for cell in self.cells}

    @cached_property
    def methods(self) -> list[str]:
        """Method names, in the order of the rows."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @cached_property
    def varying(self) -> list[str]:
        """Names of the knobs that differ between rows of one scenario."""
        different = {id(cell.knobs): (cell.scenario, cell.knobs) for cell in self.cells}  # many rows share theirs
        return list(dict.fromkeys(itertools.chain(*varying_knobs(different.values()).values())))

    @cached_property
    def settings(self) -> list[Setting]:
        """The cells grouped by scenario and knobs, in the order of the rows."""
        groups: dict[str, list[StoredCell]] = {}
        for cell in self.cells:
            groups.setdefault(self.label(cell), []).append(cell)
        return [Setting(label, cells) for label, cells in groups.items()]

    def label(self, cell: StoredCell) -> str:
        """The cell's scenario, and the knobs that differ within the run."""
        knobs = ", ".join(f"{visible(k, 40)} {visible(cell.knobs[k], 40)}" for k in self.varying if k in cell.knobs)
        return cell.scenario + (f", {knobs}" if knobs else "")

    def episodes(self, cell: StoredCell, table: str = "episodes") -> Iterator[dict[str, Any]]:
        """The cell's episodes, in order; those that are no JSON objects are counted among the problems.

        Args:
            cell: of this run.
            table: `episodes`, or `unseen` for those with people never met.
        """
        after, damaged = -1, 0
        while True:
            query = f"SELECT episode, log FROM {table} WHERE cell = ? AND episode > ? ORDER BY episode LIMIT ?"
            found = self._fetch(query, cell.id, after, AT_ONCE)
            for _, text in found:
                entry = _loaded(text)
                if entry is None:
                    damaged += 1
                else:
                    yield entry
            if len(found) < AT_ONCE:
                break
            after = found[-1][0]
        if damaged:
            note(self.problems, f"{FILE}: {counted(damaged, 'damaged episode')} of {cell.id}, left out")

    def episode(self, cell: StoredCell, place: int) -> dict[str, Any] | None:
        """The cell's episode number `place`, if there is one and it can be read."""
        found = self._fetch("SELECT log FROM episodes WHERE cell = ? AND episode = ?", cell.id, place)
        return _loaded(found[0][0]) if found else None

    def finished(self, cell: StoredCell) -> frozenset[int]:
        """Numbers of the cell's episodes that did not fail."""
        query = "SELECT episode FROM episodes WHERE cell = ? AND status != 'failed'"
        return frozenset(number for (number,) in self._fetch(query, cell.id))

    def columns(self, *names: str) -> dict[str, list[tuple[Any, ...]]]:
        """Columns of all episodes, by cell, in the order of their numbers; their logs are not read."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for cell, *values in self._fetch(f"SELECT cell, {', '.join(names)} FROM episodes ORDER BY cell, episode"):
            found.setdefault(cell, []).append(tuple(values))
        return found

    def curve(self, cell: StoredCell) -> list[dict[str, Any]]:
        """The cell's training curve, one entry an update; empty for methods that do not train."""
        found = self._fetch("SELECT curve FROM curves WHERE cell = ?", cell.id)
        try:
            entries = json.loads(found[0][0]) if found else []
        except (ValueError, RecursionError):
            note(self.problems, f"{FILE}: the curve of {visible(cell.id, 80)} cannot be read")
            return []
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

    def _fetch(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.folder / FILE):
            return self._db.execute(query, values).fetchall()


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def note(problems: list[str], sentence: str) -> None:
    """Each sentence once, however often something is read."""
    if sentence not in problems:
        problems.append(sentence)


def read_run(folder: Path, everything: bool = False) -> Run:
    """What lies in the folder of a run.

    Args:
        folder: of the run.
        everything: also cells that the run's configuration no longer names; they are left out, and counted, otherwise.

    Raises:
        UserError: no run lies there, or its results are damaged or of another version.
    """
    db = connect(folder)
    try:
        with sqlite_errors(folder / FILE):
            about = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
            found = _rows(db)
    except BaseException:
        db.close()
        raise
    problems: list[str] = []
    planned, held = about.get("cells"), sum(row["planned"] for row in found)
    if not found:
        note(problems, f"{FILE} holds no row: no cell had finished")
    if planned is not None and planned > held:
        note(problems, f"{planned - held} of {counted(planned, 'cell')} had not finished when this was read")
    left = 0 if everything else len(found) - held
    if left:
        note(problems, f"{counted(left, 'cell')} of an earlier configuration left out; {FILE} keeps them")
    cells = [StoredCell.of(row, row["cell"]) for row in found if everything or row["planned"]]
    config, environment = about.get("sweep", {}), about.get("environment", {})
    return Run(folder, config, environment, about.get("human"), cells, planned, problems, db)


def setting_name(scenario: str, knobs: Mapping[str, Any]) -> str:
    """`hidden_needs-v0 (similarity 0.5, turns 1)`, the knobs in the scenario's order."""
    told = ", ".join(f"{name} {typed(value)}" for name, value in in_order(scenario, knobs).items())
    return f"{scenario} ({told})" if told else scenario


def varying_knobs(settings: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """By scenario, the knobs that have several values in `settings`, pairs of a scenario and its knobs."""
    values: dict[str, dict[str, set[str]]] = {}
    for scenario, knobs in settings:
        of_scenario = values.setdefault(scenario, {})
        for name, value in knobs.items():
            of_scenario.setdefault(name, set()).add(repr(value))
    return {scenario: [name for name, had in known.items() if len(had) > 1] for scenario, known in values.items()}
