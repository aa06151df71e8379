"""Run cross-play, or go on with it, and write what it came to beside its results.

results.sqlite      as a sweep's: a row a pairing, a row a dialogue
crossplay.json      matrix and rating (`goldenrule.benchmarks.studies.crossplay.matrix.summarise`)
matrix.csv          a line a pair and figure
rating.csv          a line an agent
matrix.png .svg     the matrix as a heat map
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.engines.base import Watch
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.run import SweepOptions, Swept, run_sweep
from goldenrule.benchmarks.report.crossplay_plots import heat_map
from goldenrule.benchmarks.studies.crossplay.matrix import COUNTS, summarise
from goldenrule.benchmarks.studies.crossplay.plan import Plan
from goldenrule.benchmarks.studies.crossplay.rating import FIGURES, NAMES
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole

SUMMARY, MATRIX, RATING = "crossplay.json", "matrix.csv", "rating.csv"
KIND = "cross-play"


def cross(
    wanted: Plan,
    out: Path,
    options: SweepOptions,
    watching: Callable[[Sequence[Cell]], AbstractContextManager[Watch]],
) -> Swept:
    """Run the pairings that have no row yet, and write the matrix of all.

    Args:
        wanted: what `plan` planned.
        out: folder, made if absent; of the same or an earlier cross-play otherwise.
        options: how.
        watching: makes the watch over the pairings that are run now.

    Returns:
        where it stands; its summary is matrix and rating.

    Raises:
        UserError: the folder is in use, cannot be written, or holds other things; the engine is not installed.
    """
    about = wanted.description()
    swept = run_sweep(about, wanted.cells, out, options, watching, lambda rows: summarise(about, rows, out), KIND)
    try:
        for name, data in files(swept.summary).items():
            write_whole(out / name, data)
    except OSError as error:
        raise UserError(f"cannot write {str(out)!r}: {error.strerror}; what was run is kept there") from error
    return swept


def files(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """What is written beside the results, by name."""
    images = heat_map(summary).images()
    return {
        SUMMARY: (json.dumps(summary, indent=1, allow_nan=False) + "\n").encode(),
        MATRIX: _csv(_matrix_lines(summary)),
        RATING: _csv(_rating_lines(summary)),
        **{f"matrix.{kind}": data for kind, data in images.items()},
    }


def _matrix_lines(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"row": pair["row"], "column": pair["column"], "figure": name, **pair["figures"][name]}
        | {key: pair[key] for key in ("seeds_failed", *COUNTS)}
        for pair in summary["pairs"]
        for name in FIGURES
    ]


def _rating_lines(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"agent": line["agent"], "seat": line["seat"], "held_out": line["held_out"], "figure": name, **line[name]}
        for line in summary["rating"]
        for name in (*NAMES, "strength")
        if line[name] is not None
    ]


def _csv(lines: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    if lines:
        writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return text.getvalue().encode()
