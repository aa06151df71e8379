"""Human dialogues: what the loaders read, what they refuse and how, on small files made here."""

from __future__ import annotations

import copy
import gzip
import json

import numpy as np
import pytest

from goldenrule.agents.scripted.campsite import take_in
from goldenrule.benchmarks.studies.partner_reward.baselines import human_metrics, over_dialogues
from goldenrule.common.data import VARIABLE, DataError
from goldenrule.envs import make
from goldenrule.envs.datasets.corpora import conversations
from goldenrule.envs.scenarios.campsite.casino import load_casino, split
from goldenrule.envs.scenarios.campsite.participants import fold
from goldenrule.envs.scenarios.campsite.scenario import SPEC

ME, YOU = "mturk_agent_1", "mturk_agent_2"


def person(issues, points, satisfaction="Slightly satisfied", likeness="Extremely like"):
    ranks = ("High", "Medium", "Low")
    return {
        "value2issue": dict(zip(ranks, issues, strict=True)),
        "value2reason": {rank: f"because of {issue}" for rank, issue in zip(ranks, issues, strict=True)},
        "outcomes": {"points_scored": points, "satisfaction": satisfaction, "opponent_likeness": likeness},
    }


def record(number=1):
    deal = {"issue2youget": {"Food": "3", "Water": "1", "Firewood": "0"}, "issue2theyget": {}}
    return {
        "dialogue_id": number,
        "chat_logs": [
            {"text": "Hello!\x07  there", "task_data": {}, "id": YOU},
            {"text": "Submit-Deal", "task_data": deal, "id": ME},
            {"text": "Accept-Deal", "task_data": {"data": "accept_deal"}, "id": YOU},
        ],
        "participant_info": {
            ME: person(("Food", "Water", "Firewood"), 19),
            YOU: person(("Firewood", "Water", "Food"), 23, "Undecided", "Slightly dislike"),
        },
    }


def write(folder, *records, name="some.json"):
    (folder / name).write_text(json.dumps(list(records)), encoding="utf-8")
    return folder


def test_a_dialogue_is_read_with_its_deal_and_outcomes(tmp_path):
    (dialogue,) = load_casino(write(tmp_path, record()))
    assert [line.text for line in dialogue.lines] == [
        "Hello! there",
        "Submit-Deal: I get 3 food, 1 water, 0 firewood",
        "Accept-Deal",
    ]
    assert dialogue.computed_points() == (19, 23) == tuple(p.points for p in dialogue.people)
    assert [(p.satisfaction, p.likeness) for p in dialogue.people] == [(4, 5), (3, 2)]


def test_the_conversation_is_one_that_the_scripts_understand(tmp_path):
    (dialogue,) = load_casino(write(tmp_path, record()))
    now = take_in(dialogue.conversation().seen_by(1))
    assert now.me == dialogue.people[1].person or now.me.order == dialogue.people[1].person.order
    assert (now.mine, now.worth, now.theirs) == ((0, 2, 3), 23, True)


def test_a_talk_walked_away_from_has_no_deal(tmp_path):
    left = record()
    left["chat_logs"][-1] = {"text": "Walk-Away", "task_data": {}, "id": YOU}
    (dialogue,) = load_casino(write(tmp_path, left))
    assert dialogue.deal() is None
    assert dialogue.computed_points() == (5, 5)


def test_every_file_is_read_and_a_dialogue_counts_once(tmp_path):
    write(tmp_path, record(1), record(2), name="a.json")
    write(tmp_path, record(2), record(30), name="b.json")
    assert [d.id for d in load_casino(tmp_path)] == ["1", "2", "30"]


def test_two_dialogues_under_one_id_are_refused(tmp_path):
    other = record(1)
    other["chat_logs"][0]["text"] = "Hi."
    with pytest.raises(DataError, match=r"dialogue 1: another dialogue has this id"):
        load_casino(write(tmp_path, record(1), other))


def broken(change):
    bad = copy.deepcopy(record())
    change(bad)
    return bad


def _set(*path, value):
    def change(bad):
        for key in path[:-1]:
            bad = bad[key]
        bad[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b.pop("dialogue_id"), "entry 0 has no dialogue_id"),
        (lambda b: b.pop("chat_logs"), "'chat_logs' is missing"),
        (_set("chat_logs", value=[]), "chat_logs is empty"),
        (_set("chat_logs", value=3), "is not as expected (TypeError"),
        (lambda b: b.pop("participant_info"), "'participant_info' is missing"),
        (lambda b: b["participant_info"].pop(YOU), f"'{YOU}' is missing"),
        (_set("participant_info", ME, "value2issue", value={"High": "Food"}), "'Medium' is missing"),
        (_set("participant_info", ME, "value2issue", "Low", value="Food"), "value2issue names food, water, food"),
        (_set("participant_info", YOU, "outcomes", "points_scored", value="many"), "points_scored is 'many'"),
        (_set("participant_info", YOU, "outcomes", "satisfaction", value="Meh"), "satisfaction is 'Meh'"),
        (_set("participant_info", YOU, "outcomes", "opponent_likeness", value=None), "opponent_likeness is None"),
        (_set("chat_logs", 1, "task_data", value={}), "message 1: Submit-Deal without whole numbers"),
        (_set("chat_logs", 1, "task_data", "issue2youget", "Food", value="4"), "message 1: Submit-Deal without whole"),
        (_set("chat_logs", 0, "id", value="someone"), "message 0: expected a text and an id"),
    ],
)
def test_a_field_that_is_missing_is_named_in_one_line(tmp_path, change, says):
    with pytest.raises(DataError) as error:
        load_casino(write(tmp_path, broken(change)))
    assert says in str(error.value)
    assert "some.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_folder_or_file_says_where_to_get_it(tmp_path, monkeypatch):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError, match="kushalchawla/CaSiNo"):
            load_casino(folder)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=VARIABLE):
        load_casino()


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "torn.json").write_text('[{"dialogue_id": 1')
    with pytest.raises(DataError, match=r"torn\.json is not JSON"):
        load_casino(tmp_path)
    (tmp_path / "torn.json").write_text("{}")
    with pytest.raises(DataError, match=r"torn\.json: expected a list"):
        load_casino(tmp_path)


