"""What a scenario returns is validated where it happens."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.scenarios.base import Judgement, Outcome, ScenarioError, Start

RIGHT = (Judgement(),)


def begin(env):
    env.reset(seed=0)
    env.step("hello")


@pytest.mark.parametrize(
    ("verb", "given", "told"),
    [
        ("reset", None, r"reset gave None; expected a Start\(cards\)"),
        ("reset", Start(("a", "b")), "reset gave 2 cards; expected 3, one for each agent"),
        ("speakers", (), r"speakers gave \(\); expected a tuple of indices of agents, 0 to 2"),
        ("speakers", (3,), r"speakers gave \(3,\); expected"),
        ("speakers", 0, "speakers gave 0; expected"),
        ("hear", None, r"hear gave None; expected an Outcome\(rewards, judgements\)"),
        ("hear", Outcome((0.0,), RIGHT), "hear gave 1 reward; expected 3, one for each agent"),
        ("hear", Outcome((0.0,) * 3, ()), "hear gave 0 judgements; expected 1, one for each message"),
        ("hear", Outcome((0.0, "x", 0.0), RIGHT), "hear pays guest_0 'x'; expected a number"),
        (
            "hear",
            Outcome((0.0,) * 3, RIGHT, {"maid": 1.0}),
            r"hear pays \['maid'\]; expected some of absent=\['cook'\]",
        ),
    ],
)
def test_what_is_wrong_is_named(panel, verb, given, told):
    wrong = type("Wrong", (panel,), {verb: lambda *_: given})
    env = DialogueEnv(wrong(together=False), "wrong-v0")
    with pytest.raises(ScenarioError, match=rf"^Wrong\.{told}"):
        begin(env)


def test_numbers_of_numpy_are_numbers(panel):
    paid = Outcome((np.float32(1.0), np.array([0.5]).squeeze(), 2), RIGHT, {"cook": np.int64(3)}, done=True)
    env = DialogueEnv(type("Right", (panel,), {"hear": lambda *_: paid})(together=False), "right-v0")
    begin(env)
    assert env.rewards == {"host_0": 1.0, "guest_0": 0.5, "guest_1": 2.0}
    paid = (*env.dialogue.outcome.rewards, *env.dialogue.outcome.absent.values())
    assert {*map(type, paid)} == {float}
