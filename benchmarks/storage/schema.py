"""The tables of `results.sqlite`, and how what came of a cell becomes their rows.

meta       key, value (JSON): kind (sweep, comparison or cross-play), sweep (what was asked for, resolved), cells (how
           many there are to be), environment, human (what people reached in the same dialogues, where that is known)
cells      a row a cell that has finished or failed, with its metrics, cost and versions
episodes   a row an evaluation episode, its whole log in `log` (JSON, `evaluation.evaluate.as_data`)
curves     a row a cell that trains: the learning curve (JSON, `goldenrule.training.learner.Progress`)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from goldenrule.benchmarks.evaluation.metrics import KEYS, episode_metrics

FORMAT = 2
"""Kept as the file's `user_version`; files of version 0.1 have 0 there."""

FILE = "results.sqlite"

VOLATILE = ("seconds", "started", "host", "process", "trace", "code", "versions")
"""Columns that may differ between two runs of the same cell; all others are identical.

`code` and `versions` say what made a row. A cell's id does not hold them: a sweep that goes on under another commit is
told so, and keeps its rows.
"""

CELL_COLUMNS: dict[str, str] = {
    "cell": "TEXT PRIMARY KEY",
    "place": "INTEGER NOT NULL",
    "method": "TEXT NOT NULL",
    "scenario": "TEXT NOT NULL",
    "knobs": "TEXT NOT NULL",
    "seed": "INTEGER NOT NULL",
    "params": "TEXT NOT NULL",
    "status": "TEXT NOT NULL CHECK (status IN ('done', 'failed'))",
    "error": "TEXT",
    **dict.fromkeys(KEYS, "REAL"),
    "episodes": "INTEGER",
    "episodes_failed": "INTEGER",
    "episodes_estimated": "INTEGER",
    "episodes_truncated": "INTEGER",
    "episodes_invalid": "INTEGER",
    "messages_unscored": "INTEGER",
    "tokens": "INTEGER",
    "negotiation": "TEXT",
    "training_unscored_share": "REAL",
    "training_unscored_reason": "TEXT",
    "weights": "TEXT",
    "versions": "TEXT NOT NULL",
    "code": "TEXT",
    "seconds": "REAL NOT NULL",
    "started": "TEXT",
    "host": "TEXT",
    "process": "INTEGER",
    "trace": "TEXT",
}
"""Columns of `cells`; `code` is the commit of the checkout, `trace` the traceback of a cell that failed."""

EPISODE_COLUMNS: dict[str, str] = {
    "cell": "TEXT NOT NULL REFERENCES cells (cell)",
    "episode": "INTEGER NOT NULL",
    "seed": "TEXT NOT NULL",
    "status": "TEXT NOT NULL",
    "error": "TEXT",
    "messages": "INTEGER NOT NULL",
    "invalid_messages": "INTEGER NOT NULL",
    "own_reward": "REAL",
    "partner_reward": "REAL",
    "partner_reward_estimate": "REAL",
    "third_party_reward": "REAL",
    "proxy_reward": "REAL",
    "log": "TEXT NOT NULL",
}
"""Columns of `episodes`. Rewards are sums over the episode; none where it failed or one of them could not be had."""

JSON_COLUMNS = ("knobs", "params", "negotiation", "versions")

TABLES: dict[str, dict[str, str]] = {
    "meta": {"key": "TEXT PRIMARY KEY", "value": "TEXT NOT NULL"},
    "cells": CELL_COLUMNS,
    "episodes": EPISODE_COLUMNS,
    "curves": {"cell": "TEXT PRIMARY KEY REFERENCES cells (cell)", "curve": "TEXT NOT NULL"},
}
"""Columns of every table."""


def statements() -> list[str]:
    """What makes an empty file of this format."""

    def made(table: str, columns: Mapping[str, str]) -> str:
        parts = [f"{key} {kind}" for key, kind in columns.items()]
        key = ["PRIMARY KEY (cell, episode)"] if table == "episodes" else []
        return f"CREATE TABLE {table} ({', '.join(parts + key)}) STRICT"

    return [*(made(table, columns) for table, columns in TABLES.items()), f"PRAGMA user_version = {FORMAT}"]


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True)


def dumps(content: Any) -> str:
    """JSON; a lone surrogate in some text becomes its escape, NaN is refused with a `ValueError`."""
    return _json.encode(content).encode("utf-8", "backslashreplace").decode("utf-8")


def clean_text(text: str | None) -> str | None:
    """A text as SQLite holds it: no lone surrogates, no NUL."""
    if text is None:
        return None
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What came of a cell, in the form in which it is stored.

    It is made where the cell ran, in whatever process and on whatever machine: who commits it has nothing left to do
    but write.

    Attributes:
        row: its row, whose key `cell` is its id.
        episodes: the values of a row each, in the order of `EPISODE_COLUMNS`.
        truncated, invalid: how many of them reached the turn limit, and have a message that was not understood.
        curve: the learning curve as JSON text; `None` where nothing was trained.
        trace: the traceback, where the cell failed.
    """

    row: dict[str, Any]
    episodes: Sequence[tuple[Any, ...]] = ()
    truncated: int = 0
    invalid: int = 0
    curve: str | None = None
    trace: str | None = None

    @classmethod
    def of(
        cls, row: dict[str, Any], episodes: Sequence[Mapping[str, Any]] = (), curve: Sequence[Mapping[str, Any]] = ()
    ) -> RunRecord:
        """What a cell gave.

        Args:
            row: its row.
            episodes: as `goldenrule.benchmarks.evaluation.evaluate.as_data` gives them.
            curve: an entry an update.

        Raises:
            ValueError: something in it is not finite; JSON has no NaN.
            TypeError: something in it is no plain data.
        """
        dumps(row)
        rows = [episode_row(row["cell"], one) for one in episodes]
        return cls(
            row,
            [_episode_values(one) for one in rows],
            sum(one["status"] == "truncated" for one in rows),
            sum(one["invalid_messages"] > 0 for one in rows),
            dumps(list(curve)) if curve else None,
        )

    @property
    def logs(self) -> dict[int, dict[str, Any]]:
        """The episodes by number, as `evaluation.evaluate.as_data` gave them."""
        number, log = (list(EPISODE_COLUMNS).index(name) for name in ("episode", "log"))
        return {one[number]: json.loads(one[log]) for one in self.episodes}


_episode_values = itemgetter(*EPISODE_COLUMNS)


def cell_values(record: RunRecord) -> dict[str, Any]:
    """The columns of `cells`, in their order; those that the store knows (`place`, `versions`, `code`) are none."""
    row = record.row
    values = {name: row.get(name) for name in CELL_COLUMNS} | {
        "params": row.get("params") or {},
        "versions": None,
        "error": clean_text(row["error"]),
        "trace": clean_text(record.trace),
        "episodes_truncated": record.truncated,
        "episodes_invalid": record.invalid,
    }
    return values | {name: None if values[name] is None else dumps(values[name]) for name in JSON_COLUMNS}


def episode_row(cell: str, log: Mapping[str, Any]) -> dict[str, Any]:
    """One episode of a cell as a row of `episodes`.

    Args:
        cell: its id.
        log: the episode as `evaluation.evaluate.as_data` gives it.
    """
    return {
        "cell": cell,
        "episode": log["episode"],
        "seed": str(log["seed"]),
        "status": log["status"],
        "error": clean_text(log["error"]),
        **episode_metrics(log),
        "log": dumps(log),
    }
