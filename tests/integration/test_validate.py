"""What `validate` tells beforehand: methods that would fail, and cells for which there is no room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.engines.apart import apart
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.experiments.estimate import Cost, crowded
from goldenrule.benchmarks.experiments.memory import may_not_fit, needed

SWEEP: dict[str, Any] = {
    "name": "x",
    "scenarios": ["hidden_needs-v0"],
    "seeds": 2,
    "episodes": 4,
    "partner": "scripted",
}


def test_validate_tells_which_of_the_methods_ends_its_process(tmp_path, capsys, monkeypatch):
    (tmp_path / "tests_of_validate.py").write_text(
        dedent("""
        import os
        from goldenrule.agents import Reply

        class Leaving:
            def reset(self, seeds): pass
            def act(self, observations):
                return [Reply("hm")] * len(observations) if len(observations) < 3 else os._exit(3)
    """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    methods = ["scripted", {"agent": "tests_of_validate:Leaving", "name": "leaving"}]
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(SWEEP | {"methods": methods}))
    assert main(["validate", str(path)]) == 0
    scripted, leaving = capsys.readouterr().out.splitlines()[1:3]
    assert scripted.rstrip().endswith(" 0 s")
    assert leaving.rstrip().endswith("would fail: its process died (exit code 3)")


def test_validate_tells_where_there_is_no_room_for_so_many_dialogues(monkeypatch):
    monkeypatch.setattr("goldenrule.benchmarks.experiments.estimate.free", lambda: 4_000_000_000)
    monkeypatch.setattr("goldenrule.benchmarks.experiments.memory.free", lambda: 4_000_000_000)
    costs = [Cost("small", "s-v0", 9, 1.0, 1.0, 10.0), Cost("large", "s-v0", 9, 1.0, 1.0, 1500.0)]
    assert crowded(costs, 2) is None
    line = crowded(costs, 4)
    assert line is not None
    assert "of large on s-v0 holds its dialogues in memory, about 1.5 GB, and 4.0 GB are free" in line
    assert "here for 4 workers" in line
    assert "name at most 2 with --workers, or fewer episodes and more seeds" in line
    assert "1 worker: name fewer episodes" in str(crowded([replace(costs[0], memory=5000.0)], 1))
    assert crowded([replace(costs[0], memory=None)], 1024) is None
    cell = Cell("untrained", "hidden_needs-v0", {}, 0, CellSettings(episodes=400))
    assert not may_not_fit(cell, 0)
    assert may_not_fit(cell, 1)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell")
def test_dialogues_of_a_language_model_take_memory(tiny):
    cell = Cell("untrained", "hidden_needs-v0", {}, 0, CellSettings(episodes=64, checkpoint=tiny))
    first, twice = apart(needed, cell), apart(needed, replace(cell, settings=replace(cell.settings, episodes=128)))
    assert first > 64 * 10_000  # the logs alone
    assert twice == pytest.approx(2 * first, rel=0.5)


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
