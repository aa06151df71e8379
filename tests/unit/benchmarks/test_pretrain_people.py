"""`goldenrule pretrain` and human data: found where it is said to be, or one line that says what to do."""

from __future__ import annotations

import json
import os

import pytest

from goldenrule.benchmarks.cli import main
from goldenrule.benchmarks.datasets import DataError
from goldenrule.benchmarks.people import human_dialogues
from goldenrule.envs.data import VARIABLE, data_at


def needs(*order):
    ranks = ("High", "Medium", "Low")
    outcomes = {"points_scored": 0, "satisfaction": "Undecided", "opponent_likeness": "Undecided"}
    issues = dict(zip(ranks, order, strict=True))
    return {"value2issue": issues, "value2reason": dict.fromkeys(ranks, "So"), "outcomes": outcomes}


@pytest.fixture
def data(tmp_path):
    people = {"mturk_agent_1": needs("Food", "Water", "Firewood"), "mturk_agent_2": needs("Water", "Food", "Firewood")}
    said = [{"text": "HELLO", "task_data": {}, "id": "mturk_agent_1"}]
    records = [{"dialogue_id": k, "chat_logs": said, "participant_info": people} for k in range(40)]
    (tmp_path / "casino").mkdir()
    (tmp_path / "casino" / "a.json").write_text(json.dumps(records))
    return tmp_path


@pytest.mark.parametrize("where", ["variable", "option"])
def test_missing_data_is_one_line_that_says_what_to_do(where, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    more = ["--data-dir", str(tmp_path)] if where == "option" else []
    assert main(["pretrain", "--scenario", "campsite-v0", "--out", str(tmp_path / "base"), *more]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    for word in ("'casino'", VARIABLE, "CaSiNo", "--data-dir", "--no-human"):
        assert word in line
    assert not (tmp_path / "base").exists()


def test_a_data_dir_that_is_not_there_is_named(tmp_path, capsys):
    gone = str(tmp_path / "gone")
    arguments = ["--scenario", "campsite-v0", "--out", str(tmp_path / "base"), "--data-dir", gone]
    assert main(["pretrain", *arguments]) == 2
    assert "gone'; expected the folder above casino" in capsys.readouterr().err


def test_a_data_dir_holds_while_it_is_needed(data, tmp_path, monkeypatch):
    for before in (None, "elsewhere"):
        monkeypatch.delenv(VARIABLE, raising=False) if before is None else monkeypatch.setenv(VARIABLE, before)
        with data_at(data):
            assert os.environ[VARIABLE] == str(data)
            found = human_dialogues(["casino"])
        assert os.environ.get(VARIABLE) == before
    assert 20 <= len(found["casino"]) < 40  # a fold is left to judge on
    assert {m.text for account in found["casino"] for m in account.conversation.messages} == {"hello"}
    with data_at(data), pytest.raises(DataError, match="topical_chat"):
        human_dialogues(["casino", "topical_chat"])
