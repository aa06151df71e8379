"""Plug-ins by name: what is wrong is one line that says which and why."""

from __future__ import annotations

import re

import pytest

from goldenrule.benchmarks.evaluation import plugins
from goldenrule.common.errors import UserError


@pytest.mark.parametrize(
    ("kind", "name", "params", "told"),
    [
        ("agent", "Agent", {}, "agent 'Agent' is not a name; expected package.module:Class"),
        ("agent", "plugged:", {}, "is not a name"),
        ("agent", ":Agent", {}, "is not a name"),
        ("agent", "plugged:a-b", {}, "is not a name"),
        ("agent", "pluged:Agent", {}, "(ModuleNotFoundError: No module named 'pluged'); run from the folder"),
        ("agent", "plugged:Agnet", {}, "plugged has no Agnet"),
        ("agent", "plugged:NUMBER", {}, "is a int; expected a class or a function that makes one"),
        ("agent", "plugged:fails", {}, "cannot be made (RuntimeError: out of words"),
        ("agent", "plugged:late", {}, "said is missing; expected text"),
        ("agent", "plugged:late", {"said": 3}, "said=3 is not allowed; expected text"),
        (
            "agent",
            "plugged:Agent",
            {"time": 3},
            "has no parameter 'time'; expected said, times (did you mean",
        ),
        ("agent", "plugged:Agent(times=x)", {}, "times='x' is not allowed; expected integer"),
        ("agent", "plugged:Agent(times)", {}, "'times' is not allowed; expected key=value"),
        ("agent", "plugged:Agent(times=1,times=2)", {}, "each key once"),
        ("agent", "plugged:Agent(times=1", {}, "expected one like package.module:Name(key=value"),
        ("agent", "plugged:Agent(times=1)", {"times": 2}, "expected one like package.module:Name(key=value"),
        ("agent", "plugged:NoAct", {}, "has no act; expected reset(seeds) and act(observations)"),
        ("agent", "plugged:Reward", {}, "has no reset and no act"),
        ("agent", "plugged:NoSeeds", {}, "has reset(); expected reset(seeds)"),
        ("agent", "plugged:Flat", {}, "has act(observations, more); expected act(observations)"),
        ("reward", "plugged:Agent", {}, "has no score; expected score(turns)"),
        ("reward", "plugged:Truth", {}, "has the name 'truth'"),
        ("reward", "plugged:Coy", {}, "has privileged='no'"),
        ("reward", "plugged:Mute", {}, "has no score"),
        ("method", "plugged:train", {}, "is the training itself; expected a function that returns it in a Method"),
        ("method", "plugged:Agent", {}, "gave a Agent; expected a Method(name, doc, train)"),
        ("method", "plugged:NUMBER", {}, "gave a int; expected a Method"),
        ("method", "plugged:lazy", {}, "trains nothing"),
        ("method", "plugged:short", {}, "has train(learner); expected train(learner, report)"),
        ("method", "plugged:unknown", {}, "has the estimator 'tarot'; expected one of naive"),
        ("method", "plugged:PLAIN", {"rate": 1}, "has no parameter 'rate'; expected none"),
        ("method", "untrained", {"rate": 1}, "takes no parameters; rate was given"),
        ("method", "untraind", {}, "did you mean 'untrained'?"),
        ("method", "untraind()", {}, "no method 'untraind'; expected one of untrained, rlhf_ppo, "),
        ("method", "untrained(rate=1)", {}, "takes no parameters; rate was given"),
        ("scenario", "plugged:Quiet", {}, "is the class Quiet; expected a ScenarioSpec"),
        ("scenario", "plugged:QUIET", {"size": 9}, "knob size=9 is not allowed; expected int in [1, 3]"),
        ("scenario", "plugged:QUIET", {"seize": 2}, "has no knob 'seize'; expected size (did you mean 'size'?)"),
        ("scenario", "plugged:HALF", {}, "cannot be made (TypeError: Can't instantiate abstract class Half"),
        ("scenario", "plugged:DEAF", {}, "cannot be made (TypeError: Quiet.__init__() missing"),
        ("scenario", "plugged:TAKEN", {}, "is taken; register yours under another name"),
        ("scenario", "plugged:ODD", {}, "has no version"),
    ],
)
def test_a_wrong_plugin_is_one_line(plugged, kind, name, params, told):
    with pytest.raises(UserError) as caught:
        getattr(plugins, kind)(name, params)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_plug_in_of_ours_names_is_told_as_its_own():
    with pytest.raises(UserError, match=r"^reward 'x' is not a name"):
        plugins.method("ppo_on", {"reward": "x"})


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('no\\nluck')", "cannot be imported (RuntimeError: no luck); mend what its module does"),
        ("import sys; sys.exit(3)", "cannot be imported (SystemExit: 3)"),
        ("def broken(:", "cannot be imported (SyntaxError: "),
        ("import no_such_library", "(ModuleNotFoundError: No module named 'no_such_library'); install no_such_library"),
        ("assert False", "cannot be imported (AssertionError)"),
    ],
)
def test_a_module_that_raises_says_which_and_why(module, source, told):
    name = module(source, "raising")
    with pytest.raises(UserError, match=re.escape(told)):
        plugins.agent(f"{name}:Agent")
