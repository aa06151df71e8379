"""The figures of a run, each with the data it draws. Matplotlib's object interface only: nothing global is touched."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.lines
import matplotlib.patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from goldenrule.benchmarks.analysis.summary import ORACLE
from goldenrule.benchmarks.report.style import Theme, drawable, settings

Rows = list[dict[str, Any]]
WIDTH = 8.6
"""Inches; at the page's width of about 800 pixels the text is as large as the page's own."""

WIDER = 3
"""How much wider than all true rewards a panel may be and still have their scale."""

TICKS = 12
"""Values of a knob that each have a tick of their own; with more, ticks are at round values."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure: what it shows, its data, and how to draw it.

    Attributes:
        name: file stem.
        title: what it is.
        caption: how to read it.
        data: one record a mark, all with the same keys.
        paint: draws it, given a theme.
    """

    name: str
    title: str
    caption: str
    data: Rows
    paint: Callable[[Theme], Figure]

    def images(self, theme: Theme) -> dict[str, bytes]:
        """The drawn figure as `svg` and `png`; the same bytes each time."""
        with mpl.rc_context():
            mpl.rcdefaults()  # whatever the reader's own matplotlibrc says
            chosen: Any = settings(theme)  # matplotlib types its keys as literals
            mpl.rcParams.update(chosen)
            figure = self.paint(theme)
            svg = _saved(figure, "svg", {"Date": None})
            figure.set_layout_engine("none")  # the places are found; finding them is most of the work
            return {"svg": svg, "png": _saved(figure, "png", {"Software": None})}


def _saved(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Look:
    """What every painter is told: the theme, and each method's colour."""

    theme: Theme
    colours: Mapping[str, str]


def headline(data: Rows, look: Look) -> Figure:
    """For each method what its partner really got, and beneath it what it thought its partner got.

    Args:
        data: records `method kind mean low high values`, `kind` being `true` or `estimate`, methods in order.
        look: theme and colours.
    """
    methods = list(dict.fromkeys(record["method"] for record in data))
    figure = Figure(figsize=(WIDTH, 0.95 + 0.72 * len(methods)), layout="constrained")
    axes = figure.subplots()
    for record in data:
        place = methods.index(record["method"]) + (-0.19 if record["kind"] == "true" else 0.19)
        if record["mean"] is None:
            none = "no true reward" if record["kind"] == "true" else "no estimate"
            axes.annotate(none, (0, place), (7, 0), textcoords="offset points", va="center", style="italic", fontsize=9)
        else:
            _bar(axes, place, record, look)
    axes.set_yticks(range(len(methods)), [drawable(method) for method in methods], color=look.theme.ink, fontsize=10)
    axes.set_ylim(len(methods) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=look.theme.faint, linewidth=0.8)
    best = [r["mean"] for r in data if (r["method"], r["kind"]) == (ORACLE, "true") and r["mean"] is not None]
    for mean in best:
        axes.axvline(mean, color=look.colours[ORACLE], linewidth=1.2, linestyle=(0, (2, 2)), zorder=0.5)
    _room(axes, data)
    axes.set_xlabel("reward of the partner, an episode (mean over seeds, 95% interval; a dot a seed)")
    figure.legend(handles=_keys(look.theme), loc="outside upper right", ncols=2, handlelength=1.6)
    return figure


def _bar(axes: Axes, place: float, record: Mapping[str, Any], look: Look) -> None:
    colour, real = look.colours[record["method"]], record["kind"] == "true"
    face = colour if real else look.theme.paper
    bar = axes.barh(place, record["mean"], height=0.34, color=face, edgecolor=colour, linewidth=1.2)
    if not real:
        bar[0].set_hatch("////")
    end = record["mean"]
    if record["low"] is not None:
        axes.plot([record["low"], record["high"]], [place, place], color=look.theme.ink, linewidth=1.5, zorder=4)
        end = max(end, record["high"])
    marks = sorted(record["values"])
    spread = [place + 0.07 * (i % 3 - 1) for i in range(len(marks))]
    axes.scatter(marks, spread, s=13, color=look.theme.paper, edgecolor=look.theme.ink, linewidth=0.9, zorder=5)
    text = axes.annotate(f"{record['mean']:.2f}", (max(end, *marks, 0), place), (7, 0), textcoords="offset points")
    text.set(va="center", fontsize=9, color=look.theme.ink, fontweight="bold" if real else "normal", zorder=6)
    text.set_bbox({"facecolor": look.theme.paper, "edgecolor": "none", "pad": 1.0})


