"""`goldenrule ls`: a plug-in that exits on import ends neither the list nor what else is on it."""

from __future__ import annotations

import json

from goldenrule.benchmarks.cli import ls

ENDS = """
    import sys
    sys.exit(3)
"""
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


def test_a_plugin_that_exits_is_told_and_the_others_are_listed(module, announce, capsys):
    module(ENDS, "exits_on_import")
    module(ECHO, "echoes")
    announce("""
        [goldenrule.agents]
        ends = exits_on_import:Agent
        talker = echoes:Talker
        [goldenrule.rewards]
        ends = exits_on_import:Reward
        [goldenrule.scenarios]
        echo-v0 = echoes:SPEC
    """)
    assert ls.ls(json_=True) == 0
    found = json.loads(capsys.readouterr().out)
    told = {(one["kind"], one["name"]): one for one in found["plugins"]}
    for kind in ("agent", "reward"):
        assert told[kind, "ends"]["broken"].startswith(f"{kind} 'ends' cannot be imported (SystemExit: 3)")
        assert told[kind, "ends"]["package"] == "plugs 1.2"
    assert (told["agent", "talker"]["about"], told["agent", "talker"]["broken"]) == ("Says something.", None)
    assert told["scenario", "echo-v0"]["broken"] is None
    assert found["scenarios"]["echo-v0"]["about"] == "repeats a word"
