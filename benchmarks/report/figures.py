"""The figures of a run: which ones it has, the data of each and how it is drawn.

Every figure draws records (one a mark, all with the same keys), which are stored beside it as CSV. Matplotlib's object
interface only: no global state is changed.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib as mpl
import matplotlib.lines
import matplotlib.patches
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from goldenrule.benchmarks.analysis.summary import REFERENCE, over_seeds
from goldenrule.benchmarks.analysis.verdicts import METRIC
from goldenrule.benchmarks.evaluation.metrics import correlation
from goldenrule.benchmarks.report.theme import FAINT, INK, PAPER, STYLE, colours, drawable
from goldenrule.benchmarks.statistics import Options, profile, read_scores
from goldenrule.benchmarks.storage.reader import Run, Setting, StoredCell, number
from goldenrule.common.errors import UserError
from goldenrule.common.text import visible

Rows = list[dict[str, Any]]
Colours = Mapping[str, str]
Pairs = Mapping[str | None, Sequence[tuple[float, float]]]

ENDS = ("mean", "low", "high")
"""Keys of a mean and its interval."""

WIDTH = 8.6
"""Inches; at the page's width of about 800 pixels the text is as large as the page's own."""

DETAILED = 3
"""Settings (scenario and knobs) that get figures of their own; with more, the curves over knobs tell the rest."""

METHODS = 12
"""Methods that a figure shows at most; the tables show all."""

KINDS = {"true": "partner_reward", "estimate": "partner_reward_estimate"}
"""What the partner got and what the agent estimated, as figures call them, and the metrics behind them."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure.

    Attributes:
        kind: which; the page has a caption for each.
        data: one record a mark, all with the same keys.
        paint: draws it.
        title: what it shows.
        stem: what its file is called after the kind, where there are several.
        note: what its caption says besides.
    """

    kind: str
    data: Rows
    paint: Callable[[], Figure]
    title: str
    stem: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """File stem."""
        return f"{self.kind}{self.stem}"

    def images(self) -> dict[str, bytes]:
        """The drawn figure as `svg` and `png`; the same bytes each time."""
        with style.context(STYLE, after_reset=True):  # whatever the reader's own matplotlibrc says
            figure = self.paint()
            svg = _save(figure, "svg", {"Date": None})
            figure.set_layout_engine("none")  # the layout is found, which takes most of the time
            return {"svg": svg, "png": _save(figure, "png", {"Software": None})}


def _save(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    # An SVG shows the page's own paper, light or dark; a PNG may be opened on any.
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata, transparent=kind == "svg")
    return buffer.getvalue()


def distinct(data: Rows, key: str) -> list[Any]:
    """Values of a column, each once, in their order."""
    return list(dict.fromkeys(record[key] for record in data))


def matching(data: Rows, **values: Any) -> Rows:
    """The records that have these values."""
    return [record for record in data if all(record[key] == value for key, value in values.items())]


def _columns(data: Rows, *keys: str) -> list[list[Any]]:
    return [[record[key] for record in data] for key in keys]


def plots(run: Run, pairs: Pairs) -> list[Plot]:
    """Every figure that the run has data for, in the order of the page.

    Args:
        run: no cross-play, whose figures are those of `goldenrule.benchmarks.report.crossplay`.
        pairs: estimate and truth of each message that has both, by the cell's id.
    """
    methods, palette = run.methods[:METHODS], colours(run.methods)
    found = [_knob_plot(run, knob, scenario, methods) for knob in run.varying for scenario in _scenarios(run)]
    for place, setting in settings_with_figures(run.settings):
        stem, where = (f"_{place + 1}", f": {setting.label}") if len(run.settings) > 1 else ("", "")
        headline = headline_data(setting, methods)
        learning = learning_data(run, setting, methods)
        agreement = agreement_data(setting, methods, pairs)
        for kind, data, draw, title in (
            ("partner_reward", headline, draw_headline, "Partner reward, true and estimated"),
            ("learning", learning, draw_learning, "Learning curves"),
            ("agreement", agreement, draw_agreement, "Estimated against true reward per message"),
        ):
            found.append(Plot(kind, data, partial(draw, data, palette), f"{title}{where}", stem))
    found += profile_plots(run, [(cell.method, cell) for cell in run.cells])
    return [plot for plot in found if plot.data]


def settings_with_figures(settings: Sequence[Setting]) -> list[tuple[int, Setting]]:
    """Settings that get figures, with their places: the first of every scenario before the second of any."""
    earlier: Counter[str] = Counter()
    order = []
    for place, setting in enumerate(settings):
        scenario = setting.cells[0].scenario
        order.append((earlier[scenario], place))
        earlier[scenario] += 1
    return [(place, settings[place]) for place in sorted(place for _, place in sorted(order)[:DETAILED])]


def _scenarios(run: Run) -> list[str]:
    return list(dict.fromkeys(cell.scenario for cell in run.cells))


def _suffixes(run: Run, scenario: str) -> tuple[str, str]:
    """What the file stem and the title of a scenario's figure end with; nothing where there is one scenario only."""
    scenarios = _scenarios(run)
    return (f"_{scenarios.index(scenario) + 1}", f": {scenario}") if len(scenarios) > 1 else ("", "")


