"""The published and measured figures of the human dialogues come out of the loader; skipped without the data."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr

from goldenrule.benchmarks.studies.partner_reward.baselines import (
    both_ways,
    human_metrics,
    my_reward_is_yours,
    spearman,
)
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
    rows = both_ways([1, 2, 2, 5, 3], [4, 4, 1, 0, 2]).reshape(-1, 2)
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
    guide = my_reward_is_yours(dialogues)
    assert 2 * guide["points"].units == 1268
    assert {name: round(e.value, 2) for name, e in guide.items()} == {
        "satisfaction": 0.13,
        "points": -0.52,
        "points_satisfaction": 0.32,
    }


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
