"""Performance profiles: for each method the share of its seeds above each reward of the partner.

A seed's settings are averaged first: they share their dialogues' seeds, and count as one run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from goldenrule.benchmarks.analysis.compared import score_rows
from goldenrule.benchmarks.analysis.verdicts import FIGURE
from goldenrule.benchmarks.report.figures import WIDTH, Look, Rows
from goldenrule.benchmarks.report.style import drawable
from goldenrule.benchmarks.statistics import Bootstrap, Options, profile, read_scores
from goldenrule.benchmarks.storage.stored import StoredCell
from goldenrule.common.errors import UserError

THRESHOLDS = 60
"""Thresholds at most; with fewer different rewards, each of them is one."""

RESAMPLES = 1000


def profile_data(named: Sequence[tuple[str, StoredCell]]) -> Rows:
    """Records `method threshold share low high runs` (`runs` are seeds); empty with fewer than two that all have.

    Args:
        named: cells of one scenario, each with the name it counts for.
    """
    rows = score_rows(named)
    values = [value for row in rows if isinstance(value := row[FIGURE], float)]
    methods = list(dict.fromkeys(str(row["method"]) for row in rows if row[FIGURE] is not None))
    if len(set(values)) < 2:
        return []
    options = Options(bootstrap=Bootstrap(resamples=RESAMPLES))
    try:
        found = profile(read_scores(rows, FIGURE), _thresholds(values), methods=methods, options=options)
    except UserError:  # nothing that all methods have, or two rows of one place, which are not to be told apart
        return []
    data: Rows = []
    for method, one in found.items():
        none = (None,) * len(one.thresholds)
        for threshold, share, low, high in zip(
            one.thresholds, one.shares, one.low or none, one.high or none, strict=True
        ):
            data.append({"method": method, "threshold": threshold, "share": share, "low": low, "high": high})
            data[-1]["runs"] = one.units
    return data if data[0]["runs"] > 1 else []


def _thresholds(values: Sequence[float]) -> list[float]:
    """From below all values, where every run counts, to the highest one, which none exceeds."""
    low, high = min(values), max(values)
    distinct = sorted(set(values))
    inner = distinct if len(distinct) < THRESHOLDS else np.linspace(low, high, THRESHOLDS).tolist()
    return [low - 0.03 * (high - low), *inner]


def profiles(data: Rows, look: Look) -> Figure:
    """Share of seeds above each threshold; the band is each threshold's 95% interval by itself.

    Args:
        data: records `method threshold share low high runs`.
        look: theme and colours.
    """
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    axes = figure.subplots()
    for method in dict.fromkeys(record["method"] for record in data):
        mine = [record for record in data if record["method"] == method]
        at, colour = [record["threshold"] for record in mine], look.colours[method]
        shares = [record["share"] for record in mine]
        axes.step(at, shares, where="post", color=colour, linewidth=2.2, label=drawable(method))
        if mine[0]["low"] is not None:
            ends = ([record["low"] for record in mine], [record["high"] for record in mine])
            axes.fill_between(at, *ends, step="post", color=colour, alpha=0.14, linewidth=0)
    axes.set(ylim=(-0.03, 1.03), xlabel="reward of the partner, an episode", ylabel="share of seeds above it")
    figure.legend(loc="outside right upper")
    return figure
