"""Dialogues as SB3 sees them, and MaskablePPO on them: the contract of `VecEnv`, determinism, and that it learns."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from goldenrule.agents.base import Reply
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.envs.scenarios.hidden_needs import PHRASES
from goldenrule.rewards.base import Score
from goldenrule.training.learner import Learner, TrainingConfig
from goldenrule.training.sb3 import DialogueVecEnv, train_rlhf_sb3, train_sb3

ADVICE = set(PHRASES["advise"])


class Advice:
    """1 for advice."""

    name, privileged = "advice", False

    def score(self, turns):
        return [Score(float(turn.message.text in ADVICE)) for turn in turns]


class Lengths:
    """How many messages were seen, and how long the last one is."""

    size = 2

    def __call__(self, views):
        return np.array([[len(v.messages), len(v.messages[-1].text) if v.messages else 0] for v in views], np.float32)


def world_of(scenario="hidden_needs-v0", role="seeker", others=None, **knobs):
    return World(scenario, knobs, {role: others or people(scenario)[role.removesuffix("_1")]()}, 3)


def vector(count=6, reward=None, seed=1, **options):
    return DialogueVecEnv(world_of(**options), count, Lengths(), reward or Advice(), seed)


def texts(env):
    return [tuple(m.text for m in d.env.dialogue.messages) for d in env._dialogues]


def test_observations_are_of_the_learner_about_to_speak():
    env = vector()
    observed = env.reset()
    assert observed.shape == (6, 2)
    assert (observed[:, 0] == 1).all()  # each seeker has opened
    assert env.env_method("action_masks")[0].shape == (12,)


def test_a_dialogue_that_ends_is_dealt_anew_in_the_same_step():
    env = vector(count=40)
    env.reset()
    before = texts(env)
    observed, rewards, dones, infos = env.step(np.full(40, 6))
    assert dones.all()
    assert (rewards == 1).all()
    assert (observed[:, 0] == 1).all()
    assert all(new != old for new, old in zip(texts(env), before, strict=True))
    for info in infos:
        assert info["terminal_observation"][0] == 3
        assert info["TimeLimit.truncated"] == (info["truth"] == 0)  # over once the need is met, cut otherwise
        assert info["episode"] == {"r": 1.0, "l": 1, "t": 0.0}
    assert {info["TimeLimit.truncated"] for info in infos} == {True, False}


def test_the_truth_is_what_all_partners_got():
    env = vector(count=40, seekers=2)
    env.reset()
    truths = set()
    for _ in range(4):
        before = [sum(dialogue.env.dialogue.totals[1:]) for dialogue in env._dialogues]
        _, _, dones, infos = env.step(np.full(40, 6))
        for row, (done, info) in enumerate(zip(dones, infos, strict=True)):
            if done:
                truths.add((before[row], info["truth"]))
    assert {(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)} <= truths  # nobody's need was met; the second's; the first's
    assert all(truth - so_far in (0.0, 1.0) for so_far, truth in truths)


def test_dialogues_of_unequal_length_keep_their_own_partners():
    env = vector(count=30, turns=3)
    env.reset()
    lengths = []
    for step in range(9):
        before = texts(env)
        _, _, dones, infos = env.step(np.full(30, 2 * (step % 6)))
        for old, new, done, info in zip(before, texts(env), dones, infos, strict=True):
            assert done or new[: len(old)] == old
            if done:
                lengths.append(info["episode"]["l"])
    assert set(lengths) == {1, 2, 3}


def test_a_partner_that_remembers_is_not_reset_while_its_dialogues_go_on():
    class Counts:
        """Numbers its messages in each dialogue."""

        def reset(self, seeds):
            self.said = [0] * len(seeds)

        def act(self, observations):
            for seen in observations:
                mine = sum(m.speaker == seen.view.me for m in seen.view.messages)
                assert self.said[seen.dialogue] == mine
                self.said[seen.dialogue] += 1
            return [Reply("The exam went badly.") for _ in observations]

    env = vector(count=20, turns=4, others=Counts())
    env.reset()
    ended = [tuple(env.step(np.full(20, 2 * (step % 6)))[2]) for step in range(8)]
    assert any(0 < sum(dones) < 20 for dones in ended)
    assert all(not d.failed for d in env._dialogues)


def test_the_seed_decides_every_dialogue():
    def talk(seed):
        env = vector(seed=seed, turns=2)
        env.reset()
        said = []
        for step in range(4):
            env.step(np.full(6, step))
            said.append(texts(env))
        return said

    assert talk(1) == talk(1)
    assert talk(1) != talk(2)
    env = vector(seed=9)
    env.seed(4)
    env.reset()
    first = texts(env)
    env.step(np.zeros(6, dtype=int))
    env.seed(4)
    env.reset()
    assert texts(env) == first


def test_masks_follow_the_dialogue_and_a_masked_choice_is_refused():
    env = vector(scenario="campsite-v0", role="camper_1")
    env.reset()
    masks = np.stack(env.env_method("action_masks"))
    assert not masks.all()
    with pytest.raises(ValueError, match="not on offer"):
        env.step(np.argmin(masks, axis=1))


def test_a_partner_that_fails_cuts_its_own_dialogue_only():
    class Breaks:
        def reset(self, seeds):
            self.rude = [seed % 2 for seed in seeds]

        def act(self, observations):
            if any(self.rude[s.dialogue] and len(s.view.messages) > 1 for s in observations):
                raise OSError("gone")
            return [Reply("The exam went badly.") for _ in observations]

    env = vector(count=20, others=Breaks())
    env.reset()
    _, rewards, dones, infos = env.step(np.full(20, 6))
    failed = [bool(info["failed"]) for info in infos]
    assert 0 < sum(failed) < 20
    assert all(info["TimeLimit.truncated"] for info in infos if info["failed"])
    assert "gone" in next(info["failed"] for info in infos if info["failed"])
    assert dones.all()
    assert (rewards == 1).all()  # what the learner said was still heard


def test_a_partner_that_never_lets_the_learner_speak_and_a_missing_reward_are_named():
    class Mute:
        def reset(self, seeds):
            pass

        def act(self, observations):
            return [Reply("") for _ in observations]

    class Unscored(Advice):
        def score(self, turns):
            return [Score(None, "no annotator") for _ in turns]

    with pytest.raises(RuntimeError, match="did not get to speak"):
        vector(others=Mute()).reset()
    env = vector(reward=Unscored())
    env.reset()
    with pytest.raises(ValueError, match="no annotator"):
        env.step(np.zeros(6, dtype=int))


@pytest.fixture(scope="module")
def base():
    said = [phrase for group in PHRASES.values() for phrase in group]
    tokenizer = DialogueTokenizer.train(said, 400)
    sizes = {"width": 16, "layers": 1, "head_width": 4, "feed_forward": 16, "context": 256}
    return ThreeModuleTransformer(NetworkConfig(vocab_size=tokenizer.vocab_size, **sizes)), tokenizer


def learner_of(base, updates, seed=0, **knobs):
    config = TrainingConfig(updates=updates, dialogues=32, learning_rate=3e-3, interleave=0)
    return Learner(*base, config, world_of(**knobs), None, seed)


def test_ppo_learns_what_pays(base):
    curve = []
    agent = train_sb3(learner_of(base, 20), Advice(), curve.append)
    assert [p.update for p in curve] == list(range(1, 21))
    assert curve[0].reward < 0.4
    assert curve[-1].reward > 0.8
    assert curve[-1].truth is not None
    episodes = world_of().run_episodes(agent, 40, "after")
    said = [t.message.text for e in episodes for t in e.turns if t.message.speaker == 0]
    assert np.mean([text in ADVICE for text in said]) > 0.8


def test_the_same_seed_gives_the_same_weights_and_the_global_generators_are_untouched(base):
    def train(seed):
        return train_sb3(learner_of(base, 2, seed, turns=2), Advice(), lambda progress: None).weights_hash()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    first = train(0)
    drawn = random.random(), np.random.random(), float(torch.rand(()))  # noqa: NPY002
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    assert drawn == (random.random(), np.random.random(), float(torch.rand(())))  # noqa: NPY002
    assert train(0) == first
    assert train(1) != first


def test_rlhf_is_learnt_beside_a_language_model_and_the_network_is_left_alone(base):
    network, tokenizer = base
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learner = learner_of(base, 2, others=LanguageModel(network, tokenizer, max_new=4))
    train_rlhf_sb3(learner, lambda progress: None)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
