"""The templates in `examples/` are what they say: each passes its check, and works where it is named."""

from __future__ import annotations

import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.common.plugins import KINDS
from goldenrule.envs import registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    """The templates can be imported, and what they register is forgotten afterwards."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))
    monkeypatch.setattr(registry, "_PLUGGED", {})
    monkeypatch.setattr(registry, "_register_with_pettingzoo", lambda scenario_id: None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["agent", "examples.agent:Listener"],
        ["agent", "examples.agent:Listener", "--set", "silent=0", "--scenario", "campsite-v0"],
        ["reward", "examples.reward:Warmth", "--set", "words=[glad, sorry]", "--set", "scale=2"],
        ["scenario", "examples.scenario:ECHO", "--set", "words=8"],
    ],
)
def test_each_passes_its_check(arguments, capsys):
    code = main(["check", *arguments])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert "FAILED" not in printed.out
    assert ", 0 failed, " in printed.out


def test_the_method_passes_its_check(tiny, capsys):
    code = main(["check", "method", "examples.method:brief_kindness", "--checkpoint", str(tiny), "--set", "cost=0.1"])
    assert code == 0, capsys.readouterr().out


def test_the_people_of_the_scenario_keep_their_promises(capsys):
    assert main(["check", "agent", "scripted", "--scenario", "examples.scenario:ECHO"]) == 0, capsys.readouterr().out


def test_they_can_be_compared(tiny, tmp_path, compared):
    methods = ["examples.method:brief_kindness", "ppo_on(reward=examples.reward:Warmth)", "listener"]
    agents = {"listener": "examples.agent:Listener(silent=0.0)"}
    done = compared(tmp_path / "run", methods, agents, checkpoint=tiny, partner="scripted")
    assert [(row["method"], row["status"], row["error"]) for row in done.rows] == [(m, "done", None) for m in methods]
    assert [row["episodes_failed"] for row in done.rows] == [0, 0, 0]


def test_they_sit_together(capsys):
    scenario = ["--scenario", "examples.scenario:ECHO", "--partner", "scripted"]
    assert main(["play", *scenario, "--learner", "scripted"]) == 0
    assert "helper_0 +0.00, seeker_0 +1.00" in capsys.readouterr().out
    assert main(["play", *scenario, "--learner", "examples.agent:Listener(greeting=Hello.)"]) == 0
    assert "helper_0: Hello." in capsys.readouterr().out


def test_the_folder_is_a_package_whose_entry_points_are_names(tmp_path, monkeypatch, capsys):
    project = tomllib.loads((ROOT / "examples" / "pyproject.toml").read_text())
    (tmp_path / "goldenrule_examples").symlink_to(ROOT / "examples")
    info = tmp_path / "goldenrule_examples-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: goldenrule-examples\nVersion: 0.1.0\n")
    points = project["project"]["entry-points"]
    text = "".join(
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in named.items()) for group, named in points.items()
    )
    (info / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert main(["ls", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["plugins"]
        assert {(one["kind"], one["name"], one["broken"]) for one in found} == {
            ("agent", "listener", None),
            ("reward", "warmth", None),
            ("method", "brief_kindness", None),
            ("scenario", "echo-v0", None),
            ("reader", "keywords", None),
        }
        assert all(one["about"] and one["parameters"] for one in found)
        assert main(["ls"]) == 0
        shown = capsys.readouterr().out
        assert "agent listener: Greets, and then says back what it heard last." in shown
        assert "from goldenrule-examples 0.1.0, goldenrule_examples.agent:Listener" in shown
        assert "silent = 0.2   float, Ge(ge=0), Le(le=1): chance that it says no more than a hum" in shown
        assert "echo-v0: a seeker wants to hear its word again" in shown
        assert plugin("scenario", "echo-v0", {"words": 3}).resolved == {"words": 3}
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "goldenrule_examples"]:
            del sys.modules[name]


def test_what_the_readme_names_is_there():
    named = set(re.findall(r"examples\.(\w+):(\w+)", (ROOT / "examples" / "README.md").read_text()))
    assert {module for module, _ in named} == set(KINDS)
    for module, attribute in named:
        plugin(module, f"examples.{module}:{attribute}").make()


def test_the_scenario_of_the_readme_talks_and_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    (page,) = re.findall(
        r"```python\n(from goldenrule\.envs import Book.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    (tmp_path / "my_scenario.py").write_text(page)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("Yes.\n"))
    named = ["--scenario", "my_scenario:GUESS"]
    assert main(["talk", *named, "--as", "helper_0"]) == 0
    assert "helper_0: Yes." in capsys.readouterr().out
    assert main(["pretrain", *named, "--out", "base"]) == 2
    assert "my_scenario:GUESS has no scripted person for" in capsys.readouterr().err
    assert main(["compare", *named, "--methods", "untrained"]) == 2
    assert "no base checkpoint for my_scenario:GUESS is shipped; register scripted people" in capsys.readouterr().err
    assert main(["compare", "--scenario", "examples.scenario:ECHO", "--methods", "untrained"]) == 2
    assert "--partner scripted, with agents that are no networks, does without one" in capsys.readouterr().err
