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

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from goldenrule.agents.episode import Episode
from goldenrule.agents.networks.adamw import AdamW
from goldenrule.agents.networks.tokenizer import PAD
from goldenrule.common.seeding import derive, generator
from goldenrule.rewards.base import Score
from goldenrule.training.learner import Learner, Report
from goldenrule.training.methods.feedback_kindness import score_feedback
from goldenrule.training.ppo import LEFT_OUT, train
from goldenrule.training.pretraining.corpus import converse

LESSONS, BATCH = 100, 64
"""Gradient steps on pre-training conversations before the first update, and conversations a step."""
RATE = 1e-3
"""Learning rate, AdamW's."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A talk from the learner's seat.

    Attributes:
        ids: its tokens.
        ends: where each of the learner's messages ends, those past the network's context left out.
        scores: what the real reply to each of these told.
    """

    ids: list[int]
    ends: list[int]
    scores: list[Score]


class Critic:
    """Q: what the reply to a message will be worth.

    Args:
        learner: at its start, whose network it begins as.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.network = copy.deepcopy(learner.network)
        self.out = nn.Linear(self.network.config.width, 1)
        for weight in self.out.parameters():
            nn.init.zeros_(weight)
        self.out.to(self.network.device)
        self.optimizer = AdamW([*self.network.parameters(), *self.out.parameters()], RATE)

    def tensors(self) -> dict[str, Tensor]:
        """Its weights and moments, by name."""
        found = {f"network.{name}": one for name, one in self.network.state_dict().items()}
        found |= {f"out.{name}": one for name, one in self.out.state_dict().items()}
        for place, moments in self.optimizer.moments.items():
            found |= {f"moments.{place}.{k}": one for k, one in enumerate(moments)}
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Become what gave `tensors`."""

        def part(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(f"{name}."): one for key, one in tensors.items() if key.startswith(f"{name}.")}

        self.network.load_state_dict(part("network"))
        self.out.load_state_dict(part("out"))
        moments = part("moments")
        places = sorted({int(name.partition(".")[0]) for name in moments})
        self.optimizer.moments = {n: [moments[f"{n}.{k}"].clone() for k in range(3)] for n in places}

    def judged(self, episodes: Sequence[Episode]) -> list[Judged]:
        """The talks as it reads them."""
        learner, found = self.learner, []
        scores = iter(score_feedback(episodes, learner.world))
        for episode in episodes:
            assert episode.conversation is not None
            encoded = learner.tokenizer.encode_view(episode.conversation.seen_by(learner.me))
            own = [(span.stop - 1, next(scores)) for span in encoded.spans if span.speaker == learner.me]
            kept = [(end, score) for end, score in own if end < self.network.config.context]
            ids = encoded.ids[: self.network.config.context]
            found.append(Judged(ids, [end for end, _ in kept], [score for _, score in kept]))
        return found

    def rate(self, episodes: Sequence[Episode]) -> list[Score]:
        """Q of each of the learner's messages."""
        talks = self.judged(episodes)
        with torch.no_grad():
            values = iter(self._values(talks).tolist())
        scores = []
        for episode, talk in zip(episodes, talks, strict=True):
            said = len([*episode.turns_of(self.learner.me)])
            scores += [Score(next(values)) for _ in talk.ends]
            scores += [Score(None, LEFT_OUT)] * (said - len(talk.ends))
        return scores

    def learn(self, talks: Sequence[Judged]) -> float | None:
        """A gradient step; the mean squared error before it, `None` where no reply told anything."""
        told = [score.value for talk in talks for score in talk.scores]
        known = [k for k, value in enumerate(told) if value is not None]
        if not known:
            return None
        targets = torch.tensor([told[k] for k in known], device=self.network.device)
        loss = (self._values(talks)[known] - targets).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimizer.parameters, 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def _values(self, talks: Sequence[Judged]) -> Tensor:
        """Q after each message, those of one talk after those of the one before [N]."""
        rows = [torch.tensor(talk.ids) for talk in talks]
        ids = pad_sequence(rows, batch_first=True, padding_value=PAD).to(self.network.device)
        hidden = self.network(ids)
        row = torch.tensor([k for k, talk in enumerate(talks) for _ in talk.ends])
        column = torch.tensor([end for talk in talks for end in talk.ends])
        values: Tensor = self.out(hidden[row, column])[:, 0]
        return values


def train_critic_kindness(learner: Learner, report: Report) -> None:
    """Train a learner to be kind as a critic of its messages foresees it."""
    critic = learner.beside = Critic(learner)
    older = _pretraining_talks(critic)
    rng = generator(learner.seed, "critic lessons")
    if learner.saved is None:
        for _ in range(LESSONS if older else 0):
            critic.learn([older[k] for k in rng.integers(0, len(older), BATCH)])

    def score(episodes: Sequence[Episode]) -> list[Score]:
        scores = critic.rate(episodes)  # before it has learnt of their replies, as the prediction output imagines
        config, rng = learner.config, learner.rng
        heard = rng.permutation(len(episodes))[: config.replies if config.predict_replies else 0]
        talks = critic.judged([episodes[k] for k in heard])
        talks += [older[k] for k in rng.integers(0, len(older), config.interleave)] if older else []
        for part in np.array_split(rng.permutation(len(talks)), config.minibatches):
            critic.learn([talks[k] for k in part])
        return scores

    train(learner, score, report)


def _pretraining_talks(critic: Critic) -> list[Judged]:
    """As many as the lessons need."""
    learner, corpus = critic.learner, critic.learner.corpus
    if corpus is None:
        return []
    seed = derive(learner.seed, "critic lessons")
    return critic.judged(converse(corpus.scenario, corpus.knobs, LESSONS * BATCH, seed, corpus.settings))
