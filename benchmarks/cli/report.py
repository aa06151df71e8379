"""`goldenrule report`: the table and the page of an earlier run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from goldenrule.benchmarks.cli.messages import tell_failed, tell_problems
from goldenrule.common.text import clean


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> int:
    """Show the table of an earlier run, finished or not, and write its page again."""
    from goldenrule.benchmarks.analysis.summary import summary_of
    from goldenrule.benchmarks.analysis.verdicts import comparisons_of
    from goldenrule.benchmarks.report.page import write_page
    from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary
    from goldenrule.benchmarks.storage.reader import read_run

    with read_run(run) as stored:
        rows = [cell.row for cell in stored.cells]
        summary = summary_of(stored)
        compared = comparisons_of(stored)
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
