"""Replay: what was stored comes out again without any agent, and whatever was altered is found."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.agents.base import Reply
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people
from goldenrule.benchmarks.analysis import replay as replaying
from goldenrule.benchmarks.analysis.replay import Replay, replay
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.evaluation.metrics import as_data, run_metrics
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.benchmarks.storage.store import FILE, ResultStore, RunRecord
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec

Maker = Callable[..., Path]
Record = dict[str, Any]
SMALL: dict[str, Any] = {"seeds": (0, 1), "count": 3, "updates": 1, "methods": ("untrained", "rlhf_ppo")}
SCENARIOS = {
    "hidden_needs-v0": {"similarity": 0.5, "turns": 2},
    "campsite-v0": {"pool": "synthetic"},
    "false_belief-v0": {},
    "third_party-v0": {},
}


def logged(scenario: str, knobs: dict[str, Any], seeds: range) -> list[Record]:
    """Episodes of scripted people as they lie on disk."""
    envs = [make(scenario, **knobs) for _ in seeds]
    makers = people(scenario)
    names = envs[0].possible_agents
    seats = {name: makers[name if name in makers else name.rsplit("_", 1)[0]]() for name in names}
    episodes = play(envs, seats, list(seeds))
    read = envs[0].scenario.read
    own = spec(scenario).metrics
    data = [as_data(one, number, 0, (1,), read, own) for number, one in enumerate(episodes)]
    found: list[Record] = json.loads(json.dumps(data))
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_comes_out_as_it_was_stored(scenario: str) -> None:
    records = logged(scenario, SCENARIOS[scenario], range(12))
    table = Replay(scenario, SCENARIOS[scenario])
    assert [table.difference(record) for record in records] == [None] * 12
    assert any(any(turn["rewards"]) for record in records for turn in record["turns"])


@pytest.fixture(scope="module")
def record() -> Record:
    return logged("hidden_needs-v0", {"turns": 2}, range(7, 8))[0]


def alter(path: str, value: Any) -> Callable[[Record], None]:
    """Sets one value of a record, by its path."""

    def change(record: Record) -> None:
        *parents, last = path.split(".")
        place: Any = record
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[int(last) if isinstance(place, list) else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (alter("cards.0", "You are rich."), "cards: stored"),
        (alter("agents.0", "someone"), "agents: stored"),
        (alter("seed", 8), "cards: stored"),
        (alter("status", "truncated"), "ending: stored truncated, replayed terminated"),
        (alter("narration", [{"at": 0, "text": "It rains.", "to": None}]), "narration: stored"),
        (alter("turns.1.rewards", [5.0, 5.0]), "message 1: rewards: stored [5.0, 5.0], replayed"),
        (alter("turns.1.absent", {"cook": 1.0}), "message 1: absent"),
        (alter("turns.1.valid", False), "message 1: valid: stored false, replayed true"),
        (alter("turns.1.proxy", 0.123), "message 1: proxy: stored 0.123"),
        (alter("turns.2.faithful", False), "message 2: faithful"),
        (alter("turns.2.facts", {}), "message 2: facts"),
        (alter("turns.1.text", "Xyzzy."), "message 1: "),
        (alter("turns.1.text", ""), "replayed failed (helper_0: an empty text"),
        (alter("turns.1.text", "x" * 2001), "replayed failed (helper_0: a text of 2001 characters"),
        (alter("turns.1.speaker", 1), "message 1: seat 1 spoke, but helper_0 is to speak"),
        (
            lambda record: record["turns"].pop(),
            "ending: stored terminated, replayed failed (seeker_0 (_Recorded) raised LookupError: the record ends",
        ),
        (lambda record: record["turns"].append(record["turns"][0]), "messages: stored 4, replayed 3"),
        (lambda record: record.pop("turns"), "it cannot be replayed (KeyError"),
        (alter("turns", 3), "it cannot be replayed (TypeError"),
        (alter("seed", "x"), "it cannot be replayed ("),
    ],
)
def test_whatever_was_altered_is_found(record: Record, change: Callable[[Record], Any], found: str) -> None:
    altered = copy.deepcopy(record)
    table = Replay("hidden_needs-v0", {"turns": 2})
    assert table.difference(altered) is None
    change(altered)
    told = table.difference(altered)
    assert told is not None
    assert found in told
    assert table.difference(record) is None  # nothing of the bad one stays


class Says:
    """Says one thing, to everyone or to the first guest, and falls silent by raising."""

    def __init__(self, text: str, to: tuple[int, ...] | None = None, most: int = 99) -> None:
        self.text, self.to, self.most = text, to, most

    def reset(self, seeds: Any) -> None:
        self.said = 0

    def act(self, seen: Any) -> list[Reply]:
        self.said += 1
        if self.said > self.most:
            raise RuntimeError("no words left")
        return [Reply(self.text, to=self.to) for _ in seen]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("private", [True, False])
def test_speaking_at_once_in_private_and_of_the_absent(
    panel: Any, together: bool, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panel_env(scenario: str, private: bool = False, **knobs: Any) -> DialogueEnv:
        return DialogueEnv(panel(**knobs), scenario, private=private)

    monkeypatch.setattr(replaying, "make", panel_env)
    to = (1,) if private else None
    for most, status in ((99, "truncated"), (1, "failed")):
        seats = {"host_0": Says("100 101 102", to), "guest_0": Says("yes", to), "guest_1": Says("no", None, most)}
        episode = play([panel_env("panel-v0", private, together=together)], seats, [5])[0]
        record = json.loads(json.dumps(as_data(episode, 0, 0, (1, 2))))
        assert record["status"] == status
        assert record["narration"][1]["to"] == [0]
        table = Replay("panel-v0", {"together": together})
        assert table.difference(record) is None
        record["turns"][2]["absent"] = {"cook": 9.0}
        assert table.difference(record) == 'message 2: absent: stored {"cook": 9.0}, replayed ' + (
            '{"cook": 1.5}' if together else '{"cook": 0.5}'
        )


def test_all_episodes_of_a_run_come_out_again(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_maker(tmp_path / "run", **SMALL)
    with read_run(run) as stored:
        found = replay(stored)
    assert (found.cells, found.episodes, found.same, found.differences) == (4, 12, 12, [])
    assert main(["replay", str(run)]) == 0
    assert "12 of 12 episodes in 4 cells replayed with the same" in capsys.readouterr().out


def test_differences_are_told_one_by_one_and_counted(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(row: Record, episodes: list[Record]) -> None:
        if row["cell"] == "untrained-0-25":
            episodes[1]["cards"][0] += "\x1b[31m"
        elif row["cell"] == "rlhf_ppo-0-25":
            row["partner_reward"] += 0.5
        elif row["cell"] == "rlhf_ppo-1-25":
            row |= {"scenario": "gone-v0", "episodes": 0}
            episodes.clear()

    run = run_maker(tmp_path / "run", **SMALL, change=change)
    assert main(["replay", str(run)]) == 1
    shown = capsys.readouterr().out
    assert "untrained-0-25:1: cards: stored" in shown
    assert "\x1b" not in shown
    assert "rlhf_ppo-0-25: its row has partner_reward" in shown
    assert "rlhf_ppo-1-25: its scenario cannot be made here: no scenario 'gone-v0'" in shown
    assert "8 of 9 episodes in 4 cells" in shown
    assert main(["replay", str(run), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["episodes"], told["same"], told["unproven"], len(told["differences"])) == (9, 8, 0, 3)


def test_where_nothing_can_be_replayed_nothing_is_proven(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: Any, **__: Any) -> DialogueEnv:
        raise ImportError("a plug-in of another folder")

    run = run_maker(tmp_path / "run", **SMALL)
    monkeypatch.setattr(replaying, "make", nowhere)
    assert main(["replay", str(run)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2].startswith("0 of 12 episodes in 4 cells replayed with the same")
    assert told[-1] == "12 could not be replayed here and are not proven."


def test_an_episode_that_is_gone_is_told(run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_maker(tmp_path / "run", **SMALL, change=lambda row, episodes: episodes.pop())
    assert main(["replay", str(run)]) == 1
    assert "untrained-1-25: 2 of 3 episodes can be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("column", "value"), [("partner_reward", "9"), ("messages", "1"), ("status", "'odd'"), ("seed", "'1'")]
)
def test_the_sums_beside_an_episode_are_held_against_its_log(
    run_maker: Maker, tmp_path: Path, column: str, value: str
) -> None:
    run = run_maker(tmp_path / "run", methods=("untrained",), seeds=(0,), count=2)
    db = sqlite3.connect(run / FILE)
    db.execute(f"UPDATE episodes SET {column} = {value} WHERE episode = 1")
    db.commit()
    db.close()
    with read_run(run) as stored:
        found = replay(stored)
    assert [one.episode for one in found.differences] == [1]
    assert found.differences[0].what.startswith(f"its row has {column} ")


@pytest.mark.parametrize(
    "key", ["own_reward", "partner_reward_estimate", "estimate_gap", "estimate_correlation", "reply_accuracy"]
)
def test_every_figure_of_a_row_is_held_against_its_episodes(run_maker: Maker, tmp_path: Path, key: str) -> None:
    def change(row: Record, episodes: list[Record]) -> None:
        row[key] = (row[key] or 0.0) + 0.01 if row["cell"] == "untrained-1-25" else row[key]

    with read_run(run_maker(tmp_path / "run", **SMALL, change=change)) as stored:
        found = replay(stored)
    assert [(one.cell, one.episode) for one in found.differences] == [("untrained-1-25", None)]
    assert found.differences[0].what.startswith(f"its row has {key} ")


def test_what_the_log_says_a_partner_got_for_a_message_is_held_against_its_rewards(
    run_maker: Maker, tmp_path: Path
) -> None:
    def change(row: Record, episodes: list[Record]) -> None:
        if row["cell"] == "untrained-1-25":
            said = next(turn for turn in episodes[2]["turns"] if turn["speaker"] == 0)
            said["scores"]["truth"] += 1.0

    with read_run(run_maker(tmp_path / "run", **SMALL, change=change)) as stored:
        found = replay(stored)
    assert (found.same, found.episodes) == (11, 12)
    assert (found.differences[0].cell, found.differences[0].episode) == ("untrained-1-25", 2)
    assert "message 1: truth: stored" in found.differences[0].what


def test_an_episode_in_which_the_learner_said_nothing_comes_out_again(run_maker: Maker, tmp_path: Path) -> None:
    def change(row: Record, episodes: list[Record]) -> None:
        episodes[1] |= {"status": "failed", "error": "broke off", "turns": []}
        row |= {"episodes": 2, "episodes_failed": 1}
        row |= run_metrics(episodes)

    with read_run(run_maker(tmp_path / "run", **SMALL, change=change)) as stored:
        found = replay(stored)
    assert (found.same, found.episodes, found.differences) == (12, 12, [])


def test_a_folder_without_a_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "nowhere")]) == 2
    assert "no run in" in capsys.readouterr().err


def test_dialogues_with_what_was_never_met_are_replayed_as_such(tmp_path: Path) -> None:
    """Their rewards are exact too, and the metrics of the row follow from them and from no others."""
    result = Cell("scripted", "hidden_needs-v0", {}, 0, CellSettings(episodes=6, partner="scripted")).run()
    cell = result.row["cell"]

    def replayed(row: Record, unseen: list[Record]) -> replaying.Replayed:
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        with ResultStore(folder, {cell: 0}, {}) as store:
            store.commit(RunRecord.of(row, result.episodes, (), unseen))
        with read_run(folder) as run:
            return replaying.replay(run)

    found = replayed(result.row, result.unseen)
    assert (found.episodes, found.same, found.differences) == (8, 8, [])
    (wrong,) = replayed({**result.row, "unseen_partner_reward": 9.0}, result.unseen).differences
    assert "unseen_partner_reward 9.0" in wrong.what
    altered: list[Record] = json.loads(json.dumps(result.unseen))
    altered[1]["turns"][1]["rewards"][0] = 1.0
    (wrong,) = replayed(result.row, altered).differences
    assert (wrong.episode, wrong.what[:15]) == (1, "of unmet words:")
