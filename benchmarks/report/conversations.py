"""What the page shows of a run's episodes: estimate and truth of each message, what failed, a sample of conversations.

Records of episodes are as `goldenrule.benchmarks.evaluation.metrics.as_data` makes them; every text of them is made
visible and cut to a length before it goes anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.benchmarks.analysis.summary import Ends
from goldenrule.benchmarks.evaluation.metrics import ESTIMATE, PREDICTED
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number
from goldenrule.common.text import visible
from goldenrule.envs.message import NARRATOR
from goldenrule.rewards.base import TRUTH

Record = Mapping[str, Any]

PER_CELL = 30
"""Conversations of one cell that the page has at most."""

MAX_CONVERSATIONS = 900
"""Conversations that the page has at most; with many cells they are shared evenly among them."""

MESSAGES = 60
"""Messages of one conversation that the page has at most."""

TOLERANCE = 0.25
"""Estimates further than this from the true reward of an episode are called too high or too low."""

NO_REASON = "no reason was given"


@dataclass(frozen=True, slots=True)
class Logs:
    """What the page needs of the logs of all episodes.

    Attributes:
        pairs: estimate and truth of each message that has both, by the cell's id.
        failures: failed episodes, counted by method and reason.
        unscored: messages without a score, counted by method, name of the score and reason.
        cells: those of which there are conversations.
        conversations: the sample, as plain data for the page.
    """

    pairs: dict[str | None, list[tuple[float, float]]] = field(default_factory=dict)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    unscored: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    cells: list[StoredCell] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)


def read_logs(run: Run, ends: Ends) -> Logs:
    """Read every log of a run, once, and keep a sample of each cell's conversations.

    Args:
        run: the run.
        ends: how its episodes ended, from which the sample is chosen before any log is read.
    """
    logs = Logs()
    for cell, most in zip(run.cells, shares(len(run.cells)), strict=True):
        of_cell = ends.get(cell.id, ())
        chosen = {of_cell[place].episode for place in sample([end.status for end in of_cell], most)} if most else ()
        if chosen:
            logs.cells.append(cell)
        for record in run.episodes(cell):
            _count(logs, cell, record)
            if record["episode"] in chosen:
                logs.conversations.append(conversation_data(record, len(logs.cells) - 1))
    return logs


def _count(logs: Logs, cell: StoredCell, record: Record) -> None:
    """Add one episode to the counts. It runs for each message of a whole sweep, so it asks little of most."""
    if record["status"] == "failed":
        logs.failures[cell.method, visible(record["error"] or NO_REASON, 300)] += 1
    for turn in record["turns"]:
        scores = turn["scores"]
        estimate, truth = scores.get(ESTIMATE), scores.get(TRUTH)
        if estimate is not None and truth is not None:
            logs.pairs.setdefault(cell.id, []).append((estimate, truth))
        if None in scores.values():
            for name, value in scores.items():
                repeated = name == PREDICTED and ESTIMATE in scores and estimate is None  # for the same reason
                if value is None and not repeated:
                    why = visible(turn["reasons"].get(name) or NO_REASON, 300)
                    logs.unscored[cell.method, visible(name, 80), why] += 1


def shares(cells: int) -> list[int]:
    """How many conversations of each cell the page has: `PER_CELL`, or its even share of `MAX_CONVERSATIONS`.

    With more cells than that, evenly spaced ones have one and the others none.
    """
    total = min(MAX_CONVERSATIONS, PER_CELL * cells)
    return [(i + 1) * total // cells - i * total // cells for i in range(cells)]


def sample(statuses: Sequence[str], most: int) -> list[int]:
    """Which episodes to show: failed ones first (a third at most), the others evenly spaced.

    Args:
        statuses: of the episodes, in order.
        most: how many to choose.
    """
    failed = [i for i, status in enumerate(statuses) if status == "failed"][: max(1, most // 3)]
    others = [i for i, status in enumerate(statuses) if status != "failed"]
    room = most - len(failed)
    if len(others) > room:
        others = [others[k * len(others) // room] for k in range(room)]
    return sorted([*failed, *others])


def conversation_data(record: Record, cell: int = 0, messages: int = MESSAGES) -> dict[str, Any]:
    """One conversation as page and terminal show it: every text visible, cut to a length, and none of it markup.

    Args:
        record: of the episode.
        cell: place of its cell among those that have conversations on the page.
        messages: how many to show at most.
    """
    agents = [visible(name, 60) for name in record["agents"]]
    lines = _lines(record, agents)
    mine = [line["scores"] for line in lines if line["who"] == record["learner"]]
    estimate, truth = (_total([scores.get(name) for scores in mine]) for name in (ESTIMATE, TRUTH))
    return {
        "cell": cell,
        "number": visible(record["episode"], 20),
        "seed": visible(record["seed"], 30),
        "status": visible(record["status"], 30),
        "error": None if record["error"] is None else visible(record["error"]),
        "agents": agents,
        "cards": [visible(card) for card in record["cards"]],
        "learner": record["learner"],
        "partners": record["partners"],
        "estimate": estimate,
        "truth": truth,
        "verdict": verdict(estimate, truth),
        "lines": lines[:messages],
        "left_out": max(0, len(lines) - messages),
    }


def verdict(estimate: float | None, truth: float | None) -> str:
    """How an estimate compares with the truth of its episode: `high`, `low`, `right` or `unscored`."""
    if estimate is None or truth is None:
        return "unscored"
    if abs(estimate - truth) <= TOLERANCE:
        return "right"
    return "high" if estimate > truth else "low"


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _lines(record: Record, agents: Sequence[str]) -> list[dict[str, Any]]:
    """Turns with the narrator's messages where they were said; `answer` is the line that replies to a message."""
    lines = [_line(turn, agents) for turn in record["turns"]]
    for narrated in record["narration"]:
        line = {"who": NARRATOR, "text": visible(narrated["text"]), "to": narrated["to"]}
        lines.insert(narrated["at"], {**_SILENT, **line})
    places = [place for place, line in enumerate(lines) if line["who"] != NARRATOR]
    for turn, place in zip(record["turns"], places, strict=True):
        reply = turn.get("reply")
        lines[place]["answer"] = None if reply is None else places[reply]
    return lines


_SILENT: dict[str, Any] = {
    **dict.fromkeys(("answer", "imagined", "predicted", "proxy", "valid", "faithful")),
    **{key: {} for key in ("rewards", "scores", "reasons", "facts")},
}
"""What a message has that nobody is paid for and nothing is known of."""


def _line(turn: Record, agents: Sequence[str]) -> dict[str, Any]:
    imagined, predicted = (turn["notes"].get(name) for name in (ESTIMATE, PREDICTED))
    paid = {name: number(reward) for name, reward in zip(agents, turn["rewards"], strict=True)}
    paid |= {visible(name, 60): number(reward) for name, reward in turn["absent"].items()}
    return {
        "who": turn["speaker"],
        "to": turn["to"],
        "text": visible(turn["text"]),
        "answer": None,
        "imagined": None if imagined is None else visible(imagined),
        "predicted": None if predicted is None or predicted == imagined else visible(predicted),
        "rewards": {name: reward for name, reward in paid.items() if reward},
        "scores": {visible(name, 40): number(value) for name, value in turn["scores"].items()},
        "reasons": {visible(name, 40): visible(why, 200) for name, why in turn["reasons"].items()},
        "proxy": number(turn["proxy"]),
        "valid": turn["valid"],
        "faithful": turn["faithful"],
        "facts": {visible(name, 40): visible(value, 80) for name, value in turn["facts"].items()},
    }
