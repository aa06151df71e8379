"""Long-form rows become paired scores: for every compared method the same seeds, seats and episodes.

A row is a run, or an episode of a run. Rows of two methods form a pair where scenario, knobs, seed, seat and episode
agree. What has no partner (a failed run, a missing value, a missing row) is left out for all compared methods, counted
with its reason, and never imputed.

The unit of analysis is the seed within its stratum: training and evaluation under another seed are independent, the
episodes and seats under one are not, so they are averaged first (a cluster in the sense of Miller 2024, "Adding Error
Bars to Evals", arXiv 2411.00640, where the unit is a question). Settings of one scenario share the seeds of their
dialogues, and mostly of their training. They are separate strata only where the caller compares within one setting.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenrule.benchmarks.statistics.intervals import UNBOUNDED, Bounds
from goldenrule.common.errors import UserError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Row = Mapping[str, Any]

SETTING = ("scenario", "knobs")
"""Columns that identify a setting."""

STRATUM = ("scenario",)
"""Default stratum: a seed counts once a scenario, however many settings it ran under."""

WITHIN = ("seat", "episode")
"""Columns that tell the values of one setting and seed apart. Both may be absent."""

FINISHED = ("done", "terminated", "truncated")
"""Statuses, of runs and of episodes, whose values count.

An episode at its turn limit counts with what it paid: the limit is the scenario's own, the same for all methods, and
rewards until then are exact. In hidden_needs a dialogue terminates only where the need was met, so that without the
truncated ones every method would score 1. A failed episode (the agent raised, refused, or said nothing) has no value.
"""


class Place(NamedTuple):
    """Where a value was measured, as text. Values of two methods are partners if their places are equal.

    Attributes:
        stratum: the stratum's columns, a JSON list.
        seed: the cluster.
        setting: the setting's columns that are not the stratum's, a JSON list.
        within: the columns `WITHIN`, a JSON list.
    """

    stratum: str
    seed: str
    setting: str
    within: str


@dataclass(frozen=True, slots=True)
class Scores:
    """One metric of every method, by place.

    Attributes:
        metric: name of the column.
        values: method -> place -> a finite value, or the reason why there is none.
        bounds: valid range of the metric; infinite where unknown.
    """

    metric: str
    values: Mapping[str, Mapping[Place, float | str]]
    bounds: Bounds = UNBOUNDED

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method that has a row, in alphabetical order."""
        return tuple(sorted(self.values))

    @property
    def strata(self) -> tuple[str, ...]:
        """Every stratum that has a row, in order."""
        return tuple(sorted({place.stratum for table in self.values.values() for place in table}))

    def has_values(self, method: str) -> bool:
        """Whether a method has a value anywhere."""
        return any(isinstance(value, float) for value in self.values.get(method, {}).values())

    def within(self, stratum: str) -> Scores:
        """Scores of one stratum. A method without a row there is kept, so that it is seen to have none."""
        kept = {m: {p: v for p, v in table.items() if p.stratum == stratum} for m, table in self.values.items()}
        return Scores(self.metric, kept, self.bounds)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out for all methods of a sample.

    Attributes:
        places: places left out, of `planned`.
        planned: places where at least one of the methods has a row.
        seeds: seeds (within a stratum) of which nothing is left.
        strata: strata of which nothing is left.
        reasons: `method: reason` -> places. A place that several methods miss counts once for each.
    """

    places: int
    planned: int
    seeds: int
    strata: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Aligned values, one a seed within a stratum, over the places that all methods have.

    A seed's value is the mean of its settings, each the mean of its seats and episodes: a setting that lost episodes
    weighs as much as another.

    Attributes:
        methods: in the order asked for.
        values: `[methods, units]`, finite.
        strata: `[units]`, index into `names`; sorted.
        names: strata that are left.
        places: how many places were averaged into the units.
        dropped: what was left out.
    """

    methods: tuple[str, ...]
    values: Array
    strata: Indices
    names: tuple[str, ...]
    places: int
    dropped: Dropped

    def of(self, name: str) -> Array:
        """Values of one method, `[units]`."""
        values: Array = self.values[self.methods.index(name)]
        return values


