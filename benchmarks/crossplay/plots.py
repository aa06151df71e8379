"""The matrix as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from goldenrule.benchmarks.report.figures import Plot, Rows
from goldenrule.benchmarks.report.style import Theme, drawable

PANELS = {"own": "reward of the row", "partner": "reward of the column", "joint": "of both"}
COLOURS = "viridis"
NUMBERED = 14
"""Rows or columns up to which the numbers are written into the fields."""


def heat_map(summary: Mapping[str, Any]) -> Plot:
    """Own, partner's and joint reward of every pair: the row in the learner's seat, the column in the partner's.

    Args:
        summary: as `goldenrule.benchmarks.crossplay.matrix.summarise` gives it.
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
        "the diagonal is self-play. Fields without a number: these two do not meet, or no dialogue was finished."
    )
    return Plot("matrix", f"Cross-play: {summary['scenario']}", caption, data, lambda theme: _paint(data, seats, theme))


def _paint(data: Rows, seats: Mapping[str, str], theme: Theme) -> Figure:
    rows, columns = (list(dict.fromkeys(record[key] for record in data)) for key in ("row", "column"))
    height, width = 0.34 * len(rows) + 1.6, 0.5 * len(columns)
    figure = Figure(figsize=(1.8 + len(PANELS) * (width + 1.0), height), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True, squeeze=False)[0]
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        values = np.full((len(rows), len(columns)), np.nan)
        for record in data:
            if record["figure"] == name and record["mean"] is not None:
                values[rows.index(record["row"]), columns.index(record["column"])] = record["mean"]
        _panel(axes, values, columns, title, theme)
        axes.set_xlabel(f"as {drawable(seats['partner'])}")
    panels[0].set_yticks(range(len(rows)), [drawable(name) for name in rows], color=theme.ink)
    panels[0].set_ylabel(f"as {drawable(seats['learner'])}")
    return figure


def _panel(axes: Axes, values: np.ndarray[Any, Any], columns: Sequence[str], title: str, theme: Theme) -> None:
    there = values[~np.isnan(values)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 1.0)
    scale = Normalize(low, high if high > low else low + 1.0)
    colours = mpl.colormaps[COLOURS].with_extremes(bad=theme.paper)
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    axes.set_title(title)
    axes.set_xticks(range(len(columns)), [drawable(name) for name in columns], rotation=45, ha="right", color=theme.ink)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if max(values.shape) > NUMBERED:
        return
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            light = scale(value) > 0.6
            axes.text(column, row, short(value), ha="center", va="center", fontsize=8, color="k" if light else "w")


def short(value: float) -> str:
    """A number in few characters, without a minus before zero."""
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text.removeprefix("-") if float(text) == 0 else text
