"""What commands print: tables, verdicts and stored conversations.

All text that comes from a run is cleaned, so that it cannot move the cursor or pass for a label of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from goldenrule.benchmarks.analysis.common_episodes import setting_key
from goldenrule.benchmarks.analysis.summary import COLUMNS, by_setting, columns_of, deals_of
from goldenrule.benchmarks.analysis.verdicts import Line as VerdictLine
from goldenrule.benchmarks.analysis.verdicts import how, notes_on, over_all
from goldenrule.benchmarks.evaluation.metrics import ESTIMATE, METRICS, PREDICTED, Metric
from goldenrule.benchmarks.report.conversations import conversation_data
from goldenrule.benchmarks.report.layout import Line, console_for, decimals, p_value, print_table
from goldenrule.benchmarks.statistics import LEAST_SEEDS
from goldenrule.benchmarks.storage.reader import Run, StoredCell, setting_name
from goldenrule.benchmarks.storage.store import FILE
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean, counted, several, visible
from goldenrule.envs.message import NARRATOR
from goldenrule.rewards.base import TRUTH


def print_summary(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Print a summary: a table for each scenario and knobs, with notes on it, and warnings."""
    console, human = console_for(stream), summary.get("human")
    groups = by_setting(summary["groups"])
    for number, setting in enumerate(summary["settings"]):
        if number:
            console.print()
        same = groups[setting_key(setting)]
        console.print(Text(clean(setting_name(setting["scenario"], setting["knobs"])), "bold"))
        _print_metrics(console, "method", columns_of(same), [(group["method"], group["figures"]) for group in same])
        for line in _dashes(same):
            console.print(Text(line, "dim"))
        for note in setting["notes"]:
            console.print(Text(clean(note)))
        if deals := deals_of(same, human):
            _print_metrics(console, "deals", *deals)
            if human and human["reason"]:
                console.print(Text(clean(f"No human metrics: {human['reason']}")))
            elif human:
                about = "People: bootstrap intervals over dialogues; their partners' points are their own."
                console.print(Text(about, "dim"))
    if groups:
        how_found = (
            "Mean per episode over seeds; ± the longer side of the 95% interval (Student's t over the means of seeds, "
            f"clipped to the valid range of the metric; from {LEAST_SEEDS} seeds on; of the IQM a bootstrap; where all "
            "seeds agree, from that range, or none)."
        )
        console.print(Text(how_found, "dim"))
    else:
        console.print("No run has finished.")
    for warning in summary["warnings"]:
        console.print(Text(clean(f"Warning: {warning}"), "bold red"))


