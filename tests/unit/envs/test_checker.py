"""The checker must catch what it is for: each test breaks an environment in one way."""

import random
import sys
from textwrap import dedent

import numpy as np
import pytest
from pettingzoo.env_registry import registration
from pettingzoo.utils import BaseWrapper

from goldenrule.envs import CheckError, DialogueEnv, Message, ParallelDialogueEnv, check, registry
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.base import Outcome, Start
from goldenrule.envs.table import Table

PLACE = r".*, seed \d+, turn \d+, \w+: "


def caught(scenario, match, env=DialogueEnv, **options):
    with pytest.raises(CheckError, match=match):
        check(lambda: env(scenario(), "broken", **options))


@pytest.mark.parametrize("options", [{}, {"mode": "choice"}, {"private": True}])
@pytest.mark.parametrize("together", [True, False])
def test_a_sound_environment_passes(panel, options, together):
    report = check(
        lambda: DialogueEnv(panel(together), "panel", **options),
        parallel=lambda: ParallelDialogueEnv(panel(together), "panel", **options),
    )
    assert len(report.passed) == 10
    assert "panel: whole episodes repeat under a seed" in str(report)


def test_a_reset_that_leaks(panel):
    class Leaky(panel):
        def __init__(self):
            super().__init__()
            self.guests = []

        def reset(self, rng):
            start = super().reset(rng)
            self.guests.append(self.numbers[0])
            return Start(start.cards, (Message(NARRATOR, f"Guest number {len(self.guests)}."),))

    caught(Leaky, PLACE + r"an episode depends on what was played before reset: seen\.host_0\.transcript\[0\]\.text")


def test_a_generator_shared_between_environments(panel):
    class Shared(panel):
        rng = np.random.default_rng(0)

        def reset(self, rng):
            return super().reset(Shared.rng)

    caught(Shared, PLACE + "two episodes under one seed differ: seen.host_0.role_card")


def test_state_shared_between_environments(panel):
    class Shared(panel):
        def reset(self, rng):
            start = super().reset(rng)
            type(self).numbers = self.__dict__.pop("numbers")  # kept by the class
            return start

    caught(Shared, "an episode depends on another environment played at the same time")


@pytest.mark.parametrize(("draw", "name"), [(random.random, "random"), (np.random.rand, "numpy")])
def test_a_global_generator(panel, draw, name):
    class Global(panel):
        def hear(self, messages):
            draw()
            return super().hear(messages)

    caught(Global, f"the global generator of {name} was used while checking: whole episodes repeat")


def test_the_generator_of_torch(panel):
    torch = pytest.importorskip("torch")

    class Global(panel):
        def hear(self, messages):
            torch.rand(1)
            return super().hear(messages)

    caught(Global, "the global generator of torch was used")


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), -float("inf")])
def test_a_reward_that_is_not_finite(panel, reward):
    class Infinite(panel):
        def hear(self, messages):
            outcome = super().hear(messages)
            return Outcome((0.0, reward, 0.0), outcome.judgements, outcome.absent, outcome.done)

    caught(Infinite, rf"broken, seed 0, turn \d, guest_0: its reward is {reward}; expected a finite float")


def test_an_absent_partys_reward_that_is_not_finite(panel):
    class Infinite(panel):
        def hear(self, messages):
            outcome = super().hear(messages)
            return Outcome(outcome.rewards, outcome.judgements, {"cook": float("nan")})

    caught(Infinite, "cook: its reward is nan")


class Dealer(DialogueEnv):
    """Shows everyone the first card."""

    def observe(self, agent):
        return {**super().observe(agent), "role_card": self.table.cards[0]}


class Telling(DialogueEnv):
    """Puts all cards into everyone's infos."""

    def reset(self, seed=None, options=None):
        super().reset(seed, options)
        self.infos = {agent: {"truth": [{"cards": "; ".join(self.table.cards)}]} for agent in self.agents}


class Loud(DialogueEnv):
    """Lets everyone hear what was addressed to one."""

    def observe(self, agent):
        return {**super().observe(agent), "transcript": self.table.transcript(0)}


class Deaf(DialogueEnv):
    """Forgets all but the last message."""

    def observe(self, agent):
        observation = super().observe(agent)
        return {**observation, "transcript": observation["transcript"][-1:]}


@pytest.mark.parametrize(
    ("env", "match"),
    [
        (Dealer, "guest_0: its role card is not the one it was dealt"),
        (Telling, "host_0: it sees the card of guest_0"),
        (Loud, "guest_0: its transcript is not the 1 messages addressed to it"),
        (Deaf, "host_0: its transcript is not the 2 messages addressed to it"),
    ],
)
def test_a_leak(panel, env, match):
    caught(panel, match, env)


