"""Stored conversations as text for a terminal: what was said, imagined, answered and paid.

Every text of the run is visible on its own line, under a label of ours; where it is too long for the terminal its other
lines are indented, so that none of it can stand where a label stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from goldenrule.benchmarks.report.conversations import ESTIMATE, PREDICTED, TRUTH, talk
from goldenrule.benchmarks.storage.reader import Run, StoredCell, shown
from goldenrule.common.errors import UserError
from goldenrule.envs.message import NARRATOR

ENDINGS = {"terminated": "by itself", "truncated": "at the turn limit", "failed": "by failing"}
VERDICTS = {"high": " (too high)", "low": " (too low)", "right": " (about right)", "unscored": ""}
INSIDE = 6
"""Columns by which what belongs to a message is indented."""

EVERYTHING = 1_000_000
"""More messages than any conversation has."""

MOST_DIGITS = 9
NAMED = 4
"""Cells that an error names."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the output.

    Attributes:
        label: our own words, which end where `text` begins.
        text: of the run, cleaned.
        indent: columns before the label.
        style: of the label, for terminals with colours.
        after: our own words behind the text.
    """

    label: str
    text: str = ""
    indent: int = 0
    style: str = ""
    after: str = ""


def cell_named(run: Run, name: str) -> StoredCell:
    """The cell of this id, or the only one of whose id this is a part.

    Raises:
        UserError: there is none, or there are several.
    """
    exact = [cell for cell in run.cells if cell.id == name]
    found = exact or [cell for cell in run.cells if name and cell.id is not None and name in cell.id]
    if not found:
        where = shown(str(run.folder), 200)
        raise UserError(f"no cell '{shown(name, 80)}' in '{where}'; `goldenrule show {where}` lists them")
    if len(found) > 1:
        some = ", ".join(shown(cell.id, 80) for cell in found[:NAMED])
        more = ", ..." if len(found) > NAMED else ""
        raise UserError(f"'{shown(name, 80)}' is part of {len(found)} cells ({some}{more}); expected part of one")
    return found[0]


def episode_named(run: Run, name: str) -> tuple[StoredCell, dict[str, Any]]:
    """The episode `<cell>:<number>`, as it was stored.

    Raises:
        UserError: there is none of that name.
    """
    part, _, digits = name.rpartition(":")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        raise UserError(
            f"episode '{shown(name, 80)}': '{shown(digits, 40)}' is not allowed; "
            "expected <cell>:<number>, the number 0 or more"
        )
    cell = cell_named(run, part)
    found = run.log.episode(cell, int(digits))
    if found is None:
        raise UserError(f"no episode {int(digits)} of {shown(cell.id, 80)}; {_why(run, cell, int(digits))}")
    return cell, found


def _why(run: Run, cell: StoredCell, number: int) -> str:
    """Why there is no episode of this number."""
    if not cell.done:
        return "the cell failed: " + shown(cell.row.get("error"), 200)
    if not cell.held:
        return "none is stored"
    if number < cell.held:
        return f"it was one of {cell.held}; what is left of them in {run.log.episodes_in} is damaged or incomplete"
    return f"expected 0 to {cell.held - 1}"


def conversation(cell: StoredCell, episode: Mapping[str, Any]) -> Iterator[Line]:
    """A stored episode, line by line."""
    told = talk(episode, cell, 0, EVERYTHING)
    knobs = ", ".join(f"{shown(name, 40)} {shown(value, 40)}" for name, value in cell.knobs.items())
    yield Line(f"{cell.method}, seed {cell.seed}, episode {told['number']} of {shown(cell.id, 200)}", style="bold")
    yield Line(f"{cell.scenario}{f' ({knobs})' if knobs else ''}, environment seed {told['seed']}")
    yield Line(_totals(told))
    if told["error"] is not None:
        yield Line("Failed: ", told["error"], style="red")
    yield Line("")
    for place, card in enumerate(told["cards"]):
        name = told["agents"][place] if place < len(told["agents"]) else "?"
        yield Line(f"[{name}] ", card, style="dim")
    yield Line("")
    for line in told["lines"]:
        yield from _message(told, line)


def _totals(told: Mapping[str, Any]) -> str:
    truth, estimate = told["truth"], told["estimate"]
    who = "partners" if len(told["partners"]) > 1 else "partner"
    got = f"What the {who} got is not known" if truth is None else f"The {who} got {_worth(truth)}"
    thought = "there is no estimate" if estimate is None else f"the agent thought {_worth(estimate)}"
    return f"Ended {ENDINGS.get(told['status'], told['status'])}. {got}; {thought}{VERDICTS[told['verdict']]}."


def _message(told: Mapping[str, Any], line: Mapping[str, Any]) -> Iterator[Line]:
    mine = line["who"] == told["learner"]
    label = "*" if line["who"] == NARRATOR else told["agents"][line["who"]]
    if line["to"] is not None:
        label += f" -> {', '.join(told['agents'][seat] for seat in line['to']) or 'nobody'}"
    ends = " " if line["who"] == NARRATOR and line["to"] is None else ": "
    yield Line(label + ends, line["text"] or "(says nothing)", style="bold" if mine else "")
    scores = line["scores"]
    if mine and (ESTIMATE in scores or TRUTH in scores):
        answer = None if line["answer"] is None else told["lines"][line["answer"]]["text"]
        yield _beside("simulated answer: ", line["imagined"] or "(none is stored)", line, ESTIMATE, "estimate")
        if line["predicted"] is not None:
            yield _beside("its prediction:   ", line["predicted"], line, PREDICTED, "would be")
        yield _beside("real answer:      ", answer or "(there was none)", line, TRUTH, "true reward")
    remarks = "; ".join(_remarks(line))
    if remarks:
        yield Line("", remarks, INSIDE)


def _beside(label: str, text: str, line: Mapping[str, Any], score: str, words: str) -> Line:
    why = line["reasons"].get(score)
    after = f"   [{words} {_worth(line['scores'].get(score))}{f': {why}' if why else ''}]"
    return Line(label, text, INSIDE, "dim", after)


def _remarks(line: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name} gets {_worth(value)}" for name, value in line["rewards"].items())
    if line["proxy"] is not None:
        yield f"proxy {_worth(line['proxy'])}"
    if line["valid"] is False:
        yield "not understood"
    if line["faithful"] is False:
        yield "does not fit the card"
    yield from (f"{name}: {value}" for name, value in line["facts"].items())
    for name, value in line["scores"].items():
        if name not in (ESTIMATE, TRUTH, PREDICTED):
            why = line["reasons"].get(name)
            yield f"{name} {_worth(value)}{f' ({why})' if why else ''}"


def _worth(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0"


def listing(run: Run, name: str | None = None) -> Iterator[Line]:
    """The cells of a run, a line each; with `name` (of a cell, or a part of it) the episodes of that cell.

    Raises:
        UserError: there is no such cell.
    """
    if name is None:
        width = max((len(cell.id or "-") for cell in run.cells), default=0)
        for cell in run.cells:
            held = f"{cell.held if cell.held is not None else '?'} episodes" if cell.done else cell.status
            yield Line(f"{shown(cell.id or '-', 200):<{width}}  {held:>14}  {cell.method}, {run.label(cell)}")
        first = next((cell.id for cell in run.cells if cell.held), None)
        if first is not None:
            yield Line(f"One of them: goldenrule show {shown(str(run.folder), 200)} {shown(first, 200)}:0")
        return
    cell = cell_named(run, name)
    for episode in run.log.episodes(cell):
        told = talk(episode, cell, 0, EVERYTHING)
        said = next((line["text"] for line in told["lines"] if line["who"] == told["learner"]), "")
        yield Line(f"{shown(cell.id, 200)}:{told['number']}  {_totals(told)} ", said)


def print_lines(lines: Iterator[Line], stream: TextIO) -> None:
    """Print lines; on a terminal, those that are too long go on beneath their own text."""
    console = Console(file=stream, highlight=False)
    for line in lines:
        if not console.is_terminal:
            stream.write(f"{' ' * line.indent}{line.label}{line.text}{line.after}\n")
            continue
        whole = Text.assemble((line.label, line.style), line.text, (line.after, "dim"))
        pad = line.indent + 2
        for number, part in enumerate(whole.wrap(console, max(10, console.width - pad))):
            console.print(Text(" " * (line.indent if number == 0 else pad)) + part, overflow="ignore", no_wrap=True)
