"""Cross-play on the page and in the terminal: who met whom, as heat maps and as tables with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TextIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from rich.console import Console
from rich.text import Text

from goldenrule.benchmarks.report.figures import ENDS, WIDTH, Plot, Rows, distinct, matching
from goldenrule.benchmarks.report.layout import console_for, decimals, page_number, print_table
from goldenrule.benchmarks.report.theme import FAINT, INK, drawable
from goldenrule.benchmarks.storage.reader import Run, StoredCell, note, setting_name
from goldenrule.benchmarks.studies.crossplay.matrix import summarise
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean, counted, visible

TITLES = {
    "own": "Reward of the row",
    "partner": "Reward of the column",
    "joint": "Reward of both",
    "third_party": "Reward of absent third parties",
    "estimate_gap": "Reward of the column, estimated by the row: estimate less truth",
}
RATINGS = {
    "own": "own",
    "partner": "partners'",
    "joint": "joint",
    "third_party": "third parties'",
    "own_held_out": "own, with held out",
    "partner_held_out": "held-out partners'",
    "joint_self": "joint, in self-play",
    "valid": "makes sense %",
    "faithful": "true to its card %",
}

MOST = 24
"""Agents up to which the page has tables of every pair; the figure and its data show all."""

PERCENT = ("valid", "faithful", "agreement")


class Field(NamedTuple):
    """One figure of a table: a mean with its interval over seeds, as text; a dash and nothing where there is none."""

    mean: str
    range: str


class Grid(NamedTuple):
    """A table: title, names of columns, and name and fields of each line; no field where two do not meet."""

    title: str
    columns: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Field | None]]]


class Crossing(NamedTuple):
    """What the page tells of a cross-play: its summary (`summarise`), names visible; its tables; how to read them."""

    summary: Mapping[str, Any]
    grids: Sequence[Grid]
    rating: Grid
    note: str


def crossing(run: Run) -> Crossing | None:
    """The cross-play that a folder holds; `None` for every other run."""
    if not run.is_crossplay:
        return None
    try:
        summary = _visible(summarise(run.config, [cell.row for cell in run.cells], run.folder))
        grids = _grids(summary) if len(summary["members"]) <= MOST else []
        return Crossing(summary, grids, _rating(summary), meaning(summary))
    except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
        note(run.problems, f"the matrix of this cross-play cannot be made: {visible(str(error), 200)}")
        return None


def learner_of(cell: StoredCell) -> tuple[str, StoredCell] | None:
    """Who sat in the learner's seat, and the cell as one of those with this partner; `None` where it does not say."""
    params = cell.row.get("params")
    who, met = (params.get(seat) for seat in ("learner", "partner")) if isinstance(params, dict) else (None, None)
    if who is None:
        return None
    return visible(who, 80), replace(cell, knobs={"met": met})


def _visible(summary: dict[str, Any]) -> dict[str, Any]:
    """The same with every name as visible text."""
    pairs = [{**p, "row": visible(p["row"], 80), "column": visible(p["column"], 80)} for p in summary["pairs"]]
    rating = [{**line, "agent": visible(line["agent"], 80)} for line in summary["rating"]]
    members = [{**one, "name": visible(one["name"], 80)} for one in summary["members"]]
    seats = {which: visible(name, 80) for which, name in summary["seats"].items()}
    told = {"scenario": visible(summary["scenario"], 80), "seats": seats}
    return {**summary, **told, "pairs": pairs, "rating": rating, "members": members}


def _grids(summary: Mapping[str, Any]) -> list[Grid]:
    """A table for each metric that some pair has."""
    pairs, outside = summary["pairs"], held_out(summary)
    rows, columns = (list(dict.fromkeys(pair[which] for pair in pairs)) for which in ("row", "column"))
    starred = {name: f"{name}{'*' if name in outside else ''}" for name in (*rows, *columns)}
    grids = []
    for key, title in TITLES.items():
        fields = {(pair["row"], pair["column"]): _field(pair["figures"][key], key) for pair in pairs}
        lines = [(starred[row], [fields.get((row, column)) for column in columns]) for row in rows]
        if any(pair["figures"][key]["mean"] is not None for pair in pairs):
            grids.append(Grid(title, [starred[column] for column in columns], lines))
    return grids


def held_out(summary: Mapping[str, Any]) -> set[str]:
    """Names of the agents that were held out."""
    return {one["name"] for one in summary["members"] if one["held_out"]}


def _rating(summary: Mapping[str, Any]) -> Grid:
    """A line an agent: a star where it was held out, its seat where the seats differ."""
    keys = [key for key in RATINGS if any(line[key]["mean"] is not None for line in summary["rating"])]
    lines = []
    for line in summary["rating"]:
        seat = "" if line["seat"] == "both" else f" as {summary['seats'][line['seat']]}"
        name = f"{line['agent']}{'*' * line['held_out']}{seat}"
        lines.append((name, [_field(line[key], key) for key in keys]))
    return Grid("Rating", [RATINGS[key] for key in keys], lines)


def _field(figure: Mapping[str, Any], key: str) -> Field:
    mean, low, high = (page_number(figure[end], key in PERCENT) for end in ENDS)
    return Field(mean, "" if figure["low"] is None else f"{low} to {high}")


