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
        values: finite values, method -> place -> value.
        missing: reasons where there is none, method -> place -> reason.
        bounds: valid range of the metric; infinite where unknown.
    """

    metric: str
    values: Mapping[str, Mapping[Place, float]]
    missing: Mapping[str, Mapping[Place, str]]
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method that has a row, in alphabetical order."""
        return tuple(sorted({*self.values, *self.missing}))

    @property
    def strata(self) -> tuple[str, ...]:
        """Every stratum that has a row, in order."""
        tables = (*self.values.values(), *self.missing.values())
        return tuple(sorted({place.stratum for table in tables for place in table}))

    def within(self, stratum: str) -> Scores:
        """Scores of one stratum. A method without a row there is kept, so that it is seen to have none."""
        return Scores(
            self.metric,
            {m: {p: v for p, v in table.items() if p.stratum == stratum} for m, table in self.values.items()},
            {m: {p: why for p, why in table.items() if p.stratum == stratum} for m, table in self.missing.items()},
            self.bounds,
        )


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
    rows: Iterable[Row],
    metric: str,
    *,
    strata: Sequence[str] = STRATUM,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Scores:
    """Read one metric from long-form rows, in any order.

    Args:
        rows: mappings with `method`, `scenario`, `knobs` (a mapping, or its JSON), `seed` and the metric; `seat`,
            `episode`, `status` and `error` where there are any. For a data frame, `frame.to_dict("records")`.
        metric: the column to read. None, NaN and infinite values are missing, with that as their reason.
        strata: which of scenario and knobs make a stratum. `("scenario", "knobs")` is for one comparison a setting,
            never for one over several: it would count a seed's settings, whose dialogues begin alike, as independent.
        bounds: valid range of the metric, where it is known.

    Raises:
        UserError: no rows, no such column, a value that is no number, or two rows in one place.
    """
    if unknown := sorted(set(strata) - set(SETTING)):
        raise UserError(f"strata: {unknown[0]!r} is no part of a setting; expected some of {', '.join(SETTING)}")
    texts: dict[str, str] = {}
    values: dict[str, dict[Place, float]] = {}
    missing: dict[str, dict[Place, str]] = {}
    known = False
    for number, row in enumerate(rows, 1):
        method, place = _address(row, number, strata, texts)
        if place in values.get(method, ()) or place in missing.get(method, ()):
            raise UserError(
                f"row {number}: a second row of {method} for seed {place.seed} of {place.stratum}; expected one a "
                "scenario, knobs, seed, seat and episode: name what tells them apart in the column seat or episode"
            )
        known = known or metric in row
        value = _value(row, metric, number)
        if isinstance(value, str):
            missing.setdefault(method, {})[place] = value
        else:
            values.setdefault(method, {})[place] = value
    if not known:
        raise UserError(f"no row has the metric {metric!r}; expected rows with a column of that name")
    return Scores(metric, values, missing, bounds)


def align(scores: Scores, methods: Sequence[str]) -> Sample:
    """Values of the methods at the places that all of them have.

    Raises:
        UserError: a method that has no row.
    """
    for name in methods:
        if name not in scores.methods:
            raise UserError(f"no row of the method {name!r}; there are {', '.join(scores.methods)}")
    tables = [scores.values.get(name, {}) for name in methods]
    reasons = [scores.missing.get(name, {}) for name in methods]
    planned = {place for table in (*tables, *reasons) for place in table}
    kept = sorted(place for place in planned if all(place in table for table in tables))
    lost = planned.difference(kept)
    units: dict[tuple[str, str], list[Place]] = {}
    for place in kept:
        units.setdefault((place.stratum, place.seed), []).append(place)
    names = tuple(dict.fromkeys(stratum for stratum, _ in units))
    index = {name: k for k, name in enumerate(names)}
    why = Counter(
        f"{name}: {none.get(place, 'no row')}"
        for name, table, none in zip(methods, tables, reasons, strict=True)
        for place in lost
        if place not in table
    )
    dropped = Dropped(
        len(lost),
        len(planned),
        len({(place.stratum, place.seed) for place in planned}) - len(units),
        len({place.stratum for place in planned}) - len(names),
        dict(sorted(why.items())),
    )
    means = [[_mean(table, places) for places in units.values()] for table in tables]
    return Sample(
        tuple(methods),
        np.array(means, dtype=np.float64).reshape(len(methods), len(units)),
        np.array([index[stratum] for stratum, _ in units], dtype=np.intp),
        names,
        len(kept),
        dropped,
    )


def _mean(table: Mapping[Place, float], places: Sequence[Place]) -> float:
    """Mean over settings of the mean within each."""
    settings: dict[str, list[float]] = {}
    for place in places:
        settings.setdefault(place.setting, []).append(table[place])
    return math.fsum(math.fsum(values) / len(values) for values in settings.values()) / len(settings)


def _address(row: Row, number: int, strata: Sequence[str], texts: dict[str, str]) -> tuple[str, Place]:
    """Method and place of a row. `texts` caches the JSON of settings, of which many rows share a few."""
    for column in ("method", *SETTING, "seed"):
        if column not in row:
            raise UserError(f"row {number} has no column {column!r}; expected method, scenario, knobs and seed")
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
    return str(row["method"]), Place(*written)


def _value(row: Row, metric: str, number: int) -> float | str:
    """The value, or the reason why there is none."""
    status = row.get("status")
    if status is not None and status not in FINISHED:
        error = row.get("error")
        return f"{status}: {error}" if error else str(status)
    value = row.get(metric)
    if value is None:
        return f"{metric} is none"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise UserError(f"row {number}: {metric} is {value!r}; expected a number, or none where there is none")
    try:
        plain = float(value)
    except OverflowError:  # an integer beyond every float
        return f"{metric} is too large"
    return plain if math.isfinite(plain) else f"{metric} is {plain}"


def _canonical(value: Any) -> Any:
    """One form for equal things: JSON text and the mapping it encodes, 3 and 3.0, none and NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return _canonical(json.loads(value))
        except ValueError:
            return value
    return value
