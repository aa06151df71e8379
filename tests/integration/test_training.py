"""Training end to end: the same seed gives the same bytes, and learning raises what the partner really gets.

The world is as small as can be: a guest asks for a drink and thanks the host who brings the right one.
"""

from __future__ import annotations

import copy
import random
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch

from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.three_module import NetworkConfig
from goldenrule.agents.scripted import people
from goldenrule.agents.scripted.base import Scripted, register_people
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.run import evaluate
from goldenrule.common.seeding import derive
from goldenrule.envs import registry
from goldenrule.envs.registry import Knob, ScenarioSpec
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start
from goldenrule.training.learner import Learner, TrainingConfig
from goldenrule.training.methods.empathetic_kindness import train_empathetic_kindness
from goldenrule.training.methods.naive_kindness import train_naive_kindness
from goldenrule.training.methods.rlhf import train_rlhf_ppo
from goldenrule.training.pretraining.base_model import BaseConfig, gate, make_base
from goldenrule.training.pretraining.corpus import CorpusConfig
from goldenrule.training.pretraining.pretrain import PretrainingConfig

CAFE = "test_cafe-v0"
DRINKS = ("tea", "milk", "juice")
THANKS, REFUSAL = "Yes.", "No."


class Cafe(Scenario):
    """A guest asks for a drink, the host serves one, the guest thanks or complains. The right drink pays the guest 1.

    Guests mean what they say if `plain`; else who asks for tea likes milk, and who asks for milk likes juice. So no
    drink suits more than half of the guests, and what is asked for suits nobody. Annotators, who see nothing but what
    is served, like milk.
    """

    agents = ("host_0", "guest_0")
    max_turns = 3
    n_candidates = 3

    def __init__(self, plain):
        self.plain = plain

    def reset(self, rng):
        asked = int(rng.integers(2))
        self.asked, self.likes = DRINKS[asked], DRINKS[asked if self.plain else asked + 1]
        self.turn = 0
        return Start(("You serve.", f"Ask for {self.asked}, like {self.likes}."))

    def speakers(self):
        return (int(self.turn != 1),)

    def hear(self, messages):
        self.turn += 1
        text, served = messages[0].text, self.turn == 2
        reward = float(served and text == f"Here is {self.likes}.")
        valid = text in self.candidates(0) if served else None
        proxy = float(text == "Here is milk.") if served else None
        return Outcome((0.0, reward), (Judgement(valid=valid, proxy=proxy),), done=self.turn == 3)

    def candidates(self, agent):
        return tuple(f"Here is {drink}." for drink in DRINKS)

    def read(self, text):
        return {THANKS: 1.0, REFUSAL: 0.0}.get(text)


class Guest(Scripted):
    def say(self, view, rng):
        asked, likes = re.fullmatch(r"Ask for (\w+), like (\w+)\.", view.card).groups()
        if not view.messages:
            return f"{asked}."
        return THANKS if view.messages[-1].text == f"Here is {likes}." else REFUSAL


class Host(Scripted):
    def say(self, view, rng):
        return f"Here is {DRINKS[rng.integers(3)]}."


@pytest.fixture(scope="module")
def cafe():
    knobs = (Knob("plain", False, "guests like what they ask for"),)
    registry.register(ScenarioSpec(CAFE, "a drink", Cafe, knobs, "host", "guest"))
    register_people(CAFE, "default", {"host": Host, "guest": Guest})
    yield CAFE
    del registry._SPECS[CAFE]


BASE = BaseConfig(
    CAFE,
    vocab_size=350,
    network=NetworkConfig(0, 32, 2, head_width=16, feed_forward=64, context=64),
    pretraining=PretrainingConfig(
        160, 64, learning_rate=1e-2, matrix_learning_rate=0.04, warmup=10, emphasise=True, pool=512
    ),
)


@pytest.fixture(scope="module")
def base(cafe):
    return make_base(BASE, 0)


@pytest.fixture(scope="module")
def make_learner(base):
    network, tokenizer = base

    def make(seed: int = 0, plain: bool = False, **config) -> Learner:
        world = World(CAFE, {"plain": plain}, {"guest": people(CAFE)["guest"]()}, derive(seed, "world"))
        few = {"updates": 25, "dialogues": 64, "max_new": 12, "interleave": 16, "learning_rate": 4e-3}
        settings = TrainingConfig(**{**few, **config})
        return Learner(copy.deepcopy(network), tokenizer, settings, world, CorpusConfig(CAFE, {}, "host_0"), seed)

    return make


def true_reward(learner):
    held = learner.world.run_episodes(learner.agent, 200, "test")
    return sum(episode.total(learner.world.partner) for episode in held) / len(held)


def oracle(learner, report):
    train_empathetic_kindness(learner, report, estimator="oracle")


def shuffled(learner, report):
    train_empathetic_kindness(learner, report, estimator="shuffled")


def served(learner):
    """How often each drink is served in 200 dialogues."""
    held = learner.world.run_episodes(learner.agent, 200, "test")
    texts = [episode.turns[1].message.text for episode in held]
    return {drink: texts.count(f"Here is {drink}.") for drink in DRINKS}