def _room(axes: Axes, data: Rows) -> None:
    """Limits with room for the figures at the ends of the bars."""
    ends = [v for record in data for v in (record["mean"], record["low"], record["high"], 0.0) if v is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    axes.set_xlim(low - (0.03 * span if low < 0 else 0), high + 0.11 * span)


def _keys(theme: Theme) -> list[Any]:
    solid = mpl.patches.Patch(facecolor=theme.faint, edgecolor=theme.faint, label="what the partner really got")
    hatched = mpl.patches.Patch(facecolor=theme.paper, edgecolor=theme.faint, label="what the agent thought it got")
    hatched.set_hatch("////")
    return [solid, hatched]


def learning(data: Rows, look: Look) -> Figure:
    """The reward learnt from and the partner's true reward by update; seeds thin, their mean thick.

    Args:
        data: records `method seed update reward truth`.
        look: theme and colours.
    """
    methods = list(dict.fromkeys(record["method"] for record in data))
    figure, panels = panels_of(methods, 2.35)
    for axes, method in zip(panels, methods, strict=True):
        mine = [record for record in data if record["method"] == method]
        _lines(axes, mine, "reward", look.theme.faint, "--")
        _lines(axes, mine, "truth", look.colours[method], "-")
        axes.set_title(drawable(method), color=look.colours[method])
        updates = {record["update"] for record in mine}
        axes.xaxis.set_major_locator(FixedLocator([*updates]) if len(updates) == 1 else MaxNLocator(5, integer=True))
    _shared_scale(panels, [record["truth"] for record in data if record["truth"] is not None])
    line = mpl.lines.Line2D
    keys = [
        line([], [], color=look.theme.ink, linewidth=2.4, label="what the partner really got"),
        line([], [], color=look.theme.faint, linewidth=2.0, linestyle="--", label="the reward learnt from"),
    ]
    figure.legend(handles=keys, loc="outside upper right", ncols=2)
    figure.supxlabel("update", fontsize=9.5, color=look.theme.faint)
    figure.supylabel("reward, an episode", fontsize=9.5, color=look.theme.faint)
    return figure


def _lines(axes: Axes, records: Rows, key: str, colour: str, dash: str) -> None:
    by_seed: dict[str, list[tuple[int, float]]] = {}
    by_update: dict[int, list[float]] = {}
    for record in records:
        if record[key] is not None:
            by_seed.setdefault(record["seed"], []).append((record["update"], record[key]))
            by_update.setdefault(record["update"], []).append(record[key])
    alone = "o" if len(by_update) == 1 else ""  # a line of one point is not seen
    for points in by_seed.values():
        axes.plot(
            *zip(*points, strict=True), color=colour, linewidth=0.7, alpha=0.55, linestyle=dash, marker=alone,
            markersize=3,
        )  # fmt: skip
    if by_update:
        mean = [(update, sum(values) / len(values)) for update, values in sorted(by_update.items())]
        width = 2.4 if key == "truth" else 2.0
        axes.plot(*zip(*mean, strict=True), color=colour, linewidth=width, linestyle=dash, marker=alone)


def by_knob(data: Rows, look: Look) -> Figure:
    """The partner's true reward (and the estimate, dashed) by the value of a knob.

    Args:
        data: records `method knob value kind mean low high`.
        look: theme and colours.
    """
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    axes = figure.subplots()
    for method in dict.fromkeys(record["method"] for record in data):
        for kind, dash in (("true", "-"), ("estimate", ":")):
            mine = [r for r in data if (r["method"], r["kind"]) == (method, kind) and r["mean"] is not None]
            if mine:
                _knob_line(axes, mine, look.colours[method], dash, drawable(method) if kind == "true" else None)
    axes.set_xlabel(drawable(str(data[0]["knob"])))
    axes.set_ylabel("reward of the partner, an episode")
    values = sorted({record["value"] for record in data})
    if len(values) <= TICKS:
        axes.set_xticks(values)
    figure.legend(loc="outside right upper", title="really got (dotted: thought)", title_fontsize=9)
    return figure


def _knob_line(axes: Axes, records: Rows, colour: str, dash: str, label: str | None) -> None:
    x, y = [record["value"] for record in records], [record["mean"] for record in records]
    real = dash == "-"
    axes.plot(
        x, y, color=colour, linestyle=dash, linewidth=2.2 if real else 1.4, marker="o" if real else "", label=label
    )
    bounded = [record for record in records if record["low"] is not None]
    if real and bounded:
        low, high = [r["low"] for r in bounded], [r["high"] for r in bounded]
        axes.fill_between([r["value"] for r in bounded], low, high, color=colour, alpha=0.16, linewidth=0)


def panels_of(methods: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    """A panel a method, at most three beside each other; four stand two by two."""
    across = 2 if len(methods) in (2, 4) else min(3, max(1, len(methods)))
    down = -(-len(methods) // across)
    figure = Figure(figsize=(WIDTH, 0.6 + height * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    places = list(grid.flat)
    for spare in places[len(methods) :]:
        spare.set_visible(False)
    return figure, places[: len(methods)]


def _shared_scale(panels: Sequence[Axes], truths: Sequence[float]) -> None:
    """One vertical scale for all panels but those in which a reward lives on a scale of its own.

    Args:
        panels: as they were drawn.
        truths: what partners really got, in all of them.
    """
    span = max(truths) - min(truths) if truths else math.inf
    limits = [axes.get_ylim() for axes in panels]
    alike = [(axes, ends) for axes, ends in zip(panels, limits, strict=True) if ends[1] - ends[0] <= WIDER * span]
    for axes, _ in alike:
        axes.set_ylim(min(low for _, (low, _) in alike), max(high for _, (_, high) in alike))
