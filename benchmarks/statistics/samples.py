"""Long-form rows become aligned values: the same seeds, seats and episodes for every method compared, or none of them.

A row is a cell, or an episode within a cell. Two rows of two methods are partners where scenario, knobs, seed, seat and
episode agree. What has no partner (a failed cell, a figure that is none, a row that is not there) is left out for all
methods compared, counted with its reason, and never filled in. Partners that remain under one seed of one stratum are
averaged: training and evaluation under another seed are independent, the episodes and seats under one are not, so the
seed within its stratum is the unit of everything that follows (a cluster, in the words of Miller 2024, "Adding Error
Bars to Evals", arXiv 2411.00640; there the unit is a question). Settings of one scenario share the seeds of their
dialogues, and mostly of their training: they are no stratum each, unless the caller compares within one setting.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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
"""What a setting is."""

STRATUM = ("scenario",)
"""What a stratum is, unless told otherwise: a seed counts once a scenario, however many settings it ran under."""

PLACE = ("scenario", "knobs", "seed", "seat", "episode")
"""Columns that partners agree in. Seat and episode may be absent."""

FINISHED = ("done", "terminated", "truncated")
"""Statuses, of cells and of episodes, whose figures count.

An episode at its turn limit counts with what it paid: the limit is the scenario's own, the same for all methods, and
what was paid until then is exact. In hidden_needs a talk ends by itself only where the need was met, so that without
the others every method would score 1. A failed one (an agent that broke off, refused, or said nothing) has no figure.
"""


class Place(NamedTuple):
    """Where a value was measured, as text: partners have the same place.

    Attributes:
        stratum: the stratum's columns, a JSON list.
        seed: the cluster.
        setting: the columns of the setting that are not the stratum's, a JSON list.
        within: the columns that tell values of one setting of a cluster apart, a JSON list.
    """

    stratum: str
    seed: str
    setting: str
    within: str


@dataclass(frozen=True, slots=True)
class Scores:
    """One figure of every method, by place.

    Attributes:
        figure: name of the column.
        values: finite values, method -> place -> value.
        missing: reasons where there is none, method -> place -> reason.
    """

    figure: str
    values: Mapping[str, Mapping[Place, float]]
    missing: Mapping[str, Mapping[Place, str]]

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
        """The scores of one stratum. Every method stays, so that one without a row there is seen to have none."""
        return Scores(
            self.figure,
            {m: {p: v for p, v in table.items() if p.stratum == stratum} for m, table in self.values.items()},
            {m: {p: why for p, why in table.items() if p.stratum == stratum} for m, table in self.missing.items()},
        )


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out, alike for all methods of a sample.

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
    """Aligned values, one a seed within a stratum, over the seats and episodes that all methods have.

    A seed's value is the mean of its settings, each the mean of its seats and episodes: a setting that lost episodes
    weighs as much as another.

    Attributes:
        methods: the methods, in the order asked for.
        values: `[methods, units]`, finite.
        strata: `[units]`, which of `names` a unit belongs to; sorted.
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

    def differences(self) -> Array:
        """First method less second, `[units]`."""
        difference: Array = self.values[0] - self.values[1]
        return difference


def read_scores(
    rows: Iterable[Row], figure: str, *, strata: Sequence[str] = STRATUM, finished: Collection[str] = FINISHED
) -> Scores:
    """Read one figure from long-form rows, in any order.

    Args:
        rows: mappings with `method`, `scenario`, `knobs` (a mapping, or its JSON), `seed` and the figure; `seat`,
            `episode`, `status` and `error` where there are any. Of a data frame, `frame.to_dict("records")`.
        figure: the column to read. None, NaN and infinite values are missing, with that as their reason.
        strata: which of scenario and knobs make a stratum. Seeds of different strata count as independent, and
            settings of one seed are not: their dialogues begin alike. So a stratum is a scenario, and a seed's
            settings are averaged first; `("scenario", "knobs")` is for a line a setting, never for one over them.
        finished: statuses whose figures count; rows of any other status are missing.

    Raises:
        UserError: no rows, no such column, a figure that is no number, or two rows in one place.
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
        known = known or figure in row
        found = _value(row, figure, number, finished)
        if isinstance(found, str):
            missing.setdefault(method, {})[place] = found
        else:
            values.setdefault(method, {})[place] = found
    if not known:
        raise UserError(f"no row has the figure {figure!r}; expected rows with a column of that name")
    return Scores(figure, values, missing)


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
    gone = planned.difference(kept)
    units: dict[tuple[str, str], list[Place]] = {}
    for place in kept:
        units.setdefault((place.stratum, place.seed), []).append(place)
    names = tuple(dict.fromkeys(stratum for stratum, _ in units))
    number = {name: k for k, name in enumerate(names)}
    why = Counter(
        f"{name}: {none.get(place, 'no row')}"
        for name, table, none in zip(methods, tables, reasons, strict=True)
        for place in gone
        if place not in table
    )
    dropped = Dropped(
        len(gone),
        len(planned),
        len({(place.stratum, place.seed) for place in planned}) - len(units),
        len({place.stratum for place in planned}) - len(names),
        dict(sorted(why.items())),
    )
    means = [[_mean(table, places) for places in units.values()] for table in tables]
    return Sample(
        tuple(methods),
        np.array(means, dtype=np.float64).reshape(len(methods), len(units)),
        np.array([number[stratum] for stratum, _ in units], dtype=np.intp),
        names,
        len(kept),
        dropped,
    )


def _mean(table: Mapping[Place, float], places: Sequence[Place]) -> float:
    """The mean over settings of the mean within each."""
    settings: dict[str, list[float]] = {}
    for place in places:
        settings.setdefault(place.setting, []).append(table[place])
    return math.fsum(math.fsum(values) / len(values) for values in settings.values()) / len(settings)


def _address(row: Row, number: int, strata: Sequence[str], texts: dict[str, str]) -> tuple[str, Place]:
    """Method and place of a row. `texts` remembers the text of each setting, of which many rows share a few."""
    for column in ("method", "scenario", "knobs", "seed"):
        if column not in row:
            raise UserError(f"row {number} has no column {column!r}; expected method, scenario, knobs and seed")
    parts = (
        [row[column] for column in strata],
        row["seed"],
        [row[column] for column in SETTING if column not in strata],
        [row.get(column) for column in PLACE if column not in SETTING and column != "seed"],
    )
    written = []
    for part in parts:
        shown = repr(part)
        if shown not in texts:
            texts[shown] = json.dumps(_plain(part), sort_keys=True, ensure_ascii=False, default=str)
        written.append(texts[shown])
    return str(row["method"]), Place(*written)


def _value(row: Row, figure: str, number: int, finished: Collection[str]) -> float | str:
    """The figure, or why there is none."""
    status = row.get("status")
    if status is not None and status not in finished:
        return f"{status}: {row['error']}" if row.get("error") else str(status)
    value = row.get(figure)
    if value is None:
        return f"{figure} is none"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise UserError(f"row {number}: {figure} is {value!r}; expected a number, or none where there is none")
    try:
        plain = float(value)
    except OverflowError:  # an integer beyond every float
        return f"{figure} is too large"
    return plain if math.isfinite(plain) else f"{figure} is {plain}"


def _plain(value: Any) -> Any:
    """One form for what is the same: JSON text and the mapping it stands for, 3 and 3.0, none and NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    return value
