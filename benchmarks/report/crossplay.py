"""Cross-play as a reader sees it: files beside the results, tables with intervals, heat maps.

crossplay.json      matrix and rating (`studies.crossplay.matrix.summarise`)
matrix.csv          a line a pair and metric; drawn as matrix.png, matrix.svg
rating.csv          a line an agent and metric
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from rich.console import Console
from rich.text import Text

from goldenrule.benchmarks.evaluation.metrics import Metric
from goldenrule.benchmarks.report.figures import ENDS, WIDTH, Plot, Rows, distinct, matching, profile_plots
from goldenrule.benchmarks.report.layout import console_for, csv_bytes, decimals, print_table
from goldenrule.benchmarks.report.terminal import metric_cell
from goldenrule.benchmarks.report.theme import FAINT, INK, drawable
from goldenrule.benchmarks.storage.reader import Run, note, setting_name
from goldenrule.benchmarks.studies.crossplay.matrix import COUNTS, METRICS, RATED, summarise
from goldenrule.common.files import write_whole, writing
from goldenrule.common.text import clean, counted, visible

TITLES = {
    "own": "Reward of the row",
    "partner": "Reward of the column",
    "joint": "Reward of both",
    "third_party": "Reward of absent third parties",
    "estimate_gap": "Reward of the column, estimated by the row: estimate less truth",
}
RATINGS = {
    "own": Metric("own", "mean reward over everyone it met", ""),
    "partner": Metric("partners'", "mean reward of those it met", ""),
    "joint": Metric("joint", "both together", ""),
    "third_party": Metric("third parties'", "mean reward of those who were absent", ""),
    "own_held_out": Metric("own, with held out", "over held-out partners", ""),
    "partner_held_out": Metric("held-out partners'", "mean reward of held-out partners", ""),
    "joint_self": Metric("joint, in self-play", "both together, with itself", ""),
    "valid": Metric("makes sense %", "messages that the scenario understands", "", share=True),
    "faithful": Metric("true to its card %", "messages that are true to its card", "", share=True),
}

MOST = 24
"""Agents up to which the page has tables of every pair; the figure and its data show all."""


class Grid(NamedTuple):
    """A table: title, columns, and of each line its name and metrics; none where two do not meet."""

    title: str
    columns: Mapping[str, Metric]
    lines: Sequence[tuple[str, Mapping[str, Any]]]


class Crossing(NamedTuple):
    """What the page tells of a cross-play: its summary (`summarise`), its tables, and how to read them."""

    summary: Mapping[str, Any]
    grids: Sequence[Grid]
    rating: Grid
    note: str


def write_files(summary: Mapping[str, Any], folder: Path) -> None:
    """Write matrix and rating beside the results.

    Raises:
        UserError: the folder cannot be written to.
    """
    pairs = _pair_records(summary, METRICS, ("seeds_failed", *COUNTS))
    files = {
        "crossplay.json": (json.dumps(summary, indent=1, allow_nan=False) + "\n").encode(),
        "matrix.csv": csv_bytes(pairs),
        "rating.csv": csv_bytes(_rating_records(summary, RATED)),
        **{f"matrix.{kind}": image for kind, image in heat_map(summary).images().items()},
    }
    with writing(folder):
        for name, data in files.items():
            write_whole(folder / name, data)


def _pair_records(summary: Mapping[str, Any], metrics: Iterable[str], counts: Sequence[str] = ()) -> Rows:
    """A record a pair and metric."""
    return [
        {"row": pair["row"], "column": pair["column"], "figure": name, **pair["figures"][name]}
        | {key: pair[key] for key in counts}
        for pair in summary["pairs"]
        for name in metrics
    ]


def _rating_records(summary: Mapping[str, Any], metrics: Iterable[str]) -> Rows:
    """A record an agent (and seat, where they differ) and metric."""
    return [
        {"agent": line["agent"], "seat": line["seat"], "held_out": line["held_out"], "figure": name, **line[name]}
        for line in summary["rating"]
        for name in metrics
    ]


def crossing(run: Run) -> Crossing | None:
    """The cross-play that a folder holds; `None` for every other run."""
    if not run.is_crossplay:
        return None
    try:
        summary = summarise(run.config, [cell.row for cell in run.cells], run.folder)
        grids = _grids(summary) if len(summary["members"]) <= MOST else []
        return Crossing(summary, grids, _rating(summary), meaning(summary))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        note(run.problems, f"the matrix of this cross-play cannot be made: {visible(str(error), 200)}")
        return None


def label(summary: Mapping[str, Any], agent: str, seat: str = "both") -> str:
    """`stranger* as helper_0`: a star where it was held out, the seat where only one is meant."""
    star = "*" if agent in held_out(summary) else ""
    return visible(agent, 80) + star + ("" if seat == "both" else f" as {summary['seats'][seat]}")


def held_out(summary: Mapping[str, Any]) -> set[str]:
    """Names of the agents that were held out."""
    return {one["name"] for one in summary["members"] if one["held_out"]}


def _grids(summary: Mapping[str, Any]) -> list[Grid]:
    """A table for each metric that some pair has."""
    columns = {pair["column"]: Metric(label(summary, pair["column"]), "", "") for pair in summary["pairs"]}
    grids = []
    for key, title in TITLES.items():
        lines: dict[str, dict[str, Any]] = {}
        for pair in summary["pairs"]:
            lines.setdefault(label(summary, pair["row"]), {})[pair["column"]] = pair["figures"][key]
        if any(one["mean"] is not None for line in lines.values() for one in line.values()):
            grids.append(Grid(title, columns, list(lines.items())))
    return grids


def _rating(summary: Mapping[str, Any]) -> Grid:
    """A line an agent, and seat where the seats differ."""
    lines = [(label(summary, line["agent"], line["seat"]), line) for line in summary["rating"]]
    known = {key: one for key, one in RATINGS.items() if any(line[key]["mean"] is not None for _, line in lines)}
    return Grid("Rating, the kindest first", known, lines)


def meaning(summary: Mapping[str, Any]) -> str:
    """How matrix and rating are to be read."""
    met, order = "everyone else, each counting alike, in both seats", "the rating begins with whose partners get most"
    if not summary["symmetric"]:
        met = "all partners, each counting alike"
        order += f"; as {summary['seats']['partner']}, with who gets most"
    outside = ", ".join(sorted(held_out(summary)))
    return visible(
        f"Means an episode; intervals: {summary['interval']}. They speak of these agents under other seeds of the "
        f"dialogues, not of the methods that trained them. Payoffs are over {met}; {order}."
        + (f" A star: held out ({outside})." if outside else "")
    )


def print_crossplay(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Print a table of pairs for each metric, what failed, and the rating."""
    console, seats, pairs = console_for(stream), summary["seats"], summary["pairs"]
    episodes, failed, cut = (
        sum(pair[key] for pair in pairs) for key in ("episodes", "episodes_failed", "episodes_truncated")
    )
    notes = [
        f"{counted(episodes, 'dialogue')}, {cut} of them cut at the turn limit; {failed} more failed and left out. "
        f"{summary['finished']} of {counted(summary['cells'], 'pairing')} finished, {summary['failed']} of them failed."
    ]
    notes += [
        f"{pair['row']} with {pair['column']}: {counted(pair['episodes_failed'], 'dialogue')} and "
        f"{counted(pair['seeds_failed'], 'whole pairing')} failed{': ' if pair['reason'] else ''}{pair['reason'] or ''}"
        for pair in pairs
        if pair["episodes_failed"] or pair["seeds_failed"]
    ]
    console.print(Text(clean(setting_name(summary["scenario"], summary["knobs"])), "bold"))
    console.print(Text(clean(f"Rows sit as {seats['learner']}, columns as {seats['partner']}.")))
    for grid in _grids(summary):
        _print_grid(console, grid)
    console.print()
    for line in notes:
        console.print(Text(clean(line)))
    _print_grid(console, _rating(summary))
    console.print(Text(f"{meaning(summary)} ±: the longer side of an interval.", "dim"))


