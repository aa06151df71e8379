"""Figures of imagined beliefs: networks whose knowledge is known get the figures they deserve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.studies.beliefs import FALSE_BELIEF, PLACE, VERDICT, belief_report
from goldenrule.envs.scenarios.false_belief.language import PLACES, read_answer, read_question, reply_texts
from goldenrule.envs.scenarios.false_belief.scenario import answer_to, last_place

SCENARIO = "false_belief-v0"


@pytest.fixture(scope="module")
def network() -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    tokenizer = DialogueTokenizer.train(["You help Anna and Ben. The key is in the box."], 300)
    size = NetworkConfig(tokenizer.vocab_size, width=16, layers=1, feed_forward=16, context=1024, longest_message=4)
    return ThreeModuleTransformer(size, 2), tokenizer


def imagine(monkeypatch, place_of, heard_of=lambda place, answer: answer):
    """Let it imagine by rule: what Anna believes, of question and story, and what she takes the answer to be."""

    def simulate(self, views, as_agent):
        replies = []
        for view in views:
            question = next(q for m in reversed(view.messages) if (q := read_question(m.text)))
            place, answer = place_of(question, view.messages), read_answer(view.messages[-1].text)[0]
            replies.append(reply_texts(question, place, heard_of(place, answer))[0])
        return replies

    monkeypatch.setattr(LanguageModel, "simulate", simulate)


def rows_of(report):
    return {(row["figure"], row["order"]): row for row in report["rows"]}


@pytest.mark.parametrize("knobs", [{}, {"questions": 3, "containers": 6, "moves": 5}])
def test_one_that_follows_everyones_beliefs_is_always_right(monkeypatch, network, knobs):
    imagine(monkeypatch, answer_to)
    report = belief_report(*network, knobs, 60, 0)
    rows = rows_of(report)
    assert set(rows) == {(f, o) for f in (PLACE, FALSE_BELIEF, VERDICT) for o in (0, 1, 2)} - {(FALSE_BELIEF, 0)}
    assert all(row["share"] == row["high"] == row["share_of_all"] == 1.0 and row["none"] == 0 for row in rows.values())
    assert all(0 < row["low"] < 1 for row in rows.values())
    assert sum(rows[PLACE, order]["n"] for order in (0, 1, 2)) == report["replies"]
    assert report["replies"] > 50 * knobs.get("questions", 1)
    assert {rows[PLACE, o]["chance"] for o in (0, 1, 2)} == {1 / knobs.get("containers", 4)}


def test_one_that_takes_everyone_to_know_the_truth_gets_the_baseline(monkeypatch, network):
    imagine(monkeypatch, lambda question, story: last_place(story, question.thing, ()))
    rows = rows_of(belief_report(*network, {}, 200, 1))
    assert all(row["share"] == pytest.approx(row["always_truth"]) for row in rows.values())
    assert rows[PLACE, 0]["share"] == 1.0
    assert 0.1 < rows[PLACE, 1]["share"] < 0.9
    assert rows[FALSE_BELIEF, 1]["share"] == rows[FALSE_BELIEF, 2]["share"] == 0.0


def test_the_verdict_is_judged_apart_from_the_place(monkeypatch, network):
    wrongly = {place: PLACES[k - 1] for k, place in enumerate(PLACES)}
    imagine(monkeypatch, answer_to, heard_of=lambda place, answer: place if place != answer else wrongly[place])
    rows = rows_of(belief_report(*network, {}, 60, 0))
    assert rows[VERDICT, 1]["share"] == 0.0
    assert rows[PLACE, 1]["share"] == 1.0


def test_replies_that_name_no_place_are_none_and_wrong_over_all(monkeypatch, network):
    imagine(monkeypatch, answer_to)
    told = LanguageModel.simulate

    def some(self, views, as_agent):
        replies = told(self, views, as_agent)
        return [("Pardon?", "grün", reply, reply)[k % 4] for k, reply in enumerate(replies)]

    monkeypatch.setattr(LanguageModel, "simulate", some)
    row = rows_of(belief_report(*network, {"order": "1"}, 100, 0))[PLACE, 1]
    assert row["share"] == 1.0
    assert row["share_of_all"] == row["n"] / (row["n"] + row["none"])
    assert 0.4 < row["share_of_all"] < 0.6


def test_one_that_only_babbles_has_no_share(network):
    report = belief_report(*network, {"order": "0"}, 12, 0)
    assert report["rows"]
    for row in report["rows"]:
        assert row["share"] is row["low"] is row["high"] is None
        assert row["n"] == row["share_of_all"] == 0
        assert row["none"] == report["replies"] > 0


def test_stories_longer_than_the_context_are_counted(network):
    model, tokenizer = network
    small = ThreeModuleTransformer(NetworkConfig(tokenizer.vocab_size, width=16, layers=1, context=200), 2)
    report = belief_report(small, tokenizer, {}, 8, 0)
    assert report["cut"] == report["replies"]
    assert belief_report(model, tokenizer, {"moves": 0}, 8, 0)["cut"] == 0


@pytest.fixture
def checkpoint(network, tmp_path) -> Path:
    save_checkpoint(tmp_path / "ck", *network, {})
    return tmp_path / "ck"


def test_the_command_prints_a_row_for_each_figure(checkpoint, capsys):
    asked = ["evaluate", "beliefs", "--checkpoint", str(checkpoint), "--dialogues", "10", "--set", "moves=1"]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "moves 1" in printed
    assert printed.count("verdict on the answer") == 3
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["run"]["knobs"]["moves"] == 1
    assert {row["order"] for row in report["rows"]} == {0, 1, 2}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dialogues", "0"], "'--dialogues': Input should be greater than or equal to 1"),
        (["--seed", "x"], "'--seed': Input should be a valid integer"),
        (["--set", "moves=99"], "knob moves=99 is not allowed"),
        (["--set", "moves=1,2"], "--set moves has 2 values; expected one here"),
        (["--set", "similarity=1"], "similarity"),
        (["--checkpoint", "nowhere"], "no checkpoint in nowhere"),
    ],
)
def test_wrong_input_gets_one_line(arguments, told, capsys):
    assert main(["evaluate", "beliefs", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
