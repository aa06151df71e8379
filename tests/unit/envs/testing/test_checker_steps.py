"""The checker must catch steps that end, refuse or pay wrongly: each test breaks an environment in one way."""

import pytest
from pettingzoo.utils import BaseWrapper

from goldenrule.envs import CheckError, DialogueEnv, check


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
def test_ends(panel, env, match, caught):
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
def test_illegal_actions(panel, env, match, caught):
    caught(panel, match, env)


def test_a_masked_candidate_that_is_taken(panel, caught):
    class Unmasked(DialogueEnv):
        def step(self, action):
            super().step(0 if action == 2 else action)

    caught(panel, "the illegal action 2 was taken", Unmasked, mode="choice")


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
