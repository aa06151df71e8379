"""`goldenrule diff`: two runs against each other."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from goldenrule.benchmarks.cli.messages import tell_problems
from goldenrule.benchmarks.cli.options import words
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.text import clean

if TYPE_CHECKING:
    from goldenrule.benchmarks.analysis.diff import Diff, FigureDiff, Key

ALONE = 10
"""Cells that one run alone has, told one by one."""

REASONS = 6
"""Reasons that are told under a figure's table."""


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run, of compare or of a sweep.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of the run that is held against it.")],
    figures: Annotated[str | None, typer.Option(help="Which figures, with commas; all otherwise.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Compare two runs, paired by scenario, knobs, method and seed: RUN_B less RUN_A."""
    wanted = None if figures is None else words(figures, "--figures")
    from goldenrule.benchmarks.analysis.diff import diff as compared
    from goldenrule.benchmarks.storage.reader import read_run

    with read_run(first) as one, read_run(second) as other:
        found = compared(one, other, wanted)
    tell_problems(one, "A: ")
    tell_problems(other, "B: ")
    if json_:
        print(json.dumps({"a": str(first), "b": str(second), **asdict(found)}), flush=True)
        return 0
    print(f"A: {clean(str(first))}")
    print(f"B: {clean(str(second))}")
    for name, (before, after) in found.environment.items():
        print(f"   {name}: {clean(str(before))} in A, {clean(str(after))} in B")
    print(f"{found.paired} cells are in both; {found.identical} of them have the same figures in both.")
    _print_alone("A", found.only_a)
    _print_alone("B", found.only_b)
    for name, count in (("A", found.failed_a), ("B", found.failed_b)):
        if count:
            print(f"{count} of the cells in both failed in {name}: they are left out.")
    _print_figures(found, sys.stdout)
    return 0


def _print_alone(name: str, keys: Sequence[Key]) -> None:
    if keys:
        print(f"{len(keys)} cell{' is' if len(keys) == 1 else 's are'} in {name} only:")
    for key in keys[:ALONE]:
        print(clean(f"   {key.method}, {key.setting}, seed {key.seed}"))
    if len(keys) > ALONE:
        print(f"   and {len(keys) - ALONE} more")


def _print_figures(found: Diff, stream: TextIO) -> None:
    from rich.text import Text

    from goldenrule.benchmarks.report.terminal import console_for, print_table
    from goldenrule.benchmarks.statistics import LEAST_UNITS

    console = console_for(stream)
    same = [figure.figure for figure in found.figures if figure.same]
    if same:
        console.print(Text(f"No difference in any pair: {', '.join(same)}."))
    others = [figure for figure in found.figures if not figure.same]
    for figure in others:
        knobs = _varying(figure.settings)
        lines = (*figure.methods, *figure.settings)
        rows = [([str(line["of"]), _where(line, knobs)], _cells(line)) for line in lines]
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


def _varying(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    """Knobs that tell lines of one scenario apart."""
    values: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        for name, value in line["knobs"].items():
            values.setdefault((line["scenario"], name), set()).add(str(value))
    return {name for (_, name), found in values.items() if len(found) > 1}


def _cells(line: Mapping[str, Any]) -> list[str]:
    p = line["p_holm"]
    interval = "" if line["low"] is None else f"\n[{line['low']:+.3f}, {line['high']:+.3f}]"
    return [
        _mean(line["a_mean"]),
        _mean(line["b_mean"]),
        "-" if line["effect"] is None else f"{line['effect']:+.3f}{interval}",
        "-" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001",
        _mean(line["detectable"]),
        str(line["verdict"]),
    ]


def _where(line: Mapping[str, Any], knobs: set[str]) -> str:
    if "knobs" not in line:
        return "everywhere"
    return setting_name(line["scenario"], {name: value for name, value in line["knobs"].items() if name in knobs})


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _reasons(figure: FigureDiff) -> list[str]:
    """Why lines have no verdict, and why pairs were left out, the most frequent first."""
    silent = Counter(
        line["because"] for line in (*figure.methods, *figure.settings) if line["verdict"] == "too few seeds"
    )
    dropped: Counter[str] = Counter()
    for line in figure.settings:
        dropped.update(line["dropped_because"])
    told = [f"{count} line{'s' * (count > 1)}: {why}" for why, count in silent.most_common()]
    told += [f"{count} pair{'s' * (count > 1)} left out: {why}" for why, count in dropped.most_common()]
    return told if len(told) <= REASONS else [*told[:REASONS], f"and {len(told) - REASONS} more reasons"]
