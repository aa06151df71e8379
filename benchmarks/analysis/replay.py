"""Replay: every stored episode once more from its log, without any agent, and held against what was stored.

The scenario is made with the cell's knobs, reset with the episode's seed, and told the logged messages. Cards,
narration, rewards, judgements and the ending must come out as they were stored; so must what the partners got for each
message, the sums that a sweep keeps beside each episode, and the figures in the cell's row. Of the log, only the seed
and who said what to whom is used to replay. What an agent imagined, and estimated from that, would take its model: the
log is believed there, and sums and figures must follow from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.agents.world import partner_seats, seat_name
from goldenrule.benchmarks.evaluation.recount import COUNTED, REWARDS, recounted
from goldenrule.benchmarks.storage.reader import Run, StoredCell, number, shown
from goldenrule.benchmarks.storage.schema import episode_row
from goldenrule.common.errors import UserError
from goldenrule.common.untrusted import contained
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.rewards.truth import TRUTH

TOLERANCE = 1e-9
"""Between a figure and what its episodes come to: sums may be taken in another order."""


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
    finished: list[Mapping[str, Any]] = []
    for record in run.log.episodes(cell):
        found.episodes += 1
        place = record.get("episode")
        beside = _wrong_sums(run, cell, record)
        if record.get("status") != "failed":
            finished.append(record)
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
    elif finished and (what := _wrong_figure(cell, finished)):
        differs(what)
    return None


def _told(cell: StoredCell) -> int | None:
    """How many episodes the row says were held, of failed cells too; `None` where it does not say."""
    counts = [number(cell.row.get(key)) for key in ("episodes", "episodes_failed")]
    return None if None in counts else int(sum(count for count in counts if count is not None))


def _wrong_sums(run: Run, cell: StoredCell, record: Mapping[str, Any]) -> str | None:
    """How what was reckoned from the episode's rewards, and is kept in its log or beside it, differs from the log."""
    try:
        row = episode_row(cell.id or "", str(cell.row["scenario"]), record)
        kept = run.log.sums(cell, row["episode"]) or {}
        if what := next(_wrong_truths(str(cell.row["scenario"]), record), None):
            return what
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return f"its log is damaged ({type(error).__name__}: {shown(str(error), 200)})"
    for key, value in kept.items():
        if value != row[key]:
            return f"its row has {key} {shown(value, 100)}, its log {shown(row[key], 100)}"
    return None


def _wrong_truths(scenario: str, record: Mapping[str, Any]) -> Iterator[str]:
    """What partners got for a message of the learner: all from then to its next one (`goldenrule.rewards.truth`)."""
    me, partners = record["agents"].index(seat_name(scenario, "learner")), partner_seats(scenario, record["agents"])
    places = [place for place, turn in enumerate(record["turns"]) if turn["speaker"] == me]
    for place, end in itertools.pairwise([*places, len(record["turns"])]):
        stored = record["turns"][place]["scores"].get(TRUTH)
        paid = math.fsum(turn["rewards"][seat] for turn in record["turns"][place:end] for seat in partners)
        if stored is not None and not _alike(stored, paid):
            yield f"message {place}: the log has the true reward {shown(stored, 40)}, its rewards come to {paid}"


def _wrong_figure(cell: StoredCell, finished: Sequence[Mapping[str, Any]]) -> str | None:
    """The first figure of the row that its finished episodes do not come to."""
    try:
        counted = recounted({"cell": cell.id, **cell.row, **dict.fromkeys(REWARDS, 0.0)}, finished)
    except UserError as error:
        return str(error)
    for key in COUNTED:
        if not _alike(stored := cell.row.get(key), counted[key]):
            return f"its row has {key} {shown(stored, 100)}, its episodes come to {shown(counted[key], 100)}"
    return None


def _alike(stored: Any, counted: Any) -> bool:
    if isinstance(stored, Mapping) and isinstance(counted, Mapping):
        return stored.keys() == counted.keys() and all(_alike(stored[key], counted[key]) for key in stored)
    one, other = number(stored), number(counted)
    if one is None or other is None:
        return bool(stored == counted)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


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
