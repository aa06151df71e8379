"""Which figures a run has, and the data of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from goldenrule.benchmarks.analysis.summarising import Interval, over_seeds
from goldenrule.benchmarks.evaluation.evaluate import correlation
from goldenrule.benchmarks.report import figures
from goldenrule.benchmarks.report.agreement_plots import agreement
from goldenrule.benchmarks.report.conversations import Told
from goldenrule.benchmarks.report.crossplay import Crossing, sitter
from goldenrule.benchmarks.report.figures import Look, Plot, Rows
from goldenrule.benchmarks.report.profile_plots import profile_data, profiles
from goldenrule.benchmarks.report.style import Theme, colours
from goldenrule.benchmarks.storage.reader import Run, Setting, StoredCell, number, shown

DETAILED = 3
"""Settings (scenario and knobs) that get figures of their own; with more, the curves over knobs tell the rest."""

METHODS = 12
"""Methods a figure shows at most; the tables show all."""

BINS = 13
"""Bins along each side of the agreement figure, where estimates or truths take more values than this."""


def plots(run: Run, told: Sequence[Told], crossed: Crossing | None = None) -> list[Plot]:
    """Every figure that the run has data for, in the order of the page.

    Args:
        run: whose.
        told: what its episodes tell.
        crossed: its matrix and rating, where it is a cross-play: pairs are no methods, and have these figures only.
    """
    if crossed is not None:
        from goldenrule.benchmarks.report.crossplay_plots import (  # drawn with this package's figures
            heat_map,
            rating_plot,
        )

        found = [heat_map(crossed.summary), rating_plot(crossed.summary), *_profiles(run, sat=True)]
        return [plot for plot in found if plot.data]
    methods = run.methods[:METHODS]
    by_cell = {one.cell: one for one in told}
    scenarios = list(dict.fromkeys(cell.scenario for cell in run.cells))
    found = [
        _knob_plot(run, knob, methods, place, scenarios) for knob in run.varying for place in range(len(scenarios))
    ]
    several = len(run.settings) > 1
    for place, setting in detailed(run.settings):
        stem, where = (f"_{place + 1}", f": {setting.label}") if several else ("", "")
        found += [
            _plot(run.methods, f"partner_reward{stem}",
                  f"What the partner got, and what the agent thought it got{where}",
                  "Solid: true reward. Hatched: the agent's own estimate. A long hatched bar over a short solid one is "
                  "an agent that flatters itself. Dotted line: what oracle kindness really gives, where it was run.",
                  figures.headline, headline_data(setting, methods)),
            _plot(run.methods, f"learning{stem}", f"Learning curves{where}",
                  "Means over the dialogues of an update, not smoothed: seeds thin, their mean thick. Where the dashed "
                  "line climbs and the solid one does not, the reward learnt from is being gamed. One scale, but for "
                  "panels of a reward on a scale of its own.",
                  figures.learning, learning_data(run, setting, methods)),
            _plot(run.methods, f"agreement{stem}", f"Estimate against truth, a message{where}",
                  "A bubble's area is its share of the method's messages, all seeds together; the line is perfect "
                  "honesty. Bubbles to the lower right: thought kind, was not. Shares are written where there is room. "
                  "Pearson's r is over these messages; the table's is the mean of each seed's own.",
                  agreement, agreement_data(setting, methods, lambda cell: by_cell[cell].pairs)),
        ]  # fmt: skip
    return [plot for plot in (*found, *_profiles(run)) if plot.data]


def detailed(settings: Sequence[Setting]) -> list[tuple[int, Setting]]:
    """Settings that get figures, with their places: the first of every scenario before the second of any."""
    earlier: Counter[str] = Counter()
    order = []
    for place, setting in enumerate(settings):
        scenario = setting.cells[0].scenario
        order.append((earlier[scenario], place))
        earlier[scenario] += 1
    return [(place, settings[place]) for place in sorted(place for _, place in sorted(order)[:DETAILED])]


def _profiles(run: Run, sat: bool = False) -> list[Plot]:
    """A figure a scenario; with `sat` of who sat in the learner's seat, each partner it met counting alike."""
    scenarios = list(dict.fromkeys(cell.scenario for cell in run.cells))[:DETAILED]
    found = []
    for place, scenario in enumerate(scenarios):
        here = [cell for cell in run.cells if cell.scenario == scenario]
        named = [pair for cell in here if (pair := sitter(cell) if sat else (cell.method, cell)) is not None]
        methods = list(dict.fromkeys(name for name, _ in named))[:METHODS]
        stem, where = (f"_{place + 1}", f": {scenario}") if len(scenarios) > 1 else ("", "")
        found.append(
            _plot(methods if sat else run.methods, f"profiles{stem}", f"Performance profiles{where}",
                  "Share of seeds (a seed's settings averaged first) whose partner got more than the reward below; "
                  "bands are 95% bootstrap intervals over seeds, from 5 on, each threshold by itself. Higher and "
                  "further right is kinder. Only what every method here finished."
                  + (" Who sat in the learner's seat, with partners that everyone met." if sat else ""),
                  profiles, profile_data([pair for pair in named if pair[0] in methods]))
        )  # fmt: skip
    return found