def read_scores(
    rows: Iterable[Row], metric: str, *, strata: Sequence[str] = STRATUM, bounds: Bounds = UNBOUNDED
) -> Scores:
    """Read one metric from long-form rows, in any order.

    Args:
        rows: mappings with `method`, `scenario`, `knobs` (a mapping), `seed` and the metric; `seat`, `episode`,
            `status` and `error` where there are any. For a data frame, `frame.to_dict("records")`.
        metric: the column to read. None, NaN and infinite values are missing, with that as their reason.
        strata: which of scenario and knobs make a stratum. `("scenario", "knobs")` is for one comparison a setting,
            never for one over several: it would count a seed's settings, whose dialogues begin alike, as independent.
        bounds: valid range of the metric, where it is known.

    Raises:
        UserError: a value that is no number, or two rows in one place.
    """
    texts: dict[str, str] = {}
    values: dict[str, dict[Place, float | str]] = {}
    for number, row in enumerate(rows, 1):
        place = _place(row, strata, texts)
        table = values.setdefault(str(row["method"]), {})
        if place in table:
            raise UserError(
                f"row {number}: a second row of {row['method']} for seed {place.seed} of {place.stratum}; expected one "
                "a scenario, knobs, seed, seat and episode: name what tells them apart in the column seat or episode"
            )
        table[place] = _value(row, metric, number)
    return Scores(metric, values, bounds)


def align(scores: Scores, methods: Sequence[str]) -> Sample:
    """Values of the methods at the places that all of them have.

    Raises:
        UserError: a method that has no row.
    """
    for name in methods:
        if name not in scores.values:
            raise UserError(f"no row of the method {name!r}; there are {', '.join(scores.methods)}")
    tables = [scores.values[name] for name in methods]
    planned = {place for table in tables for place in table}
    units: dict[tuple[str, str], list[Place]] = {}
    reasons: Counter[str] = Counter()
    for place in sorted(planned):
        missing = [
            f"{name}: {value}"
            for name, table in zip(methods, tables, strict=True)
            if isinstance(value := table.get(place, "no row"), str)
        ]
        reasons.update(missing)
        if not missing:
            units.setdefault((place.stratum, place.seed), []).append(place)
    names = tuple(dict.fromkeys(stratum for stratum, _ in units))
    kept = sum(map(len, units.values()))
    dropped = Dropped(
        len(planned) - kept,
        len(planned),
        len({(place.stratum, place.seed) for place in planned}) - len(units),
        len({place.stratum for place in planned}) - len(names),
        dict(sorted(reasons.items())),
    )
    means = [[_mean(table, places) for places in units.values()] for table in tables]
    return Sample(
        tuple(methods),
        np.array(means, dtype=np.float64).reshape(len(methods), len(units)),
        np.array([names.index(stratum) for stratum, _ in units], dtype=np.intp),
        names,
        kept,
        dropped,
    )


def _mean(table: Mapping[Place, float | str], places: Sequence[Place]) -> float:
    """Mean over settings of the mean within each."""
    settings: dict[str, list[float]] = {}
    for place in places:
        settings.setdefault(place.setting, []).append(float(table[place]))
    return math.fsum(math.fsum(values) / len(values) for values in settings.values()) / len(settings)


def _place(row: Row, strata: Sequence[str], texts: dict[str, str]) -> Place:
    """The place of a row. `texts` caches the JSON of settings, of which many rows share a few."""
    parts = (
        [row[column] for column in strata],
        row["seed"],
        [row[column] for column in SETTING if column not in strata],
        [row.get(column) for column in WITHIN],
    )
    written = []
    for part in parts:
        key = repr(part)
        if key not in texts:
            texts[key] = json.dumps(_canonical(part), sort_keys=True, ensure_ascii=False, default=str)
        written.append(texts[key])
    return Place(*written)


def _value(row: Row, metric: str, number: int) -> float | str:
    """The value, or the reason why there is none."""
    status = row.get("status")
    if status is not None and status not in FINISHED:
        error = row.get("error")
        return f"{status}: {error}" if error else str(status)
    value = row[metric]
    if value is None:
        return f"{metric} is none"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise UserError(f"row {number}: {metric} is {value!r}; expected a number, or none where there is none")
    return float(value) if math.isfinite(value) else f"{metric} is {float(value)}"


def _canonical(value: Any) -> Any:
    """One form for equal things: 3 and 3.0, none and NaN."""
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value
