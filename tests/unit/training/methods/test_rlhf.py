"""What annotators are shown, and that a reward model fitted to it ranks nonsense it has not seen below sense."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.scripted import people
from goldenrule.agents.scripted.base import with_opening
from goldenrule.agents.scripted.third_party import CorpusHelper
from goldenrule.agents.world import World
from goldenrule.common.seeding import generator
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.hidden_needs import understand as understand_helper
from goldenrule.envs.scenarios.third_party import ACT, understand
from goldenrule.training.learner import Learner, TrainingConfig
from goldenrule.training.methods.rlhf import TEMPERATURES, Garbling, annotated_dialogues, fit_preferences, garble

SCENARIO = "third_party-v0"

TEXT, FOREIGN = "a b c d e", "x y z"


def test_garbling_moves_leaves_out_exchanges_and_adds_words():
    rng = generator(0, "garbling")
    found = {garble(TEXT, [FOREIGN], rng) for _ in range(400)}
    assert {"a", "a b c", "a c d e", "a b x d e", "y a b c d e", "a b c y z"} <= found
    assert any(sorted(text.split()) == list("abcde") and text != TEXT for text in found)
    assert all(0 < len(text.split()) <= 8 for text in found)
    assert all(set(text.split()) <= set("abcdexyz") for text in found)


@pytest.mark.parametrize("text", ["one", " one "])
def test_garbling_leaves_at_least_one_word(text):
    rng = generator(1, "garbling")
    assert all(garble(text, ["two three"], rng).split() for _ in range(50))


def mine(episodes, me):
    return [turn for episode in episodes for turn in episode.turns if turn.message.speaker == me]


def test_people_the_same_garbled_and_the_network_at_each_temperature_are_shown_and_judged(make_learner):
    learner = make_learner(knobs={"turns": 1})
    episodes = annotated_dialogues(learner, 40)
    assert len(episodes) == 2 * 40 + len(TEMPERATURES) * 20
    groups = [episodes[:40], episodes[40:80], episodes[80:100], episodes[100:]]
    for group in groups:
        for turn in mine(group, learner.me):
            assert turn.judgement.valid == (understand_helper(turn.message.text) is not None)
    sense = [np.mean([turn.judgement.valid for turn in mine(group, learner.me)]) for group in groups]
    assert sense[0] > 0.75
    assert 0.0 < sense[1] < 0.4  # some garbled messages still make sense, and are judged so
    assert len({turn.message.text for turn in mine(groups[2], learner.me)}) > 10


def test_what_is_shown_follows_the_seed(make_learner):
    first, again, other = (
        [turn.message.text for turn in mine(annotated_dialogues(make_learner(seed, knobs={"turns": 1}), 8), 0)]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_nonsense_that_annotators_have_not_seen_is_rated_below_sense():
    network, tokenizer, _ = load_base(SCENARIO)
    makers = {role: maker() for role, maker in people(SCENARIO, "corpus").items()}
    world, held = (World(SCENARIO, spec(SCENARIO).resolve({}), makers, seed) for seed in (0, 1))
    learner = Learner(network.requires_grad_(True), tokenizer, TrainingConfig(), world, None, 0)
    model = fit_preferences(learner, dialogues=128, pairs=3000)
    rng = generator(7, "held out")
    sense = {act: np.array(model.rate([with_opening(rng, ACT, act) for _ in range(30)])) for act in ACT.names}
    for babbler in (Garbling(CorpusHelper()), LanguageModel(network, tokenizer, temperature=1.7)):
        texts = [turn.message.text for turn in mine(held.run_episodes(babbler, 100, "held out"), held.learner)]
        nonsense = np.array(model.rate([text for text in texts if understand(text) is None]))
        assert len(nonsense) > 30
        assert (nonsense[:, None] < np.concatenate([*sense.values()])).mean() > 0.9  # 0.92 to 0.98 over four seeds
        assert (nonsense < np.median(sense["comply"])).mean() > 0.97
    assert np.median(sense["refuse"]) < np.median(sense["offer"]) < np.median(sense["comply"])
