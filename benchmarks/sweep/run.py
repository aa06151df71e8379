"""Run a sweep, or go on with one: what is committed stays, what is missing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.alike import alike_in
from goldenrule.benchmarks.cell import Cell
from goldenrule.benchmarks.engines import local
from goldenrule.benchmarks.engines.base import Pool, Store, Watch
from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.loggers import Logged, logger_from
from goldenrule.benchmarks.results.load import rows
from goldenrule.benchmarks.results.lock import locked
from goldenrule.benchmarks.results.store import SweepStore
from goldenrule.benchmarks.rundir import commit, environment
from goldenrule.benchmarks.summary import summarise
from goldenrule.benchmarks.sweep.schema import SweepFile

ENGINES = ("local", "ray", "slurm")


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to run what a file says; nothing here shows in the results.

    Attributes:
        workers: processes, CPUs or jobs side by side.
        engine: one of `ENGINES`.
        address: of a running Ray cluster; submitit's `local` in place of SLURM.
        limit: run at most so many cells now.
        only: run only cells of whose method, scenario or id one of these is a part.
        retry_failed: run failed cells again.
        log: one of `goldenrule.benchmarks.loggers.KINDS`, told of what is saved; `None` for none.
    """

    workers: int = 1
    engine: str = "local"
    address: str | None = None
    limit: int | None = None
    only: Sequence[str] = ()
    retry_failed: bool = False
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """Where a sweep stands.

    Attributes:
        path: its folder.
        rows: of all cells of the file that have one, in its order.
        summary: of the rows: the table (`goldenrule.benchmarks.summary.summarise`), or what was asked for in its place.
        ran: how many cells were run now.
        strangers: cells in the results that are not in the file; they are kept, and left out of the table.
        interrupted: whether it was stopped by Ctrl-C.
    """

    path: Path
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    ran: int
    strangers: int = 0
    interrupted: bool = False


def run_sweep(
    sweep: SweepFile | Mapping[str, Any],
    cells: Sequence[Cell],
    out: Path,
    options: SweepOptions,
    watching: Callable[[Sequence[Cell]], AbstractContextManager[Watch]],
    summing: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
) -> Swept:
    """Run the cells that have no row yet.

    Args:
        sweep: the file; or, of cells that come from elsewhere, what was asked for as plain data.
        cells: its grid (`goldenrule.benchmarks.sweep.grid.cells_of`).
        out: folder of the results, made if absent; of the same or an earlier state of this sweep otherwise.
        options: how.
        watching: makes the watch over the cells that are run now.
        summing: makes the summary of the rows; `None` makes the table.

    Raises:
        UserError: the folder is in use, cannot be written, or holds other things; the engine is not installed.
    """
    prepare(out)
    asked = sweep if isinstance(sweep, Mapping) else sweep.model_dump(mode="json")
    logger = None if options.log is None else logger_from(options.log, out)
    places = {cell.id: place for place, cell in enumerate(cells)}
    about = environment()
    interrupted, ran = False, 0
    try:
        with locked(out), SweepStore(out, places, about["versions"], commit()) as store:
            store.describe(sweep=asked, environment=about, cells=len(cells))
            todo = chosen(cells, store.settled(), options)
            try:
                with watching(todo) as watch:
                    _engine(todo, store if logger is None else Logged(store, logger), watch, out, options)
            except KeyboardInterrupt:
                interrupted = True
            settled = store.settled()
            ran = sum(cell.id in settled for cell in todo)
    except OSError as error:
        raise UserError(f"cannot write {str(out)!r}: {error.strerror}; name a writable folder with --out") from error
    found = rows(out)
    mine = [row for row in found if row["cell"] in places]
    summary = summarise(alike_in(out, mine), len(cells)) if summing is None else summing(mine)
    return Swept(out, mine, summary, ran, len(found) - len(mine), interrupted)


def prepare(out: Path) -> None:
    """Make the folder, or see that it is a sweep's.

    Raises:
        UserError: it is a file, holds other things, or cannot be made.
    """
    from goldenrule.benchmarks.results.schema import FILE

    if out.exists() and not out.is_dir():
        raise UserError(f"output folder {str(out)!r} is a file; name a folder with --out")
    try:
        if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (FILE, "lock")):
            raise UserError(f"output folder {str(out)!r} holds files and no sweep; name a new or empty one with --out")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write output folder {str(out)!r}: {error.strerror}; name a writable one with --out"
        ) from error


def chosen(cells: Sequence[Cell], settled: dict[str, str], options: SweepOptions) -> list[Cell]:
    """The cells to run now.

    Raises:
        UserError: `only` matches nothing.
    """
    wanted = list(cells)
    if options.only:
        wanted = [
            c for c in cells if any(part in name for part in options.only for name in (c.method, c.scenario, c.id))
        ]
        if not wanted:
            raise UserError(
                f"--only {','.join(options.only)} matches no cell; expected part of a method, scenario or id"
            )
    again = ("failed",) if options.retry_failed else ()
    todo = [cell for cell in wanted if cell.id not in settled or settled[cell.id] in again]
    return todo if options.limit is None else todo[: options.limit]


def _engine(todo: Sequence[Cell], store: Store, watch: Watch, out: Path, options: SweepOptions) -> None:
    if not todo:
        return
    pool = Pool(options.workers)
    if options.engine == "ray":
        from goldenrule.benchmarks.engines import ray

        ray.run_cells(todo, store, watch, pool, options.address)
    elif options.engine == "slurm":
        from goldenrule.benchmarks.engines import slurm

        slurm.run_cells(todo, store, watch, pool, out / "jobs", options.address)
    else:
        local.run_cells(todo, store, watch, pool)
