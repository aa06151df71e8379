"""Run a sweep, or go on with one: what is committed stays, what is missing is run."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.engines import local
from goldenrule.benchmarks.engines.base import Pool, Progress, Store, state_file
from goldenrule.benchmarks.engines.loggers import Logged, logger_from
from goldenrule.benchmarks.evaluation.metrics import run_metrics
from goldenrule.benchmarks.evaluation.resume import StateFile
from goldenrule.benchmarks.evaluation.run import Cell, outcome_of
from goldenrule.benchmarks.experiments.config import SweepFile, SweepOptions
from goldenrule.benchmarks.experiments.grid import resolve
from goldenrule.benchmarks.storage.provenance import environment, other_code
from goldenrule.benchmarks.storage.reader import earlier_rows, rows
from goldenrule.benchmarks.storage.store import FILE, LOCK, ResultStore, RunRecord, folder_lock
from goldenrule.common.cores import available_cores
from goldenrule.common.errors import UserError
from goldenrule.common.files import empty_folder, writing
from goldenrule.common.text import counted
from goldenrule.envs.registry import spec

STATES = "training"
"""Folder of a run in which the states of its cells' training lie while they run."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Where a sweep stands.

    Attributes:
        path: its folder.
        rows: of all cells of the file that have one, in its order.
        cells: how many cells there are.
        ran: how many of them were run now.
        unplanned: cells in the results that are not in the file; they are kept, and left out of the table.
        interrupted: whether it was stopped by Ctrl-C.
        other_code: that some rows were made by another commit or with other versions, in a line, if so.
    """

    path: Path
    rows: list[dict[str, Any]]
    cells: int
    ran: int
    unplanned: int = 0
    interrupted: bool = False
    other_code: str | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a sweep into a folder would do.

    Attributes:
        todo: the cells that it would run, by id.
        environment: versions, commit and machine, now.
        other_code: warning text if existing rows were produced by a different code version, else `None`.
    """

    todo: dict[str, Cell]
    environment: dict[str, Any]
    other_code: str | None


def dry_run(cells: Sequence[Cell], out: Path, options: SweepOptions, kind: str, name: str) -> DryRun:
    """Find what a sweep into a folder would do; nothing is written.

    Args:
        cells: all of the sweep.
        out: its folder, which need not exist.
        options: which cells are wanted.
        kind, name: what the cells are of (`sweep`, `comparison` or `cross-play`), and its name.

    Raises:
        UserError: the folder is no sweep's and cannot become one, holds something else than this one, or is damaged.
    """
    empty_folder(out, resumes=(FILE, LOCK))
    named, about = {cell.id: cell for cell in cells}, environment()
    stored = earlier_rows(out, kind, name)
    failures = {row["cell"]: row["status"] == "failed" or bool(row["episodes_failed"]) for row in stored}
    known = [row for row in stored if row["cell"] in named]
    return DryRun(_select(named, failures, options), about, other_code(known, about["commit"], about["versions"]))


def _select(cells: Mapping[str, Cell], failures: Mapping[str, bool], options: SweepOptions) -> dict[str, Cell]:
    """The cells to run now, by id; `failures` says of each that has a row whether it or some dialogue of it failed."""
    wanted = cells
    if options.only:
        wanted = {
            name: cell for name, cell in cells.items() if any(_matches(part, name, cell) for part in options.only)
        }
        if not wanted:
            raise UserError(
                f"--only {','.join(options.only)} matches no cell; "
                "expected part of a method, scenario or id, or knob=value"
            )
    todo = [name for name in wanted if name not in failures or (options.retry_failed and failures[name])]
    return {name: wanted[name] for name in todo[: options.limit]}


def _matches(part: str, name: str, cell: Cell) -> bool:
    if any(part in text for text in (cell.method, cell.scenario, name)):
        return True
    return "=" in part and _knob(cell.scenario, part).items() <= cell.knobs.items()


@functools.lru_cache(maxsize=1024)
def _knob(scenario: str, part: str) -> dict[str, Any]:
    """`knob=value` as that knob of a scenario; what no cell can have where there is no such knob or value."""
    name, _, text = part.partition("=")
    try:
        return {name: spec(scenario).resolve({name: text})[name]}
    except ValueError:
        return {"": None}


