"""Which methods differ: every method of a sweep against its first, paired by scenario, knobs and seed.

Where episodes failed, episodes are paired instead of the means of cells: what one method lacks is left out for all. A
method that finished nothing is named and left out itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from goldenrule.benchmarks.recount import sums_of
from goldenrule.benchmarks.results.load import episode_figures
from goldenrule.benchmarks.results.schema import FILE
from goldenrule.benchmarks.statistics import Bootstrap, Options, compare, read_scores
from goldenrule.benchmarks.table import PIPE_WIDTH
from goldenrule.envs.render import clean

FIGURE = "partner_reward"
RESAMPLES = 2000


def comparisons(
    rows: Sequence[Mapping[str, Any]], figure: str = FIGURE, folder: Path | None = None
) -> list[dict[str, Any]]:
    """The lines of the table, as plain data (`goldenrule.benchmarks.statistics.Table.rows`).

    Args:
        rows: of all cells that have one, in the order of the sweep; the first method is the baseline.
        figure: which column is compared, of cells and of episodes.
        folder: of the sweep; without it the means of cells are compared, whatever episodes failed in them.

    Returns:
        nothing where there is one method only.
    """
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    if len(methods) < 2:
        return []
    if folder is not None and any(row.get("episodes_failed") for row in rows):
        rows = _by_episode(rows, figure, folder)
    scores = read_scores(rows, figure)
    options = Options(bootstrap=Bootstrap(resamples=RESAMPLES))
    return compare(scores, methods=methods, baseline=methods[0], options=options).rows()


def _by_episode(rows: Sequence[Mapping[str, Any]], figure: str, folder: Path) -> list[dict[str, Any]]:
    """A row an episode. A cell that failed lacks all the episodes that others have."""
    stored = _stored(folder, figure)
    most = 1 + max((number for of in stored.values() for number, *_ in of), default=-1)
    long = []
    for row in rows:
        place = {key: row[key] for key in ("method", "scenario", "knobs", "seed")}
        lacking = [(number, row["status"], row["error"], None) for number in range(most)]
        for number, status, error, value in stored.get(row["cell"], []) if row["status"] == "done" else lacking:
            long.append(place | {"episode": number, "status": status, "error": error, figure: value})
    return long


def _stored(folder: Path, figure: str) -> dict[str, list[tuple[int, str, str | None, float | None]]]:
    """Number, status, error and one figure of every episode, by cell."""
    if (folder / FILE).is_file():
        return episode_figures(folder, figure)
    from goldenrule.benchmarks.report.reading import read_run  # its package draws figures: only where it is needed

    found: dict[str, list[tuple[int, str, str | None, float | None]]] = {}
    with read_run(folder) as run:
        for name, cell in run.by_id.items():
            sums = [sums_of(log, cell.scenario) for log in run.log.episodes(cell)]
            told = [one for one in sums if one is not None]
            found[name] = [(one["episode"], one["status"], one["error"], one[figure]) for one in told]
    return found


def print_comparisons(lines: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Print the verdicts, what was left out, and why each could not be had."""
    if not lines:
        return
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, width=PIPE_WIDTH)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in (f"against {clean(str(lines[0]['baseline']))}", "partner reward differs by", "p (Holm)", "verdict"):
        table.add_column(title)
    for line in lines:
        cells = (str(line["method"]), _difference(line), _p(line["p_holm"]), str(line["verdict"]))
        table.add_row(*(Text(clean(cell)) for cell in cells))
    console.print(table)
    for line in lines:
        if line["verdict"] == "too few seeds":
            console.print(Text(clean(f"- {line['method']}: {line['because']}"), "dim"))
        if line["pairs_dropped"]:
            reasons = "; ".join(f"{count} times {reason}" for reason, count in line["dropped_because"].items())
            left = f"- {line['method']}: {line['pairs_dropped']} of {line['pairs_planned']} pairs left out ({reasons})"
            console.print(Text(clean(left), "dim"))
    told = "Paired by scenario, knobs and seed; a seed counts once a scenario, its settings averaged; "
    told += "95% BCa bootstrap over seeds; sign-flip test, corrected by Holm."
    console.print(Text(told, "dim"))


def _difference(line: Mapping[str, Any]) -> str:
    if line["effect"] is None:
        return "-"
    if line["low"] is None:
        return f"{line['effect']:+.3f}"
    return f"{line['effect']:+.3f} [{line['low']:+.3f}, {line['high']:+.3f}]"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"
