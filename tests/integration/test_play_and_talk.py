"""`goldenrule play`, `talk` and `ls`."""

from __future__ import annotations

import io
import json
import re

import pytest

from goldenrule.benchmarks.cli.main import main


def test_play_shows_cards_words_and_true_rewards(capsys):
    given = ["play", "--learner", "scripted", "--partner", "scripted", "--seed", "3", "--set", "seekers=2"]
    assert main(given) == 0
    shown = capsys.readouterr().out
    assert "[seeker_1] You are" in shown
    assert "helper_0: " in shown
    assert "helper_0 -0.05" in shown
    assert "True rewards (t" in shown
    assert main(given) == 0
    assert capsys.readouterr().out == shown


def test_play_with_a_language_model(tiny, capsys):
    assert main(["play", "--checkpoint", str(tiny)]) == 0
    assert "True rewards (" in capsys.readouterr().out


def test_a_person_talks_and_sees_no_card_but_their_own_before_the_end(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("My cat has run away.\n\nThank you!\n"))
    assert main(["talk", "--with", "scripted", "--as", "seeker_0"]) == 0
    shown = capsys.readouterr().out
    before, _, after = shown.partition("[helper_0]")
    assert before.count("Your card: ") == 1
    assert "an empty text was given" in before
    assert "True rewards (" in after


def test_a_person_is_told_how_to_take_part_and_can_ask_what_to_say(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("?\n1\n"))
    assert main(["talk", "--with", "scripted", "--as", "camper_0", "--scenario", "campsite-v0"]) == 0
    shown = capsys.readouterr().out
    assert "Answer with 'Accept-Deal' or 'Reject-Deal'" in shown
    assert "  1. Submit-Deal: I get 0 food, 0 water, 0 firewood" in shown


def test_a_person_who_says_too_much_is_asked_again(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("That is too long.\nHi.\n"))
    assert main(["talk", "--with", "scripted", "--set", "max_length=5"]) in (0, 1)
    assert "(a text of 17 characters was given; expected at most 5)" in capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 60, 40])
def test_on_a_terminal_no_line_is_wider_than_it(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert main(["play", "--scenario", "campsite-v0", "--learner", "scripted", "--partner", "scripted"]) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    assert any(line.startswith("[camper_0] You need") for line in lines)


def test_an_agent_that_breaks_the_protocol_is_one_line_and_has_no_rewards(capsys, tmp_path, monkeypatch):
    (tmp_path / "broken_table.py").write_text(
        "class Few:\n    def reset(self, seeds): pass\n    def act(self, seen): return []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["play", "--learner", "broken_table:Few", "--partner", "scripted"]) == 2
    told = capsys.readouterr()
    assert "True rewards" not in told.out
    assert "returned 0 replies; expected 1" in told.err
    assert told.err.count("\n") == 1


def test_ctrl_d_leaves_politely(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["talk", "--with", "scripted"]) == 0
    printed = capsys.readouterr()
    assert printed.out.endswith("You have left the table.\n")
    assert printed.err == ""


def test_ls_names_what_compare_takes(capsys):
    assert main(["ls", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scenarios"]["hidden_needs-v0"]["knobs"]["similarity"]["default"] == 0.25
    assert {"untrained", "rlhf_ppo", "naive_kindness", "empathetic_kindness", "oracle_kindness"} <= set(
        found["methods"]
    )
    assert main(["ls"]) == 0
    assert "similarity = 0.25   float in [0, 1]" in capsys.readouterr().out
