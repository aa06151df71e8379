"""The published and measured figures of the human dialogues come out of the loader; skipped without the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from goldenrule.benchmarks.studies.partner_reward.baselines import human_metrics, rank_correlation, spearman
from goldenrule.benchmarks.studies.partner_reward.evaluate import POINTS, SATISFACTION, truth
from goldenrule.common.data import has
from goldenrule.envs import make
from goldenrule.envs.datasets.corpora import available, conversations
from goldenrule.envs.scenarios.campsite.casino import load_casino
from goldenrule.envs.scenarios.campsite.dialogue_acts import sense
from goldenrule.envs.scenarios.campsite.scenario import SPEC

casino = pytest.mark.skipif(not has("casino"), reason="the CaSiNo dialogues are not here; see goldenrule.common.data")


@pytest.fixture(scope="module")
def dialogues():
    return load_casino()


def test_spearman_is_scipys():
    rows = np.array([[1, 4], [2, 4], [2, 1], [5, 0], [3, 2]])
    assert spearman(rows) == pytest.approx(spearmanr(rows[:, 0], rows[:, 1]).statistic)


@casino
def test_points_follow_from_needs_and_deals(dialogues):
    assert all(d.computed_points() == tuple(p.points for p in d.people) for d in dialogues)


@casino
def test_people_earn_what_the_readme_of_the_data_says(dialogues):
    figures = human_metrics(SPEC, [one.metrics() for one in dialogues])
    assert round(figures["own_points"].value, 1) == 18.6
    assert round(figures["joint_points"].value, 1) == 37.2
    assert figures["joint_points"].low < 37.2 < figures["joint_points"].high
    assert figures["agreement_share"].value == pytest.approx(616 / 634)


@casino
def test_my_reward_is_a_poor_guide_to_yours(dialogues):
    points, felt = truth(dialogues, POINTS), truth(dialogues, SATISFACTION)
    found = [rank_correlation(a, b) for a, b in ((felt, felt[:, ::-1]), (points, points[:, ::-1]), (points, felt))]
    assert 2 * found[1].units == 1268
    assert [round(one.value, 2) for one in found] == [0.13, -0.52, 0.32]


@casino
def test_human_talk_is_hardly_ever_called_nonsense(dialogues):
    talk = [line.text for d in dialogues for line in d.lines if line.deal is None]
    assert sum(sense(text) is False for text in talk) < 0.01 * len(talk)


@casino
def test_human_cards_are_dealt():
    env = make("campsite-v0", pool="human")
    env.reset(seed=0)
    assert all(card in env.observation_space("camper_0")["role_card"] for card in env.dialogue.cards)


@pytest.mark.parametrize("name", available())
def test_every_set_that_is_here_can_be_read(name):
    first = next(iter(conversations(name)))
    assert first.messages
    assert all(m.text.strip() == m.text and 0 <= m.speaker < len(first.agents) for m in first.messages)