def headline_data(setting: Setting, methods: Sequence[str]) -> Rows:
    """Records `method kind mean low high values`, of methods that have a true or an estimated partner reward."""
    data: Rows = []
    for method in methods:
        means = {kind: over_seeds(setting.of(method), metric) for kind, metric in KINDS.items()}
        if any(one["n"] for one in means.values()):
            data += [
                {"method": method, "kind": kind} | {key: one[key] for key in (*ENDS, "values")}
                for kind, one in means.items()
            ]
    return data


def draw_headline(data: Rows, palette: Colours) -> Figure:
    """For each method the true reward of its partner as a bar, and below it the estimate."""
    methods = distinct(data, "method")
    figure = Figure(figsize=(WIDTH, 0.95 + 0.72 * len(methods)), layout="constrained")
    axes = figure.subplots()
    for record in data:
        place = methods.index(record["method"]) + (-0.19 if record["kind"] == "true" else 0.19)
        if record["mean"] is None:
            none = "no true reward" if record["kind"] == "true" else "no estimate"
            axes.annotate(none, (0, place), (7, 0), textcoords="offset points", va="center", style="italic", fontsize=9)
        else:
            _bar(axes, place, record, palette[record["method"]])
    axes.set_yticks(range(len(methods)), [drawable(method) for method in methods], color=INK, fontsize=10)
    axes.set_ylim(len(methods) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    for record in matching(data, method=REFERENCE, kind="true"):
        if record["mean"] is not None:
            axes.axvline(record["mean"], color=palette[REFERENCE], linewidth=1.2, linestyle=(0, (2, 2)), zorder=0.5)
    ends = [end for record in data for key in ("mean", "low", "high") if (end := record[key]) is not None]
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    span = (high - low) or 1.0
    axes.set_xlim(low - (0.03 * span if low < 0 else 0), high + 0.11 * span)  # room for the numbers beside the bars
    axes.set_xlabel("reward of the partner per episode")
    keys = [
        mpl.patches.Patch(facecolor=FAINT, edgecolor=FAINT, label="true"),
        mpl.patches.Patch(facecolor=PAPER, edgecolor=FAINT, label="estimated by the agent", hatch="////"),
    ]
    figure.legend(handles=keys, loc="outside upper right", ncols=2, handlelength=1.6)
    return figure


def _bar(axes: Axes, place: float, record: Mapping[str, Any], colour: str) -> None:
    true = record["kind"] == "true"
    face, hatch = (colour, None) if true else (PAPER, "////")
    axes.barh(place, record["mean"], height=0.34, color=face, edgecolor=colour, linewidth=1.2, hatch=hatch)
    end = record["mean"]
    if record["low"] is not None:
        axes.plot([record["low"], record["high"]], [place, place], color=INK, linewidth=1.5, zorder=4)
        end = max(end, record["high"])
    marks = sorted(record["values"])
    spread = [place + 0.07 * (i % 3 - 1) for i in range(len(marks))]
    axes.scatter(marks, spread, s=13, color=PAPER, edgecolor=INK, linewidth=0.9, zorder=5)
    text = axes.annotate(f"{record['mean']:.2f}", (max(end, *marks, 0), place), (7, 0), textcoords="offset points")
    text.set(va="center", fontsize=9, color=INK, fontweight="bold" if true else "normal", zorder=6)
    text.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 1.0})


