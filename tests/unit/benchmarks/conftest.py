"""Small runs, made by the same records and the same store as real ones; scripted people talk in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.episode import Episode
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.metrics import ESTIMATE, KEYS, PREDICTED, as_data, run_metrics
from goldenrule.benchmarks.storage.store import EPISODE_COLUMNS, ResultStore, RunRecord, clean_text, dumps
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.make import make
from goldenrule.envs.scenarios.hidden_needs import ACTS, PHRASES, REPLY
from goldenrule.rewards.base import TRUTH, record_truth
from goldenrule.training.learner import Progress

SCENARIO = "hidden_needs-v0"
TRUST = {"untrained": 0.6, "rlhf_ppo": 0.2, "naive_kindness": 0.25, "empathetic_kindness": 0.95}
"""How often each method's imagined reply tells the truth, in these made-up runs."""


class Guesser:
    """Offers some support act at random."""

    def reset(self, seeds: Sequence[int]) -> None:
        self.rngs = [generator(seed, "guesser") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> Sequence[Reply]:
        return [Reply(self._offer(self.rngs[seen.dialogue])) for seen in observations]

    def _offer(self, rng: Any) -> str:
        phrases = PHRASES[ACTS[int(rng.integers(len(ACTS)))]]
        return phrases[int(rng.integers(len(phrases)))]


def held(seed: int, count: int, trust: float, **knobs: Any) -> list[Episode]:
    """Dialogues of scripted people, with estimates that are right with probability `trust` and kind words otherwise."""
    makers = people(SCENARIO)
    world = World(SCENARIO, knobs, {"seeker": makers["seeker"]()}, derive(seed, "world"))
    episodes = world.run_episodes(Guesser(), count, "evaluation")
    record_truth(episodes, world.learner, world.partners)
    rng = generator(seed, "estimates")
    for episode in episodes:
        for turn in episode.turns:
            if turn.message.speaker == world.learner:
                _imagine(turn, trust, rng)
    return episodes


def _imagine(turn: Any, trust: float, rng: Any) -> None:
    truth = turn.scores[TRUTH]
    estimate: float | None = truth if rng.random() < trust else 1.0
    if rng.random() < 0.02:
        estimate = None
        turn.reasons[ESTIMATE] = "the imagined reply does not tell"
    turn.scores[ESTIMATE] = turn.scores[PREDICTED] = estimate
    phrases = REPLY.texts("thanks" if estimate else "refusal")
    turn.notes[PREDICTED] = turn.notes[ESTIMATE] = phrases[int(rng.integers(len(phrases)))]


def curve(seed: int, trust: float, updates: int) -> list[dict[str, Any]]:
    rng = generator(seed, "curve")
    entries = []
    for update in range(updates):
        share = (update + 1) / updates
        reward, truth = share + rng.normal(0, 0.04), 0.2 + 0.7 * trust * share + rng.normal(0, 0.04)
        entries.append(asdict(Progress(update + 1, updates, float(reward), float(truth), 0.1, 1.0, 0, 0)))
    return entries


def records_of(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    env = make(SCENARIO)
    return [as_data(episode, number, 0, (1,), env.scenario.read) for number, episode in enumerate(episodes)]


def row_of(cell: str, method: str, seed: int, knobs: dict[str, Any], records: Sequence[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"cell": cell, "method": method, "scenario": SCENARIO, "knobs": knobs, "seed": seed}
    return row | {"status": "done", "error": None, "tokens": None, **run_metrics(records), "seconds": 1.0}


def make_run(
    folder: Path,
    methods: tuple[str, ...] = ("rlhf_ppo", "empathetic_kindness"),
    seeds: tuple[int, ...] = (0, 1, 2),
    count: int = 6,
    similarities: tuple[float, ...] = (0.25,),
    updates: int = 5,
    change: Callable[[dict[str, Any], list[dict[str, Any]]], None] = lambda row, episodes: None,
    backwards: bool = False,
) -> Path:
    """A run's folder.

    Args:
        folder: where.
        change: told each row and its episodes before they are stored; may change both.
        backwards: whether the last cell is saved first.
    """
    grid = _grid(methods, seeds, similarities)
    folder.mkdir(exist_ok=True)
    with ResultStore(folder, {name: place for place, name in enumerate(grid)}, {"goldenrule": "0"}, "abc") as store:
        environment = {"commit": "abc", "versions": {"goldenrule": "0"}}
        asked = {"name": "made", "seeds": list(seeds), "training": {"updates": updates}}
        store.describe(sweep=asked, environment=environment, cells=len(grid))
        for name, made in reversed(grid.items()) if backwards else grid.items():
            store.commit(_record(name, *made, count, updates, change))
    return folder


def _grid(
    methods: tuple[str, ...], seeds: tuple[int, ...], similarities: tuple[float, ...]
) -> dict[str, tuple[str, float, int]]:
    return {f"{m}-{s}-{round(100 * x)}": (m, x, s) for x in similarities for s in seeds for m in methods}


def _record(
    name: str,
    method: str,
    similarity: float,
    seed: int,
    count: int,
    updates: int,
    change: Callable[[dict[str, Any], list[dict[str, Any]]], None],
) -> RunRecord:
    knobs = {"similarity": similarity, "cue": 1.0}
    trust = TRUST.get(method, 0.97)
    records = records_of(held(derive(seed, method), count, trust, **knobs))
    row = row_of(name, method, seed, knobs, records)
    change(row, records)
    learnt = [] if method == "untrained" else curve(derive(seed, method), trust, updates)
    try:
        return RunRecord.of(row, records, learnt)
    except (KeyError, TypeError, ValueError, IndexError):  # after `change` there may be nothing to add up
        logs = [logged(name, number, one) for number, one in enumerate(records)]
        return RunRecord(row, logs, curve=dumps(learnt) if learnt else None)


def logged(cell: str, number: int, record: dict[str, Any]) -> dict[str, Any]:
    """The row of an episode of which little but its log is known."""
    known = {"cell": cell, "episode": number, "seed": "0", "status": str(record.get("status")), "messages": 0}
    return dict.fromkeys(EPISODE_COLUMNS) | known | {"invalid_messages": 0, "log": dumps(record)}


def make_hostile_run(folder: Path, texts: Sequence[str], paid: float = 1.0) -> Path:
    """A run's folder with a cell and a dialogue a text, which stands wherever a run has a text.

    Args:
        folder: where.
        texts: names of methods, agents, knobs and settings, messages, imagined replies, cards, reasons, errors.
        paid: what each partner got.
    """
    folder.mkdir(parents=True)
    records = []
    for number, text in enumerate(texts):
        cell, failed = f"cell-{number:03}", number % 10 == 9
        row: dict[str, Any] = {
            "cell": cell,
            "method": clean_text(text),
            "scenario": SCENARIO,
            "knobs": {"similarity": 0.5, "k": text},
        }
        row |= {"seed": 0, "params": {text: text}, "status": "done", "error": None, **dict.fromkeys(KEYS)}
        row |= {
            "negotiation": {text: 1.0},
            "seconds": 1.0,
            "weights": None,
            "episodes": 1,
            "episodes_failed": int(failed),
        }
        row |= {"partner_reward": None if failed else paid}
        if number % 50 == 49:
            row |= {"status": "failed", "error": text}
        scores = {ESTIMATE: 1.0, TRUTH: 1.0, text: None}
        about: dict[str, Any] = {
            "absent": {text: 1.0},
            "facts": {text: text},
            "reasons": {text: text},
            "faithful": True,
        }
        said = {"text": text, "to": None, "rewards": [0.0, paid], "valid": True, "proxy": 0.5, **about}
        turns = [
            {"speaker": 1, "scores": {}, "notes": {}, **said},
            {
                "speaker": 0,
                "scores": scores,
                "imagined": text,
                "reply": 2,
                "reply_reward": None,
                "notes": {ESTIMATE: text, PREDICTED: f"{text}!"},
                **said,
            },
            {"speaker": 1, "scores": {}, "notes": {}, **said},
        ]
        log: dict[str, Any] = {"episode": 0, "seed": 0, "agents": ["helper_0", text], "cards": [text, text]}
        log |= {"learner": 0, "partners": [1], "own_metrics": None}
        log |= {"status": "failed" if failed else "terminated", "error": text if failed else None, "turns": turns}
        log |= {"narration": [{"at": 0, "text": text, "to": None}]}
        records.append(RunRecord(row, [logged(cell, 0, log)]))
    places = {one.row["cell"]: place for place, one in enumerate(records)}
    with ResultStore(folder, places, {"goldenrule": "0"}) as store:
        environment = {"command": list(texts[:5]), "versions": {texts[0]: texts[1]}}
        store.describe(sweep={"texts": {text: text for text in texts}}, environment=environment, cells=len(records))
        store.commit(*records)
    return folder


@pytest.fixture(scope="session")
def hostile_maker() -> Callable[..., Path]:
    return make_hostile_run


@pytest.fixture(scope="session")
def run_maker() -> Callable[..., Path]:
    return make_run


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture
def embedded() -> Callable[[str], Any]:
    """The conversations that a page carries."""
    return lambda html: json.loads(html.split('id="data">')[1].split("</script>")[0])
