"""Plug-ins by name: what is right is made, with the parameters that were given."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.evaluation import plugins
from goldenrule.benchmarks.evaluation.methods import Method
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import found
from goldenrule.common.plugins import imported as plugins_imported
from goldenrule.envs import make, spec


def test_an_agent_is_made_with_its_parameters(plugged, capsys):
    assert plugins.agent("plugged:Agent").said == "hm"
    assert plugins.agent("plugged:Agent", {"times": 2}).said == "hmhm"
    assert plugins.agent("plugged:Agent(said=yes, times=2)").said == "yesyes"
    assert plugins.resolve("agent", "plugged:Agent", {"times": 2}) == {"said": "hm", "times": 2}
    assert plugins.resolve("agent", "plugged:Agent(times=2)") == {"said": "hm", "times": 2}
    assert plugins.typed("agent", "plugged:Agent", {"said": "3", "times": "3"}) == {"said": "3", "times": 3}
    assert capsys.readouterr().out == ""  # standard output belongs to the command


def test_parameters_are_resolved_to_what_is_the_same_in_every_process(module):
    module("""
        import math

        class Odd:
            def __init__(self, words: frozenset[str] = frozenset("dacbe"), most: float = math.inf, how: object = print,
                         late: int = None, pair: tuple[int, float] = (1, math.nan)):
                pass
    """)
    resolved = plugins.resolve("agent", "plugged:Odd")
    kind = "builtin_function_or_method"
    assert resolved == {"words": list("abcde"), "most": "inf", "how": kind, "late": None, "pair": [1, "nan"]}


def test_a_digest_tells_one_state_of_a_plug_in_from_another(module, tmp_path):
    def digest():
        return plugins_imported()["plug-in plugged"]

    (tmp_path / "plugged").mkdir()
    (tmp_path / "plugged" / "__init__.py").write_text("class Agent: ...")
    (tmp_path / "plugged" / "words.py").write_text("")
    assert "plug-in plugged" not in plugins_imported()
    found("agent", "plugged:Agent")
    before = digest()
    assert before == digest()
    (tmp_path / "plugged" / "words.py").write_text("WORD = 1")
    assert digest() != before
    module("")  # so that it is forgotten afterwards


def test_a_reward_a_method_and_a_scenario(plugged):
    assert plugins.reward("plugged:Reward", {"scale": 2}).scale == 2.0
    assert plugins.method("plugged:method", {"rate": 0.5}).train.keywords == {"rate": 0.5}
    assert plugins.method("plugged:PLAIN").name == "plain"
    assert plugins.resolve("method", "plugged:PLAIN") == {}
    assert plugins.scenario("plugged:QUIET", {"size": 3}).id == "quiet-v0"
    assert plugins.resolve("scenario", "plugged:QUIET") == {"size": 2}
    assert spec("plugged:QUIET") is spec("quiet-v0")
    make("plugged:QUIET", size=1).reset(seed=0)


def test_built_in_methods_and_scenarios_have_the_same_names_here():
    assert plugins.method("untrained").name == "untrained"
    assert plugins.resolve("method", "untrained") == {}
    assert plugins.scenario("hidden_needs-v0").id == "hidden_needs-v0"


def test_a_reward_makes_a_method(plugged):
    made = plugins.method("ppo_on", {"reward": "plugged:Reward", "params": {"scale": 2}})
    assert isinstance(made, Method)
    assert made.doc == "PPO on the reward length"
    assert plugins.method("ppo_on(reward=plugged:Reward)").name == "ppo_on"
    with pytest.raises(UserError, match="scale='x' is not allowed"):
        plugins.method("ppo_on", {"reward": "plugged:Reward", "params": {"scale": "x"}})
