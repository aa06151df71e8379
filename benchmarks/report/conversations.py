"""What the episodes of a cell tell: pairs of estimate and truth, what went wrong, and a sample of the conversations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.benchmarks.analysis.endings import End
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number, shown
from goldenrule.envs.message import NARRATOR

ESTIMATE, TRUTH, PREDICTED = "estimate", "truth", "predicted"
"""Names of the scores and notes that the evaluation gives each message of the learner."""

PER_CELL = 30
"""Conversations of one cell that the page carries at most."""

EVERYWHERE = 900
"""Conversations that the page carries at most; with many cells they are shared evenly among them."""

MESSAGES = 60
"""Messages of one conversation that the page carries at most."""

APART = 0.25
"""Estimates further than this from the truth of an episode are called too high or too low."""


@dataclass(slots=True)
class Told:
    """What the episodes of one cell tell.

    Attributes:
        cell: whose.
        statuses: of the episodes that were read, in order: `failed` or `held`.
        ends: how each of them ended, likewise.
        pairs: estimate and truth of each message that has both.
        failures: reasons of failed episodes, counted.
        unscored: name of the score and the reason why it is none, counted over messages.
        talks: the sample, as plain data for the page.
    """

    cell: StoredCell
    statuses: list[str] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    unscored: Counter[tuple[str, str]] = field(default_factory=Counter)
    talks: list[dict[str, Any]] = field(default_factory=list)


def listen(run: Run) -> list[Told]:
    """Read every episode of a run, one after the other, and keep a sample of each cell's."""
    told, shown_cells = [], 0
    for cell, most in zip(run.cells, shares(len(run.cells)), strict=True):
        one = _listen(run, cell)
        if most and one.statuses:
            wanted = set(sample(one.statuses, most))
            kept = [episode for i, episode in enumerate(run.log.episodes(cell)) if i in wanted]
            one.talks = [talk(episode, cell, shown_cells) for episode in kept]
            shown_cells += 1
        told.append(one)
    return told


