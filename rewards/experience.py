"""R as one's own: what words are worth, learnt from one's own rewards in the other's place ([K] Eq. 8-13).

In some dialogues the learner sits where its partner sits otherwise, is served by another, and is paid its own true
reward. From that it learns
    R_i(o | s)        what I was paid, from what I was told and what I answered, with or without my card
and of an imagined partner's reply it takes R_j to be R_i. Nobody else's reward, card or judgement has a part in it, nor
the scenario's reading of a reply. It carries over as far as the partner expresses itself as the learner would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message
from goldenrule.rewards.reward_network import Rated, RewardNetwork

STEPS, BATCH = 150, 64
"""Gradient steps, and replies a step."""


class Experience:
    """R(â | s_j), fitted to one's own rewards.

    Args:
        network: what it begins as; it is copied.
        tokenizer: the network's.
    """

    def __init__(self, network: ThreeModuleTransformer, tokenizer: DialogueTokenizer) -> None:
        self.network, self.tokenizer = RewardNetwork(network), tokenizer

    def fit(self, lived: Sequence[tuple[View, float]], rng: np.random.Generator) -> float:
        """Learn from what one has lived; the mean squared error of the last tenth of the steps.

        Args:
            lived: views that end with what one said oneself, and what one was paid for what one had been told.
            rng: draws batches, and which views lose their card: a partner's is not known.

        Raises:
            ValueError: there is nothing to learn from.
        """
        if not lived:
            raise ValueError("nothing was lived in the other's place; expected at least one reply with its reward")
        both = [(self._rated(view, reward), self._rated(replace(view, card=""), reward)) for view, reward in lived]
        errors = []
        for _ in range(STEPS):
            rows, cards = rng.integers(0, len(both), BATCH), rng.integers(0, 2, BATCH)
            errors.append(self.network.learn([both[k][without] for k, without in zip(rows, cards, strict=True)]))
        return float(np.mean([one for one in errors[-STEPS // 10 :] if one is not None]))

    def rate(self, replies: Sequence[tuple[View, int, str]]) -> list[float]:
        """What I would have been paid, had I been told this and answered so in the other's place."""
        places = [talk.place_of(other).append(Message(other, text)) for talk, other, text in replies]
        return self.network.rate([self._rated(place, None) for place in places])

    def _rated(self, view: View, reward: float | None) -> Rated:
        ids = self.tokenizer.encode_within(view, self.network.network.config.context)
        return Rated(ids, [len(ids) - 1], [reward])
