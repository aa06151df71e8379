"""Replay: every stored episode once more from its log, without any agent, and held against what was stored.

The scenario is made with the cell's knobs, reset with the episode's seed, and told the logged messages. Cards,
narration, rewards, judgements and the ending must come out as they were stored; so must the sums that a sweep keeps
beside each episode, and the means of rewards in the cell's row. Of the log, only the seed and who said what to whom is
used to replay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goldenrule.benchmarks.report.stored import Run, StoredCell, number, shown
from goldenrule.benchmarks.results.schema import episode_row
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.foreign import contained
from goldenrule.envs.make import make
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.base import Judgement

MEANS = ("own_reward", "partner_reward")
"""Figures of a row that are means over the sums of its finished episodes."""

TOLERANCE = 1e-9
"""Between a row's mean and the mean of its episodes: sums may be taken in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that did not come out as it was stored.

    Attributes:
        cell: id of the cell.
        episode: its number; `None` where the cell as a whole is meant.
        what: the first difference, in words.
    """

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
        unproven: how many could not be replayed: their scenario cannot be made here, or they cannot be read.
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
    for cell in run.cells:
        if cell.done or cell.row.get("episodes_failed"):  # those of a failed cell were held too
            found.cells += 1
            _replay_cell(run, cell, found)
    return found


def _replay_cell(run: Run, cell: StoredCell, found: Replayed) -> None:
    name = cell.id or "a row without a name"

    def differs(what: str, episode: int | None = None) -> None:
        found.differences.append(Difference(name, episode, what))

    try:
        with contained():
            table = Replay(str(cell.row.get("scenario")), cell.knobs)
    except Exception as error:  # scenarios are foreign code too
        found.unproven += _told(cell) or sum(1 for _ in run.log.episodes(cell))
        return differs(f"its scenario cannot be made here: {shown(str(error), 300)}")
    before = found.episodes
    sums: dict[str, list[float]] = {key: [] for key in MEANS}
    for record in run.log.episodes(cell):
        found.episodes += 1
        place = record.get("episode")
        beside = _wrong_sums(run, cell, record, sums)
        what = table.difference(record) or beside
        if what is None:
            found.same += 1
        else:
            differs(what, place if isinstance(place, int) else None)
    stored = found.episodes - before
    held = _told(cell)
    if held is not None and stored != held:
        found.unproven += max(0, held - stored)
        differs(f"{stored} of {held} episodes can be read")
    elif what := _wrong_mean(cell, sums):
        differs(what)
    return None


def _told(cell: StoredCell) -> int | None:
    """How many episodes the row says were held, of failed cells too; `None` where it does not say."""
    counts = [number(cell.row.get(key)) for key in ("episodes", "episodes_failed")]
    return None if None in counts else int(sum(count for count in counts if count is not None))


def _wrong_sums(run: Run, cell: StoredCell, record: Mapping[str, Any], sums: Mapping[str, list[float]]) -> str | None:
    """How what is kept beside the episode differs from its log; collects the sums of those that were finished."""
    try:
        row = episode_row(cell.id or "", str(cell.row["scenario"]), record)
        kept = run.log.sums(cell, row["episode"]) or {}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return f"its log is damaged ({type(error).__name__}: {shown(str(error), 200)})"
    if row["status"] != "failed":
        for key in MEANS:
            sums[key].append(row[key] or 0.0)
    for key, value in kept.items():
        if value != row[key]:
            return f"its row has {key} {shown(value, 100)}, its log {shown(row[key], 100)}"
    return None


def _wrong_mean(cell: StoredCell, sums: Mapping[str, list[float]]) -> str | None:
    for key, values in sums.items():
        mean, stored = float(np.mean(values)) if values else None, cell.value(key)
        if mean is None or stored is None:
            if (mean is None) != (stored is None):
                return f"its row has {key} {stored}, its episodes {mean}"
        elif not math.isclose(mean, stored, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return f"its row has {key} {stored}, the mean of its episodes is {mean}"
    return None


class Replay:
    """Replays episodes of one scenario.

    Args:
        scenario: its id.
        knobs: its knobs.

    Raises:
        ValueError: there is no such scenario here, or it does not take these knobs.
    """

    def __init__(self, scenario: str, knobs: Mapping[str, Any]) -> None:
        self._scenario, self._knobs = scenario, dict(knobs)
        self._env = make(scenario, **knobs)
        self._whispering: DialogueEnv | None = None

    def difference(self, record: Mapping[str, Any]) -> str | None:
        """The first thing that does not come out as in the record of an episode, in words; `None` where all does."""
        try:
            with contained():
                return next(self._differences(record), None)
        except Exception as error:  # a damaged record, or a scenario that raises
            return f"it cannot be replayed ({type(error).__name__}: {shown(str(error), 200)})"

    def _differences(self, record: Mapping[str, Any]) -> Iterator[str]:
        env = self._env_for(record["turns"])
        env.reset(seed=record["seed"])
        yield from _unlike("agents", record["agents"], list(env.possible_agents))
        yield from _unlike("cards", record["cards"], list(env.table.cards))
        turns, trouble = _retold(env, record["turns"])
        for place, (logged, told) in enumerate(zip(record["turns"], turns, strict=False)):
            for key, value in told.items():
                yield from _unlike(f"message {place}: {key}", logged[key], value)
        if trouble is not None:
            yield trouble
        yield from _unlike("narration", record["narration"], _narration(env))
        if record["status"] != "failed":
            yield from _unlike("ending", record["status"], _ending(env))

    def _env_for(self, turns: list[Mapping[str, Any]]) -> DialogueEnv:
        """The environment; where messages have addressees, one that takes them."""
        if all(turn["to"] is None for turn in turns):
            return self._env
        if self._whispering is None:
            self._whispering = make(self._scenario, private=True, **self._knobs)
        return self._whispering


def _unlike(what: str, stored: Any, replayed: Any) -> Iterator[str]:
    if stored != replayed:
        yield f"{what}: stored {shown(stored, 200)}, replayed {shown(replayed, 200)}"


def _retold(env: DialogueEnv, logged: list[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
    """What each message comes to when it is said again, and why the rest could not be said."""
    nothing = {"rewards": [0.0] * len(env.possible_agents), "absent": dict.fromkeys(env.scenario.absent, 0.0)}
    turns: list[dict[str, Any]] = []
    for place, turn in enumerate(logged):
        if _ending(env) != "running":
            return turns, f"message {place} was said after the end"
        due, speaker = env.agent_selection, turn["speaker"]
        if env.possible_agents.index(due) != speaker:
            return turns, f"message {place}: seat {shown(speaker, 20)} spoke, but {due} is to speak"
        together = len(env.table.waiting) > 1
        try:
            env.step(_action(env, turn))
        except ValueError as error:
            return turns, f"message {place} cannot be said: {shown(str(error), 200)}"
        turns.append({**nothing, **_judged(Judgement())})
        if not together:  # the last of those who speak at the same time: all are judged, and it is paid
            outcome = env.table.outcome
            turns[-1] |= {"rewards": list(outcome.rewards), "absent": env.absent_rewards}
            for earlier, judgement in zip(turns[-len(outcome.judgements) :], outcome.judgements, strict=True):
                earlier |= _judged(judgement)
    return turns, None


def _action(env: DialogueEnv, turn: Mapping[str, Any]) -> Any:
    if not env.private:
        return turn["text"]
    to = turn["to"] or ()
    return {"text": turn["text"], "to": [int(agent in to) for agent in range(len(env.possible_agents))]}


def _judged(judgement: Judgement) -> dict[str, Any]:
    return {
        "valid": judgement.valid,
        "proxy": judgement.proxy,
        "faithful": judgement.faithful,
        "facts": dict(judgement.facts),
    }


def _narration(env: DialogueEnv) -> list[dict[str, Any]]:
    return [
        {"at": place, "text": message.text, "to": None if message.to is None else list(message.to)}
        for place, message in enumerate(env.table.messages)
        if message.speaker == NARRATOR
    ]


def _ending(env: DialogueEnv) -> str:
    if any(env.terminations.values()):
        return "terminated"
    return "truncated" if any(env.truncations.values()) else "running"
