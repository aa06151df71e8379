"""Commands that read a stored run: `report`, `show`, `replay`, `diff`, `export`. None of them needs torch."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from goldenrule.benchmarks.analysis.diff import Diff, FigureDiff, Key
from goldenrule.benchmarks.analysis.diff import diff as compare_runs
from goldenrule.benchmarks.analysis.replay import replay as replay_run
from goldenrule.benchmarks.analysis.summary import Findings, findings_of
from goldenrule.benchmarks.cli.messages import tell_failed, tell_problems
from goldenrule.benchmarks.cli.options import DataDir, Json, words
from goldenrule.benchmarks.report import terminal
from goldenrule.benchmarks.report.layout import console_for, decimals, p_value, print_lines, print_table
from goldenrule.benchmarks.report.page import write_page
from goldenrule.benchmarks.statistics import LEAST_UNITS
from goldenrule.benchmarks.storage.export import export_inspect, to_parquet
from goldenrule.benchmarks.storage.reader import read_run, setting_name, varying_knobs
from goldenrule.common.data import data_at
from goldenrule.common.text import clean, counted
from goldenrule.common.untrusted import foreign

MAX_LISTED = 10
"""Cells and differences that are listed one by one."""

MAX_REASONS = 6
"""Reasons under a figure's table."""

Run = Annotated[Path, typer.Argument(help="Folder of a run, of compare or of a sweep.")]


def report(run: Run, json_: Json = False) -> int:
    """Show the table of an earlier run, finished or not, and write its page again."""
    with read_run(run) as stored:
        rows = [cell.row for cell in stored.cells]
        found = findings_of(stored)
        page = write_page(found)
    print_findings(run, rows, found, json_)
    if not json_:
        print(f"Run:    {clean(str(run))}")
        print(f"Report: {clean(str(page))}")
    tell_problems(stored)
    tell_failed(rows, "the page lists them")
    return 0


def print_findings(run: Path, rows: Sequence[Mapping[str, Any]], found: Findings, as_json: bool) -> None:
    """Print the tables and verdicts of a run, or all it has as one JSON object."""
    if as_json:
        results = {"run": str(run), "rows": rows, "summary": found.summary, "comparisons": found.verdicts}
        print(json.dumps(results), flush=True)
    else:
        terminal.print_summary(found.summary, sys.stdout)
        terminal.print_comparisons(found.verdicts, sys.stdout)


