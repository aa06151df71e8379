"""Cross-play on the page: who met whom, as figures and as tables with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.storage.reader import Run, StoredCell, note, shown
from goldenrule.common.errors import UserError

MOST = 24
"""Agents up to which the page has tables of every pair; the figure and its data show all."""

PERCENT = ("valid", "faithful", "agreement")


@dataclass(frozen=True, slots=True)
class Field:
    """One figure of a table: a mean with its interval over seeds, as text; a dash and nothing where there is none."""

    mean: str
    range: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        title: what it holds.
        columns: their names.
        lines: name of the line and its fields; none where two do not meet.
    """

    title: str
    columns: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Field | None]]]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Everything of a cross-play that the page has tables of.

    Attributes:
        summary: as `goldenrule.benchmarks.studies.crossplay.matrix.summarise` gives it, names visible.
        grids: a table a figure.
        rating: a line an agent.
        note: how to read them.
    """

    summary: Mapping[str, Any]
    grids: Sequence[Grid]
    rating: Grid
    note: str


def crossing(run: Run) -> Crossing | None:
    """The cross-play that a folder holds; `None` for every other run."""
    if not run.is_crossplay:
        return None
    from goldenrule.benchmarks.report.crossplay_terminal import MORE, RATINGS, TITLES, meaning
    from goldenrule.benchmarks.studies.crossplay.matrix import (
        summarise,  # its figures are drawn with this package's own
    )

    try:
        summary = _visible(summarise(run.config, [cell.row for cell in run.cells], run.folder))
        names = {key: title for key, title in {**TITLES, **MORE}.items() if _has(summary["pairs"], key)}
        few = len(summary["members"]) <= MOST
        grids = [_grid(summary, key, title) for key, title in names.items()] if few else []
        rated = {key: " ".join(title.split("\n")) for key, title in RATINGS.items()}
        star = " A star: held out." if held_out(summary) else ""
        return Crossing(summary, grids, _rating(summary, rated), meaning(summary, "below them") + star)
    except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
        note(run.problems, f"the matrix of this cross-play cannot be made: {shown(str(error), 200)}")
        return None


def sitter(cell: StoredCell) -> tuple[str, StoredCell] | None:
    """Who sat in the learner's seat, and the cell as one of those with this partner; `None` where it does not say."""
    params = cell.row.get("params")
    who, met = (params.get(seat) for seat in ("learner", "partner")) if isinstance(params, dict) else (None, None)
    if who is None:
        return None
    there = StoredCell(cell.id, cell.row, cell.method, cell.scenario, cell.status, cell.seed, {"met": met})
    return shown(who, 80), there


def _visible(summary: dict[str, Any]) -> dict[str, Any]:
    """The same with every name as visible text."""
    pairs = [{**p, "row": shown(p["row"], 80), "column": shown(p["column"], 80)} for p in summary["pairs"]]
    rating = [{**line, "agent": shown(line["agent"], 80)} for line in summary["rating"]]
    members = [{**one, "name": shown(one["name"], 80)} for one in summary["members"]]
    seats = {which: shown(name, 80) for which, name in summary["seats"].items()}
    told = {"scenario": shown(summary["scenario"], 80), "seats": seats}
    return {**summary, **told, "pairs": pairs, "rating": rating, "members": members}


def _has(pairs: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(pair["figures"][key]["mean"] is not None for pair in pairs)


def _grid(summary: Mapping[str, Any], key: str, title: str) -> Grid:
    fields = {(pair["row"], pair["column"]): _field(pair["figures"][key], key) for pair in summary["pairs"]}
    rows, columns = (list(dict.fromkeys(pair[which] for pair in summary["pairs"])) for which in ("row", "column"))
    outside = held_out(summary)
    starred = {name: f"{name}{'*' if name in outside else ''}" for name in (*rows, *columns)}
    lines = [(starred[row], [fields.get((row, column)) for column in columns]) for row in rows]
    return Grid(title, [starred[column] for column in columns], lines)


def held_out(summary: Mapping[str, Any]) -> set[str]:
    """Names of the agents that were held out."""
    return {one["name"] for one in summary["members"] if one["held_out"]}


def _rating(summary: Mapping[str, Any], titles: Mapping[str, str]) -> Grid:
    lines = summary["rating"]
    keys = [key for key in titles if any(line[key] and line[key]["mean"] is not None for line in lines)]
    told = [(rated_as(summary, line), [_field(line[key], key) for key in keys]) for line in lines]
    return Grid("Rating", [titles[key] for key in keys], told)


def rated_as(summary: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    """An agent of the rating: its name, a star where it was held out, its seat where the seats differ."""
    name = f"{line['agent']}{'*' if line['held_out'] else ''}"
    return name if line["seat"] == "both" else f"{name} as {summary['seats'][line['seat']]}"


def _field(figure: Mapping[str, Any] | None, key: str) -> Field | None:
    if figure is None:
        return None
    low, high = (_worth(figure[end], key) for end in ("low", "high"))
    return Field(_worth(figure["mean"], key), "" if figure["low"] is None else f"{low} to {high}")


def _worth(value: float | None, key: str) -> str:
    if value is None:
        return "–"
    text = f"{100 * value:.0f}" if key in PERCENT else f"{value:.0f}" if key == "strength" else f"{value:.2f}"
    return text.replace("-", "\u2212") if float(text) else text.lstrip("-")
