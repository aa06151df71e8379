"""What an agent thought of each of its messages against what its partner really got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from goldenrule.benchmarks.report.figures import Look, Rows, panels_of
from goldenrule.benchmarks.report.style import Theme, drawable

ROOM = (0.16, 0.12)
"""Width and height of a written share, of a panel's sides, with what it keeps from its bubble."""

INSIDE = 0.3
"""Shares beyond this are written into their bubble, others above it."""

ABOVE, TALL, PANEL = 7, 8.5, 170
"""Points from a bubble's edge to the middle of its share, of its letters, and of the side of the smallest panel."""


def agreement(data: Rows, look: Look) -> Figure:
    """Estimate against truth of each message: a bubble's area is its share of the method's messages.

    Args:
        data: records `method estimate truth messages share correlation`, one a bin.
        look: theme and colours.
    """
    methods = list(dict.fromkeys(record["method"] for record in data))
    figure, panels = panels_of(methods, 2.75)
    ends = [record[key] for record in data for key in ("estimate", "truth")]
    low, high = min(ends), max(ends)
    margin = 0.28 * ((high - low) or 1.0)
    ticks = sorted(set(ends)) if len(set(ends)) <= 4 else MaxNLocator(4).tick_values(low, high)
    for axes, method in zip(panels, methods, strict=True):
        mine = [record for record in data if record["method"] == method]
        axes.plot([low - margin, high + margin], [low - margin, high + margin], color=look.theme.faint, linewidth=0.9)
        x, y = [record["estimate"] for record in mine], [record["truth"] for record in mine]
        axes.scatter(
            x, y, s=[_size(record) for record in mine], color=look.colours[method], alpha=0.85, linewidth=0, zorder=3
        )
        for record in with_room(mine, high - low + 2 * margin):
            _share(axes, record, look.theme)
        r = mine[0]["correlation"]
        axes.set_title(f"{drawable(method, 22)}  r {'none' if r is None else f'{r:.2f}'}", color=look.colours[method])
        axes.set(xticks=ticks, yticks=ticks, xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    figure.supxlabel("what the agent thought its partner got for a message", fontsize=9.5, color=look.theme.faint)
    figure.supylabel("what it really got", fontsize=9.5, color=look.theme.faint)
    return figure


def with_room(bubbles: Rows, side: float) -> Rows:
    """The bubbles whose share can be written upon no other share or bubble; the largest are asked first.

    Args:
        bubbles: records with `estimate`, `truth` and `share`.
        side: how much of either axis a panel shows.
    """
    written: Rows = []
    for one in sorted(bubbles, key=lambda record: -record["share"]):
        others = [other for other in bubbles if other is not one]
        if not any(_near(one, other, side) for other in written) and not any(_upon(one, o, side) for o in others):
            written.append(one)
    return written


def _near(one: Mapping[str, Any], other: Mapping[str, Any], side: float) -> bool:
    """Whether two shares would touch."""
    apart = abs(one["estimate"] - other["estimate"]), abs(one["truth"] - other["truth"])
    return apart[0] <= ROOM[0] * side and apart[1] <= ROOM[1] * side


def _upon(one: Mapping[str, Any], other: Mapping[str, Any], side: float) -> bool:
    """Whether the share of `one`, which stands above it unless it is large, would lie on the bubble of `other`."""
    point = side / PANEL
    above = 0 if one["share"] > INSIDE else (_radius(one) + ABOVE) * point
    across = abs(one["estimate"] - other["estimate"]), abs(one["truth"] + above - other["truth"])
    reach = _radius(other) * point
    return across[0] < reach + ROOM[0] * side / 2 and across[1] < reach + TALL * point / 2


def _radius(record: Mapping[str, Any]) -> float:
    """Of a bubble, in points."""
    return float(_size(record) ** 0.5 / 2)


def _size(record: Mapping[str, Any]) -> float:
    return float(1100 * record["share"] + 6)


def _share(axes: Axes, record: Mapping[str, Any], theme: Theme) -> None:
    inside = record["share"] > INSIDE
    text = axes.annotate(
        f"{100 * record['share']:.0f}%" if record["share"] >= 0.01 else "<1%",
        (record["estimate"], record["truth"]),
        (0, 0 if inside else _radius(record) + ABOVE),
        textcoords="offset points",
    )
    text.set(ha="center", va="center", fontsize=TALL, color=theme.paper if inside else theme.ink, zorder=5)