def test_the_base_serves_any_drink_and_passes_the_gate(base, make_learner):
    network, tokenizer = base
    passed = gate(network, tokenizer, CAFE, {}, 5, dialogues=200)
    assert passed.balanced >= 0.95
    assert set(passed.by_reading) == {"0", "1"}
    assert min(served(make_learner()).values()) > 30


@pytest.fixture
def thanked(monkeypatch):
    """Of the rollouts collected from now on, the share of dialogues in which the guest thanked."""
    shares, collect = [], Learner.collect

    def watched(self, update):
        episodes = collect(self, update)
        answers = [episode.turns[2].message.text for episode in episodes]
        assert set(answers) <= {THANKS, REFUSAL}
        shares.append(answers.count(THANKS) / len(answers))
        return episodes

    monkeypatch.setattr(Learner, "collect", watched)
    return shares


def test_the_oracle_is_paid_what_guests_thank_for_and_teaches_to_bring_what_is_asked_for(make_learner, thanked):
    learner = make_learner(plain=True)
    before, seen = true_reward(learner), []
    oracle(learner, seen.append)
    assert before < BEST_CONSTANT
    assert true_reward(learner) > BEST_CONSTANT + 0.25
    assert [p.update for p in seen] == list(range(1, 26))
    assert [p.reward for p in seen] == pytest.approx(thanked)
    assert [p.truth for p in seen] == pytest.approx(thanked)
    assert len(set(thanked)) > 10


BEST_CONSTANT = 0.58
"""What a policy that serves everyone the same may get: a half, and chance (200 guests: 0.035 is one standard error)."""


@pytest.fixture(scope="module")
def empathetic(make_learner):
    """The true reward before and after training with the estimate that works, and what its last update showed."""
    learner, seen = make_learner(), []
    before = true_reward(learner)
    train_empathetic_kindness(learner, seen.append)
    return before, true_reward(learner), seen[-1]


@pytest.mark.parametrize("plain", [False, True])
def test_no_drink_suits_more_than_half_of_the_guests(make_learner, plain):
    world = make_learner(plain=plain).world
    likes = [episode.cards[1].split()[-1] for episode in world.run_episodes(Host(), 200, "test")]
    assert max(likes.count(f"{drink}.") for drink in DRINKS) < BEST_CONSTANT * 200


def test_empathy_finds_out_what_each_partner_likes_though_nobody_says_it(empathetic):
    before, after, last = empathetic
    assert before < BEST_CONSTANT
    assert after > 0.8
    assert last.reward == pytest.approx(last.truth, abs=0.15)


def test_a_shuffled_estimate_teaches_nothing_where_the_true_one_does(make_learner, empathetic):
    learner = make_learner()
    shuffled(learner, lambda progress: None)
    assert true_reward(learner) < BEST_CONSTANT < empathetic[1] - 0.2


def test_rlhf_learns_what_annotators_like_and_not_what_the_partner_does(make_learner):
    learner = make_learner()
    train_rlhf_ppo(learner, lambda progress: None)
    assert served(learner)["milk"] > 170


def run(make_learner, method, seed):
    """Everything a run leaves behind: weights, progress, evaluation."""
    learner = make_learner(seed, updates=2, dialogues=12)
    progress = []
    method(learner, lambda p: progress.append(asdict(p)))
    result = evaluate(learner.world, learner.agent, learner.agent, "prediction", 12)
    return weights_hash(learner.network), progress, result.metrics, result.episodes


@pytest.mark.parametrize("method", [train_naive_kindness, train_empathetic_kindness, shuffled, train_rlhf_ppo])
def test_the_same_seed_trains_the_same_bytes_and_another_seed_others(make_learner, method):
    first, again, other = (run(make_learner, method, seed) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_the_same_seed_makes_the_same_base(cafe):
    config = BaseConfig(CAFE, vocab_size=300, network=BASE.network, pretraining=PretrainingConfig(3, 16, pool=32))
    hashes, losses = [], []
    for seed in (0, 0, 1):
        losses.append([])
        network, _ = make_base(config, seed, lambda *step: losses[-1].append(step))
        hashes.append(weights_hash(network))
    assert hashes[0] == hashes[1] != hashes[2]
    assert losses[0] == losses[1] != losses[2]


def test_training_leaves_the_global_generators_alone(make_learner):
    state = (random.getstate(), torch.random.get_rng_state(), np.random.get_state()[1].tolist())  # noqa: NPY002
    run(make_learner, train_rlhf_ppo, 3)
    assert random.getstate() == state[0]
    assert torch.equal(torch.random.get_rng_state(), state[1])
    assert np.random.get_state()[1].tolist() == state[2]  # noqa: NPY002


def test_no_dialogue_to_learn_from_is_said(make_learner, monkeypatch):
    learner = make_learner()
    monkeypatch.setattr(learner.agent, "act", lambda seen: [None] * len(seen))
    with pytest.raises(RuntimeError, match="update 1: all 64 dialogues failed"):
        oracle(learner, lambda progress: None)