def _print_grid(console: Console, grid: Grid) -> None:
    rows = [
        ([name], [metric_cell(of[key], one.share) if key in of else "" for key, one in grid.columns.items()])
        for name, of in grid.lines
    ]
    console.print()
    console.print(Text(grid.title, "bold"))
    print_table(console, [""], [one.title for one in grid.columns.values()], rows)


# Figures

PANELS = {"own": "reward of the row", "partner": "reward of the column", "joint": "of both"}
COLOURS = "viridis"
NUMBERED = 14
"""Rows or columns up to which the numbers are written into the fields."""


def crossplay_plots(run: Run, crossed: Crossing) -> list[Plot]:
    """The figures of a cross-play: its matrix, its rating and performance profiles of who sat in the learner's seat."""
    named = [
        # As cells of one condition a partner: profiles average over what all have in common.
        (visible(seats["learner"], 80), replace(cell, knobs={"met": seats.get("partner")}))
        for cell in run.cells
        if isinstance(seats := cell.row.get("params"), dict) and seats.get("learner") is not None
    ]
    note = "Of each agent in the learner's seat, with the partners that everyone met."
    found = [heat_map(crossed.summary), rating_plot(crossed.summary), *profile_plots(run, named, note)]
    return [plot for plot in found if plot.data]


