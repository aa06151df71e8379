"""Compare methods on a scenario: run the planned cells, sum up, and write the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.analysis.common_episodes import alike_in
from goldenrule.benchmarks.analysis.summary import summarise
from goldenrule.benchmarks.engines.base import Pool, Watch
from goldenrule.benchmarks.engines.local import run_cells
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.plan import Comparison
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage.rundir import SUMMARY, RunDirectory, fresh_path
from goldenrule.benchmarks.studies.partner_reward.baselines import human_figures
from goldenrule.envs.datasets.casino import load_casino
from goldenrule.envs.datasets.files import DataError

RUNS = Path("runs")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison gave.

    Attributes:
        path: its run directory.
        rows, summary: as in its files.
        interrupted: whether it was stopped by Ctrl-C.
        report: the HTML page, or `None` where it was not written.
        trouble: why it was not written, where that is not because of Ctrl-C.
    """

    path: Path
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    interrupted: bool = False
    report: Path | None = None
    trouble: str | None = None


def compare(
    wanted: Comparison, cells: Sequence[Cell], out: Path | None, watching: Callable[[], AbstractContextManager[Watch]]
) -> Compared:
    """Run what `plan` planned.

    Args:
        wanted: what was asked for.
        cells: its plan.
        out: the run directory; `None` for a new one under `runs`.
        watching: makes the watch that is told what is going on.

    Raises:
        UserError: the run directory cannot be written.
    """
    ids = [cell.id for cell in cells]
    run = RunDirectory.create(out or fresh_path(RUNS, wanted.scenario), resolved(wanted, cells), ids)
    weights = run.path / "weights" if wanted.save_weights else None
    interrupted = False
    try:
        with watching() as watch:
            run_cells(cells, run, watch, Pool(wanted.processes, weights))
    except KeyboardInterrupt:
        interrupted = True
    summary = summarise(alike_in(run.path, run.rows), len(cells))
    summary["human"] = None if interrupted else human(wanted.scenario)
    run.write(SUMMARY, summary)
    if interrupted:
        return Compared(run.path, run.rows, summary, interrupted=True)
    try:
        return Compared(run.path, run.rows, summary, report=write_report(run.path))
    except Exception as error:  # the results are safe and must be shown, whatever the page's trouble is
        return Compared(run.path, run.rows, summary, trouble=f"{type(error).__name__}: {error}")


def resolved(wanted: Comparison, cells: Sequence[Cell]) -> dict[str, Any]:
    """The configuration as it was run, as plain data."""
    settings = asdict(cells[0].settings)
    settings["checkpoint"] = str(settings["checkpoint"]) if settings["checkpoint"] else None
    return {
        "scenario": wanted.scenario,
        "methods": list(wanted.methods),
        "seeds": list(wanted.seeds),
        "knobs": {name: list(values) for name, values in wanted.knobs.items()},
        "agents": dict(wanted.agents),
        "settings": settings,
        "workers": wanted.processes,
        "base": cells[0].base,
        "cells": [
            {"id": c.id, "method": c.method, "scenario": c.scenario, "knobs": dict(c.knobs), "seed": c.seed}
            for c in cells
        ],
    }


def human(scenario: str) -> dict[str, Any] | None:
    """What people reached in the dialogues that the scenario is made of; `None` for scenarios without such dialogues.

    Keys: `data`, `dialogues`, `figures` (as in the table; none without the data) and `reason`.
    """
    if scenario != "campsite-v0":
        return None
    try:
        dialogues = load_casino()
    except DataError as error:
        return {"data": "casino", "dialogues": 0, "figures": {}, "reason": str(error)}
    figures = {
        name: {"mean": one.value, "low": one.low, "high": one.high, "n": one.units}
        for name, one in human_figures(dialogues).items()
    }
    return {"data": "casino", "dialogues": len(dialogues), "figures": figures, "reason": None}