def test_a_private_message_in_the_infos(panel):
    class Gossip(DialogueEnv):
        def step(self, action):
            super().step(action)
            for info in self.infos.values():
                info["last"] = self.table.messages[-1].text

    caught(panel, PLACE + "it sees a message not addressed to it", Gossip, private=True)


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


def test_every_seed_the_same(panel):
    class Same(panel):
        def reset(self, rng):
            return super().reset(np.random.default_rng(5))

    caught(Same, "the episodes of 10 different seeds are the same")


def test_observations_that_share_their_parts(panel):
    class Sharing(DialogueEnv):
        def observe(self, agent):
            return {**super().observe(agent), "transcript": tuple(self.table._seen[self._index[agent]])}

    caught(panel, "altering a returned observation alters a later one", Sharing)


def test_an_observation_outside_its_space(panel):
    class Extra(DialogueEnv):
        def observe(self, agent):
            return {**super().observe(agent), "mood": 3}

    caught(panel, "host_0: its observation is not in its observation space", Extra)


class Merged(DialogueEnv):
    """Calls every end both."""

    def step(self, action):
        super().step(action)
        if any(self.terminations.values()) or any(self.truncations.values()):
            self.terminations = dict.fromkeys(self.terminations, True)
            self.truncations = dict(self.terminations)


class Swapped(DialogueEnv):
    """Calls the turn limit a termination."""

    def step(self, action):
        super().step(action)
        if self.truncations and all(self.truncations.values()):
            self.terminations, self.truncations = self.truncations, self.terminations


class Endless(DialogueEnv):
    """Never stops."""

    def step(self, action):
        super().step(action)
        self.truncations = dict.fromkeys(self.agents, False)
        self.terminations = dict.fromkeys(self.agents, False)


@pytest.mark.parametrize(
    ("env", "match"),
    [
        (Merged, "host_0 is both terminated and truncated"),
        (Swapped, "terminated is True for host_0, which is not what the scenario said"),
        (Endless, "turn 7, .*: the episode goes on after its 6 turns"),
    ],
)
def test_ends(panel, env, match):
    caught(lambda: panel(together=False), match, env)


class Cutting(DialogueEnv):
    """Shortens what is too long."""

    def step(self, action):
        super().step(action[:2000] if isinstance(action, str) else action)


class Typing(DialogueEnv):
    """Raises something else."""

    def step(self, action):
        if action is not None and not isinstance(action, str):
            raise TypeError("text, please")
        super().step(action)


class Counting(DialogueEnv):
    """Pays for what it refuses."""

    def step(self, action):
        self._cumulative_rewards[self.agent_selection] = 0.0
        self.rewards[self.agent_selection] += 0.0 if isinstance(action, str | None) else 1.0
        super().step(action)


@pytest.mark.parametrize(
    ("env", "match"),
    [
        (Cutting, "the illegal action 'xxx.* was taken"),
        (Typing, "action 7 raised TypeError; expected a ValueError"),
        (Counting, "the refused action 7 changed something: rewards.host_0"),
    ],
)
def test_illegal_actions(panel, env, match):
    caught(panel, match, env)


def test_a_masked_candidate_that_is_taken(panel):
    class Unmasked(DialogueEnv):
        def step(self, action):
            super().step(0 if action == 2 else action)

    caught(panel, "the illegal action 2 was taken", Unmasked, mode="choice")


def test_a_scenario_that_raises(panel):
    class Raising(panel):
        def hear(self, messages):
            raise KeyError("never heard of it")

    caught(Raising, PLACE + "the legal action .* raised KeyError: 'never heard of it'")


def test_a_wrapper_that_pays_past_the_accounts(panel):
    class Bonus(BaseWrapper):
        @property
        def rewards(self):
            return {agent: reward + 1.0 for agent, reward in self.env.rewards.items()}

        @rewards.setter
        def rewards(self, _):
            pass

    with pytest.raises(CheckError, match=r"`last` told of .* in all and .* was paid"):
        check(lambda: Bonus(DialogueEnv(panel())))


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
    with pytest.raises(ValueError, match="a Table was made; expected a DialogueEnv"):
        check(lambda: type("Odd", (), {"unwrapped": Table(panel())})())


def test_knobs_are_checked_too():
    report = check("hidden_needs-v0", knobs={"seekers": 2, "turns": 2}, seeds=(4,))
    assert len(report.passed) == 31
