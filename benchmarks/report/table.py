"""The table at the end of a comparison, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from goldenrule.benchmarks.analysis.summary import LEAST
from goldenrule.benchmarks.storage.naming import setting_name
from goldenrule.common.text import clean

COLUMNS = {
    "own_reward": "own",
    "proxy_reward": "proxy",
    "partner_reward": "partner\n(true)",
    "partner_reward_estimate": "partner\n(estimate)",
    "estimate_gap": "gap",
    "estimate_correlation": "correl-\nation",
    "third_party_reward": "third\nparty",
    "valid_share": "valid\n%",
    "reply_accuracy": "replies\nforeseen %",
    "oracle_share": "of\noracle",
}
NEGOTIATION = {
    "own_points": "own\npoints",
    "partner_points": "partner\npoints",
    "joint_points": "joint\npoints",
    "agreement_share": "agreements\n%",
    "pareto_share": "efficient %\n(of deals)",
    "pareto_share_of_all": "efficient %\n(of all)",
}
PERCENT = ("valid_share", "reply_accuracy", "agreement_share", "pareto_share", "pareto_share_of_all")
PIPE_WIDTH = 160
ONE_LINE = 140


def print_table(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Print a summary: a table for each scenario and knobs, what its dashes mean, and how the partners played."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, width=PIPE_WIDTH)
    if not summary["groups"]:
        console.print("No run has finished.")
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for group in summary["groups"]:
        groups.setdefault(_key(group), []).append(group)
    for setting in summary["settings"]:
        same = groups.get(_key(setting), [])
        _print_setting(console, setting, same)
        if any(group["negotiation"] for group in same):
            _print_negotiation(console, same, summary.get("human"))
    if summary["groups"]:
        console.print(
            Text(
                "Means an episode, over seeds; ± the longer side of the 95% interval (Student's t over the means of "
                f"seeds, clipped to the metric's range; from {LEAST} seeds on). Where all seeds agree, ± follows from "
                "that range; a metric without a range has none then.",
                "dim",
            )
        )


def _key(of: Mapping[str, Any]) -> str:
    return json.dumps([of["scenario"], of["knobs"]], sort_keys=True, default=str)


def _print_setting(console: Console, setting: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> None:
    console.print(Text(clean(setting_name(setting["scenario"], setting["knobs"])), "bold"))
    rows = [(group["method"], group["figures"]) for group in groups]
    console.print(_table("method", COLUMNS, rows, console.width))
    for line in _dashes(groups):
        console.print(Text(line, "dim"))
    faithful = setting["partner_faithfulness"]
    told = (
        f"{_one(faithful, True)} % of their messages" if faithful["mean"] is not None else f"- ({faithful['reason']})"
    )
    console.print(Text(f"Partners true to their cards: {told}."))
    console.print(Text(_counts(groups)))


def _table(first: str, columns: Mapping[str, str], rows: Sequence[tuple[str, Mapping[str, Any]]], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first, vertical="top")
    for title in columns.values():
        table.add_column(title, justify="right", vertical="bottom")
    between = " " if width >= ONE_LINE else "\n"
    for name, figures in rows:
        cells = [_one(figures.get(key), key in PERCENT, between) for key in columns]
        table.add_row(Text(clean(name)), *(Text(cell) for cell in cells))
    return table


def _one(figure: Mapping[str, Any] | None, percent: bool = False, between: str = " ") -> str:
    if figure is None or figure["mean"] is None:
        return "-"
    scale, digits = (100.0, 0) if percent else (1.0, 2)
    text = f"{_signed_zero(figure['mean'] * scale, digits)}"
    if figure["high"] is None:
        return text
    longer = f"{scale * max(figure['high'] - figure['mean'], figure['mean'] - figure['low']):.{digits}f}"
    # No interval has no width: what rounds to none is said to be less than the last digit.
    return f"{text}{between}±{longer if float(longer) else f'<{10.0**-digits:.{digits}f}'}"


def _signed_zero(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _dashes(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why figures are missing: a line for each reason and the methods that share it."""
    told: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        for key, title in COLUMNS.items():
            reason = group["figures"][key]["reason"]
            if reason is not None:
                told.setdefault((title.replace("-\n", "").replace("\n", " "), reason), []).append(group["method"])
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (title, reason), names in told.items():
        alike.setdefault((reason, tuple(names)), []).append(title)
    lines = []
    for (reason, methods), titles in alike.items():
        whose = "" if len(methods) == len(groups) else f" ({', '.join(methods)})"
        which = "all figures" if len(titles) == len(COLUMNS) else ", ".join(titles)
        lines.append(clean(f"- {which}{whose}: {reason}"))
    return lines


def _counts(groups: Sequence[Mapping[str, Any]]) -> str:
    episodes, failed, left_out, estimated, unscored = (
        sum(group[key] or 0 for group in groups)
        for key in ("episodes", "episodes_failed", "episodes_left_out", "episodes_estimated", "messages_unscored")
    )
    runs = sum(group["failed"] for group in groups)
    text = f"{episodes} dialogues; {failed} failed and are left out; "
    text += f"{left_out} more are left out because another method failed them; " if left_out else ""
    text += f"{unscored} messages have no estimate"
    text += f": estimates and gaps are over {estimated} dialogues." if unscored else "."
    return text + (f" {runs} runs failed." if runs else "")


def _print_negotiation(console: Console, groups: Sequence[Mapping[str, Any]], human: Mapping[str, Any] | None) -> None:
    rows = [(group["method"], group["negotiation"]) for group in groups if group["negotiation"]]
    if human and human["figures"]:
        rows.append((f"people ({human['dialogues']} dialogues)", human["figures"]))
    console.print(_table("deals", NEGOTIATION, rows, console.width))
    if human and human["reason"]:
        console.print(Text(clean(f"No human figures: {human['reason']}")))
    elif human:
        console.print(
            Text("People's intervals: bootstrap over dialogues; their partners' points are their own.", "dim")
        )
