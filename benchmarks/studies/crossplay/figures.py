"""What pairings gave, as numbers: a row a pairing, a column a figure, and intervals that are clustered by seed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.benchmarks.analysis.summary import LEAST, interval
from goldenrule.benchmarks.evaluation.metrics import valid_range
from goldenrule.benchmarks.statistics.intervals import LEAST_UNITS
from goldenrule.benchmarks.statistics.samples import Array
from goldenrule.benchmarks.storage.reader import connect
from goldenrule.benchmarks.storage.schema import FILE
from goldenrule.benchmarks.storage.store import translated
from goldenrule.envs.registry import ANY, SHARE
from goldenrule.envs.registry import Range as Bounds

INTERVAL = f"95%, Student's t over seeds, from {LEAST} seeds on (of strength: BCa bootstrap, from {LEAST_UNITS})"

Figure = dict[str, Any]
"""Keys `mean`, `low`, `high` (none without an interval) and `n`, the seeds it rests on."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted in the dialogues of one pairing; shares are none where nothing was judged.

    Attributes:
        more, less, even: dialogues in which the learner's seat got more than the partners', less, and the same.
        own_valid, partner_valid: shares of each side's judged messages that made sense.
        own_faithful, partner_faithful: likewise, that were true to its card.
        error: why the first of those failed that did.
    """

    more: int = 0
    less: int = 0
    even: int = 0
    own_valid: float | None = None
    partner_valid: float | None = None
    own_faithful: float | None = None
    partner_faithful: float | None = None
    error: str | None = None


SHARES = ("own_valid", "partner_valid", "own_faithful", "partner_faithful")

_COMPARED = """
SELECT cell, sum(own_reward > partner_reward), sum(own_reward < partner_reward), sum(own_reward = partner_reward)
FROM episodes WHERE own_reward IS NOT NULL AND partner_reward IS NOT NULL GROUP BY cell
"""
_FAILED = "SELECT cell, error, min(episode) FROM episodes WHERE status = 'failed' GROUP BY cell"
_JUDGED = """
SELECT e.cell, json_extract(t.value, '$.speaker'),
       sum(json_extract(t.value, '$.valid')), count(json_extract(t.value, '$.valid')),
       sum(json_extract(t.value, '$.faithful')), count(json_extract(t.value, '$.faithful'))
FROM episodes e, json_each(e.log, '$.turns') t WHERE e.status != 'failed' GROUP BY 1, 2
"""


def tallies(folder: Path, scenario: str, agents: Sequence[str]) -> dict[str, Tally]:
    """What was counted, by cell.

    Args:
        folder: of the results.
        scenario: says which of `agents` learns and who its partners are.
        agents: names of all seats, in order.

    Raises:
        UserError: no results there, or they are damaged.
    """
    db = connect(folder)
    try:
        with translated(folder / FILE):
            compared = {cell: counts for cell, *counts in db.execute(_COMPARED)}
            failed = {cell: {"error": error} for cell, error, _ in db.execute(_FAILED)}
            judged = _judged(db, agents.index(seat_name(scenario, "learner")), partner_seats(scenario, agents))
    finally:
        db.close()
    found: dict[str, Tally] = {}
    for cell in {*compared, *judged, *failed}:
        more, less, even = compared.get(cell, (0, 0, 0))
        shares: dict[str, Any] = {**judged.get(cell, {}), **failed.get(cell, {})}
        found[cell] = Tally(more, less, even, **shares)
    return found


def _judged(db: sqlite3.Connection, me: int, partners: Sequence[int]) -> dict[str, dict[str, float | None]]:
    counted: dict[str, dict[str, list[int]]] = {}
    for cell, speaker, *counts in db.execute(_JUDGED):
        side = "own" if speaker == me else "partner" if speaker in partners else None
        if side is None:
            continue
        for what, hits, of in (("valid", *counts[:2]), ("faithful", *counts[2:])):
            both = counted.setdefault(cell, {}).setdefault(f"{side}_{what}", [0, 0])
            both[0], both[1] = both[0] + (hits or 0), both[1] + of
    return {
        cell: {name: hits / of if of else None for name, (hits, of) in shares.items()}
        for cell, shares in counted.items()
    }


def values_of(row: Mapping[str, Any], tally: Tally) -> dict[str, float | None]:
    """The figures of one pairing under one seed: means an episode, and shares."""
    own, partner = row["own_reward"], row["partner_reward"]
    return {
        "own": own,
        "partner": partner,
        "joint": None if own is None or partner is None else own + partner,
        "third_party": row["third_party_reward"],
        "estimate_gap": row["estimate_gap"],
        "agreement": (row.get("negotiation") or {}).get("agreement_share"),
        **{name: getattr(tally, name) for name in SHARES},
    }


def bounds_of(figure: str, about: Mapping[str, Any]) -> Bounds:
    """Between what a figure of `values_of` lies.

    Args:
        figure: its name.
        about: `scenario` and `knobs`; without a scenario rewards may be anything.
    """
    if figure == "agreement" or figure in SHARES:
        return SHARE
    scenario, knobs = about.get("scenario"), about.get("knobs")
    own, partner = (valid_range(f"{side}_reward", scenario, knobs) for side in ("own", "partner"))
    if figure == "joint":
        return own[0] + partner[0], own[1] + partner[1]
    return {"own": own, "partner": partner}.get(figure, ANY)


def spreads(values: Array, within: Sequence[Bounds]) -> list[Figure]:
    """Mean and interval of each column over the seeds that have it; see `analysis.summary.interval`.

    Args:
        values: `[seeds, columns]`, not a number where a seed has none.
        within: between what each column lies.
    """
    return [interval(column[~np.isnan(column)].tolist(), ends) for column, ends in zip(values.T, within, strict=True)]
