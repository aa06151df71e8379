"""What is refused before anything runs: seats without a script or base, scenarios that break their promise."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main

SWEEP: dict[str, Any] = {
    "name": "x",
    "scenarios": ["hidden_needs-v0"],
    "seeds": 2,
    "episodes": 4,
    "partner": "scripted",
}


LONELY = """
    from goldenrule.agents import Reply
    from goldenrule.envs import Judgement, Outcome, Scenario, ScenarioSpec, Start

    class Lonely(Scenario):
        agents, max_turns, n_candidates = ("helper_0", "seeker_0"), 1, 2
        def reset(self, rng): return Start(("Help.", "Seek."))
        def speakers(self): return (0,)
        def hear(self, messages): return Outcome((0.0, 1.0), (Judgement(),), done=True)
        def candidates(self, agent): return ("yes", "no")

    class Says:
        def reset(self, seeds): pass
        def act(self, observations): return [Reply("hm")] * len(observations)

    LONELY = ScenarioSpec("lonely-v0", "", Lonely, (), "helper", "seeker")
"""


@pytest.fixture
def lonely(tmp_path, monkeypatch):
    """A scenario without scripted people or a base, and the sweep file of it."""
    (tmp_path / "tests_lonely.py").write_text(dedent(LONELY))
    monkeypatch.syspath_prepend(tmp_path)
    return SWEEP | {"scenarios": ["tests_lonely:LONELY"], "methods": [{"agent": "tests_lonely:Says"}]}


@pytest.mark.parametrize("command", ["sweep", "validate", "compare", "play", "pretrain"])
def test_where_nobody_has_a_script_for_a_seat_that_is_told(tmp_path, capsys, lonely, command):
    file, out = tmp_path / "sweep.yaml", ["--out", str(tmp_path / "out")]
    file.write_text(yaml.safe_dump(lonely))
    there = ["--scenario", "tests_lonely:LONELY"]
    arguments = {
        "sweep": [str(file), *out],
        "validate": [str(file)],
        "compare": [*there, "--methods", "scripted", "--partner", "scripted", *out],
        "play": there,
        "pretrain": [*there, *out],
    }[command]
    assert main([command, *arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert " has no scripted person for " in line
    assert "register one with goldenrule.agents.scripted.register_people" in line
    assert not (tmp_path / "out").exists()


def written(folder, name, **replaced):
    """The lonely scenario under another id, with people, and with some of it replaced."""
    people = "from goldenrule.agents.scripted import register_people as people\n"
    source = dedent(LONELY).replace("lonely-v0", f"{name}-v0")
    for old, new in replaced.items():
        source = source.replace(old, new)
    (folder / f"tests_{name}.py").write_text(f'{source}{people}people("{name}-v0", "default", {{"seeker": Says}})\n')
    return f"tests_{name}:LONELY"


def test_agents_that_need_no_base_are_compared_without_one(tmp_path, capsys, lonely):
    where = written(tmp_path, "social")
    asked = ["compare", "--scenario", where, "--methods", "a", "--agent", "a=tests_social:Says"]
    asked += ["--seeds", "1", "--episodes", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main([*asked, "--partner", "lm"]) == 2
    assert "no base checkpoint for tests_social:LONELY" in capsys.readouterr().err
    assert main([*asked, "--partner", "scripted"]) == 0


@pytest.mark.parametrize("command", ["play", "validate"])
def test_a_scenario_that_breaks_its_promise_is_named_and_not_the_agent(tmp_path, capsys, lonely, command):
    where = written(tmp_path, "unjudged", **{"(Judgement(),)": "()"})
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(lonely | {"scenarios": [where]}))
    seats = ["--learner", "tests_lonely:Says", "--partner", "tests_lonely:Says"]
    assert main({"play": ["play", "--scenario", where, *seats], "validate": ["validate", str(file)]}[command]) == 2
    assert f"scenario {where}: Lonely.hear gave 0 judgements; expected 1" in capsys.readouterr().err
