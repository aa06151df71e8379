"""`goldenrule export`: a stored run in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell_problems
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

FORMATS = ("inspect", "parquet")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")],
    to: Annotated[str, typer.Option(help="inspect (a log a cell, for `inspect view`) or parquet (two tables).")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
) -> int:
    """Write a run in the format of another tool."""
    if to not in FORMATS:
        raise UserError(f"--to {to!r} is unknown; expected one of {', '.join(FORMATS)}")
    from goldenrule.benchmarks.storage.export import export_inspect, to_parquet
    from goldenrule.benchmarks.storage.reader import read_run

    with read_run(run, everything=True) as stored:
        written = export_inspect(stored, out) if to == "inspect" else to_parquet(run, out)
    for path in written[:2]:
        print(clean(str(path)))
    if len(written) > 2:
        print(f"and {len(written) - 2} more")
    tell_problems(stored)
    return 0
