"""What a sweep into a folder would do, before anything is written there."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.provenance import environment, other_code
from goldenrule.benchmarks.storage.reader import standing
from goldenrule.benchmarks.storage.schema import FILE
from goldenrule.benchmarks.storage.store import LOCK
from goldenrule.common.errors import UserError
from goldenrule.envs.registry import spec

if TYPE_CHECKING:
    from goldenrule.benchmarks.experiments.run import SweepOptions


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a sweep into a folder would do.

    Attributes:
        todo: the cells that it would run, by id.
        environment: versions, commit and machine, now.
        other_code: that rows which it would go on from were made by other code, in a line, if so.
    """

    todo: dict[str, Cell]
    environment: dict[str, Any]
    other_code: str | None


def ahead(cells: Mapping[str, Cell], out: Path, options: SweepOptions, kind: str, name: str) -> Ahead:
    """Look into a folder.

    Args:
        cells: all of the sweep, by id.
        out: its folder, which need not be there.
        options: which cells are wanted.
        kind, name: what the cells are of (`sweep`, `comparison` or `cross-play`), and its name.

    Raises:
        UserError: the folder is no sweep's and cannot become one, holds something else than this one, or is damaged.
    """
    check_folder(out)
    about = environment()
    found = standing(out, kind, name)
    faults = {row["cell"]: row["status"] == "failed" or bool(row["episodes_failed"]) for row in found}
    todo = chosen(cells, faults, options)
    mine = [row for row in found if row["cell"] in cells]
    return Ahead(todo, about, other_code(mine, about["commit"], about["versions"]))


def check_folder(out: Path) -> None:
    """See that a folder is a sweep's, or can become one. Nothing is written.

    Raises:
        UserError: it is a file, holds other things, or cannot be looked into.
    """
    try:
        if out.exists() and not out.is_dir():
            raise UserError(f"output folder {_called(out)} is a file; name a folder with --out")
        if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (FILE, LOCK)):
            raise UserError(
                f"output folder {_called(out)} holds files and no {FILE}; name a new or empty one with --out"
            )
    except OSError as error:
        raise unwritable(out, error) from error


def unwritable(out: Path, error: OSError) -> UserError:
    """That a folder cannot be written, and why, in a line."""
    return UserError(f"cannot write output folder {_called(out)}: {error.strerror}; name a writable one with --out")


def _called(out: Path) -> str:
    text = str(out)
    return repr(text if len(text) <= 200 else f"{text[:200]}...")


def chosen(cells: Mapping[str, Cell], faults: Mapping[str, bool], options: SweepOptions) -> dict[str, Cell]:
    """The cells to run now, by id.

    Args:
        cells: all of the sweep, by id.
        faults: of each that has a row, whether it or some of its dialogues failed.
        options: which of them are wanted.

    Raises:
        UserError: `only` matches nothing.
    """
    wanted = cells
    if options.only:
        wanted = {
            name: cell for name, cell in cells.items() if any(_named_by(part, name, cell) for part in options.only)
        }
        if not wanted:
            raise UserError(
                f"--only {','.join(options.only)} matches no cell; "
                "expected part of a method, scenario or id, or knob=value"
            )
    todo = [name for name in wanted if name not in faults or (options.retry_failed and faults[name])]
    return {name: wanted[name] for name in todo[: options.limit]}


def _named_by(part: str, name: str, cell: Cell) -> bool:
    if any(part in text for text in (cell.method, cell.scenario, name)):
        return True
    return "=" in part and _knob(cell.scenario, part).items() <= cell.knobs.items()


@functools.lru_cache(maxsize=1024)
def _knob(scenario: str, part: str) -> dict[str, Any]:
    """`knob=value` as that knob of a scenario; nothing can have what it gives where there is no such knob or value."""
    name, _, text = part.partition("=")
    try:
        return {name: spec(scenario).resolve({name: text})[name]}
    except ValueError:
        return {"": None}