def test_the_split_is_by_dialogue_and_does_not_move_when_others_are_added(tmp_path):
    many = load_casino(write(tmp_path, *(record(i) for i in range(200))))
    train, test = split(many)
    assert {d.id for d in train} | {d.id for d in test} == {d.id for d in many}
    assert not {d.id for d in train} & {d.id for d in test}
    assert 20 <= len(test) <= 60
    assert {d.id for d in split(many[:50])[1]} == {d.id for d in test} & {d.id for d in many[:50]}
    assert {fold(d.id) for d in many} == set(range(5))
    with pytest.raises(ValueError, match="fold 5"):
        split(many, held_out=5)


def test_human_cards_sit_at_the_table(tmp_path, monkeypatch):
    (tmp_path / "casino").mkdir()
    write(tmp_path / "casino", record())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    env = make("campsite-v0", pool="human")
    orders = set()
    for seed in range(20):
        env.reset(seed=seed)
        orders.add(tuple(p.order[0] for p in env.scenario.pair))
        assert "because of Water" in env.dialogue.cards[0]
    assert orders == {("food", "firewood"), ("firewood", "food")}


def test_figures_of_a_talk_known_by_hand(tmp_path):
    left = record(2)
    left["chat_logs"][-1] = {"text": "Walk-Away", "task_data": {}, "id": YOU}
    for who in (ME, YOU):
        left["participant_info"][who]["outcomes"]["points_scored"] = 5
    dialogues = load_casino(write(tmp_path, record(1), left))
    figures = human_metrics(SPEC, [one.metrics() for one in dialogues])
    assert figures["own_points"].value == pytest.approx((19 + 23 + 5 + 5) / 4)
    assert figures["joint_points"].value == pytest.approx((42 + 10) / 2)
    assert figures["agreement_share"].value == 0.5
    assert figures["pareto_share"].value == 1.0
    assert (figures["joint_points"].low, figures["joint_points"].high) == (None, None)  # two talks tell of no spread


def test_an_interval_is_within_what_was_seen_and_needs_five_dialogues():
    rows = np.arange(10.0)
    found = over_dialogues(rows, lambda some: float(some.mean()))
    assert found.value == 4.5
    assert 0.0 < found.low < 4.5 < found.high < 9.0
    few = over_dialogues(rows[:4], lambda some: float(some.mean()))
    assert (few.low, few.reason) == (None, "an interval needs 5 dialogues")


def test_no_dialogues_have_no_figures():
    assert human_metrics(SPEC, []) == {}


def gz(path, text):
    path.write_bytes(gzip.compress(text.encode()))


def test_the_other_sets_are_read_as_speakers_and_text(tmp_path):
    chat = {"t1": {"content": [{"agent": "agent_1", "message": "Hi"}, {"agent": "agent_2", "message": " Hello "}]}}
    for name in ("topical_chat", "dialop", "diplomacy_lies", "flightpref"):
        (tmp_path / name).mkdir()
    gz(tmp_path / "topical_chat" / "a.json.gz", json.dumps(chat))
    rooms = [
        {"type": "message", "player": player, "vroom": room, "message": {"data": text}}
        for player, room, text in ((1, 1, "a"), (2, 0, "b"), (2, 1, "c"))
    ]
    gz(tmp_path / "dialop" / "a.jsonl.gz", json.dumps({"action_log": [*rooms, {"type": "proposal"}]}) + "\n")
    letters = {"messages": ["Ally?", "Yes.", ""], "speakers": ["italy", "germany", "italy"]}
    gz(tmp_path / "diplomacy_lies" / "a.jsonl.gz", json.dumps(letters))
    (tmp_path / "flightpref" / "a.json").write_text(json.dumps([{"rounds": [{"utterance": "cheap"}]}]))
    said = {
        name: [[(m.speaker, m.text) for m in c.messages] for c in conversations(name, tmp_path / name)]
        for name in ("topical_chat", "dialop", "diplomacy_lies", "flightpref")
    }
    assert said == {
        "topical_chat": [[(0, "Hi"), (1, "Hello")]],
        "dialop": [[(0, "a"), (1, "c")], [(0, "b")]],
        "diplomacy_lies": [[(0, "Ally?"), (1, "Yes.")]],
        "flightpref": [[(0, "cheap")]],
    }


def test_a_line_that_is_torn_or_a_set_unknown_is_named(tmp_path):
    gz(tmp_path / "a.jsonl.gz", '{"messages": ["x"], "speakers": ["i"]}\n{"mess')
    with pytest.raises(DataError, match=r"a\.jsonl\.gz line 2 is not JSON"):
        list(conversations("diplomacy_lies", tmp_path))
    with pytest.raises(DataError, match="expected one of casino"):
        conversations("nothing")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"t1": {}}, r"a\.json: t1: 'content' is missing"),
        ({"t1": {"content": [{"agent": "agent_1"}]}}, r"a\.json: t1: 'message' is missing"),
        ({"t1": 7}, r"a\.json: t1 is not as expected \(TypeError: .*\); fetch the file again"),
        ([7], r"a\.json is not as expected \(AttributeError"),
    ],
)
def test_a_dialogue_of_another_form_is_named(tmp_path, content, says):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=says):
        list(conversations("topical_chat", tmp_path))
