"""`goldenrule claims`: what the project claims, how each claim was tested, and what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from goldenrule.benchmarks.claims.claim import Claim
from goldenrule.benchmarks.claims.claim import claims as read_claims
from goldenrule.benchmarks.claims.results import OPEN, markdown, record, result_file, rule_commit, stored
from goldenrule.benchmarks.cli import options
from goldenrule.benchmarks.cli.options import Json
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.report.layout import console_for, print_table


def claims(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[C1]...", help="Which; all without any.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Run their experiments; the same again goes on.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the runs, one of each claim.")] = Path("runs/claims"),
    workers: options.Workers = None,
    markdown_: Annotated[bool, typer.Option("--markdown", help="Print the page of docs/claims.md.")] = False,
    json_: Json = False,
) -> int:
    """Show the claims and their committed results; with --run, test them anew."""
    chosen = read_claims(ids or [])
    code = 0
    if run:
        for claim in chosen:
            rule_commit(claim)  # before hours are spent
        code = max(_run(claim, out / claim.id, SweepOptions(workers), json_) for claim in chosen)
    results = [stored(claim) for claim in chosen]
    if json_:
        print(json.dumps({"claims": results}))
    elif markdown_:
        print(markdown(results), end="")
    else:
        _show(results)
    return code


def _run(claim: Claim, out: Path, how: SweepOptions, as_json: bool) -> int:
    """Run what is not there yet, and keep the result where all is; the exit code."""
    from goldenrule.benchmarks.cli import launch  # with torch
    from goldenrule.benchmarks.cli.messages import tell
    from goldenrule.benchmarks.cli.progress import progress_for
    from goldenrule.benchmarks.experiments.run import run_sweep

    cells = launch.checked_cells(claim.experiment, claim.file)
    done = run_sweep(claim.experiment, cells, out, how, progress_for(as_json), tell=tell)
    if done.interrupted or any(row["status"] != "done" for row in done.rows) or len(done.rows) < done.cells:
        tell(f"{claim.id} is not finished ({len(done.rows)} of {done.cells} cells); the same command goes on")
        return 1
    found = record(claim, done.rows)
    result_file(claim).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def _show(results: Sequence[Mapping[str, Any]]) -> None:
    console = console_for(sys.stdout)
    rows = []
    for one in results:
        low, high = one.get("interval", (None, None))
        effect = "-" if one.get("effect") is None else f"{one['effect']:+.2f}"
        interval = "-" if low is None else f"{low:+.2f} to {high:+.2f}"
        minutes = "-" if one["verdict"] == OPEN else f"{one['minutes']:g}"
        rows.append(([one["id"], one["verdict"]], [effect, interval, minutes]))
    print_table(console, ["claim", "verdict"], ["effect", "95% interval", "minutes"], rows)
    for one in results:
        console.print(Text(f"{one['id']}: {one['sentence']} ({one['place']})"))
        for rule, found in zip(one["rule"], one.get("comparisons", [{}] * len(one["rule"])), strict=True):
            holds = {True: "holds", False: "fails", None: "open"}[found.get("holds")]
            console.print(Text(f"  - {rule}: {holds}", "dim"))