def run_sweep(
    sweep: SweepFile | Mapping[str, Any],
    cells: Sequence[Cell],
    out: Path,
    options: SweepOptions,
    progress_for: Callable[[Sequence[Cell]], AbstractContextManager[Progress]],
    kind: str = "sweep",
    human: Mapping[str, Any] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> SweepResult:
    """Run the cells that have no row yet.

    Args:
        sweep: the configuration; or, of cells that come from elsewhere, what was asked for as plain data.
        cells: its grid (`goldenrule.benchmarks.experiments.grid.cells_of`).
        out: folder of the results, made if absent; of the same or an earlier state of this sweep otherwise.
        options: how.
        progress_for: makes the progress callback of the cells that are run now.
        kind: what the cells are of: `sweep`, `comparison` or `cross-play`.
        human: what people reached in the same dialogues, which the table shows beside the methods.
        tell: is told, before anything runs, that rows made by other code are gone on from.

    Raises:
        UserError: the folder is in use, cannot be written, or holds other things, such as another sweep; the engine is
            not installed.
    """
    asked = sweep if isinstance(sweep, Mapping) else resolve(sweep, cells)
    places = {cell.id: place for place, cell in enumerate(cells)}
    seen = dry_run(cells, out, options, kind, str(asked["name"]))
    todo, about, code = seen.todo, seen.environment, seen.environment["commit"]
    if todo and seen.other_code is not None:
        tell(seen.other_code)
    interrupted = False
    logger = None if options.log is None else logger_from(options.log, out)
    # Where nothing is left to do, no engine is begun.
    engine = _engine(options, out) if todo else contextlib.nullcontext(lambda *_: None)
    with engine as run, _held_store(out, places, about) as store:
        store.describe(kind=kind, sweep=asked, environment=about, cells=len(cells), human=human)
        # Another process may have been here since.
        todo = _left(todo, store, options.retry_failed)
        # Long cells first, so that the workers end together; by seed, so that early results compare methods.
        wanted = sorted(todo.values(), key=lambda cell: (not cell.trains, cell.seed))
        if (unfit := _unfit_states(wanted, out / STATES)) is not None:
            tell(unfit)
        try:
            with progress_for(wanted) as progress:
                target = store if logger is None else Logged(store, logger)
                run(wanted, _Completing(store, wanted, target, out / STATES), progress)
        except KeyboardInterrupt:
            interrupted = True
        done = store.settled()
        ran = sum(name in done for name in todo)
    found = rows(out)
    mine = [row for row in found if row["cell"] in places]
    return SweepResult(
        out,
        mine,
        len(cells),
        ran,
        len(found) - len(mine),
        interrupted,
        other_code(mine, code, about["versions"]),
    )


@contextlib.contextmanager
def _held_store(out: Path, places: Mapping[str, int], about: Mapping[str, Any]) -> Iterator[ResultStore]:
    """The results in a folder, which is made where there is none, and which no other process may write meanwhile."""
    with contextlib.ExitStack() as stack:
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
            stack.enter_context(folder_lock(out))
            store = stack.enter_context(ResultStore(out, places, about["versions"], about["commit"]))
        yield store


def _unfit_states(cells: Sequence[Cell], states: Path) -> str | None:
    """That some cells were stopped in training and start anew, in a line with the reason; `None` if none does."""
    reasons = (
        [StateFile(state_file(states, cell.id), cell.id).difference() for cell in cells] if states.is_dir() else []
    )
    unfit = [reason for reason in reasons if reason]
    if not unfit:
        return None
    return f"the saved training of {counted(len(unfit), 'cell')} cannot be gone on with ({unfit[0]}) and starts anew"


def _left(todo: Mapping[str, Cell], store: ResultStore, retry_failed: bool) -> dict[str, Cell]:
    """What is still to be run, and of cells whose dialogues failed in part which of them.

    The weights of what was trained are not read back: such cells run as a whole, and the same seed trains the same.
    """
    done, failed = store.settled(), store.failed_episodes() if retry_failed else {}
    found = {}
    for name, cell in todo.items():
        if done.get(name) == "done" and name in failed:
            found[name] = cell if cell.trains else replace(cell, only=failed[name])
        elif name not in done or (retry_failed and done[name] == "failed"):
            found[name] = cell
    return found


class _Completing:
    """A place for results that completes those of cells of which only some episodes were run; `engines.base.Store`.

    Args:
        store: has their other episodes.
        cells: those that are run now.
        target: where complete results go.
        states: folder of the states of training, which are removed once there are results.
    """

    def __init__(self, store: ResultStore, cells: Sequence[Cell], target: Store, states: Path) -> None:
        self._store, self._target, self._states = store, target, states
        self._partial = {cell.id for cell in cells if cell.only is not None}

    def commit(self, *records: RunRecord) -> None:
        """Save results, each from the complete set of its cell's episodes."""
        complete = [self._complete(one) if one.row["cell"] in self._partial else one for one in records]
        self._target.commit(*(one for one in complete if one is not None))
        for one in records:
            state_file(self._states, one.row["cell"]).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there are others in it, or it is not there
            self._states.rmdir()

    def _complete(self, record: RunRecord) -> RunRecord | None:
        cell = record.row["cell"]
        if not record.episodes:  # what was tried again failed as a whole: what there was is better
            return None
        logs = self._store.logs(cell) | {one["episode"]: json.loads(one["log"]) for one in record.episodes}
        seconds, tokens = self._store.costs(cell)
        records = [logs[number] for number in sorted(logs)]
        spent = record.row["tokens"]
        more = {
            "tokens": None if tokens is None or spent is None else tokens + spent,
            "seconds": round(seconds + record.row["seconds"], 3),
        }
        complete = RunRecord.of({**record.row, **outcome_of(records), **run_metrics(records), **more}, records)
        return replace(complete, unseen=record.unseen)


Run = Callable[[Sequence[Cell], Store, Progress], None]


@contextlib.contextmanager
def _engine(options: SweepOptions, out: Path) -> Iterator[Run]:
    """What runs cells; whatever refuses to, does so before anything is written."""
    workers = available_cores() if options.workers is None else options.workers
    pool = Pool(workers, out / "weights" if options.save_weights else None, out / STATES)
    if options.engine == "ray":
        from goldenrule.benchmarks.engines import ray

        with ray.connected(workers, options.address):
            yield lambda cells, store, progress: ray.run_cells(cells, store, progress, pool)
    elif options.engine == "slurm":
        from goldenrule.benchmarks.engines import slurm

        executor = slurm.executor_in(out / "jobs", options.address)
        yield lambda cells, store, progress: slurm.run_cells(cells, store, progress, pool, executor)
    else:
        yield lambda cells, store, progress: local.run_cells(cells, store, progress, pool)
