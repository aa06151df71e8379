"""What the page shows of a run's episodes: estimate and truth of each message, what failed, a sample of conversations.

Records of episodes are as `goldenrule.benchmarks.evaluation.evaluate.as_data` makes them; every text of them is made
visible and cut to a length before it goes anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.benchmarks.analysis.endings import End
from goldenrule.benchmarks.evaluation.metrics import ESTIMATE, PREDICTED
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number, shown
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


@dataclass(slots=True)
class CellEpisodes:
    """What the page needs of the episodes of one cell.

    Attributes:
        cell: whose.
        ends: how each episode ended, in order.
        pairs: estimate and truth of each message that has both.
        failures: reasons of failed episodes, counted.
        unscored: name of the score and the reason why it is none, counted over messages.
        conversations: the sample, as plain data for the page.
    """

    cell: StoredCell
    ends: list[End] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    unscored: Counter[tuple[str, str]] = field(default_factory=Counter)
    conversations: list[dict[str, Any]] = field(default_factory=list)


def read_episodes(run: Run) -> list[CellEpisodes]:
    """Read every episode of a run, one after the other, and keep a sample of each cell's."""
    found, with_conversations = [], 0
    for cell, most in zip(run.cells, shares(len(run.cells)), strict=True):
        one = _read(run, cell)
        if most and one.ends:
            wanted = set(sample([end.status for end in one.ends], most))
            kept = [record for place, record in enumerate(run.log.episodes(cell)) if place in wanted]
            one.conversations = [conversation_data(record, with_conversations) for record in kept]
            with_conversations += 1
        found.append(one)
    return found


def shares(cells: int) -> list[int]:
    """How many conversations of each cell the page has: `PER_CELL`, or its even share of `MAX_CONVERSATIONS`.

    With more cells than that, evenly spaced ones have one and the others none.
    """
    total = min(MAX_CONVERSATIONS, PER_CELL * cells)
    return [(i + 1) * total // cells - i * total // cells for i in range(cells)]


def _read(run: Run, cell: StoredCell) -> CellEpisodes:
    found = CellEpisodes(cell)
    for record in run.log.episodes(cell):
        found.ends.append(End.of(record))
        if record["status"] == "failed":
            found.failures[shown(record["error"] or NO_REASON, 300)] += 1
        for turn in record["turns"]:
            scores, reasons = turn["scores"], turn["reasons"]
            estimate, truth = number(scores.get(ESTIMATE)), number(scores.get(TRUTH))
            if estimate is not None and truth is not None:
                found.pairs.append((estimate, truth))
            for name, value in scores.items():
                repeated = name == PREDICTED and ESTIMATE in scores and estimate is None  # for the same reason
                if number(value) is None and not repeated:
                    found.unscored[shown(name, 80), shown(reasons.get(name) or NO_REASON, 300)] += 1
    return found


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
    agents = [shown(name, 60) for name in record["agents"]]
    lines = _lines(record, agents)
    mine = [line["scores"] for line in lines if line["who"] == record["learner"]]
    estimate, truth = (_total([scores.get(name) for scores in mine]) for name in (ESTIMATE, TRUTH))
    return {
        "cell": cell,
        "number": shown(record["episode"], 20),
        "seed": shown(record["seed"], 30),
        "status": shown(record["status"], 30),
        "error": None if record["error"] is None else shown(record["error"]),
        "agents": agents,
        "cards": [shown(card) for card in record["cards"]],
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
        line = {"who": NARRATOR, "text": shown(narrated["text"]), "to": narrated["to"]}
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
    paid |= {shown(name, 60): number(reward) for name, reward in turn["absent"].items()}
    return {
        "who": turn["speaker"],
        "to": turn["to"],
        "text": shown(turn["text"]),
        "answer": None,
        "imagined": None if imagined is None else shown(imagined),
        "predicted": None if predicted is None or predicted == imagined else shown(predicted),
        "rewards": {name: reward for name, reward in paid.items() if reward},
        "scores": {shown(name, 40): number(value) for name, value in turn["scores"].items()},
        "reasons": {shown(name, 40): shown(why, 200) for name, why in turn["reasons"].items()},
        "proxy": number(turn["proxy"]),
        "valid": turn["valid"],
        "faithful": turn["faithful"],
        "facts": {shown(name, 40): shown(value, 80) for name, value in turn["facts"].items()},
    }
