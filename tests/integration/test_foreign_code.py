"""Plug-ins that exit, die, print and fail: each is a line that says so, and nothing else is lost or disturbed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.storage import episodes, load
from goldenrule.envs import registry

pytest.importorskip("pandas")
SOURCE = '''
import os
import sys

from goldenrule.agents import Reply
from goldenrule.envs import ScenarioSpec
from goldenrule.rewards.base import Score

print("imported")


class Sound:
    def reset(self, seeds):
        pass

    def act(self, observations):
        return [Reply("hm") for _ in observations]


class Exits(Sound):
    def __init__(self):
        sys.exit(0)


class ExitsInReset(Sound):
    def reset(self, seeds):
        sys.exit(0)


class ExitsInAct(Sound):
    def act(self, observations):
        sys.exit(0)


class Prints(Sound):
    def __init__(self):
        print("made")

    def reset(self, seeds):
        print("begun", file=sys.stderr)

    def act(self, observations):
        print("acting")
        return super().act(observations)


class Shouts(Sound):
    def act(self, observations):
        raise RuntimeError("\\x1b[31mred\\nlines " + "x" * 1_000_000)


class Moody(Sound):
    """Fails at first; says what it is for once a file is there."""

    def act(self, observations):
        if not os.path.exists("mended"):
            raise MemoryError if observations[0].dialogue else RuntimeError("not today")
        return super().act(observations)


class Gaps(Sound):
    """Says nothing in the first of its dialogues."""

    def act(self, observations):
        return [Reply("" if seen.dialogue == 0 else "hm") for seen in observations]


class Never(Sound):
    def act(self, observations):
        return ["hm" for _ in observations]


class Waits(Sound):
    async def act(self, observations):
        return super().act(observations)


class ExitsReward:
    name, privileged = "exits", False

    def score(self, turns):
        sys.exit(0)


class Loud(OneMessage):
    def reset(self, rng):
        print("dealt")
        return super().reset(rng)


class Leaving(Loud):
    def reset(self, rng):
        sys.exit(0)


LOUD = ScenarioSpec("loud-v0", "prints", Loud, (), "a", "b")
LEAVING = ScenarioSpec("leaving-v0", "leaves", Leaving, (), "a", "b")
'''
MINE = "foreign_plugins"


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch, one_message):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))
    monkeypatch.setattr(registry, "_PLUGGED", {})
    monkeypatch.setattr(registry, "_register_with_pettingzoo", lambda scenario_id: None)
    (tmp_path / f"{MINE}.py").write_text(one_message + SOURCE)
    yield
    sys.modules.pop(MINE, None)


def sweep(agent: str, *more: str, scenario: str = "hidden_needs-v0") -> int:
    content = {
        "name": "foreign",
        "scenarios": [scenario],
        "methods": ["scripted", {"agent": f"{MINE}:{agent}", "name": "mine"}],
        "seeds": 1,
        "episodes": 3,
        "partner": "scripted",
    }
    Path("sweep.yaml").write_text(yaml.safe_dump(content))
    return main(["sweep", "sweep.yaml", "--out", "out", "--workers", "1", *more])


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("agent", "Exits", "raised SystemExit: 0"),
        ("agent", "ExitsInReset", "raised SystemExit: 0"),
        ("agent", "ExitsInAct", "raised SystemExit: 0"),
        ("reward", "ExitsReward", "raised SystemExit: 0"),
    ],
)
def test_a_check_of_one_that_exits_fails(capfd, kind, name, told):
    assert main(["check", kind, f"{MINE}:{name}"]) == 1
    failures = [line for line in capfd.readouterr().out.splitlines() if line.startswith("  FAILED  ")]
    assert len(failures) == 1
    assert told in failures[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Exits", "agent 'foreign_plugins:Exits' cannot be made (SystemExit: 0)"),
        ("ExitsInReset", "agent mine (foreign_plugins:ExitsInReset) raised SystemExit: 0"),
        ("Never", "agent mine (foreign_plugins:Never): helper_0 (Never) returned a str; expected a Reply"),
    ],
)
def test_a_sweep_refuses_one_that_cannot_be_tried(capfd, name, told):
    assert sweep(name) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert not Path("out").exists()


WARNING = "(foreign_plugins:Gaps) failed in a rehearsal: helper_0: an empty text was given"


def test_an_agent_that_fails_now_and_then_is_warned_of_and_runs(capfd):
    assert sweep("Gaps") == 0
    assert f"goldenrule: agent mine {WARNING}" in capfd.readouterr().err
    rows = load(Path("out")).set_index("method")
    assert (rows.loc["mine"].status, rows.loc["mine"].episodes, rows.loc["mine"].episodes_failed) == ("done", 2, 1)
    few = ["--seeds", "1", "--episodes", "3", "--workers", "1"]
    agents = ["--agents", f"{MINE}:Gaps", "--partners", "scripted"]
    assert main(["crossplay", *agents, *few, "--out", "crossed"]) == 0
    assert f"goldenrule: agent Gaps {WARNING}" in capfd.readouterr().err
    compare = ["compare", "--methods", "scripted", "--partner", "scripted", "--agent", f"mine={MINE}:Gaps"]
    assert main([*compare, *few, "--out", "compared"]) == 0
    assert f"goldenrule: agent mine {WARNING}" in capfd.readouterr().err


def test_an_async_agent_runs_like_any(capfd):
    assert main(["check", "agent", f"{MINE}:Waits"]) == 0
    assert sweep("Waits") == 0
    rows = load(Path("out")).set_index("method")
    assert (rows.loc["mine"].status, rows.loc["mine"].episodes_failed) == ("done", 0)


def test_a_scenario_that_exits_is_told(capfd):
    given = ["--scenario", f"{MINE}:LEAVING", "--learner", f"{MINE}:Sound", "--partner", f"{MINE}:Sound"]
    assert main(["play", *given]) == 2
    assert "LEAVING raised SystemExit: 0; correct it" in capfd.readouterr().err.splitlines()[-1]
    assert sweep("Sound", scenario=f"{MINE}:LEAVING") != 0
    assert "SystemExit: 0" in capfd.readouterr().err.splitlines()[-1]


def test_a_cell_without_a_finished_episode_has_failed_and_is_run_again_when_asked(capfd):
    assert sweep("Moody") == 1
    assert "failed: mine, seed 0: none of its 3 episodes could be finished; 2 of them: " in capfd.readouterr().err
    rows = load(Path("out")).set_index("method")
    assert list(rows.loc[["scripted", "mine"]].status) == ["done", "failed"]
    assert rows.loc["mine"].error.endswith("raised MemoryError")
    assert (rows.loc["mine"].episodes, rows.loc["mine"].episodes_failed) == (0, 3)
    kept = episodes(Path("out"))
    assert list(kept[kept.cell == rows.loc["mine"].cell].status) == ["failed"] * 3
    assert main(["replay", "out", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["episodes"] == 10  # what was said is proven, of failed cells too
    Path("mended").touch()
    assert sweep("Moody") == 1
    assert sweep("Moody", "--retry-failed") == 0
    rows = load(Path("out")).set_index("method")
    assert (rows.loc["mine"].status, rows.loc["mine"].episodes) == ("done", 3)
    assert len(episodes(Path("out"))) == 6


def test_what_plugins_print_is_never_in_the_result(capfd):
    for arguments in (
        ["check", "agent", f"{MINE}:Prints", "--json"],
        ["check", "scenario", f"{MINE}:LOUD", "--json"],
    ):
        main(arguments)
        printed = capfd.readouterr()
        assert json.loads(printed.out)["findings"]
        assert {"made", "dealt"} & set(printed.err.splitlines())
    assert sweep("Prints", "--json") == 0
    printed = capfd.readouterr()
    assert len(json.loads(printed.out)["rows"]) == 2
    assert {"made", "begun", "acting"} <= set(printed.err.splitlines())


def test_reasons_without_end_are_cut_where_they_are_kept_and_where_they_are_told(capfd):
    assert sweep("Shouts") == 1
    printed = capfd.readouterr()
    assert len(printed.out) + len(printed.err) < 10_000
    assert all(character.isprintable() or character == "\n" for character in printed.out + printed.err)
    kept = episodes(Path("out"))
    errors = [*load(Path("out")).error.dropna(), *kept.error.dropna()]
    assert len(errors) == 4
    assert all(len(error) < 2200 and error.endswith(" more characters)") for error in errors)
    assert Path("out/results.sqlite").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["compare", "--methods", "a" * 5000], "4,800"),
        (["play", "--set", f"{'b' * 5000}=1"], "4,800"),
        (["report", "c" * 5000], " more characters)"),
        (["check", "agent", f"{'d' * 5000}:A"], "more characters)"),
    ],
)
def test_values_in_errors_are_shortened(capfd, arguments, left):
    assert main(arguments) != 0
    line = capfd.readouterr().err
    assert line.count("\n") == 1
    assert len(line) < 1100
    assert left in line