def show(
    run: Run,
    episode: Annotated[
        str | None,
        typer.Argument(help="<cell>:<number>; part of a cell's id is enough. <cell> alone lists its episodes."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what is stored: the episode, or rows.")] = False,
) -> int:
    """Show a stored conversation; without EPISODE, list what there is."""
    with read_run(run, everything=True) as stored:
        if episode is not None and ":" in episode:
            cell, found = terminal.find_episode(stored, episode)
            if json_:
                print(json.dumps(found))
            else:
                print_lines(terminal.conversation(cell, found), sys.stdout)
        elif json_:
            cells = stored.cells if episode is None else [terminal.find_cell(stored, episode)]
            print(json.dumps({"run": str(run), "cells": [{"cell": cell.id, **cell.row} for cell in cells]}))
        elif episode is None:
            terminal.list_cells(stored, sys.stdout)
        else:
            print_lines(terminal.list_episodes(stored, episode), sys.stdout)
        tell_problems(stored)
    return 0


def replay(run: Run, data_dir: DataDir = None, json_: Json = False) -> int:
    """Replay every stored episode from its log, without a model; exit code 1 where one comes out differently."""
    began = time.perf_counter()
    with read_run(run, everything=True) as stored, data_at(data_dir), foreign():
        found = replay_run(stored)
    rate = found.episodes / max(time.perf_counter() - began, 1e-9)
    tell_problems(stored)
    if json_:
        print(json.dumps({"run": str(run), **asdict(found)}))
        return int(bool(found.differences))
    for difference in found.differences[:MAX_LISTED]:
        print(clean(str(difference)))
    if len(found.differences) > MAX_LISTED:
        print(f"and {len(found.differences) - MAX_LISTED} more")
    print(
        f"{found.same} of {counted(found.episodes + found.unproven, 'episode')} in {counted(found.cells, 'cell')} "
        f"replayed with the same cards, rewards and judgements ({rate:,.0f} a second)."
    )
    if found.unproven:
        print(f"{found.unproven} could not be replayed here and are not proven.")
    return int(bool(found.differences))


def export(
    run: Run,
    to: Annotated[
        Literal["inspect", "parquet"],
        typer.Option(help="inspect (a log a cell, for `inspect view`) or parquet (two tables)."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
) -> int:
    """Write a run in the format of another tool."""
    with read_run(run, everything=True) as stored:
        written = export_inspect(stored, out) if to == "inspect" else to_parquet(run, out)
    for path in written[:2]:
        print(clean(str(path)))
    if len(written) > 2:
        print(f"and {len(written) - 2} more")
    tell_problems(stored)
    return 0


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run, of compare or of a sweep.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of the run that is held against it.")],
    figures: Annotated[str | None, typer.Option(help="Which figures, with commas; all otherwise.")] = None,
    json_: Json = False,
) -> int:
    """Compare two runs, paired by scenario, knobs, method and seed: RUN_B less RUN_A."""
    wanted = None if figures is None else words(figures, "--figures")
    with read_run(first) as one, read_run(second) as other:
        found = compare_runs(one, other, wanted)
    tell_problems(one, "A: ")
    tell_problems(other, "B: ")
    if json_:
        print(json.dumps({"a": str(first), "b": str(second), **asdict(found)}))
        return 0
    print(f"A: {clean(str(first))}")
    print(f"B: {clean(str(second))}")
    for name, (before, after) in found.environment.items():
        print(f"   {name}: {clean(str(before))} in A, {clean(str(after))} in B")
    print(f"{counted(found.paired, 'cell')} in both; {found.identical} of them with the same figures in both.")
    _print_unpaired("A", found.only_a)
    _print_unpaired("B", found.only_b)
    for name, count in (("A", found.failed_a), ("B", found.failed_b)):
        if count:
            print(f"{counted(count, 'cell')} in both failed in {name}, and left out.")
    _print_differences(found)
    return 0


def _print_unpaired(name: str, keys: Sequence[Key]) -> None:
    if keys:
        print(f"{counted(len(keys), 'cell')} in {name} only:")
    for key in keys[:MAX_LISTED]:
        print(clean(f"   {key.method}, {key.setting}, seed {key.seed}"))
    if len(keys) > MAX_LISTED:
        print(f"   and {len(keys) - MAX_LISTED} more")


def _print_differences(found: Diff) -> None:
    console = console_for(sys.stdout)
    same = [figure.figure for figure in found.figures if figure.same]
    if same:
        console.print(Text(f"No difference in any pair: {', '.join(same)}."))
    others = [figure for figure in found.figures if not figure.same]
    for figure in others:
        varying = varying_knobs((line["scenario"], line["knobs"]) for line in figure.settings)
        lines = (*figure.methods, *figure.settings)
        rows = [([str(line["of"]), _where(line, varying)], _cells(line)) for line in lines]
        columns = ("A", "B", "B - A", "p (Holm)", "could find", "verdict")
        print_table(console, [figure.figure, "where"], columns, rows, text=columns[-1:])
        for reason in _reasons(figure):
            console.print(Text(clean(f"- {reason}"), "dim"))
    if others:
        told = f"Means over paired seeds; 95% BCa bootstrap, from {LEAST_UNITS} seeds on; "
        told += "sign-flip test, corrected by Holm within a figure's lines. "
        told += "Could find: the difference that so many seeds find 80% of the time. "
        if any(line["strata"] > 1 for figure in others for line in figure.methods):
            told += "Everywhere: scenarios count alike, their rewards averaged as they are. "
        console.print(Text(told + "Of estimate_gap the size is compared.", "dim"))


def _where(line: Mapping[str, Any], varying: Mapping[str, Sequence[str]]) -> str:
    if "knobs" not in line:
        return "everywhere"
    told = {name: value for name, value in line["knobs"].items() if name in varying[line["scenario"]]}
    return setting_name(line["scenario"], told)


def _cells(line: Mapping[str, Any]) -> list[str]:
    return [
        decimals(line["a_mean"], 3),
        decimals(line["b_mean"], 3),
        terminal.difference(line),
        p_value(line["p_holm"]),
        decimals(line["detectable"], 3),
        str(line["verdict"]),
    ]


def _reasons(figure: FigureDiff) -> list[str]:
    """Why lines have no verdict, and why pairs were left out, the most frequent first."""
    silent = Counter(
        line["because"] for line in (*figure.methods, *figure.settings) if line["verdict"] == "too few seeds"
    )
    dropped: Counter[str] = Counter()
    for line in figure.settings:
        dropped.update(line["dropped_because"])
    told = [f"{counted(count, 'line')}: {why}" for why, count in silent.most_common()]
    told += [f"{counted(count, 'pair')} left out: {why}" for why, count in dropped.most_common()]
    more = len(told) - MAX_REASONS
    return told if more <= 0 else [*told[:MAX_REASONS], f"and {counted(more, 'more reason')}"]