def learning_data(run: Run, setting: Setting, methods: Sequence[str]) -> Rows:
    """Records `method seed update reward truth`; empty where nothing was trained."""
    data: Rows = []
    for method in methods:
        for cell in setting.of(method):
            for entry in run.curve(cell):
                update, reward, truth = entry.get("update"), number(entry.get("reward")), number(entry.get("truth"))
                if isinstance(update, int) and (reward is not None or truth is not None):
                    record = {"method": method, "seed": cell.seed, "update": update, "reward": reward, "truth": truth}
                    data.append(record)
    return data


def draw_learning(data: Rows, palette: Colours) -> Figure:
    """The training reward and the partner's true reward by update, a panel per method."""
    methods = distinct(data, "method")
    figure, panels = _panels(methods, 2.35)
    for axes, method in zip(panels, methods, strict=True):
        mine = matching(data, method=method)
        _lines(axes, mine, "reward", FAINT, "--")
        _lines(axes, mine, "truth", palette[method], "-")
        axes.set_title(drawable(method), color=palette[method])
        updates = distinct(mine, "update")
        axes.xaxis.set_major_locator(FixedLocator(updates) if len(updates) == 1 else MaxNLocator(5, integer=True))
    _share_scale(panels, [record["truth"] for record in data if record["truth"] is not None])
    line = mpl.lines.Line2D
    keys = [
        line([], [], color=INK, linewidth=2.4, label="true reward of the partner"),
        line([], [], color=FAINT, linewidth=2.0, linestyle="--", label="training reward"),
    ]
    figure.legend(handles=keys, loc="outside upper right", ncols=2)
    figure.supxlabel("update", fontsize=9.5, color=FAINT)
    figure.supylabel("reward per episode", fontsize=9.5, color=FAINT)
    return figure


def _lines(axes: Axes, records: Rows, key: str, colour: str, dash: str) -> None:
    """Each seed thin, their mean thick."""
    by_seed: dict[str, list[tuple[int, float]]] = {}
    by_update: dict[int, list[float]] = {}
    for record in records:
        if record[key] is not None:
            by_seed.setdefault(record["seed"], []).append((record["update"], record[key]))
            by_update.setdefault(record["update"], []).append(record[key])
    look: dict[str, Any] = {"color": colour, "linestyle": dash, "marker": "o" if len(by_update) == 1 else ""}
    for points in by_seed.values():
        axes.plot(*zip(*points, strict=True), linewidth=0.7, alpha=0.55, markersize=3, **look)
    if by_update:
        mean = [(update, sum(values) / len(values)) for update, values in sorted(by_update.items())]
        axes.plot(*zip(*mean, strict=True), linewidth=2.4 if key == "truth" else 2.0, **look)


