"""Run cross-play, or continue it, and write its results beside them.

results.sqlite      as a sweep's: a row a pairing, a row a dialogue
crossplay.json      matrix and rating (`studies.crossplay.matrix.summarise`)
matrix.csv          a line a pair and metric
rating.csv          a line an agent and metric
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.engines.base import Progress
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.experiments.run import SweepResult, run_sweep
from goldenrule.benchmarks.studies.crossplay.matrix import COUNTS, METRICS, RATED, summarise
from goldenrule.benchmarks.studies.crossplay.population import Plan
from goldenrule.common.files import write_whole, writing

SUMMARY, MATRIX, RATING = "crossplay.json", "matrix.csv", "rating.csv"
KIND = "cross-play"


def cross(
    wanted: Plan,
    out: Path,
    options: SweepOptions,
    progress_for: Callable[[Sequence[Cell]], AbstractContextManager[Progress]],
    figures: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = lambda summary: {},
    tell: Callable[[str], None] = lambda line: None,
) -> SweepResult:
    """Run the pairings that have no row yet, and write the matrix of all.

    Args:
        wanted: what is run.
        out: folder, made if absent; of the same or an earlier cross-play otherwise.
        options: how.
        progress_for: makes the progress callback of the pairings that are run now.
        figures: further files made of the summary, by name.
        tell: warns, before anything runs, that rows of the folder were made by other code.

    Returns:
        Where it stands; its summary is matrix and rating.

    Raises:
        UserError: the folder is in use, cannot be written, or holds something else; the engine is not installed.
    """
    swept = run_sweep(wanted.about, wanted.cells, out, options, progress_for, KIND, tell=tell)
    summary = summarise(wanted.about, swept.rows, out)
    with writing(out):
        for name, data in {**tables(summary), **figures(summary)}.items():
            write_whole(out / name, data)
    return replace(swept, summary=summary)


def tables(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """What is written beside the results, by name."""
    matrix = [
        {"row": pair["row"], "column": pair["column"], "figure": name, **pair["figures"][name]}
        | {key: pair[key] for key in ("seeds_failed", *COUNTS)}
        for pair in summary["pairs"]
        for name in METRICS
    ]
    rating = [
        {"agent": line["agent"], "seat": line["seat"], "held_out": line["held_out"], "figure": name, **line[name]}
        for line in summary["rating"]
        for name in RATED
    ]
    return {
        SUMMARY: (json.dumps(summary, indent=1, allow_nan=False) + "\n").encode(),
        MATRIX: _csv(matrix),
        RATING: _csv(rating),
    }


def _csv(lines: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    if lines:
        writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return text.getvalue().encode()
