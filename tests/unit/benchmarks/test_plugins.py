"""Plug-ins by name: what is right is made, what is wrong is one line that says which and why."""

from __future__ import annotations

import re

import pytest

from goldenrule.benchmarks import plugins
from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.installed import installed
from goldenrule.benchmarks.methods import Method
from goldenrule.envs import make, spec

SOURCE = '''
    from functools import partial

    from goldenrule.agents import Reply
    from goldenrule.benchmarks.methods import Method
    from goldenrule.envs import Judgement, Knob, Outcome, Scenario, ScenarioSpec, Start
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


    class Quiet(Scenario):
        agents, max_turns, n_candidates = ("a_0", "b_0"), 1, 2

        def __init__(self, size: int):
            pass

        def reset(self, rng):
            return Start((f"Card {rng.integers(100)}.", "Card."))

        def speakers(self):
            return (0,)

        def hear(self, messages):
            return Outcome((0.0, 0.0), (Judgement(),), done=True)

        def candidates(self, agent):
            return ("yes", "no")


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
def plugged(module):
    return module(SOURCE)


def test_an_agent_is_made_with_its_parameters(plugged, capsys):
    assert plugins.agent("plugged:Agent").said == "hm"
    assert plugins.agent("plugged:Agent", {"times": 2}).said == "hmhm"
    assert plugins.agent("plugged:Agent(said=yes, times=2)").said == "yesyes"
    assert plugins.resolve("agent", "plugged:Agent", {"times": 2}) == {"said": "hm", "times": 2}
    assert plugins.resolve("agent", "plugged:Agent(times=2)") == {"said": "hm", "times": 2}
    assert plugins.typed("agent", "plugged:Agent", {"said": "3", "times": "3"}) == {"said": "3", "times": 3}
    assert capsys.readouterr().out == ""  # standard output belongs to the command


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


@pytest.mark.parametrize(
    ("kind", "name", "params", "told"),
    [
        ("agent", "Agent", {}, "agent 'Agent' is not a name; expected package.module:Class"),
        ("agent", "plugged:", {}, "is not a name"),
        ("agent", ":Agent", {}, "is not a name"),
        ("agent", "plugged:a-b", {}, "is not a name"),
        ("agent", "pluged:Agent", {}, "cannot be imported (ModuleNotFoundError: No module named 'pluged')"),
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


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('no\\nluck')", "cannot be imported (RuntimeError: no luck)"),
        ("import sys; sys.exit(3)", "cannot be imported (SystemExit: 3)"),
        ("def broken(:", "cannot be imported (SyntaxError: "),
        ("import no_such_library", "cannot be imported (ModuleNotFoundError: No module named 'no_such_library')"),
        ("assert False", "cannot be imported (AssertionError)"),
    ],
)
def test_a_module_that_raises_says_which_and_why(module, source, told):
    name = module(source, "raising")
    with pytest.raises(UserError, match=re.escape(told)):
        plugins.agent(f"{name}:Agent")


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
