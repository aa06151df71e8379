"""The checker must catch what it is for: each test breaks an environment in one way."""

import random
import sys
from textwrap import dedent

import numpy as np
import pytest
from pettingzoo.env_registry import registration

from goldenrule.envs import CheckError, DialogueEnv, Message, ParallelDialogueEnv, check, registry
from goldenrule.envs.dialogue_state import DialogueState
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.base import Outcome, Start

PLACE = r".*, seed \d+, turn \d+, \w+: "


@pytest.mark.parametrize("options", [{}, {"mode": "choice"}, {"private": True}])
@pytest.mark.parametrize("together", [True, False])
def test_a_sound_environment_passes(panel, options, together):
    report = check(
        lambda: DialogueEnv(panel(together), "panel", **options),
        parallel=lambda: ParallelDialogueEnv(panel(together), "panel", **options),
    )
    assert len(report.passed) == 10
    assert "panel: whole episodes repeat under a seed" in str(report)


def test_a_claim_to_be_parallelizable_that_is_not_true(panel):
    class Claims(panel):
        def __init__(self):
            super().__init__(together=False)
            self.simultaneous = True

    with pytest.raises(CheckError, match="is_parallelizable is claimed: AEC and Parallel"):
        check(lambda: DialogueEnv(Claims(), "p"), parallel=lambda: ParallelDialogueEnv(Claims(), "p"))


def test_a_reset_that_leaks(panel, caught):
    class Leaky(panel):
        def __init__(self):
            super().__init__()
            self.guests = []

        def reset(self, rng):
            start = super().reset(rng)
            self.guests.append(self.numbers[0])
            return Start(start.cards, (Message(NARRATOR, f"Guest number {len(self.guests)}."),))

    caught(Leaky, PLACE + r"an episode depends on what was played before reset: seen\.host_0\.transcript\[0\]\.text")


def test_a_generator_shared_between_environments(panel, caught):
    class Shared(panel):
        rng = np.random.default_rng(0)

        def reset(self, rng):
            return super().reset(Shared.rng)

    caught(Shared, PLACE + "two episodes under one seed differ: seen.host_0.role_card")


def test_state_shared_between_environments(panel, caught):
    class Shared(panel):
        def reset(self, rng):
            start = super().reset(rng)
            type(self).numbers = self.__dict__.pop("numbers")  # kept by the class
            return start

    caught(Shared, "an episode depends on another environment played at the same time")


@pytest.mark.parametrize(("draw", "name"), [(random.random, "random"), (np.random.rand, "numpy")])
def test_a_global_generator(panel, draw, name, caught):
    class Global(panel):
        def hear(self, messages):
            draw()
            return super().hear(messages)

    caught(Global, f"the global generator of {name} was used while checking: whole episodes repeat")


def test_the_generator_of_torch(panel, caught):
    torch = pytest.importorskip("torch")

    class Global(panel):
        def hear(self, messages):
            torch.rand(1)
            return super().hear(messages)

    caught(Global, "the global generator of torch was used")


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), -float("inf")])
def test_a_reward_that_is_not_finite(panel, reward, caught):
    class Infinite(panel):
        def hear(self, messages):
            outcome = super().hear(messages)
            return Outcome((0.0, reward, 0.0), outcome.judgements, outcome.absent, outcome.done)

    caught(Infinite, rf"broken, seed 0, turn \d, guest_0: its reward is {reward}; expected a finite float")


def test_an_absent_partys_reward_that_is_not_finite(panel, caught):
    class Infinite(panel):
        def hear(self, messages):
            outcome = super().hear(messages)
            return Outcome(outcome.rewards, outcome.judgements, {"cook": float("nan")})

    caught(Infinite, "cook: its reward is nan")


def test_an_order_that_depends_on_hashes(tmp_path, monkeypatch):
    source = """
        from goldenrule.envs import Judgement, Outcome, Scenario, ScenarioSpec, Start, register

        class Hashed(Scenario):
            agents, max_turns, n_candidates = ("a_0", "b_0"), 2, 1
            words = {f"word {i}" for i in range(50)}

            def reset(self, rng):
                self.turn = rng.integers(1000)
                return Start((f"Say {next(iter(self.words))}.", f"Turn {self.turn}."))

            def speakers(self):
                return (0,)

            def hear(self, messages):
                return Outcome((0.0, 0.0), (Judgement(),))

            def candidates(self, agent):
                return ("hello",)

        SPEC = register(ScenarioSpec("hashed-v0", "", Hashed, (), "a", "b"))
    """
    tmp_path.joinpath("hashed_scenario.py").write_text(dedent(source), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))
    __import__("hashed_scenario")
    try:
        with pytest.raises(CheckError, match=r"hash seed \d\), seed 0, turn 0, a_0: .*role_card"):
            check("hashed-v0")
    finally:
        del sys.modules["hashed_scenario"]
        for found in (registration.aec_registry, registration.parallel_registry):
            del found["goldenrule/hashed-v0"]


def test_every_seed_the_same(panel, caught):
    class Same(panel):
        def reset(self, rng):
            return super().reset(np.random.default_rng(5))

    caught(Same, "the episodes of 10 different seeds are the same")


def test_a_scenario_that_raises(panel, caught):
    class Raising(panel):
        def hear(self, messages):
            raise KeyError("never heard of it")

    caught(Raising, PLACE + "the legal action .* raised KeyError: 'never heard of it'")


def test_apis_that_disagree(panel):
    class Generous(ParallelDialogueEnv):
        def step(self, actions):
            seen, rewards, *rest = super().step(actions)
            return seen, {agent: reward + 1 for agent, reward in rewards.items()}, *rest

    with pytest.raises(CheckError, match=r"AEC and Parallel differ: rewards.host_0 is '1.0' and '2.0'"):
        check(lambda: DialogueEnv(panel()), parallel=lambda: Generous(panel()))


def test_what_cannot_be_checked(panel):
    with pytest.raises(ValueError, match="no seeds were given"):
        check("hidden_needs-v0", seeds=())
    with pytest.raises(ValueError, match="no scenario 'nothing-v0'"):
        check("nothing-v0")
    with pytest.raises(ValueError, match="has no knob 'size'"):
        check("hidden_needs-v0", knobs={"size": 3})
    with pytest.raises(ValueError, match="a DialogueState was made; expected a DialogueEnv"):
        check(lambda: type("Odd", (), {"unwrapped": DialogueState(panel())})())


def test_knobs_are_checked_too():
    report = check("hidden_needs-v0", knobs={"seekers": 2, "turns": 2}, seeds=(4,))
    assert len(report.passed) == 31
