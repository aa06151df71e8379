"""A module with plug-ins of every kind, right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

SOURCE = '''
    from functools import partial

    from goldenrule.agents import Reply
    from goldenrule.benchmarks.evaluation.methods import Method
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