def _panels(methods: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    """A panel per method, at most three beside each other; four stand two by two."""
    across = 2 if len(methods) in (2, 4) else min(3, len(methods))
    down = -(-len(methods) // across)
    figure = Figure(figsize=(WIDTH, 0.6 + height * down), layout="constrained")
    places = list(figure.subplots(down, across, squeeze=False).flat)
    for spare in places[len(methods) :]:
        spare.set_visible(False)
    return figure, places[: len(methods)]


def _share_scale(panels: Sequence[Axes], truths: Sequence[float], wider: float = 3) -> None:
    """One vertical scale for all panels, except those more than `wider` times wider than the range of true rewards."""
    span = max(truths) - min(truths) if truths else math.inf
    limits = [(axes, axes.get_ylim()) for axes in panels]
    shared = [(axes, low, high) for axes, (low, high) in limits if high - low <= wider * span]
    for axes, _, _ in shared:
        axes.set_ylim(min(low for _, low, _ in shared), max(high for _, _, high in shared))


def agreement_data(setting: Setting, methods: Sequence[str], pairs: Pairs) -> Rows:
    """Records `method estimate truth messages share correlation`, one per bin that holds a message."""
    of = {method: [pair for cell in setting.of(method) for pair in pairs.get(cell.id, ())] for method in methods}
    of = {method: found for method, found in of.items() if found}
    if not of:
        return []
    everything = np.array([pair for found in of.values() for pair in found])
    data: Rows = []
    for method, found in of.items():
        both = np.column_stack([_bin(np.array(found)[:, side], everything[:, side]) for side in (0, 1)])
        counts = Counter((float(estimate), float(truth)) for estimate, truth in both)
        r = correlation(found)
        for (estimate, truth), messages in sorted(counts.items()):
            record = {"method": method, "estimate": estimate, "truth": truth, "messages": messages}
            data.append(record | {"share": messages / len(found), "correlation": r})
    return data


def _bin(values: np.ndarray, everything: np.ndarray, bins: int = 13) -> np.ndarray:
    """`values` as they are where few differ, otherwise the centre of their bin over the range of `everything`."""
    rounded = np.round(values, 6)
    if len(np.unique(np.round(everything, 6))) <= bins:
        return rounded
    low, high = everything.min(), everything.max()
    width = (high - low) / bins
    return np.round(low + width * (np.clip(((values - low) / width).astype(int), 0, bins - 1) + 0.5), 6)


def draw_agreement(data: Rows, palette: Colours) -> Figure:
    """Estimate against truth of each message as bubbles, a panel per method; shares are written into large ones."""
    methods = distinct(data, "method")
    figure, panels = _panels(methods, 2.75)
    ends = [end for column in _columns(data, "estimate", "truth") for end in column]
    low, high = min(ends), max(ends)
    margin = 0.28 * ((high - low) or 1.0)
    limits = (low - margin, high + margin)
    ticks = sorted(set(ends)) if len(set(ends)) <= 4 else MaxNLocator(4).tick_values(low, high)
    for axes, method in zip(panels, methods, strict=True):
        mine = matching(data, method=method)
        axes.plot(limits, limits, color=FAINT, linewidth=0.9)
        estimates, truths, shares = _columns(mine, "estimate", "truth", "share")
        sizes = [1600 * share + 6 for share in shares]  # at 0.2 as wide as its text
        axes.scatter(estimates, truths, s=sizes, color=palette[method], alpha=0.85, linewidth=0, zorder=3)
        for estimate, truth, share in zip(estimates, truths, shares, strict=True):
            if share >= 0.2:
                text = axes.annotate(f"{100 * share:.0f}%", (estimate, truth), ha="center", va="center", fontsize=8)
                text.set(color=PAPER, zorder=5)
        r = mine[0]["correlation"]
        axes.set_title(f"{drawable(method, 22)}  r {'none' if r is None else f'{r:.2f}'}", color=palette[method])
        axes.set(xticks=ticks, yticks=ticks, xlim=limits, ylim=limits)
    figure.supxlabel("estimated reward of the partner for a message", fontsize=9.5, color=FAINT)
    figure.supylabel("true reward", fontsize=9.5, color=FAINT)
    return figure


def _knob_plot(run: Run, knob: str, scenario: str, methods: Sequence[str]) -> Plot:
    """One curve per method over a numeric knob of one scenario; over other knobs that vary it averages, and says so."""
    data: Rows = []
    for method in methods:
        by_value: dict[float, list[StoredCell]] = {}
        for cell in run.cells:
            value = number(cell.knobs.get(knob))
            if (cell.method, cell.scenario) == (method, scenario) and value is not None:
                by_value.setdefault(value, []).append(cell)
        for value, cells in sorted(by_value.items()):
            for kind, metric in KINDS.items():
                one = over_seeds(cells, metric)
                if one["n"]:
                    record = {"method": method, "knob": knob, "value": value, "kind": kind}
                    data.append(record | {key: one[key] for key in ENDS})
    if len(distinct(data, "value")) < 2:
        data = []  # a point is no curve
    others = [name for name in run.varying if name != knob]
    note = f"Averaged over {visible(', '.join(others), 120)}." if others else ""
    stem, where = _suffixes(run, scenario)
    safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in knob)[:60] or "knob"  # no path
    title = f"Partner reward by {visible(knob, 40)}{where}"
    return Plot("by", data, partial(draw_knob, data, colours(run.methods)), title, f"_{safe}{stem}", note)


def draw_knob(data: Rows, palette: Colours) -> Figure:
    """The partner's true and estimated reward by the value of a knob."""
    figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
    axes = figure.subplots()
    for method in distinct(data, "method"):
        colour = palette[method]
        true, estimated = (matching(data, method=method, kind=kind) for kind in KINDS)
        axes.plot(*_columns(true, "value", "mean"), color=colour, linewidth=2.2, marker="o", label=drawable(method))
        bounded = [record for record in true if record["low"] is not None]
        values, low, high = _columns(bounded, "value", "low", "high")
        axes.fill_between(values, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(*_columns(estimated, "value", "mean"), color=colour, linestyle=":", linewidth=1.4)
    axes.set_xlabel(drawable(str(data[0]["knob"])))
    axes.set_ylabel("reward of the partner per episode")
    ticks = sorted(distinct(data, "value"))
    if len(ticks) <= 12:
        axes.set_xticks(ticks)
    figure.legend(loc="outside right upper", title="true (dotted: estimated)", title_fontsize=9)
    return figure


def profile_plots(run: Run, named: Sequence[tuple[str, StoredCell]], note: str = "") -> list[Plot]:
    """A performance profile per scenario.

    Args:
        run: whose.
        named: its cells, each with the name of the curve it counts for.
        note: what the caption says besides.
    """
    found = []
    for scenario in _scenarios(run)[:DETAILED]:
        here = [(name, cell) for name, cell in named if cell.scenario == scenario]
        names = list(dict.fromkeys(name for name, _ in here))[:METHODS]
        data = profile_data([(name, cell) for name, cell in here if name in names])
        stem, where = _suffixes(run, scenario)
        palette = colours([*dict.fromkeys([*run.methods, *names])])
        title = f"Performance profiles{where}"
        found.append(Plot("profiles", data, partial(draw_profiles, data, palette), title, stem, note))
    return found


def profile_data(named: Sequence[tuple[str, StoredCell]]) -> Rows:
    """Records `method threshold share low high runs` (`runs` are seeds); empty with fewer than two that all have."""
    rows: Rows = [{**cell.row, "method": name, "knobs": cell.knobs} for name, cell in named]
    values = [value for row in rows if isinstance(value := row[METRIC], float)]
    methods = list(dict.fromkeys(str(row["method"]) for row in rows if row[METRIC] is not None))
    if len(set(values)) < 2:
        return []
    thresholds = _thresholds(values)
    try:
        found = profile(read_scores(rows, METRIC), thresholds, methods, Options(resamples=1000))
    except UserError:  # nothing that all methods have, or two rows of one place, which are not to be told apart
        return []
    data: Rows = [
        {"method": method, "threshold": at, "share": one.value, "low": one.low, "high": one.high, "runs": one.units}
        for method, shares in found.items()
        for at, one in zip(thresholds, shares, strict=True)
    ]
    return data if data[0]["runs"] > 1 else []


def _thresholds(values: Sequence[float], most: int = 60) -> list[float]:
    """From below all values, where every seed counts, to the highest one, which none exceeds."""
    low, high, distinct = min(values), max(values), sorted(set(values))
    inner = distinct if len(distinct) < most else np.linspace(low, high, most).tolist()
    return [low - 0.03 * (high - low), *inner]


def draw_profiles(data: Rows, palette: Colours) -> Figure:
    """Share of seeds above each threshold, with pointwise intervals."""
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    axes = figure.subplots()
    for method in distinct(data, "method"):
        mine, colour = matching(data, method=method), palette[method]
        at, shares, low, high = _columns(mine, "threshold", "share", "low", "high")
        axes.step(at, shares, where="post", color=colour, linewidth=2.2, label=drawable(method))
        if low[0] is not None:
            axes.fill_between(at, low, high, step="post", color=colour, alpha=0.14, linewidth=0)
    axes.set(ylim=(-0.03, 1.03), xlabel="reward of the partner per episode", ylabel="share of seeds above it")
    figure.legend(loc="outside right upper")
    return figure
