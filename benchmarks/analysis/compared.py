"""Verdicts and interquartile means on the page: the sweep's own lines, one table a setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.analysis.verdicts import FIGURE, RESAMPLES, Line, comparisons, how, left_out, setting_of
from goldenrule.benchmarks.statistics import Bootstrap, Estimate, Options, aggregate, read_scores
from goldenrule.benchmarks.statistics.samples import SETTING
from goldenrule.benchmarks.storage.reader import Run, Setting, StoredCell, note, shown
from goldenrule.common.errors import UserError

OPEN = ("too few seeds", "not distinguishable")
"""Verdicts that say why."""


def score_rows(named: Sequence[tuple[str, StoredCell]]) -> list[dict[str, Any]]:
    """Rows as `goldenrule.benchmarks.statistics.read_scores` takes them, of cells and the names they count for."""
    return [
        {"method": name, "scenario": cell.scenario, "knobs": cell.knobs, "seed": cell.seed, "status": cell.status}
        | {"error": cell.row.get("error"), "cell": cell.id, "episodes_failed": cell.row.get("episodes_failed")}
        | {FIGURE: cell.value(FIGURE)}
        for name, cell in named
    ]


def verdicts(run: Run) -> list[Line]:
    """Every line of `goldenrule.benchmarks.analysis.verdicts.comparisons`; none where the rows cannot be compared."""
    try:
        return comparisons(score_rows([(cell.method, cell) for cell in run.cells]), folder=run.folder)
    except UserError as error:
        note(run.problems, f"methods cannot be compared: {shown(str(error), 200)}")
        return []


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One line of a table of verdicts, as text where it is not a name.

    Attributes:
        method: who is compared with the baseline.
        line: its numbers, see `comparisons`.
        because: the numbers behind an open verdict; empty for the others.
        left: what was left out; empty where nothing was.
    """

    method: str
    line: Line
    because: str
    left: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts of one setting, or over all.

    Attributes:
        baseline: whom the others are compared with.
        rows: a line a method.
        note: how they were found.
    """

    baseline: str
    rows: Sequence[VerdictRow]
    note: str


def over_all(lines: Sequence[Line]) -> Verdicts | None:
    """The table over all settings."""
    return _table(lines, [line for line in lines if line["stratum"] is None])


def of_setting(lines: Sequence[Line], run: Run, setting: Setting) -> Verdicts | None:
    """The table of one setting; of the only one where there is but one."""
    if len(run.settings) == 1:
        return over_all(lines)
    stratum = setting_of(score_rows([("", setting.cells[0])])[0])
    here = {cell.method for cell in setting.cells}
    return _table(lines, [line for line in lines if line["stratum"] == stratum and line["method"] in here])


def _table(lines: Sequence[Line], mine: Sequence[Line]) -> Verdicts | None:
    if not mine:
        return None
    rows = [
        VerdictRow(str(line["method"]), line, str(line["because"]) if line["verdict"] in OPEN else "", left_out(line))
        for line in mine
    ]
    return Verdicts(str(mine[0]["baseline"]), rows, how(lines))


def middles(setting: Setting) -> dict[str, Estimate]:
    """Interquartile mean of the partner's reward over the seeds of each method that finished some."""
    rows = score_rows([(cell.method, cell) for cell in setting.cells])
    alive = list(dict.fromkeys(row["method"] for row in rows if row[FIGURE] is not None))
    options = Options(bootstrap=Bootstrap(resamples=RESAMPLES))
    try:
        return aggregate(read_scores(rows, FIGURE, strata=SETTING), methods=alive, options=options).estimates
    except UserError:  # rows that cannot be told apart
        return {}
