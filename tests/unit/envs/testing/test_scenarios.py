"""Each property of a scenario is a finding; one that fails does not keep the others from being tried."""

from __future__ import annotations

import pytest

from goldenrule.common.plugins import find_plugin
from goldenrule.envs.testing.checker import check_scenario
from goldenrule.envs.testing.report import parameter_properties, try_properties

SOURCE = '''
    from goldenrule.envs import Judgement, Knob, Outcome, Scenario, ScenarioSpec, Start


    class Dice(Scenario):
        """One throws, the other is paid."""

        agents, max_turns, n_candidates = ("a_0", "b_0"), 2, 2
        paid = 1.0

        def __init__(self, sides):
            self.sides = sides

        def reset(self, rng):
            self.turn, thrown = 0, rng.integers(10**6)
            return Start((f"You threw {thrown}.", f"You hold {rng.integers(10**6)}."))

        def speakers(self):
            return (self.turn % 2,)

        def hear(self, messages):
            self.turn += 1
            return Outcome((0.0, self.paid), (Judgement(),), done=self.turn == 2)

        def candidates(self, agent):
            return ("high", "low")


    class Infinite(Dice):
        paid = float("inf")


    class Fragile(Dice):
        def hear(self, messages):
            10 // (self.sides - 6)
            return super().hear(messages)


    SIDES = Knob("sides", 2, "of the dice", 2, 6)
    DICE = ScenarioSpec("dice-v0", "dice", Dice, (SIDES,), "a", "b")
    INFINITE = ScenarioSpec("infinite-v0", "dice", Infinite, (SIDES,), "a", "b")
    FRAGILE = ScenarioSpec("fragile-v0", "dice", Fragile, (SIDES,), "a", "b")
    SEATS = ScenarioSpec("seats-v0", "dice", Dice, (SIDES,), "a", "judge")
'''


@pytest.fixture
def plugged(module):
    return module(SOURCE, "dice_scenario")


def failed(findings):
    return {one.what: one.why for one in findings if one.passed is False}


def test_a_sound_scenario_keeps_every_promise(plugged):
    findings = check_scenario("dice_scenario:DICE", knobs={"sides": 4})
    assert failed(findings) == {}
    assert "repeats in other processes and hash seeds" in [one.what for one in findings]
    assert all(one.passed for one in findings)


def test_one_failure_leaves_the_others_to_be_tried(plugged):
    findings = check_scenario("dice_scenario:INFINITE")
    assert list(failed(findings)) == ["rewards are finite and add up"]
    assert "b_0: its reward is inf; expected a finite float" in failed(findings)["rewards are finite and add up"]


def test_a_knob_that_breaks_at_its_end(plugged):
    findings = check_scenario("dice_scenario:FRAGILE")
    assert list(failed(findings)) == ["every knob works at the ends of its range"]
    assert "with sides=6: the legal action" in findings[-2].why
    assert "ZeroDivisionError" in findings[-2].why


def test_a_partner_without_a_seat(plugged):
    findings = check_scenario("dice_scenario:SEATS")
    assert findings[0].why == "its partner is 'judge'; expected a role or seat of a_0, b_0"
    assert findings[1].passed is None


def test_wrong_input(plugged):
    with pytest.raises(ValueError, match="knob sides=9 is not allowed"):
        check_scenario("dice_scenario:DICE", knobs={"sides": 9})
    with pytest.raises(ValueError, match="no scenario 'nope-v0'"):
        check_scenario("nope-v0")


PARAMETERS = """
    class Typed:
        def __init__(self, size: int = 2, name: str = "a"): pass

    class Loose:
        def __init__(self, size=2, name: str = "a"): pass

    class Contrary:
        def __init__(self, size: int = "two"): pass

    class Bare:
        pass
"""


def test_parameters_are_typed(module):
    module(PARAMETERS, "typed_plugin")

    def findings(name):
        return try_properties(parameter_properties(find_plugin("agent", f"typed_plugin:{name}")))[:-1]

    assert [one.passed for one in findings("Typed")] == [True] * 2
    assert findings("Bare") == []
    assert failed(findings("Loose")) == {"every parameter has a type": "size takes anything; expected a type"}
    wrong = failed(findings("Contrary"))["every default is of its type"]
    assert wrong.endswith("size: Input should be a valid integer, given 'two'")
