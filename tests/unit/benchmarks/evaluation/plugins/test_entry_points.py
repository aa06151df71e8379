"""Plug-ins that installed packages announce: names like any other, and a broken one takes nothing from the others."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.evaluation import plugins
from goldenrule.benchmarks.evaluation.installed import installed
from goldenrule.common.errors import UserError
from goldenrule.envs import make

POINTS = """
    [goldenrule.agents]
    talker = plugged:Agent
    broken = no_such_module:Agent
    scripted = plugged:Agent
    [goldenrule.rewards]
    length = plugged:Reward
    [goldenrule.methods]
    mine = plugged:method
    untrained = plugged:method
    [goldenrule.scenarios]
    quiet-v0 = plugged:QUIET
    other-v0 = plugged:QUIET
    hidden_needs-v0 = plugged:TAKEN
"""


def test_a_plugin_that_cannot_tell_of_itself_is_broken_and_the_others_still_work(module, announce):
    module(
        """
        import sys

        class Coy(type):
            @property
            def doc(cls):
                sys.exit(0)

        class Agent(metaclass=Coy):
            pass

        class Plain:
            "It tells."
    """,
        "coy",
    )
    announce("[goldenrule.agents]\ncoy = coy:Agent\nplain = coy:Plain\n")
    found = {one.name: one for one in installed()}
    assert found["coy"].broken == "agent 'coy' cannot be read (SystemExit: 0)"
    assert (found["plain"].about, found["plain"].broken) == ("It tells.", None)


def test_entry_points_are_names_too(plugged, announce):
    announce(POINTS)
    assert plugins.agent("talker", {"times": 2}).said == "hmhm"
    assert plugins.agent("talker(times=2)").said == "hmhm"
    assert plugins.reward("length").name == "length"
    assert plugins.method("mine").name == "mine"
    assert make("quiet-v0", size=3).possible_agents == ["a_0", "b_0"]
    assert plugins.method("untrained").train is None  # the built-in one
    with pytest.raises(UserError, match=r"or one of the installed: broken, .*'talker'\?"):
        plugins.agent("talkr")


def test_a_broken_entry_point_says_why_and_the_others_still_work(plugged, announce):
    announce(POINTS)
    found = {(one.kind, one.name): one for one in installed()}
    talker = found["agent", "talker"]
    assert (talker.source, talker.package, talker.about) == ("plugged:Agent", "plugs 1.2", "Says one thing.")
    assert talker.parameters["times"] == {"type": "integer", "required": False, "default": 1, "about": ""}
    assert found["scenario", "quiet-v0"].parameters["size"]["type"] == "int in [1, 3]"
    broken = {name: one.broken for (_, name), one in found.items() if one.broken is not None}
    assert set(broken) == {"broken", "scripted", "untrained", "other-v0", "hidden_needs-v0"}
    assert "No module named 'no_such_module'" in broken["broken"]
    assert "is the name of a built-in one" in broken["scripted"]
    assert "is the name of a built-in one" in broken["untrained"]
    assert "has the id 'quiet-v0'; give its entry point that name" in broken["other-v0"]
    assert "is taken" in broken["hidden_needs-v0"]


def test_two_packages_with_one_name(plugged, announce):
    announce("[goldenrule.agents]\ntalker = plugged:Agent\n", "one")
    announce("[goldenrule.agents]\ntalker = plugged:late\n", "two")
    with pytest.raises(UserError, match=r"announced by two packages \(plugged:Agent and plugged:late\)"):
        plugins.agent("talker")
    assert [one.broken is not None for one in installed()] == [True, True]
    assert plugins.agent("plugged:Agent").said == "hm"
