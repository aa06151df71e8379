"""The matrix as heat maps, and the rating."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from goldenrule.benchmarks.report.figures import WIDTH, Plot, Rows
from goldenrule.benchmarks.report.theme import FAINT, INK, drawable

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
        | {key: pair["figures"][name][key] for key in ("mean", "low", "high")}
        for pair in summary["pairs"]
        for name in PANELS
    ]
    seats = summary["seats"]
    caption = (
        f"Mean reward an episode. Rows sit as {seats['learner']}, columns as {seats['partner']}; "
        "the diagonal is self-play. A star: held out. Fields without a number: these two do not meet, or no dialogue "
        "was finished."
    )
    held_out = {one["name"] for one in summary["members"] if one["held_out"]}
    title = f"Cross-play: {summary['scenario']}"
    return Plot("matrix", title, caption, data, lambda: _paint(data, seats, held_out))


def _paint(data: Rows, seats: Mapping[str, str], held_out: Collection[str]) -> Figure:
    rows, columns = (list(dict.fromkeys(record[key] for record in data)) for key in ("row", "column"))
    names, others = ([drawable(name) + "*" * (name in held_out) for name in side] for side in (rows, columns))
    height, width = 0.34 * _lines(names) + 1.6, 0.5 * len(columns)
    figure = Figure(figsize=(1.8 + len(PANELS) * (width + 1.0), height), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True, squeeze=False)[0]
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for record in data:
            if record["figure"] == name and record["mean"] is not None:
                values[rows.index(record["row"]), columns.index(record["column"])] = record["mean"]
        _panel(axes, values, others, title)
        axes.set_xlabel(f"as {drawable(seats['partner'])}")
    panels[0].set_yticks(range(len(rows)), names, color=INK)
    panels[0].set_ylabel(f"as {drawable(seats['learner'])}")
    return figure


def _panel(axes: Axes, values: np.ndarray[Any, Any], columns: Sequence[str], title: str) -> None:
    there = values[~np.isnan(values)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 1.0)
    scale = Normalize(low, high if high > low else low + 1.0)
    colours = mpl.colormaps[COLOURS].with_extremes(bad=(0.0, 0.0, 0.0, 0.0))  # as the paper it lies on
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    axes.set_title(title)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", color=INK)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if max(values.shape) > NUMBERED:
        return
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            ink = DARK_TEXT if scale(value) > 0.6 else LIGHT_TEXT
            axes.text(column, row, short(value), ha="center", va="center", fontsize=8, color=ink)


DARK_TEXT, LIGHT_TEXT = "#000000", "#fefefe"

RATED = {"strength": "strength (Elo)", "own": "own reward", "partner": "reward of its partners"}


def rating_plot(summary: Mapping[str, Any]) -> Plot:
    """Strength, own payoff and partners' payoff of every agent, with intervals over seeds.

    Args:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it.
    """
    data: Rows = [
        {"agent": line["agent"], "seat": line["seat"], "held_out": line["held_out"], "figure": name}
        | {key: line[name][key] for key in ("mean", "low", "high")}
        for line in summary["rating"]
        for name in RATED
        if line[name] is not None and line[name]["mean"] is not None
    ]
    caption = (
        "Over all that an agent met, itself left out, with 95% intervals over seeds. A star: held out. "
        "To be strong is not to be good: strength is who ends with more."
    )
    return Plot("rating", "Rating", caption, data, lambda: _paint_rating(data, summary["seats"]))


def _paint_rating(data: Rows, seats: Mapping[str, str]) -> Figure:
    places = list(dict.fromkeys((record["agent"], record["seat"]) for record in data))
    held_out = {record["agent"] for record in data if record["held_out"]}
    names = [
        drawable(agent)
        + ("*" if agent in held_out else "")
        + ("" if seat == "both" else f" as {drawable(seats[seat])}")
        for agent, seat in places
    ]
    shown = [name for name in RATED if any(record["figure"] == name for record in data)]
    figure = Figure(figsize=(WIDTH, 1.0 + 0.32 * _lines(names)), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(shown), sharey=True, squeeze=False)[0], shown, strict=True):
        for record in (record for record in data if record["figure"] == name):
            at = places.index((record["agent"], record["seat"]))
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


def short(value: float) -> str:
    """A number in few characters, without a minus before zero."""
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text.removeprefix("-") if float(text) == 0 else text
