"""`goldenrule pretrain` and human data: found where it is said to be, or one line that says what to do."""

from __future__ import annotations

import json
import os

import pytest

from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.cli.main import main
from goldenrule.common.data import VARIABLE, DataError, data_at
from goldenrule.envs import Conversation, Message
from goldenrule.training.pretraining import base_model as base
from goldenrule.training.pretraining.human_corpus import digest, human_dialogues


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


class Untrained:
    """Stands for training, which takes minutes: notes what it is given."""

    def __init__(self):
        self.given = []

    def __call__(self, config, seed, report, humans):
        self.given.append((config, humans))
        tokenizer = DialogueTokenizer.train(["I need food most."], 300)
        return ThreeModuleTransformer(NetworkConfig(tokenizer.vocab_size, width=16, layers=1, head_width=8)), tokenizer


@pytest.mark.parametrize("human", [True, False])
def test_the_card_says_which_dialogues_were_learnt_from_and_none_of_their_words(human, data, monkeypatch, capsys):
    making = Untrained()
    monkeypatch.setattr(base, "make_base", making)
    monkeypatch.setattr(base, "gate", lambda *_: base.Gate(0.5, {"1": 0.5}, 0.5, 10, {"told": 0.97, "untold": 0.4}))
    monkeypatch.setenv(VARIABLE, str(data / "nowhere"))
    more = ["--data-dir", str(data)] if human else ["--no-human"]
    arguments = ["--scenario", "campsite-v0", "--out", str(data / "base"), "--steps", "7", *more]
    assert main(["pretrain", *arguments]) == 0
    ((config, humans),) = making.given
    assert list(humans) == list(config.human) == (["casino"] if human else [])
    assert config.pretraining.updates == 7
    card = (data / "base" / "card.json").read_text()
    made = json.loads(card)["provenance"]
    assert "hello" not in card.lower()
    asked = "goldenrule pretrain --scenario campsite-v0 --seed 0 --steps 7 --threads 1"
    assert made["command"] == (asked if human else f"{asked} --no-human")
    if human:
        assert made["people"]["casino"]["dialogues"] == len(humans["casino"])
        assert made["people"] == {"casino": digest(humans["casino"])} != {"casino": digest(humans["casino"][1:])}
    else:
        assert "people" not in made
    printed = capsys.readouterr().out
    assert "0.970 where its needs were told" in printed
    assert "will mislead" not in printed


@pytest.mark.parametrize(
    ("scenario", "given", "told"),
    [
        ("hidden_needs-v0", ["nobody=0.1"], "is not to be read here"),
        ("hidden_needs-v0", ["casino=0.1"], "is not to be read here"),  # campsite's alone
        ("campsite-v0", ["casino=0.1"], "is not to be read here"),  # read already
        ("hidden_needs-v0", ["topical_chat"], "expected NAME=SHARE"),
        ("hidden_needs-v0", ["topical_chat=nan"], "no share between 0 and 1"),
        ("hidden_needs-v0", ["topical_chat=0.1", "topical_chat=0.2"], "was given twice"),
        ("campsite-v0", ["topical_chat=0.2", "dialop=0.3"], "less than 0.43"),
    ],
)
def test_further_dialogues_that_cannot_be_read_are_one_line(scenario, given, told, tmp_path, capsys):
    asked = [word for one in given for word in ("--read", one)]
    assert main(["pretrain", "--scenario", scenario, "--out", str(tmp_path / "base"), *asked]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert told in line
    assert "expected" in line
    assert not (tmp_path / "base").exists()


def test_further_dialogues_are_read_and_named_in_the_card(tmp_path, monkeypatch):
    making, talks = Untrained(), [Conversation(("one", "other"), ("", ""), (Message(0, "Hello."),))]
    monkeypatch.setattr(base, "make_base", making)
    monkeypatch.setattr(base, "gate", lambda *_: base.Gate(0.5, {"1": 0.5}, 0.5, 10))
    monkeypatch.setattr("goldenrule.training.pretraining.human_corpus.conversations", lambda name: talks)
    assert main(["pretrain", "--out", str(tmp_path / "base"), "--read", "topical_chat=0.25"]) == 0
    ((config, humans),) = making.given
    assert config.human == {"topical_chat": 0.25}
    assert humans == {"topical_chat": talks}
    made = json.loads((tmp_path / "base" / "card.json").read_text())["provenance"]
    assert "--read topical_chat=0.25" in made["command"]
    assert made["people"]["topical_chat"]["dialogues"] == 1