def shares(cells: int) -> list[int]:
    """How many conversations of each cell the page carries: `PER_CELL`, or its even share of `EVERYWHERE`.

    With more cells than that, evenly spaced ones have one and the others none.
    """
    total = min(EVERYWHERE, PER_CELL * cells)
    return [(i + 1) * total // cells - i * total // cells for i in range(cells)]


def _listen(run: Run, cell: StoredCell) -> Told:
    told = Told(cell)
    for episode in run.log.episodes(cell):
        told.statuses.append("failed" if episode.get("status") == "failed" else "held")
        if told.statuses[-1] == "failed":
            told.failures[shown(episode.get("error") or "no reason was given", 300)] += 1
        told.ends.append(End.of(episode))
        for turn in _dicts(episode.get("turns")):
            _count(turn, told)
    return told


def _count(turn: Mapping[str, Any], told: Told) -> None:
    scores, reasons = _dict(turn.get("scores")), _dict(turn.get("reasons"))
    estimate, truth = number(scores.get(ESTIMATE)), number(scores.get(TRUTH))
    if estimate is not None and truth is not None:
        told.pairs.append((estimate, truth))
    for name, value in scores.items():
        repeated = name == PREDICTED and ESTIMATE in scores and estimate is None
        if number(value) is None and not repeated:
            told.unscored[shown(name, 80), shown(reasons.get(name) or "no reason was given", 300)] += 1


def sample(statuses: Sequence[str], most: int) -> list[int]:
    """Which episodes to show: failed ones first (a third at most), the others evenly spaced over the log.

    Args:
        statuses: `failed` or another word, an episode.
        most: how many to choose.
    """
    failed = [i for i, status in enumerate(statuses) if status == "failed"][: max(1, most // 3)]
    others = [i for i, status in enumerate(statuses) if status != "failed"]
    room = most - len(failed)
    if len(others) > room:
        others = [others[k * len(others) // room] for k in range(room)]
    return sorted([*failed, *others])


def talk(episode: Mapping[str, Any], cell: StoredCell, index: int, messages: int = MESSAGES) -> dict[str, Any]:
    """One conversation as the page shows it: every text visible, cut to a length, and none of it markup.

    Args:
        episode: a record of the log.
        cell: where it was held.
        index: the cell's place among the cells that have conversations on the page.
        messages: how many to show at most.
    """
    agents = [shown(name, 60) for name in _list(episode.get("agents"))]
    learner, partners = episode["learner"], episode["partners"]
    lines = _lines(episode, agents)
    mine = [line for line in lines if line["who"] == learner]
    estimates = [line["scores"].get(ESTIMATE) for line in mine]
    truths = [line["scores"].get(TRUTH) for line in mine]
    estimate, truth = _total(estimates), _total(truths)
    return {
        "cell": index,
        "number": shown(episode.get("episode", "?"), 20),
        "seed": shown(episode.get("seed", "?"), 30),
        "status": shown(episode.get("status", "?"), 30),
        "error": None if episode.get("error") is None else shown(episode["error"]),
        "agents": agents,
        "cards": [shown(card) for card in _list(episode.get("cards"))],
        "learner": learner,
        "partners": partners,
        "estimate": estimate,
        "truth": truth,
        "verdict": verdict(estimate, truth),
        "lines": lines[:messages],
        "left_out": max(0, len(lines) - messages),
    }


def verdict(estimate: float | None, truth: float | None) -> str:
    """How an estimate stands to the truth of its episode: `high`, `low`, `right` or `unscored`."""
    if estimate is None or truth is None:
        return "unscored"
    if abs(estimate - truth) <= APART:
        return "right"
    return "high" if estimate > truth else "low"


def _total(values: Sequence[float | None]) -> float | None:
    return None if not values or any(v is None for v in values) else sum(v for v in values if v is not None)


def _lines(episode: Mapping[str, Any], agents: Sequence[str]) -> list[dict[str, Any]]:
    """Turns with the narrator's messages where they were said; `answer` is the line that replies to a message."""
    turns = _dicts(episode.get("turns"))
    lines = [_line(turn, agents) for turn in turns]
    for told in _dicts(episode.get("narration")):
        at = told.get("at")
        place = at if isinstance(at, int) and 0 <= at <= len(lines) else len(lines)
        lines.insert(place, _line({**told, "speaker": NARRATOR}, agents))
    places = [place for place, line in enumerate(lines) if line["who"] != NARRATOR]
    for turn, place in zip(turns, places, strict=True):
        reply = turn.get("reply")
        lines[place]["answer"] = None if reply is None else places[reply]
    return lines


def _line(turn: Mapping[str, Any], agents: Sequence[str]) -> dict[str, Any]:
    speaker, to = turn.get("speaker"), turn.get("to")
    notes, scores = _dict(turn.get("notes")), _dict(turn.get("scores"))
    imagined = notes.get(ESTIMATE, turn.get("imagined"))
    predicted = notes.get(PREDICTED)
    rewards = [number(reward) for reward in _list(turn.get("rewards"))]
    return {
        "who": speaker if isinstance(speaker, int) and NARRATOR <= speaker < len(agents) else NARRATOR,
        "to": None if to is None else [i for i in _list(to) if isinstance(i, int) and 0 <= i < len(agents)],
        "text": shown(turn.get("text", "")),
        "answer": None,
        "imagined": None if imagined is None else shown(imagined),
        "predicted": None if predicted is None or predicted == imagined else shown(predicted),
        "rewards": {agents[i]: value for i, value in enumerate(rewards[: len(agents)]) if value}
        | {shown(name, 60): value for name, v in _dict(turn.get("absent")).items() if (value := number(v))},
        "scores": {shown(name, 40): number(value) for name, value in scores.items()},
        "reasons": {shown(name, 40): shown(why, 200) for name, why in _dict(turn.get("reasons")).items()},
        "proxy": number(turn.get("proxy")),
        "valid": turn.get("valid") if isinstance(turn.get("valid"), bool) else None,
        "faithful": turn.get("faithful") if isinstance(turn.get("faithful"), bool) else None,
        "facts": {shown(name, 40): shown(value, 80) for name, value in _dict(turn.get("facts")).items()},
    }


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in _list(value) if isinstance(entry, dict)]
