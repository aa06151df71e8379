"""Fine-tuning with PPO on RLHF: the baseline ([T] Algorithms 2/6).

For each prompt s_i:
    a_i, â_i <- M(s_i)
    reward   R(a_i) = r(a_i), a Bradley-Terry model of what annotators prefer
    PPO on R(a_i)               -> behaviour, perception, shared
    NLL of p on a_i             -> prediction, perception, shared

Departures: the reward model is fitted before training and stays fixed (`rewards.rlhf`). Interleaved pre-training and
the KL term are the same as for every other method (`training.ppo`).

What annotators compare. A reward model knows only what it was shown, and a policy trained on it explores the rest. So
annotators see nonsense too, of the two kinds that a policy could come to: sentences of this world with words missing,
moved or exchanged, and what the start network says at higher temperatures. Each message is said in a dialogue, and the
scenario itself judges whether it made sense there; nothing is taken for nonsense because it was garbled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from goldenrule.agents.base import Agent, Reply, Seen, ask_act, ask_reset
from goldenrule.agents.episode import Episode
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.play import seat
from goldenrule.agents.world import seat_name
from goldenrule.common.seeding import derive, generator
from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.rlhf import PreferenceModel, annotate
from goldenrule.training.learner import Learner, Report
from goldenrule.training.ppo import train
from goldenrule.training.pretraining.corpus import scripted_people

TEMPERATURES = (1.0, 1.5, 2.0)
"""Of the start network: 1 is how it speaks; at 2 most of what it says makes no sense."""


def train_rlhf_ppo(learner: Learner, report: Report) -> None:
    """Train a learner on RLHF alone."""
    rlhf = fit_preferences(learner)
    train(learner, lambda episodes: score_episodes(rlhf, episodes, learner.me), report)


def fit_preferences(learner: Learner, dialogues: int = 512, pairs: int = 8000) -> PreferenceModel:
    """A reward model from annotators of this scenario, on features of the start network.

    Args:
        learner: at its start.
        dialogues: see `annotated_dialogues`.
        pairs: how many pairs of messages they compare.
    """
    episodes = annotated_dialogues(learner, dialogues)
    preferences = annotate(episodes, learner.me, pairs, generator(learner.seed, "annotators"))
    model = PreferenceModel(learner.network, learner.tokenizer)
    model.fit(preferences, generator(learner.seed, "reward model"))
    return model


def annotated_dialogues(learner: Learner, dialogues: int, partners: Mapping[str, Agent] | None = None) -> list[Episode]:
    """Dialogues with scripted people in all other seats, for annotators to take the learner's messages from.

    Args:
        learner: whose scenario, seat and start network.
        dialogues: how many of scripted people, as many again with garbled messages, and half as many for each of
            `TEMPERATURES`. One that fails is shown as far as it went.
        partners: who sits in other seats, by name; scripted people where none is given.
    """
    # Two sets of people: someone who took two seats would draw for both of them from one stream.
    people, others = (scripted_people(learner.world.scenario) for _ in range(2))
    others |= partners or {}
    name = seat_name(learner.world.scenario, "learner")
    scripted = seat([name], people)[name]

    def run_episodes(agent: Agent, count: int, *stream: str) -> list[Episode]:
        world = replace(learner.world, others=others, seed=derive(learner.seed, *stream))
        return world.run_episodes(agent, count)

    episodes = run_episodes(scripted, dialogues, "annotated")
    episodes += run_episodes(Garbling(scripted), dialogues, "annotated garbled")
    for temperature in TEMPERATURES:
        max_new = learner.config.max_new
        speaker = LanguageModel(learner.network, learner.tokenizer, max_new=max_new, temperature=temperature)
        episodes += run_episodes(speaker, dialogues // 2, "annotated network", f"{temperature:g}")
    return episodes


class Garbling:
    """Says what another agent would say, with its words missing, moved or exchanged.

    Args:
        agent: whose messages are garbled.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.reset([0])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        ask_reset(self.agent, seeds)
        self._rngs = [generator(seed, "garbling") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One garbled reply for each observation; foreign words come from what was heard and is meant in this batch."""
        meant = [reply.text for reply in ask_act(self.agent, observations)]
        heard = [message.text for seen in observations for message in seen.view.messages]
        return [
            Reply(garble(text, [*meant, *heard], self._rngs[seen.dialogue]))
            for seen, text in zip(observations, meant, strict=True)
        ]


def garble(text: str, others: Sequence[str], rng: np.random.Generator) -> str:
    """A text with its words in another order, cut off, or with one left out, exchanged, or more put in.

    Args:
        text: at least one word.
        others: texts from which foreign words are taken; at least one word each.
        rng: what to do, where, and with which words.
    """
    words, foreign = text.split(), others[int(rng.integers(len(others)))].split()
    place, other = int(rng.integers(len(words))), int(rng.integers(len(foreign)))
    match int(rng.integers(6)):
        case 0:
            rng.shuffle(words)
        case 1:
            words = words[: place + 1]
        case 2 if len(words) > 1:
            del words[place]
        case 3:
            words[place] = foreign[other]
        case 4:
            words = [*words[: place + 1], *foreign[other:]]
        case _:
            words.insert(place, foreign[other])
    return " ".join(words)
