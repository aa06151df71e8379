"""Reads a run, of `compare` or of a sweep."""

from __future__ import annotations

from pathlib import Path

from goldenrule.benchmarks.storage import folder_reading, sweep_reading
from goldenrule.benchmarks.storage.schema import FILE
from goldenrule.benchmarks.storage.stored import Run, shown
from goldenrule.common.errors import UserError


def read_run(folder: Path, everything: bool = False) -> Run:
    """What lies in `folder`.

    Args:
        folder: of the run.
        everything: also cells that a sweep's file no longer names (`goldenrule.benchmarks.storage.sweep_reading`).

    Raises:
        UserError: no run lies there, or its results are damaged or of another version.
    """
    where = f"'{shown(str(folder), 300)}'"
    try:
        if (folder / FILE).exists():
            return sweep_reading.read_sweep(folder, everything)
        if any((folder / name).is_file() for name in ("rows.jsonl", "config.json")):
            return folder_reading.read_folder(folder)
        kind = "is missing" if not folder.exists() else None if folder.is_dir() else "is no folder"
    except OSError as error:
        raise UserError(f"{where} cannot be read ({error.strerror}); mend its permissions or name another") from error
    if kind is not None:
        raise UserError(f"no run in {where}: it {kind}; name the folder of a run")
    raise UserError(
        f"no run in {where}: neither {FILE} of a sweep nor rows.jsonl or config.json of compare is there; "
        "name the folder of a run"
    )
