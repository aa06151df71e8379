"""`goldenrule ls` lists plug-ins."""

from __future__ import annotations

import json

from goldenrule.benchmarks.cli import ls

ECHO = '''
    from goldenrule.envs import Judgement, Outcome, Scenario, ScenarioSpec, Start

    class Echo(Scenario):
        agents, max_turns, n_candidates = ("a_0", "b_0"), 1, 2

        def reset(self, rng):
            return Start(("Card.", "Card."))

        def speakers(self):
            return (0,)

        def hear(self, messages):
            return Outcome((0.0, 0.0), (Judgement(),), done=True)

        def candidates(self, agent):
            return ("yes", "no")

    SPEC = ScenarioSpec("echo-v0", "repeats a word", Echo, (), "a", "b")

    class Talker:
        """Says something."""
'''


def test_plugins_are_listed_the_broken_ones_with_the_reason(module, announce, capsys):
    module("raise SystemExit(3)", "exits")
    module(ECHO, "echoes")
    announce("""
        [goldenrule.agents]
        exits = exits:Agent
        talker = echoes:Talker
        [goldenrule.scenarios]
        echo-v0 = echoes:SPEC
    """)
    assert ls.ls(json_=True) == 0
    found = json.loads(capsys.readouterr().out)
    told = {(one["kind"], one["name"]): one for one in found["plugins"]}
    assert "agent 'exits' cannot be imported" in told["agent", "exits"]["broken"]
    assert told["agent", "exits"]["package"] == "plugs 1.2"
    assert (told["agent", "talker"]["about"], told["agent", "talker"]["broken"]) == ("Says something.", None)
    assert told["scenario", "echo-v0"]["broken"] is None
    assert found["scenarios"]["echo-v0"]["about"] == "repeats a word"
