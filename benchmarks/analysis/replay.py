"""Replay every stored episode from its record, without any model, and compare with what was stored.

Rewards are exact: the scenario, made with the run's knobs, reset with the episode's seed and told the recorded
messages, must give the same cards, narration, rewards, judgements and ending. The columns beside an episode and the
metrics of its run must follow from the records. What an agent imagined, and estimated from that, would take its model:
there the record is believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.play import play
from goldenrule.benchmarks.evaluation.metrics import KEYS, UNSEEN, as_data, run_metrics, unmet_parts, unseen_metrics
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number
from goldenrule.benchmarks.storage.store import EPISODE_COLUMNS, dumps, episode_row
from goldenrule.common.text import counted, visible
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec, specs
from goldenrule.envs.scenarios.understanding import tagged
from goldenrule.rewards.base import TRUTH, record_truth

Record = Mapping[str, Any]

TOLERANCE = 1e-9
"""Between a stored metric and the same counted again: another version of NumPy may sum in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of an episode (`None`: the cell as a whole) from what was stored, in words."""

    cell: str
    episode: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.cell}{'' if self.episode is None else f':{self.episode}'}: {self.what}"


@dataclass(slots=True)
class Replayed:
    """What came of it.

    Attributes:
        cells: how many cells with episodes there were.
        episodes: how many episodes were replayed.
        same: how many came out as stored.
        unproven: how many could not be replayed: their scenario cannot be made here, or they are missing.
        differences: of episodes and cells, the first of each.
    """

    cells: int = 0
    episodes: int = 0
    same: int = 0
    unproven: int = 0
    differences: list[Difference] = field(default_factory=list)


def replay(run: Run) -> Replayed:
    """Replay all episodes of a run."""
    found = Replayed()
    columns = [name for name in EPISODE_COLUMNS if name not in ("cell", "log")]
    stored = run.columns(*columns)
    for cell in run.cells:
        records, unseen = list(run.episodes(cell)), list(run.episodes(cell, "unseen"))
        if cell.done or records:
            found.cells += 1
            rows = {row[0]: dict(zip(columns, row, strict=True)) for row in stored.get(cell.id or "", ())}
            found.differences += [
                Difference(cell.id or "?", episode, what)
                for episode, what in (*_differences(cell, records, rows, found), *_unseen(cell, unseen, found))
            ]
    return found


def _differences(
    cell: StoredCell, records: Sequence[Record], rows: Mapping[int, Record], found: Replayed
) -> Iterator[tuple[int | None, str]]:
    expected = sum(int(number(cell.row.get(key)) or 0) for key in ("episodes", "episodes_failed"))
    try:
        scenario = Replay(cell.scenario, cell.knobs)
    except Exception as error:  # of a plug-in that is not here, or raises
        found.unproven += max(expected, len(records))
        yield None, f"its scenario cannot be made here: {visible(str(error), 300)}"
        return
    for record in records:
        what = scenario.difference(record) or _unlike(
            rows.get(record["episode"], {}), episode_row("", record), "record"
        )
        found.episodes += 1
        found.same += what is None
        if what is not None:
            yield record.get("episode"), what
    if len(records) != expected:
        found.unproven += max(0, expected - len(records))
        yield None, f"{len(records)} of {counted(expected, 'episode')} can be read"
        return
    stored = {key: cell.row.get(key) for key in KEYS if key not in ("tokens", *UNSEEN)}
    if what := _unlike(stored, run_metrics(records), "episodes"):
        yield None, what


def _unseen(cell: StoredCell, records: Sequence[Record], found: Replayed) -> Iterator[tuple[int | None, str]]:
    """Of the dialogues with people never met or in words never heard."""
    stored = {key: cell.row.get(key) for key in UNSEEN}
    if not records and not any(value is not None for value in stored.values()):
        return
    try:
        known = spec(cell.scenario)
        scenarios = {
            part: Replay(cell.scenario, known.among(people, cell.knobs))
            for part, (people, _) in unmet_parts(known, cell.knobs).items()
        }
    except Exception:  # told of with the cell's other episodes
        found.unproven += len(records)
        return
    for record in records:
        what = scenarios[record["unmet"]].difference(record)
        found.episodes += 1
        found.same += what is None
        if what is not None:
            yield record.get("episode"), f"of unmet {record['unmet']}: {what}"
    if what := _unlike(stored, unseen_metrics(records), "episodes of what was unmet"):
        yield None, what


def _unlike(row: Record, counted: Record, source: str) -> str | None:
    """The first column of a row that does not follow from what lies beside it, in words."""
    for key, value in row.items():
        if not _close(value, counted[key]):
            return f"its row has {key} {visible(value, 100)}; from its {source} follows {visible(counted[key], 100)}"
    return None


def _close(stored: Any, counted: Any) -> bool:
    if isinstance(stored, Mapping) and isinstance(counted, Mapping):
        return stored.keys() == counted.keys() and all(_close(stored[key], counted[key]) for key in stored)
    if isinstance(stored, int | float) and isinstance(counted, int | float):
        return math.isclose(stored, counted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(stored == counted)


class Replay:
    """Replays episodes of one scenario under its knobs.

    Raises:
        ValueError: there is no such scenario here, or it does not take these knobs.
    """

    def __init__(self, scenario: str, knobs: Record) -> None:
        self._scenario, self._knobs = scenario, dict(knobs)
        self._env = make(scenario, **knobs)

    def difference(self, record: Record) -> str | None:
        """The first thing that does not come out as in the record of an episode, in words; `None` where all does."""
        try:
            again = self._again(record)
            for what, one, other in _pairs(record, again):
                if one != other:
                    failed = again["status"] == "failed" and what in ("ending", "messages")
                    why = f" ({again['error']})" if failed else ""
                    return f"{what}: stored {visible(one, 200)}, replayed {visible(other, 200)}{why}"
        except Exception as error:  # a damaged record, or a scenario that raises
            return f"it cannot be replayed ({type(error).__name__}: {visible(str(error), 200)})"
        return None

    def _again(self, record: Record) -> dict[str, Any]:
        """The record of the same messages, said once more."""
        private = any(turn["to"] is not None for turn in record["turns"])
        env: DialogueEnv = make(self._scenario, private=True, **self._knobs) if private else self._env
        agent = _Recorded(record["turns"])
        (episode,) = play([env], dict.fromkeys(env.possible_agents, agent), [record["seed"]])
        learner, partners = record["learner"], record["partners"]
        if episode.status != "failed":
            record_truth([episode], learner, partners)
        known = specs().get(self._scenario)
        own = None if known is None else known.metrics
        data = as_data(episode, record["episode"], learner, partners, env.scenario.read, own)
        again: dict[str, Any] = json.loads(dumps(data))
        return again


class _Recorded:
    """Says what a record says, whoever is to speak; raises once there is no more."""

    def __init__(self, turns: Sequence[Record]) -> None:
        self._turns = turns

    def reset(self, seeds: Sequence[int]) -> None:
        self._said = 0

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        (seen,) = observations
        if self._said == len(self._turns):
            raise LookupError("the record ends before the talk")
        turn = self._turns[self._said]
        if turn["speaker"] != seen.view.me:
            due = seen.view.agents[seen.view.me]
            raise ValueError(f"message {self._said}: seat {turn['speaker']} spoke, but {due} is to speak")
        self._said += 1
        return [
            Reply(tagged(turn["text"], turn["facts"].get("tag")), None if turn["to"] is None else tuple(turn["to"]))
        ]


def _pairs(stored: Record, again: Record) -> Iterator[tuple[str, Any, Any]]:
    """What a record and its replay say of each thing, causes before what follows from them."""

    def of_turns(*keys: str) -> Iterator[tuple[str, Any, Any]]:
        for place, (one, other) in enumerate(zip(stored["turns"], again["turns"], strict=False)):
            yield from ((f"message {place}: {key}", one.get(key), other.get(key)) for key in keys)

    yield from ((key, stored[key], again[key]) for key in ("agents", "cards"))
    yield from of_turns("rewards", "absent", "valid", "proxy", "faithful", "facts")
    yield "ending", stored["status"], again["status"]
    yield "messages", len(stored["turns"]), len(again["turns"])
    yield from ((key, stored[key], again[key]) for key in ("narration", "own_metrics"))
    yield from of_turns("reply", "reply_reward")
    for place, (one, other) in enumerate(zip(stored["turns"], again["turns"], strict=True)):
        if TRUTH in one["scores"]:
            yield f"message {place}: {TRUTH}", one["scores"][TRUTH], other["scores"].get(TRUTH)
