"""The matrix of cross-play: what every pair got, with intervals over seeds, and how often something failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from goldenrule.benchmarks.storage.reader import meta, rows
from goldenrule.benchmarks.studies.crossplay.figures import INTERVAL, Tally, bounds_of, spreads, tallies, values_of
from goldenrule.benchmarks.studies.crossplay.rating import FIGURES, rate
from goldenrule.common.errors import UserError
from goldenrule.envs.registry import spec

COUNTS = ("episodes", "episodes_failed", "episodes_truncated", "episodes_invalid")


def read(folder: str | Path) -> dict[str, Any]:
    """The cross-play of a folder, from what is stored there; see `summarise`.

    Raises:
        UserError: there is none, or it is damaged.
    """
    about = meta(folder).get("sweep")
    if not isinstance(about, dict) or "members" not in about:
        raise UserError(f"no cross-play in {str(folder)!r}; name the folder of a `goldenrule crossplay`")
    return summarise(about, rows(folder), Path(folder))


def summarise(about: Mapping[str, Any], found: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """Matrix and rating.

    Args:
        about: what was asked for (`goldenrule.benchmarks.studies.crossplay.plan.Plan.description`).
        found: rows of its pairings, failed ones included.
        folder: where their dialogues are stored.

    Returns:
        `about`'s own keys; `complete`, `cells`, `finished`, `failed`; `pairs`, a record an ordered pair (`row` in the
        learner's seat, `column` in the partner's) with `figures` (means an episode, intervals over seeds) and counts;
        `rating`, see `goldenrule.benchmarks.studies.crossplay.rating.rate`.
    """
    scenario, seeds = about["scenario"], list(about["seeds"])
    pairs = [
        (row["name"], column["name"])
        for row in about["members"]
        for column in about["members"]
        if row["learner"] and column["partner"] and not (row["held_out"] and column["held_out"])
    ]
    counted = tallies(folder, scenario, spec(scenario).build(**about["knobs"]).agents)
    mine: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {pair: {} for pair in pairs}
    for row in found:
        pair = (row["params"].get("learner"), row["params"].get("partner"))
        if pair in mine and row["seed"] in seeds:
            mine[pair][row["seed"]] = row
    values = _values(mine, seeds, counted)
    done = [row for pair in mine.values() for row in pair.values()]
    within = [bounds_of(name, about) for name in FIGURES]
    spread = spreads(values.reshape(len(seeds), -1), within * len(pairs))
    width = len(FIGURES)
    records = [
        _record(pair, mine[pair], counted, dict(zip(FIGURES, spread[width * k : width * (k + 1)], strict=True)))
        for k, pair in enumerate(pairs)
    ]
    return {
        **about,
        "interval": INTERVAL,
        "complete": len(done) == len(pairs) * len(seeds),
        "cells": len(pairs) * len(seeds),
        "finished": len(done),
        "failed": sum(row["status"] != "done" for row in done),
        "pairs": records,
        "rating": rate(about, pairs, values, _compared(mine, seeds, counted)),
    }


def _values(
    mine: Mapping[tuple[str, str], Mapping[int, Mapping[str, Any]]],
    seeds: Sequence[int],
    counted: Mapping[str, Tally],
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Figures `[seeds, pairs, figures]`, not a number where there is none."""
    values = np.full((len(seeds), len(mine), len(FIGURES)), np.nan)
    for k, of in enumerate(mine.values()):
        for s, seed in enumerate(seeds):
            if seed in of and of[seed]["status"] == "done":
                figures = values_of(of[seed], counted.get(of[seed]["cell"], Tally()))
                values[s, k] = [np.nan if (value := figures[name]) is None else value for name in FIGURES]
    return values


def _compared(
    mine: Mapping[tuple[str, str], Mapping[int, Mapping[str, Any]]],
    seeds: Sequence[int],
    counted: Mapping[str, Tally],
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Dialogues `[seeds, pairs, 3]` in which the learner's seat got more, less, the same."""
    counts = np.zeros((len(seeds), len(mine), 3))
    for k, of in enumerate(mine.values()):
        for s, seed in enumerate(seeds):
            if seed in of and (tally := counted.get(of[seed]["cell"])) is not None:
                counts[s, k] = tally.more, tally.less, tally.even
    return counts


def _record(
    pair: tuple[str, str],
    of: Mapping[int, Mapping[str, Any]],
    counted: Mapping[str, Tally],
    figures: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    done = [row for row in of.values() if row["status"] == "done"]
    reasons = [str(row["error"]) for row in of.values() if row["status"] != "done"]
    told = [error for row in done if (error := counted.get(row["cell"], Tally()).error) is not None]
    return {
        "row": pair[0],
        "column": pair[1],
        "seeds": len(done),
        "seeds_failed": len(reasons),
        **{name: sum(row[name] or 0 for row in done) for name in COUNTS},
        "reason": next(iter([*reasons, *told]), None),
        "figures": dict(figures),
    }
