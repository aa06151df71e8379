"""Critic kindness: the control that judges a message at once, to compare simulation with.

For each message a_t of the learner, with s_j = s_i + a_t the partner's state:
    RL: Q(s_j) credited to a_t           -> behaviour, perception, shared
    Q <- (Q(s_j) - R(o_{t+1} | s_j))^2   a network of its own, all of it

Nothing is imagined: Q says what the reply will be worth, not what it will be. It is the start network with one output
more, at the end of a message, and learns from exactly the replies that the prediction output learns from: those of
as many dialogues of each rollout and of as many interleaved conversations; and before the first update from those of
pre-training, which its trunk has learnt to predict already. R is the public reading of a reply, as for the method that
it is a control of (`empathetic_kindness`); a message whose reply does not tell teaches it nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goldenrule.agents.episode import Episode
from goldenrule.common.seeding import derive, generator
from goldenrule.rewards.base import Score
from goldenrule.rewards.reward_network import Rated, RewardNetwork
from goldenrule.training.learner import Learner, Report
from goldenrule.training.methods.feedback_kindness import score_feedback
from goldenrule.training.ppo import LEFT_OUT, train
from goldenrule.training.pretraining.corpus import converse

LESSONS, BATCH = 100, 64
"""Gradient steps on pre-training conversations before the first update, and conversations a step."""


def train_critic_kindness(learner: Learner, report: Report) -> None:
    """Train a learner to be kind as a critic of its messages foresees it."""
    critic = learner.beside = RewardNetwork(learner.network)
    older = _pretraining_talks(learner)
    rng = generator(learner.seed, "critic lessons")
    if learner.saved is None:
        for _ in range(LESSONS if older else 0):
            critic.learn([older[k] for k in rng.integers(0, len(older), BATCH)])

    def score(episodes: Sequence[Episode]) -> list[Score]:
        talks, config, rng = rated_talks(learner, episodes), learner.config, learner.rng
        scores = judge(critic, talks)  # before it has learnt of their replies, as the prediction output imagines
        heard = rng.permutation(len(talks))[: config.replies if config.predict_replies else 0]
        lessons = [talks[k] for k in heard]
        lessons += [older[k] for k in rng.integers(0, len(older), config.interleave)] if older else []
        for part in np.array_split(rng.permutation(len(lessons)), config.minibatches):
            critic.learn([lessons[k] for k in part])
        return scores

    train(learner, score, report)


def rated_talks(learner: Learner, episodes: Sequence[Episode]) -> list[Rated]:
    """Talks from the learner's seat, with what the real reply to each of its messages told.

    Messages past the network's context are there as rewards without an end.
    """
    found, context = [], learner.network.config.context
    scores = iter(score_feedback(episodes, learner.world))
    for episode in episodes:
        assert episode.conversation is not None
        encoded = learner.tokenizer.encode_view(episode.conversation.seen_by(learner.me))
        ends = [span.stop - 1 for span in encoded.spans if span.speaker == learner.me]
        told = [next(scores).value for _ in ends]
        kept = [end for end in ends if end < context]
        found.append(Rated(encoded.ids[:context], kept, told))
    return found


def judge(critic: RewardNetwork, talks: Sequence[Rated]) -> list[Score]:
    """What the critic foresees of each message; none of those past the network's context."""
    values = iter(critic.rate(talks))
    return [
        Score(next(values)) if number < len(talk.ends) else Score(None, LEFT_OUT)
        for talk in talks
        for number in range(len(talk.rewards))
    ]


def _pretraining_talks(learner: Learner) -> list[Rated]:
    """As many as the lessons need."""
    corpus = learner.corpus
    if corpus is None:
        return []
    seed = derive(learner.seed, "critic lessons")
    return rated_talks(learner, converse(corpus.scenario, corpus.knobs, LESSONS * BATCH, seed, corpus.settings))
