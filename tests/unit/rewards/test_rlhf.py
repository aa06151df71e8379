"""RLHF: annotators, and a reward model that stays with what they saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from goldenrule.agents import Episode, Turn
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.seeding import generator
from goldenrule.envs import Message, View
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.rewards.rlhf import NONSENSE, FitConfig, Preference, PreferenceModel, annotate, worth

NAMES = ("me_0", "friend_0")
ME, FRIEND = range(2)
FIRST, LAST = ("Well,", "So,", "Yes,", "Now,", "Hm,", "Right,"), ("today", "at once", "if I may", "my dear", "for you")
GOOD = tuple(f"{first} I listen {last}." for first in FIRST for last in LAST)
BAD = tuple(f"{first} I advise {last}." for first in FIRST for last in LAST)
HELD_OUT = (7, 13, 21, 29)
"""Of these no version is shown to the annotators."""
QUICK = FitConfig(fits=3, hidden=16, steps=150, batch=64)


def rated(pairs, valid=None):
    turns = [
        Turn(Message(ME, text), View(NAMES, ME, ""), (0.0, 0.0), {}, Judgement(valid=valid, proxy=proxy))
        for text, proxy in pairs
    ]
    others = [
        Turn(Message(ME, "not rated"), View(NAMES, ME, ""), (0.0, 0.0), {}, Judgement(valid=False)),
        Turn(Message(FRIEND, "not mine"), View(NAMES, FRIEND, ""), (0.0, 0.0), {}, Judgement(proxy=1.0)),
    ]
    return Episode(0, NAMES, ("", ""), turns=[*turns, *others])


@pytest.fixture(scope="module")
def features():
    tokenizer = DialogueTokenizer.train([*GOOD, *BAD] * 4, 340)
    config = NetworkConfig(tokenizer.vocab_size, width=32, layers=1, head_width=8, feed_forward=32, context=64)
    return ThreeModuleTransformer(config, 0), tokenizer


def test_annotators_prefer_by_proxy_as_sharply_as_they_are_said_to():
    episode = rated([("a", 0.9), ("b", 0.4)])
    share = {}
    for strength in (0.0, 2.0, 100.0):
        pairs = annotate([episode], ME, 2000, generator(0, "annotators"), strength)
        assert {p.chosen for p in pairs} | {p.rejected for p in pairs} == {"a", "b"}
        share[strength] = np.mean([p == Preference("a", "b") for p in pairs])
    assert share[0.0] == pytest.approx(0.5, abs=0.04)
    assert share[2.0] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.04)
    assert share[100.0] == 1.0
    assert annotate([episode], ME, 20, generator(1, "x")) == annotate([episode], ME, 20, generator(1, "x"))


def test_annotators_like_the_least_of_what_makes_sense_better_than_nonsense():
    assert worth(Judgement(valid=False, proxy=0.9)) == NONSENSE
    assert worth(Judgement(valid=True, proxy=0.1)) == worth(Judgement(proxy=0.1)) == 0.1
    assert worth(Judgement(valid=False)) is None
    episodes = [rated([("I must say no.", 0.0)], valid=True), rated([("say I no", 0.0)], valid=False)]
    pairs = annotate(episodes, ME, 400, generator(0, "annotators"))
    assert np.mean([p.rejected == "say I no" for p in pairs]) > 0.99


def test_annotators_need_two_messages_with_a_proxy():
    with pytest.raises(ValueError, match="1 message with a proxy; annotators need two to compare"):
        annotate([rated([("a", 0.9)])], ME, 5, generator(0, "annotators"))


def test_a_fitted_model_ranks_messages_it_has_not_seen(features):
    shown = [k for k in range(len(GOOD)) if k not in HELD_OUT]
    episode = rated([(GOOD[k], 1.0) for k in shown] + [(BAD[k], 0.0) for k in shown])
    preferences = annotate([episode], ME, 400, generator(0, "annotators"), strength=8.0)
    model = PreferenceModel(*features, QUICK)
    with pytest.raises(ValueError, match="has not been fitted"):
        model.rate([GOOD[7], BAD[7]])
    before = model.score(rated([(GOOD[7], None)]).turns[:1])
    assert [(score.value, score.reason) for score in before] == [
        (None, "the reward model has not been fitted to preferences")
    ]
    clear = [p for p in preferences if (p.chosen in GOOD) != (p.rejected in GOOD)]
    assert model.fit(clear, generator(0, "fit")) > 0.99
    good, bad = (model.rate([texts[k] for k in HELD_OUT]) for texts in (GOOD, BAD))
    assert min(good) > max(bad) + 0.5
    turns = rated([(GOOD[7], None), (BAD[7], None)]).turns[:2]
    assert [score.value for score in model.score(turns)] == pytest.approx([good[0], bad[0]], abs=1e-4)


def test_a_fit_follows_its_generator_and_its_share_is_that_of_the_pairs_it_ranks_as_annotated(features):
    preferences = [Preference(a, b) for a in GOOD[:8] for b in BAD[:8]] + [Preference(BAD[0], GOOD[0])] * 16
    models = [PreferenceModel(*features, QUICK) for _ in range(3)]
    shares = [model.fit(preferences, generator(seed, "fit")) for model, seed in zip(models, (0, 0, 1), strict=True)]
    texts = [*GOOD[:8], *BAD[:8]]
    first, again, other = (model.rate(texts) for model in models)
    assert first == again
    assert first != other
    rate = dict(zip(texts, first, strict=True))
    assert shares[0] == pytest.approx(np.mean([rate[p.chosen] > rate[p.rejected] for p in preferences]))


def test_rates_are_standardised_and_the_fit_leaves_network_and_torch_alone(features):
    network, _ = features
    weights, state = network.embedding.detach().clone(), torch.random.get_rng_state()
    model = PreferenceModel(*features, QUICK)
    preferences = [Preference(a, b) for a in GOOD for b in BAD]
    model.fit(preferences, generator(0, "fit"))
    rates = np.array(model.rate([text for p in preferences for text in (p.chosen, p.rejected)]))
    assert rates.mean() == pytest.approx(0.0, abs=1e-4)
    assert rates.std(ddof=1) == pytest.approx(1.0, abs=1e-3)
    assert torch.equal(network.embedding, weights)
    assert torch.equal(state, torch.random.get_rng_state())


def test_nothing_is_rated_beyond_what_was_shown(features):
    model = PreferenceModel(*features, QUICK)
    model.fit([Preference(a, b) for a in GOOD[:6] for b in BAD[:6]], generator(0, "fit"))
    shown = model.rate([*GOOD[:6], *BAD[:6]])
    rng = generator(0, "babble")
    words = " ".join([*GOOD, *BAD]).split()
    babble = [" ".join(words[i] for i in rng.integers(len(words), size=rng.integers(1, 20))) for _ in range(300)]
    rates = model.rate(babble)
    assert min(shown) <= min(rates)
    assert max(rates) <= max(shown)
    assert len(set(rates)) > 20  # and still tells them apart


def test_several_fits_are_warier_of_what_was_not_shown_than_each_alone(features):
    preferences = [Preference(GOOD[k], GOOD[k + 10]) for k in range(10)]
    rng = generator(0, "babble")
    words = " ".join([*GOOD, *BAD]).split()
    babble = [" ".join(words[i] for i in rng.integers(len(words), size=12)) for _ in range(50)]
    rates: dict[int, list[float]] = {1: [], 4: []}
    for fits, found in rates.items():
        for seed in range(4):
            model = PreferenceModel(*features, replace(QUICK, fits=fits, steps=30))
            model.fit(preferences, generator(seed, "fit"))
            found.append(np.mean(model.rate(babble)))
    assert np.mean(rates[4]) < np.mean(rates[1]) - 0.1


def test_features_do_not_depend_on_company(features):
    model = PreferenceModel(*features)
    together = model.features([*GOOD, *BAD], chunk=3)
    alone = torch.cat([model.features([text]) for text in (*GOOD, *BAD)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
