"""Matrix and rating for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from goldenrule.benchmarks.report.crossplay_plots import short
from goldenrule.benchmarks.storage.reader import setting_name
from goldenrule.common.text import clean

TITLES = {"own": "Reward of the row", "partner": "Reward of the column", "joint": "Reward of both"}
MORE = {
    "third_party": "Reward of absent third parties",
    "estimate_gap": "What the row thought that the column got, less what it got",
}
RATINGS = {
    "strength": "strength\n(Elo)",
    "own": "own",
    "partner": "partners'",
    "joint": "joint",
    "third_party": "third\nparties'",
    "own_held_out": "own, with\nheld out",
    "partner_held_out": "held-out\npartners'",
    "joint_self": "joint, in\nself-play",
    "valid": "makes\nsense %",
    "faithful": "true to its\ncard %",
}
PERCENT = ("valid", "faithful")
PIPE_WIDTH, FIELD = 160, 18


def print_crossplay(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Print the matrices, how the agents behaved, what failed, and the rating."""
    columns = _names(summary, "column")
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, width=max(PIPE_WIDTH, FIELD * (len(columns) + 2)))
    console.print(Text(clean(setting_name(summary["scenario"], summary["knobs"])), "bold"))
    seats, held_out = summary["seats"], [one["name"] for one in summary["members"] if one["held_out"]]
    console.print(Text(clean(f"Rows sit as {seats['learner']}, columns as {seats['partner']}.")))
    if held_out:
        console.print(Text(clean(f"Held out (* below): {', '.join(held_out)}.")))
    for name, title in {**TITLES, **MORE}.items():
        if name in TITLES or any(pair["figures"][name]["mean"] is not None for pair in summary["pairs"]):
            console.print()
            console.print(Text(title, "bold"))
            console.print(_matrix(summary, name, columns, held_out))
    console.print()
    for line in _counts(summary):
        console.print(Text(clean(line)))
    console.print()
    console.print(Text("Rating", "bold"))
    console.print(_rating(summary))
    console.print(Text(meaning(summary), "dim"))


def _names(summary: Mapping[str, Any], key: str) -> list[str]:
    return list(dict.fromkeys(pair[key] for pair in summary["pairs"]))


def _marked(name: str, held_out: Sequence[str]) -> Text:
    return Text(clean(f"{name}*" if name in held_out else name))


def _matrix(summary: Mapping[str, Any], figure: str, columns: Sequence[str], held_out: Sequence[str]) -> Table:
    fields = {(pair["row"], pair["column"]): pair["figures"][figure] for pair in summary["pairs"]}
    table = _table()
    table.add_column("")
    for name in columns:
        table.add_column(_marked(name, held_out), justify="right")
    for row in _names(summary, "row"):
        told = [_field(fields.get((row, column))) for column in columns]
        table.add_row(_marked(row, held_out), *(Text(text) for text in told))
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _field(figure: Mapping[str, Any] | None) -> str:
    """`20.1` over `[18.2, 22.0]`, `-` where nothing was finished, nothing where two do not meet."""
    if figure is None:
        return ""
    if figure["mean"] is None:
        return "-"
    if figure["low"] is None:
        return short(figure["mean"])
    return f"{short(figure['mean'])}\n[{short(figure['low'])}, {short(figure['high'])}]"


def _counts(summary: Mapping[str, Any]) -> list[str]:
    pairs = summary["pairs"]
    episodes, failed, cut = (
        sum(pair[key] for pair in pairs) for key in ("episodes", "episodes_failed", "episodes_truncated")
    )
    lines = [
        f"{episodes} dialogues, {cut} of them cut at the turn limit; {failed} more failed and are left out. "
        f"{summary['finished']} of {summary['cells']} pairings have a row, {summary['failed']} of them failed."
    ]
    for pair in pairs:
        if pair["episodes_failed"] or pair["seeds_failed"]:
            reason = f": {pair['reason']}" if pair["reason"] else ""
            lines.append(
                f"{pair['row']} with {pair['column']}: {pair['episodes_failed']} dialogues and "
                f"{pair['seeds_failed']} whole pairings failed{reason}"
            )
    return lines


def _rating(summary: Mapping[str, Any]) -> Table:
    lines = summary["rating"]
    shown = [name for name in RATINGS if any(line[name] and line[name]["mean"] is not None for line in lines)]
    table = _table()
    table.add_column("agent")
    if not summary["symmetric"]:
        table.add_column("as")
    for name in shown:
        table.add_column(RATINGS[name], justify="right")
    for line in lines:
        seat = [] if summary["symmetric"] else [Text(clean(summary["seats"][line["seat"]]))]
        told = [Text(_rated(name, line[name])) for name in shown]
        table.add_row(_marked(line["agent"], [line["agent"]] if line["held_out"] else []), *seat, *told)
    return table


def _rated(name: str, figure: Mapping[str, Any] | None) -> str:
    if name in PERCENT and figure is not None and figure["mean"] is not None:
        return f"{100 * figure['mean']:.0f}"
    if name != "strength" or figure is None or figure["mean"] is None:
        return _field(figure) or "-"
    if figure["low"] is None:
        return f"{figure['mean']:+.0f}"
    return f"{figure['mean']:+.0f}\n[{figure['low']:+.0f}, {figure['high']:+.0f}]"


def meaning(summary: Mapping[str, Any], where: str = "brackets") -> str:
    """How matrix and rating are to be read; `where` the intervals stand."""
    text = (
        f"Means an episode; {where}: {summary['interval']}. They speak of these agents under other seeds of the "
        "dialogues, not of the methods that trained them. "
    )
    if not summary["symmetric"]:
        return text + "Payoffs are over all partners, each counting alike."
    return text + (
        "Payoffs are over everyone else, each counting alike, in both seats. Strength is who ends with more "
        "(Bradley-Terry; 400 points are odds of ten to one), which is not the same as being good."
    )
