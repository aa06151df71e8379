"""The checker must catch who sees too much or something else: each test breaks an environment in one way."""

import pytest

from goldenrule.envs import DialogueEnv

PLACE = r".*, seed \d+, turn \d+, \w+: "


class Dealer(DialogueEnv):
    """Shows everyone the first card."""

    def observe(self, agent):
        return {**super().observe(agent), "role_card": self.dialogue.cards[0]}


class Telling(DialogueEnv):
    """Puts all cards into everyone's infos."""

    def reset(self, seed=None, options=None):
        super().reset(seed, options)
        self.infos = {agent: {"truth": [{"cards": "; ".join(self.dialogue.cards)}]} for agent in self.agents}


class Loud(DialogueEnv):
    """Lets everyone hear what was addressed to one."""

    def observe(self, agent):
        return {**super().observe(agent), "transcript": self.dialogue.transcript(0)}


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
        (Loud, "guest_0: its transcript is not the 1 message addressed to it"),
        (Deaf, "host_0: its transcript is not the 2 messages addressed to it"),
    ],
)
def test_a_leak(panel, env, match, caught):
    caught(panel, match, env)


def test_a_private_message_in_the_infos(panel, caught):
    class Gossip(DialogueEnv):
        def step(self, action):
            super().step(action)
            for info in self.infos.values():
                info["last"] = self.dialogue.messages[-1].text

    caught(panel, PLACE + "it sees a message not addressed to it", Gossip, private=True)


def test_observations_that_share_their_parts(panel, caught):
    class Sharing(DialogueEnv):
        def reset(self, seed=None, options=None):
            super().reset(seed, options)
            self.kept = {agent: [] for agent in self.agents}

        def observe(self, agent):
            observation, kept = super().observe(agent), self.kept[agent]
            kept += observation["transcript"][len(kept) :]
            return {**observation, "transcript": tuple(kept)}

    caught(panel, "altering a returned observation alters a later one", Sharing)


def test_an_observation_outside_its_space(panel, caught):
    class Extra(DialogueEnv):
        def observe(self, agent):
            return {**super().observe(agent), "mood": 3}

    caught(panel, "host_0: its observation is not in its observation space", Extra)
