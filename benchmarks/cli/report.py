"""`goldenrule report`: the table and the page of an earlier run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenrule.benchmarks.cli.messages import tell_failed, tell_problems
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean

if TYPE_CHECKING:
    from goldenrule.benchmarks.storage.reader import Run


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> int:
    """Show the table of an earlier run, finished or not, and write its page again."""
    from goldenrule.benchmarks.analysis.compared import verdicts
    from goldenrule.benchmarks.report.page import write_page
    from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary
    from goldenrule.benchmarks.storage.reader import read_run

    with read_run(run) as stored:
        rows = [cell.row for cell in stored.cells]
        summary = summary_of(stored)
        compared = [] if stored.is_crossplay else verdicts(stored)
        page = write_page(stored)
    if json_:
        print(json.dumps({"run": str(run), "rows": rows, "summary": summary, "comparisons": compared}), flush=True)
    else:
        print_summary(summary, sys.stdout)
        print_comparisons(compared, sys.stdout)
        print(f"Run:    {clean(str(run))}")
        print(f"Report: {clean(str(page))}", flush=True)
    tell_problems(stored)
    tell_failed(rows, "the page lists them")
    return 0


def summary_of(run: Run) -> dict[str, Any]:
    """The table of a stored run.

    Raises:
        UserError: a row lacks what every row has.
    """
    from goldenrule.benchmarks.analysis.common_episodes import alike
    from goldenrule.benchmarks.analysis.summary import summarise

    rows = [cell.row for cell in run.cells]
    try:
        return {
            **summarise(rows if run.is_crossplay else alike(rows, run), max(len(rows), run.planned or 0)),
            "human": run.summary.get("human"),
        }
    except (KeyError, TypeError) as error:
        where = clean(str(run.folder))
        raise UserError(
            f"a row in {run.log.rows_in} of '{where}' is damaged or of another version ({error}); "
            "use the version that wrote it, or name another run"
        ) from None
