"""Plug-ins by name: what is right is made with its parameters, what is wrong is one line that says which and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import dedent

import pytest

from goldenrule.agents.base import load_agent
from goldenrule.benchmarks.evaluation.plugins import installed_plugins, plugin
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import code_digests, load_object
from goldenrule.envs import make, spec
from goldenrule.rewards.base import load_reward
from goldenrule.training.methods.registry import Method, load_method

LOAD = {
    "agent": load_agent,
    "reward": load_reward,
    "method": load_method,
    "scenario": lambda name, params: plugin("scenario", name, params).make(),
}
SOURCE = '''
    from functools import partial

    from goldenrule.agents import Reply
    from goldenrule.training.methods.registry import Method
    from goldenrule.envs import Knob, Scenario, ScenarioSpec
    from goldenrule.rewards.base import Score

    print("hello from a plug-in")


    class Agent:
        """Says one thing.

        And nothing else.
        """

        def __init__(self, said: str = "hm", times: int = 1):
            self.said = said * times

        def reset(self, seeds):
            pass

        def act(self, observations):
            return [Reply(self.said) for _ in observations]


    def late(said: str):
        return Agent(said)


    class NoAct:
        def reset(self, seeds):
            pass


    class NoSeeds(Agent):
        def reset(self):
            pass


    class Flat(Agent):
        def act(self, observations, more):
            pass


    def fails():
        raise RuntimeError("out of\\nwords \\x1b[31m")


    NUMBER = 3


    class Reward:
        name, privileged = "length", False

        def __init__(self, scale: float = 1.0):
            self.scale = scale

        def score(self, turns):
            return [Score(self.scale * len(turn.message.text)) for turn in turns]


    class Truth(Reward):
        name = "truth"


    class Coy(Reward):
        privileged = "no"


    class Mute:
        name, privileged = "mute", False


    def train(learner, report, rate=0.1):
        pass


    def bad_train(learner):
        pass


    def method(rate: float = 0.1) -> Method:
        return Method("mine", "a method", partial(train, rate=rate))


    PLAIN = Method("plain", "a method as it is", train)


    def lazy() -> Method:
        return Method("lazy", "trains nothing", None)


    def short() -> Method:
        return Method("short", "takes too little", bad_train)


    def unknown() -> Method:
        return Method("unknown", "guesses", train, "tarot")


    class Quiet(OneMessage):
        def __init__(self, size: int):
            pass


    class Half(Scenario):
        pass


    KNOB = Knob("size", 2, "how large", 1, 3)
    QUIET = ScenarioSpec("quiet-v0", "nobody talks much", Quiet, (KNOB,), "a", "b")
    HALF = ScenarioSpec("half-v0", "", Half, (), "a", "b")
    DEAF = ScenarioSpec("deaf-v0", "", Quiet, (), "a", "b")
    TAKEN = ScenarioSpec("hidden_needs-v0", "", Quiet, (), "a", "b")
    ODD = ScenarioSpec("odd", "", Quiet, (), "a", "b")
'''


@pytest.fixture
def plugged(module: Callable[[str], str], one_message: str) -> str:
    """The module `plugged`."""
    return module(one_message + dedent(SOURCE))


def test_an_agent_is_made_with_its_parameters(plugged, capsys):
    assert load_agent("plugged:Agent").said == "hm"
    assert load_agent("plugged:Agent", {"times": 2}).said == "hmhm"
    assert load_agent("plugged:Agent(said=yes, times=2)").said == "yesyes"
    assert plugin("agent", "plugged:Agent", {"times": 2}).resolved == {"said": "hm", "times": 2}
    assert plugin("agent", "plugged:Agent(times=2)").resolved == {"said": "hm", "times": 2}
    assert plugin("agent", "plugged:Agent", texts={"said": "3", "times": "3"}).given == {"said": "3", "times": 3}
    assert capsys.readouterr().out == ""  # standard output belongs to the command


def test_parameters_are_resolved_to_what_is_the_same_in_every_process(module):
    module("""
        import math

        class Odd:
            def __init__(self, words: frozenset[str] = frozenset("dacbe"), most: float = math.inf, how: object = print,
                         late: int = None, pair: tuple[int, float] = (1, math.nan)):
                pass
    """)
    resolved = plugin("agent", "plugged:Odd").resolved
    kind = "builtin_function_or_method"
    assert resolved == {"words": list("abcde"), "most": "inf", "how": kind, "late": None, "pair": [1, "nan"]}


def test_a_digest_tells_one_state_of_a_plug_in_from_another(module, tmp_path):
    def digest():
        return code_digests()["plug-in plugged"]

    (tmp_path / "plugged").mkdir()
    (tmp_path / "plugged" / "__init__.py").write_text("class Agent: ...")
    (tmp_path / "plugged" / "words.py").write_text("")
    assert "plug-in plugged" not in code_digests()
    load_object("agent", "plugged:Agent")
    before = digest()
    assert before == digest()
    (tmp_path / "plugged" / "words.py").write_text("WORD = 1")
    assert digest() != before
    module("")  # so that it is forgotten afterwards


def test_a_reward_a_method_and_a_scenario(plugged):
    assert load_reward("plugged:Reward", {"scale": 2}).scale == 2.0
    assert load_method("plugged:method", {"rate": 0.5}).train.keywords == {"rate": 0.5}
    assert load_method("plugged:PLAIN").name == "plain"
    assert plugin("method", "plugged:PLAIN").resolved == {}
    assert plugin("scenario", "plugged:QUIET", {"size": 3}).make() is not None
    assert plugin("scenario", "plugged:QUIET").resolved == {"size": 2}
    assert spec("plugged:QUIET") is spec("quiet-v0")
    make("plugged:QUIET", size=1).reset(seed=0)


def test_built_in_methods_and_scenarios_have_the_same_names_here():
    assert load_method("untrained").name == "untrained"
    assert plugin("method", "untrained").resolved == {}
    assert plugin("scenario", "hidden_needs-v0").make() is not None


def test_a_reward_makes_a_method(plugged):
    made = load_method("ppo_on", {"reward": "plugged:Reward", "params": {"scale": 2}})
    assert isinstance(made, Method)
    assert made.doc == "PPO on the reward length"
    assert load_method("ppo_on(reward=plugged:Reward)").name == "ppo_on"
    with pytest.raises(UserError, match="scale: Input should be a valid number, given 'x'"):
        load_method("ppo_on", {"reward": "plugged:Reward", "params": {"scale": "x"}})


@pytest.mark.parametrize(
    ("kind", "name", "params", "told"),
    [
        ("agent", "Agent", {}, "agent 'Agent' is not a name; expected package.module:Class"),
        ("agent", "plugged:", {}, "is not a name"),
        ("agent", ":Agent", {}, "is not a name"),
        ("agent", "plugged:a-b", {}, "is not a name"),
        ("agent", "pluged:Agent", {}, "(ModuleNotFoundError: No module named 'pluged'); run from the folder"),
        (
            "agent",
            "plugged:Agnet",
            {},
            "AttributeError: module 'plugged' has no attribute 'Agnet'; expected package.module:Class",
        ),
        ("agent", "plugged:NUMBER", {}, "is an int; expected a class or a function that makes one"),
        ("agent", "plugged:fails", {}, "cannot be made (RuntimeError: out of words"),
        ("agent", "plugged:late", {}, "said: Field required"),
        ("agent", "plugged:late", {"said": 3}, "said: Input should be a valid string, given 3"),
        (
            "agent",
            "plugged:Agent",
            {"time": 3},
            "has no parameter 'time'; expected said, times (did you mean",
        ),
        ("agent", "plugged:Agent(times=x)", {}, "times: Input should be a valid integer, given 'x'"),
        ("agent", "plugged:Agent(times)", {}, "'times' is not allowed; expected key=value"),
        ("agent", "plugged:Agent(times=1,times=2)", {}, "each key once"),
        ("agent", "plugged:Agent(times=1", {}, "lacks a closing ')'"),
        ("agent", "plugged:Agent(times=1)", {"times": 2}, "has parameters in its name and beside it"),
        ("agent", "plugged:NoAct", {}, "has no act; expected act(observations)"),
        ("agent", "plugged:Reward", {}, "has no reset; expected reset(seeds)"),
        ("agent", "plugged:NoSeeds", {}, "has reset(); expected reset(seeds)"),
        ("agent", "plugged:Flat", {}, "has act(observations, more); expected act(observations)"),
        ("reward", "plugged:Agent", {}, "has no score; expected score(turns)"),
        ("reward", "plugged:Truth", {}, "has the name 'truth'"),
        ("reward", "plugged:Coy", {}, "has privileged='no'"),
        ("reward", "plugged:Mute", {}, "has no score"),
        ("method", "plugged:train", {}, "is the training itself; expected a function that returns it in a Method"),
        ("method", "plugged:Agent", {}, "gave an Agent; expected a Method(name, doc, train)"),
        ("method", "plugged:NUMBER", {}, "gave an int; expected a Method"),
        ("method", "plugged:lazy", {}, "trains nothing"),
        ("method", "plugged:short", {}, "has train(learner); expected train(learner, report)"),
        ("method", "plugged:unknown", {}, "has the estimator 'tarot'; expected one of naive"),
        ("method", "plugged:PLAIN", {"rate": 1}, "has no parameter 'rate'; expected none"),
        ("method", "untrained", {"rate": 1}, "method 'untrained' has no parameter 'rate'; expected none"),
        ("method", "untraind", {}, "did you mean 'untrained'?"),
        ("method", "untraind()", {}, "no method 'untraind'; expected one of untrained, rlhf_ppo, "),
        ("method", "untrained(rate=1)", {}, "method 'untrained' has no parameter 'rate'; expected none"),
        ("scenario", "plugged:Quiet", {}, "is the class Quiet; expected a ScenarioSpec"),
        ("scenario", "plugged:QUIET", {"size": 9}, "knob size=9 is not allowed; expected int in [1, 3]"),
        (
            "scenario",
            "plugged:QUIET",
            {"seize": 2},
            "has no knob 'seize'; expected size, max_length, language, pay, reader (did you mean 'size'?)",
        ),
        ("scenario", "plugged:HALF", {}, "cannot be made (TypeError: Can't instantiate abstract class Half"),
        ("scenario", "plugged:DEAF", {}, "cannot be made (TypeError: Quiet.__init__() missing"),
        ("scenario", "plugged:TAKEN", {}, "is taken; register yours under another name"),
        ("scenario", "plugged:ODD", {}, "has no version"),
    ],
)
def test_a_wrong_plugin_is_one_line(plugged, kind, name, params, told):
    with pytest.raises(UserError) as caught:
        LOAD[kind](name, params)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_plug_in_of_ours_names_is_told_as_its_own():
    with pytest.raises(UserError, match=r"^reward 'x' is not a name"):
        load_method("ppo_on", {"reward": "x"})


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('no\\nluck')", "cannot be imported (RuntimeError: no luck); correct what its module does"),
        ("import sys; sys.exit(3)", "cannot be imported (SystemExit: 3)"),
        ("def broken(:", "cannot be imported (SyntaxError: "),
        ("import no_such_library", "(ModuleNotFoundError: No module named 'no_such_library'); install no_such_library"),
        ("assert False", "cannot be imported (AssertionError)"),
    ],
)
def test_a_module_that_raises_says_which_and_why(module, source, told):
    name = module(source, "raising")
    with pytest.raises(UserError, match=re.escape(told)):
        load_agent(f"{name}:Agent")


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
    found = {one["name"]: one for one in installed_plugins()}
    assert found["coy"]["broken"] == "agent 'coy' cannot be read (SystemExit: 0)"
    assert (found["plain"]["about"], found["plain"]["broken"]) == ("It tells.", None)


def test_entry_points_are_names_too(plugged, announce):
    announce(POINTS)
    assert load_agent("talker", {"times": 2}).said == "hmhm"
    assert load_agent("talker(times=2)").said == "hmhm"
    assert load_reward("length").name == "length"
    assert load_method("mine").name == "mine"
    assert make("quiet-v0", size=3).possible_agents == ["a_0", "b_0"]
    assert load_method("untrained").train is None  # the built-in one
    with pytest.raises(UserError, match=r"or one of the installed: broken, .*'talker'\?"):
        load_agent("talkr")


def test_a_broken_entry_point_says_why_and_the_others_still_work(plugged, announce):
    announce(POINTS)
    found = {(one["kind"], one["name"]): one for one in installed_plugins()}
    talker = found["agent", "talker"]
    assert (talker["source"], talker["package"], talker["about"]) == ("plugged:Agent", "plugs 1.2", "Says one thing.")
    assert talker["parameters"]["times"] == {"type": "int", "required": False, "default": 1, "about": ""}
    assert found["scenario", "quiet-v0"]["parameters"]["size"]["type"] == "int in [1, 3]"
    broken = {name: one["broken"] for (_, name), one in found.items() if one["broken"] is not None}
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
        load_agent("talker")
    assert [one["broken"] is not None for one in installed_plugins()] == [True, True]
    assert load_agent("plugged:Agent").said == "hm"