def heat_map(summary: Mapping[str, Any]) -> Plot:
    """Own, partner's and joint reward of every pair: the row in the learner's seat, the column in the partner's.

    Args:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it.
    """
    rows = _pair_records(summary, PANELS)
    data = [{key: record[key] for key in ("row", "column", "figure", *ENDS)} for record in rows]
    return Plot("matrix", data, lambda: _paint(data, summary), f"Cross-play: {visible(summary['scenario'], 80)}")


def _paint(data: Rows, summary: Mapping[str, Any]) -> Figure:
    rows, columns = distinct(data, "row"), distinct(data, "column")
    names, others = ([drawable(label(summary, name)) for name in side] for side in (rows, columns))
    seats = summary["seats"]
    height, width = 0.34 * _lines(names) + 1.6, 0.5 * len(columns)
    figure = Figure(figsize=(1.8 + len(PANELS) * (width + 1.0), height), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True, squeeze=False)[0]
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for record in matching(data, figure=name):
            if record["mean"] is not None:
                values[rows.index(record["row"]), columns.index(record["column"])] = record["mean"]
        _panel(axes, values)
        axes.set_title(title)
        axes.set_xticks(range(len(others)), others, rotation=45, ha="right", color=INK)
        axes.set_xlabel(f"as {drawable(seats['partner'])}")
    panels[0].set_yticks(range(len(rows)), names, color=INK)
    panels[0].set_ylabel(f"as {drawable(seats['learner'])}")
    return figure


def _panel(axes: Axes, values: np.ndarray[Any, Any]) -> None:
    there = values[~np.isnan(values)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 1.0)
    scale = Normalize(low, high if high > low else low + 1.0)
    colours = mpl.colormaps[COLOURS].with_extremes(bad=(0.0, 0.0, 0.0, 0.0))  # as the paper it lies on
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if max(values.shape) <= NUMBERED and not np.isnan(value):
            ink = DARK_TEXT if scale(value) > 0.6 else LIGHT_TEXT
            text = decimals(value, 1 if abs(value) >= 10 else 2)
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)


DARK_TEXT, LIGHT_TEXT = "#000000", "#fefefe"

PAYOFFS = {"own": "own reward", "partner": "reward of its partners"}


def rating_plot(summary: Mapping[str, Any]) -> Plot:
    """Own payoff and partners' payoff of every agent, with intervals over seeds.

    Args:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it.
    """
    rows = [record for record in _rating_records(summary, PAYOFFS) if record["mean"] is not None]
    data = [{key: record[key] for key in ("agent", "seat", "held_out", "figure", *ENDS)} for record in rows]
    return Plot("rating", data, lambda: _paint_rating(data, summary), "Rating")


def _paint_rating(data: Rows, summary: Mapping[str, Any]) -> Figure:
    places = list(dict.fromkeys((record["agent"], record["seat"]) for record in data))
    names = [drawable(label(summary, *place)) for place in places]
    panels = [name for name in PAYOFFS if matching(data, figure=name)]
    figure = Figure(figsize=(WIDTH, 1.0 + 0.32 * _lines(names)), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        for record in matching(data, figure=name):
            at = places.index((record["agent"], record["seat"]))
            if record["low"] is not None:
                axes.plot([record["low"], record["high"]], [at, at], color=FAINT, linewidth=2.0)
            axes.plot(record["mean"], at, "o", color=INK, markersize=5)
        axes.set_title(PAYOFFS[name])
        axes.set_ylim(len(places) - 0.4, -0.6)
        axes.margins(x=0.1)
        axes.set_yticks(range(len(places)), names, color=INK)
    return figure


def _lines(names: Sequence[str]) -> float:
    """How many lines of text the rows of a figure have room for, two lines of a name counting one and a half."""
    return len(names) * max(0.5 + 0.5 * (name.count("\n") + 1) for name in names)
