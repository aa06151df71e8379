"""Lists on the command line and in sweep files are split outside of brackets: parameters may hold commas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from goldenrule.benchmarks.cli.main import main

ROOT = Path(__file__).parents[2]
LISTENER = "examples.agent:Listener(silent=0, greeting='Hi, you')"
PPO_ON = "ppo_on(reward=examples.reward:Warmth, params={scale: 2.0, words: [thanks, glad]})"


@pytest.fixture(autouse=True)
def _examples(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    yield
    sys.modules.pop("examples", None)


def rows(capsys, *arguments: str) -> list[dict]:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["rows"]


def test_compare(tiny, tmp_path, capsys):
    small = ["--steps", "1", "--dialogues", "2", "--episodes", "2", "--seeds", "1", "--checkpoint", str(tiny)]
    more = ["--partner", "scripted", "--workers", "1", "--out", str(tmp_path / "run")]
    found = rows(capsys, "compare", "--methods", f"untrained,{PPO_ON}", "--agent", f"mine={LISTENER}", *small, *more)
    assert [(row["method"], row["status"]) for row in found] == [(m, "done") for m in ("untrained", PPO_ON, "mine")]
    assert found[1]["params"] == {
        "reward": "examples.reward:Warmth",
        "params": {"scale": 2.0, "words": ["thanks", "glad"]},
    }
    assert found[2]["params"] == {"silent": 0.0, "greeting": "Hi, you"}


def test_crossplay(tmp_path, capsys):
    given = ["--agents", f"scripted,{LISTENER},mine={LISTENER}", "--partners", f"theirs={LISTENER},stranger"]
    few = ["--seeds", "1", "--episodes", "1", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main(["crossplay", "--scenario", "campsite-v0", *given, *few, "--json"]) == 0
    learners = {pair["row"] for pair in json.loads(capsys.readouterr().out)["pairs"]}
    assert {"scripted", "Listener", "mine"} <= learners


def test_play_and_check(capsys):
    assert main(["play", "--learner", LISTENER, "--partner", "scripted"]) == 0
    assert "helper_0: Hi, you" in capsys.readouterr().out
    assert main(["check", "reward", "examples.reward:Warmth(words=[thanks, glad])", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == {"words": ["thanks", "glad"], "scale": 1.0}


def test_a_sweep(tiny, tmp_path, capsys):
    (tmp_path / "s.yaml").write_text(
        f"""
name: lists
scenarios: [hidden_needs-v0]
methods: [scripted, "{PPO_ON}", {{agent: "{LISTENER}", name: mine}}]
training: {{updates: 1, dialogues: 2, minibatches: 1}}
checkpoint: {tiny}
partner: scripted
episodes: 2
seeds: 1
"""
    )
    out = ["--out", str(tmp_path / "out"), "--workers", "1"]
    only = "scripted,ppo_on(reward=examples.reward:Warmth, params={scale: 2.0, words: [thanks, glad]})"
    found = rows(capsys, "sweep", str(tmp_path / "s.yaml"), *out, "--only", only)
    assert [row["method"] for row in found] == ["scripted", PPO_ON]
    found = rows(capsys, "sweep", str(tmp_path / "s.yaml"), *out)
    assert [(row["method"], row["status"]) for row in found] == [(m, "done") for m in ("scripted", PPO_ON, "mine")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compare", "--methods", "untrained,ppo_on(reward=x:Y"], "--methods 'untrained,ppo_on(reward=x:Y' lacks"),
        (["compare", "--agent", "mine=examples.agent:Listener(silent=[0)"], "has a ')' that closes nothing"),
        (["compare", "--set", "cue=(0,1"], "lacks a closing ')'"),
        (["crossplay", "--agents", "scripted,examples.agent:Listener(silent=0))"], "has a ')' that closes nothing"),
        (["play", "--learner", "examples.agent:Listener(greeting='Hi)"], 'lacks a closing "\'"'),
        (["check", "agent", "examples.agent:Listener(silent=0"], "lacks a closing ')'"),
        (["sweep", "s.yaml", "--out", "out", "--only", "a[b"], "--only 'a[b' lacks a closing ']'"),
        (["validate", "s.yaml"], "lacks a closing ')'"),
    ],
)
def test_wrong_brackets_are_one_line(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(
        "name: x\nscenarios: [hidden_needs-v0]\nmethods: ['ppo_on(reward=examples.reward:Warmth']\n"
    )
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert told in printed.err