def meaning(summary: Mapping[str, Any]) -> str:
    """How matrix and rating are to be read."""
    met = "everyone else, each counting alike, in both seats"
    if not summary["symmetric"]:
        met = "all partners, each counting alike"
    outside = ", ".join(sorted(held_out(summary)))
    return (
        f"Means an episode; below them: {summary['interval']}. They speak of these agents under other seeds of the "
        f"dialogues, not of the methods that trained them. Payoffs are over {met}."
        + (f" A star: held out ({outside})." if outside else "")
    )


# Figures

PANELS = {"own": "reward of the row", "partner": "reward of the column", "joint": "of both"}
COLOURS = "viridis"
NUMBERED = 14
"""Rows or columns up to which the numbers are written into the fields."""


def heat_map(summary: Mapping[str, Any]) -> Plot:
    """Own, partner's and joint reward of every pair: the row in the learner's seat, the column in the partner's.

    Args:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it.
    """
    data: Rows = [
        {"row": pair["row"], "column": pair["column"], "figure": name}
        | {key: pair["figures"][name][key] for key in ENDS}
        for pair in summary["pairs"]
        for name in PANELS
    ]
    title, seats, outside = f"Cross-play: {summary['scenario']}", summary["seats"], held_out(summary)
    return Plot("matrix", data, lambda: _paint(data, seats, outside), title)


def _paint(data: Rows, seats: Mapping[str, str], outside: Collection[str]) -> Figure:
    rows, columns = distinct(data, "row"), distinct(data, "column")
    names, others = ([drawable(name) + "*" * (name in outside) for name in side] for side in (rows, columns))
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

RATED = {"own": "own reward", "partner": "reward of its partners"}


def rating_plot(summary: Mapping[str, Any]) -> Plot:
    """Own payoff and partners' payoff of every agent, with intervals over seeds.

    Args:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it.
    """
    data: Rows = [
        {"agent": line["agent"], "seat": line["seat"], "held_out": line["held_out"], "figure": name}
        | {key: line[name][key] for key in ENDS}
        for line in summary["rating"]
        for name in RATED
        if line[name]["mean"] is not None
    ]
    return Plot("rating", data, lambda: _paint_rating(data, summary["seats"]), "Rating")


def _paint_rating(data: Rows, seats: Mapping[str, str]) -> Figure:
    places = list(dict.fromkeys((record["agent"], record["seat"], record["held_out"]) for record in data))
    names = [
        f"{drawable(agent)}{'*' * outside}{'' if seat == 'both' else f' as {drawable(seats[seat])}'}"
        for agent, seat, outside in places
    ]
    panels = [name for name in RATED if matching(data, figure=name)]
    figure = Figure(figsize=(WIDTH, 1.0 + 0.32 * _lines(names)), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        for record in matching(data, figure=name):
            at = places.index((record["agent"], record["seat"], record["held_out"]))
            if record["low"] is not None:
                axes.plot([record["low"], record["high"]], [at, at], color=FAINT, linewidth=2.0)
            axes.plot(record["mean"], at, "o", color=INK, markersize=5)
        axes.set_title(RATED[name])
        axes.set_ylim(len(places) - 0.4, -0.6)
        axes.margins(x=0.1)
        axes.set_yticks(range(len(places)), names, color=INK)
    return figure


def _lines(names: Sequence[str]) -> float:
    """How many lines of text the rows of a figure have room for, two lines of a name counting one and a half."""
    return len(names) * max(0.5 + 0.5 * (name.count("\n") + 1) for name in names)


def print_crossplay(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Print a table of pairs for each metric, what failed, and the rating."""
    console, seats, pairs = console_for(stream), summary["seats"], summary["pairs"]
    console.print(Text(clean(setting_name(summary["scenario"], summary["knobs"])), "bold"))
    console.print(Text(clean(f"Rows sit as {seats['learner']}, columns as {seats['partner']}.")))
    for grid in _grids(summary):
        _print_grid(console, grid)
    episodes, failed, cut = (
        sum(pair[key] for pair in pairs) for key in ("episodes", "episodes_failed", "episodes_truncated")
    )
    lines = [
        f"{counted(episodes, 'dialogue')}, {cut} of them cut at the turn limit; {failed} more failed and left out. "
        f"{summary['finished']} of {counted(summary['cells'], 'pairing')} finished, {summary['failed']} of them failed."
    ]
    lines += [
        f"{pair['row']} with {pair['column']}: {counted(pair['episodes_failed'], 'dialogue')} and "
        f"{counted(pair['seeds_failed'], 'whole pairing')} failed{': ' if pair['reason'] else ''}{pair['reason'] or ''}"
        for pair in pairs
        if pair["episodes_failed"] or pair["seeds_failed"]
    ]
    console.print()
    for line in lines:
        console.print(Text(clean(line)))
    _print_grid(console, _rating(summary))
    console.print(Text(clean(meaning(summary)), "dim"))


def _print_grid(console: Console, grid: Grid) -> None:
    """On a terminal as on the page: nothing where two do not meet."""
    console.print()
    console.print(Text(grid.title, "bold"))
    rows = [
        ([name], ["" if one is None else f"{one.mean}\n{one.range}".rstrip() for one in fields])
        for name, fields in grid.lines
    ]
    print_table(console, [""], [clean(column) for column in grid.columns], rows)
