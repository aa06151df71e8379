"""`goldenrule check` and the plug-ins of `goldenrule ls` from the command line: lines, JSON and exit codes."""

from __future__ import annotations

import json
import sys

import pytest

from goldenrule.benchmarks.cli.main import main

SOURCE = '''
import random

from goldenrule.agents import Reply
from goldenrule.training.methods.registry import Method
from goldenrule.rewards.base import Score

print("noise")


class Sound:
    def __init__(self, said: str = "hm"):
        self.said = said

    def reset(self, seeds):
        print("more noise")

    def act(self, observations):
        return [Reply(self.said) for _ in observations]


class Hashes(Sound):
    """What it says depends on the process."""

    def act(self, observations):
        return [Reply(str(hash(seen.view.card))) for seen in observations]


class Mute:
    pass


class Escapes(Sound):
    def act(self, observations):
        raise RuntimeError("red \\x1b[31m\\nlines")


class Length:
    name, privileged = "length", False

    def score(self, turns):
        return [Score(float(len(turn.message.text))) for turn in turns]


class HashedScore(Length):
    def score(self, turns):
        return [Score(float(hash(turn.message.text) % 97)) for turn in turns]


def forgetful():
    def train(learner, report):
        pass

    return Method("forgetful", "learns nothing", train)
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "checked_plugins.py").write_text(SOURCE)
    yield "checked_plugins"
    sys.modules.pop("checked_plugins", None)


def test_a_sound_agent(mine, capsys):
    assert main(["check", "agent", f"{mine}:Sound", "--set", "said=7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"agent {mine}:Sound"
    assert all(line.startswith(("  ok      ", "  --      ")) for line in lines[1:-1])
    assert "  ok      another process gives the same dialogues" in lines
    assert lines[-1] == "13 ok, 0 failed, 1 not tried"


def test_json(mine, capsys):
    assert main(["check", "agent", f"{mine}:Sound(said=7)", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["name"], told["ok"]) == ("agent", f"{mine}:Sound(said=7)", True)
    assert told["params"] == {"said": "7"}
    assert {one["status"] for one in told["findings"]} == {"ok", "not tried"}
    assert main(["check", "agent", f"{mine}:Mute", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["findings"][0]["status"] == "failed"
    assert told["findings"][0]["why"] == "a Mute has no reset; expected reset(seeds)"


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("agent", "Mute", "a Mute has no reset; expected reset(seeds)"),
        ("agent", "Hashes", "another process gives the same dialogues: agent[0]"),
        ("agent", "Escapes", r"raised RuntimeError: red \u{1b}[31m"),
        ("reward", "HashedScore", "another process gives the same scores: reward["),
        ("reward", "Mute", "a Mute has no score; expected score(turns)"),
    ],
)
def test_a_failure_is_a_line_and_exit_code_1(mine, capsys, kind, name, told):
    assert main(["check", kind, f"{mine}:{name}"]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert "\x1b" not in printed.out
    failures = [line for line in printed.out.splitlines() if line.startswith("  FAILED  ")]
    assert len(failures) == 1
    assert told in failures[0]


def test_a_method_that_learns_nothing(mine, tiny, capsys):
    assert main(["check", "method", f"{mine}:forgetful", "--checkpoint", str(tiny)]) == 1
    shown = capsys.readouterr().out
    assert "and its weights are finite: the weights are what they were" in shown
    assert "FAILED  each update is reported, in order: updates [] were reported; expected 1 to 2" in shown
    assert "FAILED  another seed gives other weights" in shown


def test_a_built_in_method(tiny, capsys):
    assert main(["check", "method", "naive_kindness", "--checkpoint", str(tiny)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["poem", "x:Y"], "'poem' is not one of 'agent', 'reward', 'method', 'scenario'"),
        (["agent", "Sound"], "agent 'Sound' is not a name; expected package.module:Class"),
        (["agent", "nowhere:Sound"], "cannot be imported (ModuleNotFoundError: No module named 'nowhere')"),
        (["agent", "{}:Absent"], "has no attribute 'Absent'"),
        (["agent", "{}:Sound", "--set", "said"], "--set 'said' is not allowed; expected parameter=value"),
        (["agent", "{}:Sound", "--set", "said=a", "--set", "said=b"], "--set said was given twice"),
        (["agent", "{}:Sound", "--set", "sad=a"], "has no parameter 'sad'; expected said (did you mean 'said'?)"),
        (["agent", "{}:Sound", "--scenario", "nope"], "no scenario 'nope'"),
        (["agent", "scripted", "--set", "x=1"], "takes no parameters; x was given"),
        (["scenario", "nope"], "no scenario 'nope'"),
        (["scenario", "hidden_needs-v0", "--set", "cue=2"], "hidden_needs-v0: knob cue=2 is not allowed"),
        (["method", "untrained", "--set", "x=1"], "method 'untrained' has no parameter 'x'"),
        (["agent"], "Missing argument 'name'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(mine, capsys, arguments, told):
    code = main(["check", *(argument.format(mine) for argument in arguments)])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert told in printed.err.splitlines()[-1]
    assert "Traceback" not in printed.err


def test_ls_shows_what_is_broken_and_goes_on(mine, tmp_path, capsys):
    info = tmp_path / "mine-3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 3\n")
    agents = f"[goldenrule.agents]\nsound = {mine}:Sound\nlost = lost_module:Agent\n"
    (info / "entry_points.txt").write_text(f"{agents}[goldenrule.rewards]\nlength = {mine}:Length\n")
    assert main(["ls"]) == 0
    shown = capsys.readouterr().out.splitlines()
    broken = next(line for line in shown if line.startswith("  agent lost: broken: "))
    assert "cannot be imported (ModuleNotFoundError: No module named 'lost_module')" in broken
    assert "    from mine 3, lost_module:Agent" in shown
    assert "    said = hm   str" in shown
    assert any(line.startswith("  reward length: ") for line in shown)
    assert "noise" not in shown