def _print_metrics(
    console: Console, who: str, columns: Mapping[str, Metric], rows: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    cells = [([name], [metric_cell(found.get(key), one.share) for key, one in columns.items()]) for name, found in rows]
    print_table(console, [who], [one.title for one in columns.values()], cells)


def metric_cell(metric: Mapping[str, Any] | None, percent: bool = False) -> str:
    """`0.52` and on the next line `±0.10`, or a dash."""
    if metric is None or metric["mean"] is None:
        return "-"
    scale, digits = (100.0, 0) if percent else (1.0, 2)
    text = decimals(metric["mean"] * scale, digits)
    if metric["high"] is None:
        return text
    longer = f"{scale * max(metric['high'] - metric['mean'], metric['mean'] - metric['low']):.{digits}f}"
    # No interval is of no width: what rounds to nothing is less than the last digit shown.
    return f"{text}\n±{longer if float(longer) else f'<{10.0**-digits:.{digits}f}'}"


def _dashes(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why metrics are missing: a line for each reason and the methods that share it."""
    titles: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    shown_here = {key: metric.title for key, metric in COLUMNS.items() if key in METRICS}
    for key, title in shown_here.items():
        methods: dict[str, list[str]] = {}
        for group in groups:
            if reason := group["figures"][key]["reason"]:
                methods.setdefault(reason, []).append(group["method"])
        for reason, names in methods.items():
            titles.setdefault((reason, tuple(names)), []).append(title)
    lines = []
    told: dict[tuple[str, ...], str] = {}  # of many methods the names stand in one line, and others refer to it
    for (reason, without), missing in titles.items():
        which = "all metrics" if len(missing) == len(shown_here) else ", ".join(missing)
        whose = several(without)
        if without in told and whose != ", ".join(without):
            whose = f"the same {len(without)} as of {told[without]}"
        told.setdefault(without, which)
        lines.append(clean(f"- {which}{'' if len(without) == len(groups) else f' ({whose})'}: {reason}"))
    return lines


def print_comparisons(lines: Sequence[VerdictLine], stream: TextIO) -> None:
    """Print the verdicts over all settings, why some are open, and which pairs were left out.

    Args:
        lines: of `goldenrule.benchmarks.analysis.verdicts.comparisons`.
        stream: where to.
    """
    over = over_all(lines)
    if not over:
        return
    console = console_for(stream)
    rows = [
        (
            [str(line["method"])],
            [difference(line), p_value(line["p_holm"]), decimals(line["improvement"]), line["verdict"]],
        )
        for line in over
    ]
    columns = ("difference in partner reward", "p (Holm)", "P(improves)", "verdict")
    print_table(console, [f"against {clean(str(over[0]['baseline']))}"], columns, rows, text=columns[-1:])
    for note, methods in notes_on(over).items():
        console.print(Text(clean(f"- {', '.join(methods)}: {note}"), "dim"))
    console.print(Text(how(lines), "dim"))


def difference(line: Mapping[str, Any]) -> str:
    """A difference and, on the next line, its interval; a dash where there is none."""
    if line["effect"] is None:
        return "-"
    interval = "" if line["low"] is None else f"\n[{line['low']:+.3f}, {line['high']:+.3f}]"
    return f"{line['effect']:+.3f}{interval}"


ENDINGS = {"terminated": "by itself", "truncated": "at the turn limit", "failed": "by failing"}
VERDICTS = {"high": " (too high)", "low": " (too low)", "right": " (about right)", "unscored": ""}
INSIDE = 6
"""Columns by which what belongs to a message is indented."""

MAX_CANDIDATES = 4
"""Cells that an error lists."""


def find_cell(run: Run, name: str) -> StoredCell:
    """The cell of this id, or the only one of whose id this is a part.

    Raises:
        UserError: there is none, or there are several.
    """
    exact = [cell for cell in run.cells if cell.id == name]
    found = exact or [cell for cell in run.cells if name and cell.id is not None and name in cell.id]
    if not found:
        where = visible(str(run.folder), 200)
        raise UserError(f"no cell '{visible(name, 80)}' in '{where}'; `goldenrule show {where}` lists them")
    if len(found) > 1:
        some = ", ".join(visible(cell.id, 80) for cell in found[:MAX_CANDIDATES])
        more = ", ..." if len(found) > MAX_CANDIDATES else ""
        raise UserError(f"'{visible(name, 80)}' is part of {len(found)} cells ({some}{more}); expected part of one")
    return found[0]


def find_episode(run: Run, name: str) -> tuple[StoredCell, dict[str, Any]]:
    """The episode `<cell>:<number>`, as it was stored.

    Raises:
        UserError: there is none of that name.
    """
    part, _, digits = name.rpartition(":")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise UserError(
            f"episode '{visible(name, 80)}': '{visible(digits, 40)}' is no number; expected <cell>:<number>"
        )
    cell = find_cell(run, part)
    episode = run.episode(cell, int(digits))
    if episode is None:
        why = f"it has {counted(cell.n_episodes or 0, 'episode')}"
        if not cell.done:
            why = "the cell failed: " + visible(cell.row.get("error"), 200)
        elif int(digits) < (cell.n_episodes or 0):
            why += f", but this one is damaged or missing in {FILE}"
        raise UserError(f"no episode {int(digits)} of {visible(cell.id, 80)}; {why}")
    return cell, episode


def conversation(cell: StoredCell, episode: Mapping[str, Any]) -> Iterator[Line]:
    """A stored episode line by line: who said what, and for the learner what it imagined, what came, what it paid."""
    record = conversation_data(episode, messages=sys.maxsize)
    knobs = {visible(name, 40): visible(value, 40) for name, value in cell.knobs.items()}
    yield Line(f"{cell.method}, seed {cell.seed}, episode {record['number']} of {visible(cell.id, 200)}", style="bold")
    yield Line(f"{setting_name(cell.scenario, knobs)}, environment seed {record['seed']}")
    yield Line(_outcome(record))
    if record["error"] is not None:
        yield Line("Failed: ", record["error"], style="red")
    yield Line("")
    for place, card in enumerate(record["cards"]):
        name = record["agents"][place] if place < len(record["agents"]) else "?"
        yield Line(f"[{name}] ", card, style="dim")
    yield Line("")
    for line in record["lines"]:
        yield from _message(record, line)


def _outcome(record: Mapping[str, Any]) -> str:
    truth, estimate = record["truth"], record["estimate"]
    who = "partners" if len(record["partners"]) > 1 else "partner"
    got = f"What the {who} got is not known" if truth is None else f"The {who} got {_reward(truth)}"
    thought = "there is no estimate" if estimate is None else f"the agent's estimate was {_reward(estimate)}"
    ending = ENDINGS.get(record["status"], record["status"])
    return f"Ended {ending}. {got}; {thought}{VERDICTS[record['verdict']]}."


def _message(record: Mapping[str, Any], line: Mapping[str, Any]) -> Iterator[Line]:
    mine = line["who"] == record["learner"]
    label = "*" if line["who"] == NARRATOR else record["agents"][line["who"]]
    if line["to"] is not None:
        label += f" -> {', '.join(record['agents'][seat] for seat in line['to']) or 'nobody'}"
    ends = " " if line["who"] == NARRATOR and line["to"] is None else ": "
    yield Line(label + ends, line["text"] or "(says nothing)", style="bold" if mine else "")
    if mine and (ESTIMATE in line["scores"] or TRUTH in line["scores"]):
        answer = None if line["answer"] is None else record["lines"][line["answer"]]["text"]
        yield _score_line("imagined reply:   ", line["imagined"] or "(none is stored)", line, ESTIMATE, "estimate")
        if line["predicted"] is not None:
            yield _score_line("predicted reply:  ", line["predicted"], line, PREDICTED, "would be")
        yield _score_line("real reply:       ", answer or "(there was none)", line, TRUTH, "true reward")
    remarks = "; ".join(_remarks(line))
    if remarks:
        yield Line("", remarks, INSIDE)


def _score_line(label: str, text: str, line: Mapping[str, Any], score: str, words: str) -> Line:
    why = line["reasons"].get(score)
    after = f"   [{words} {_reward(line['scores'].get(score))}{f': {why}' if why else ''}]"
    return Line(label, text, INSIDE, "dim", after)


def _remarks(line: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name} gets {_reward(value)}" for name, value in line["rewards"].items())
    if line["proxy"] is not None:
        yield f"proxy {_reward(line['proxy'])}"
    if line["valid"] is False:
        yield "not understood"
    if line["faithful"] is False:
        yield "does not fit the card"
    yield from (f"{name}: {value}" for name, value in line["facts"].items())
    for name, value in line["scores"].items():
        if name not in (ESTIMATE, TRUTH, PREDICTED):
            why = line["reasons"].get(name)
            yield f"{name} {_reward(value)}{f' ({why})' if why else ''}"


def _reward(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0"


def list_cells(run: Run, stream: TextIO) -> None:
    """Print the cells of a run and how many episodes each has."""
    rows = []
    for cell in run.cells:
        episodes = ("?" if cell.n_episodes is None else str(cell.n_episodes)) if cell.done else cell.status
        rows.append(([visible(cell.id or "-", 200)], [episodes, cell.method, cell.seed, run.label(cell)]))
    columns = ("episodes", "method", "seed", "scenario")
    console = console_for(stream)
    print_table(console, ["cell"], columns, rows, text=columns[1:])
    first = next((cell.id for cell in run.cells if cell.n_episodes), None)
    if first is not None:
        example = f"One of them: goldenrule show {visible(str(run.folder), 200)} {visible(first, 200)}:0"
        console.print(Text(example), soft_wrap=True)


def list_episodes(run: Run, name: str) -> Iterator[Line]:
    """The episodes of a cell, a line each; the traceback of one that failed as a whole.

    Raises:
        UserError: there is no such cell.
    """
    cell = find_cell(run, name)
    yield from (Line("", clean(line)) for line in str(cell.row.get("trace") or "").splitlines())
    for episode in run.episodes(cell):
        record = conversation_data(episode, messages=sys.maxsize)
        said = next((line["text"] for line in record["lines"] if line["who"] == record["learner"]), "")
        yield Line(f"{visible(cell.id, 200)}:{record['number']}  {_outcome(record)} ", said)
