"""The SB3 agent: it says only what is on offer, survives saving, and sits beside agents that speak freely."""

from __future__ import annotations

import json

import numpy as np
import pytest

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.networks.checkpoint import CheckpointError
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.play import SeatedAgents, play
from goldenrule.agents.sb3 import ConversationFeatures, PolicyShape, Sb3Agent
from goldenrule.agents.scripted import people
from goldenrule.envs import Message, View, make
from goldenrule.envs.scenarios.hidden_needs import PHRASES
from goldenrule.envs.single_agent import SingleAgentEnv

TEXTS = [phrase for group in PHRASES.values() for phrase in group]
SAID = {text for group in PHRASES.values() for text in group}


def views(count):
    agents = ("helper_0", "seeker_0")
    return [View(agents, 0, "You are proud.", (Message(1, TEXTS[k]), Message(0, "I see."))) for k in range(count)]


@pytest.fixture(scope="module")
def features():
    tokenizer = DialogueTokenizer.train(TEXTS, 300)
    sizes = {"width": 16, "layers": 1, "head_width": 4, "feed_forward": 16, "context": 64}
    network = ThreeModuleTransformer(NetworkConfig(vocab_size=tokenizer.vocab_size, **sizes))
    return ConversationFeatures(network.requires_grad_(False), tokenizer)


@pytest.fixture
def agent(features):
    shape = PolicyShape(features.size, 12, (8,))
    return Sb3Agent(shape.build(), shape, features)


def choices(agent, seeds=range(8)):
    agent.reset(list(seeds))
    offered = tuple(f"option {k}" for k in range(12))
    return [r.text for r in agent.act([Seen(k, view, offered) for k, view in enumerate(views(len(seeds)))])]


def test_features_do_not_depend_on_the_batch(features):
    together = features(views(5))
    alone = np.concatenate([features([view]) for view in views(5)])
    assert together.shape == (5, 16)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_long_talk_keeps_the_card_and_the_latest_messages(features):
    long = View(("a_0", "b_0"), 0, "You are proud.", tuple(Message(k % 2, TEXTS[k % 48]) for k in range(60)))
    assert len(features._ids(long)) <= 64
    assert features._ids(long)[-2:-1] == features._ids(views(1)[0])[-2:-1]  # an end, before the label of what follows
    assert np.isfinite(features([long])).all()
    with pytest.raises(ValueError, match="does not fit"):
        features([View(("a_0",), 0, "x" * 500, ())])


def test_what_is_not_on_offer_is_never_said(agent):
    only = [7, 9]
    masks = np.zeros((40, 12), dtype=bool)
    masks[:, only] = True
    chances = agent.probabilities(views(40), masks)
    assert (chances[:, [k for k in range(12) if k not in only]] == 0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    agent.reset(list(range(40)))
    offered = tuple("yes" if k == 7 else "no" if k == 9 else "" for k in range(12))
    said = {r.text for r in agent.act([Seen(k, view, offered) for k, view in enumerate(views(40))])}
    assert said == {"yes", "no"}


def test_seeds_decide_what_is_said(agent):
    assert choices(agent) == choices(agent)
    assert choices(agent) != choices(agent, range(100, 108))


def test_the_likeliest_candidate_can_be_asked_for(features, agent):
    certain = Sb3Agent(agent.policy, agent.shape, features, deterministic=True)
    chances = agent.probabilities(views(8), np.ones((8, 12), dtype=bool))
    assert choices(certain) == [f"option {k}" for k in chances.argmax(axis=1)]


def test_a_saved_agent_says_the_same(agent, tmp_path):
    agent.save(tmp_path / "agent", {"seed": 3})
    again = Sb3Agent.load(tmp_path / "agent")
    assert again.weights_hash() == agent.weights_hash()
    assert choices(again) == choices(agent)
    assert not list(tmp_path.rglob("*.zip"))
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_missing_or_damaged_agent_is_named(agent, tmp_path):
    with pytest.raises(CheckpointError, match="no agent in"):
        Sb3Agent.load(tmp_path)
    agent.save(tmp_path, {})
    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="does not match"):
        Sb3Agent.load(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "kind": "other"}))
    with pytest.raises(CheckpointError, match="another kind; expected kind sb3, format 1"):
        Sb3Agent.load(tmp_path)
    with pytest.raises(CheckpointError, match="another kind; expected kind sb3, format 1"):
        Sb3Agent.load(tmp_path / "features")


@pytest.mark.parametrize("mode", ["text", "choice"])
def test_it_sits_at_the_table_like_any_other_agent(agent, mode):
    seeker = people("hidden_needs-v0")["seeker"]() if mode == "text" else _First()
    episodes = play(
        [make("hidden_needs-v0", mode=mode) for _ in range(6)], {"helper": agent, "seeker": seeker}, range(6)
    )
    assert {e.status for e in episodes} <= {"terminated", "truncated"}
    assert {t.message.text for e in episodes for t in e.turns if t.message.speaker == 0} <= SAID


def test_the_wrong_scenario_is_named(agent):
    campers = {"camper_0": agent, "camper_1": people("campsite-v0")["camper"]()}
    (episode,) = play([make("campsite-v0")], campers, [0])
    assert episode.status == "failed"
    assert "trained on another scenario" in episode.error
    agent.reset([0])
    with pytest.raises(ValueError, match="choice mode"):
        agent.act([Seen(0, views(1)[0])])


class _First:
    """Says the first candidate."""

    def reset(self, seeds):
        pass

    def act(self, observations):
        return [Reply(seen.candidates[0]) for seen in observations]


@pytest.mark.parametrize("mode", ["text", "choice"])
def test_agents_take_the_other_seats_of_a_single_agents_view(agent, features, mode):
    env = SingleAgentEnv(make("hidden_needs-v0", mode=mode), "seeker_0", SeatedAgents({"helper": agent}), features)
    for seed in range(3):
        env.reset(seed=seed)
        while not env._over:
            env.step(np.int64(np.flatnonzero(env.action_masks())[0]))
        assert {m.text for m in env.env.dialogue.messages if m.speaker == 0} <= SAID
    env.others = SeatedAgents({"cook": agent})
    env.reset(seed=0)  # the seeker opens, so nobody else is asked yet
    with pytest.raises(ValueError, match="nobody sits as helper_0"):
        env.step(np.int64(0))