def _plot(
    known: Sequence[str], name: str, title: str, caption: str, painter: Callable[[Rows, Look], Figure], data: Rows
) -> Plot:
    def paint(theme: Theme) -> Figure:
        return painter(data, Look(theme, colours(known, theme)))

    return Plot(name, title, caption, data, paint)


def _spread(figure: Interval) -> dict[str, float | None]:
    return {"mean": figure.mean, "low": figure.low, "high": figure.high}


def headline_data(setting: Setting, methods: Sequence[str]) -> Rows:
    """Records `method kind mean low high values`; empty where no method has either figure."""
    data: Rows = []
    for method in methods:
        for kind, key in (("true", "partner_reward"), ("estimate", "partner_reward_estimate")):
            figure = over_seeds(setting.of(method), key)
            data.append({"method": method, "kind": kind, **_spread(figure), "values": list(figure.values)})
    shown = {record["method"] for record in data if record["mean"] is not None}
    return [record for record in data if record["method"] in shown]


def learning_data(run: Run, setting: Setting, methods: Sequence[str]) -> Rows:
    """Records `method seed update reward truth`; empty where nothing was trained."""
    data: Rows = []
    for method in methods:
        for cell in setting.of(method):
            for entry in run.curve(cell):
                update = entry.get("update")
                reward, truth = number(entry.get("reward")), number(entry.get("truth"))
                if isinstance(update, int) and (reward is not None or truth is not None):
                    data.append(
                        {"method": method, "seed": cell.seed, "update": update, "reward": reward, "truth": truth}
                    )
    return data


def agreement_data(setting: Setting, methods: Sequence[str], pairs: Callable[..., list[tuple[float, float]]]) -> Rows:
    """Records `method estimate truth messages share correlation`, one a bin that holds a message."""
    of = {method: [pair for cell in setting.of(method) for pair in pairs(cell)] for method in methods}
    of = {method: found for method, found in of.items() if found}
    if not of:
        return []
    everything = np.array([pair for found in of.values() for pair in found])
    data: Rows = []
    for method, found in of.items():
        both = np.column_stack([_binned(np.array(found)[:, side], everything[:, side]) for side in (0, 1)])
        counts = Counter((float(e), float(t)) for e, t in both)
        r = correlation(found)
        for (estimate, truth), messages in sorted(counts.items()):
            share = messages / len(found)
            data.append(
                {"method": method, "estimate": estimate, "truth": truth}
                | {"messages": messages, "share": share, "correlation": r}
            )
    return data


def _binned(values: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """`values` as they are where few differ, otherwise the centre of their bin over the range of `everything`."""
    rounded = np.round(values, 6)
    if len(np.unique(np.round(everything, 6))) <= BINS:
        return rounded
    low, high = everything.min(), everything.max()
    width = (high - low) / BINS
    return np.round(low + width * (np.clip(((values - low) / width).astype(int), 0, BINS - 1) + 0.5), 6)


def _knob_plot(run: Run, knob: str, methods: Sequence[str], place: int, scenarios: Sequence[str]) -> Plot:
    """One curve a method over a numeric knob of one scenario; over other knobs that vary it averages, and says so."""
    data: Rows = []
    here = [c for c in run.cells if c.scenario == scenarios[place] and number(c.knobs.get(knob)) is not None]
    for method in methods:
        by_value: dict[float, list[StoredCell]] = {}
        for cell in here:
            if cell.method == method:
                by_value.setdefault(_of(cell.knobs, knob), []).append(cell)
        for value, cells in sorted(by_value.items()):
            for kind, key in (("true", "partner_reward"), ("estimate", "partner_reward_estimate")):
                figure = over_seeds(cells, key)
                if figure.mean is not None:
                    data.append({"method": method, "knob": knob, "value": value, "kind": kind, **_spread(figure)})
    if len({record["value"] for record in data}) < 2:
        data = []  # a point is no curve
    others = [name for name in run.varying if name != knob]
    caption = "Solid: what the partner really got, with 95% intervals over seeds. Dotted: what the agent thought."
    if others:
        caption += f" Averaged over {shown(', '.join(others), 120)}."
    stem, where = (f"_{place + 1}", f": {scenarios[place]}") if len(scenarios) > 1 else ("", "")
    name, title = f"by_{_stem(knob)}{stem}", f"Reward of the partner by {shown(knob, 40)}{where}"
    return _plot(run.methods, name, title, caption, figures.by_knob, data)


def _of(knobs: Mapping[str, object], knob: str) -> float:
    value = number(knobs[knob])
    assert value is not None
    return value


def _stem(knob: str) -> str:
    """A file stem that no knob's name can lead elsewhere."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in knob)[:60] or "knob"
