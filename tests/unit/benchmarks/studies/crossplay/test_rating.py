"""The rating: a planted order, swapped seats, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.benchmarks.studies.crossplay.matrix import METRICS, rate

NAMES = ("a", "b", "c", "d")
PAIRS = [(row, column) for row in NAMES for column in NAMES]


def about():
    return {
        "symmetric": True,
        "members": [{"name": n, "held_out": False, "learner": True, "partner": True} for n in NAMES],
    }


def planted(kindness, seeds=6):
    """Rewards `[seeds, pairs, metrics]` that are larger for who meets the kinder."""
    rng = np.random.default_rng(0)
    values = np.full((seeds, len(PAIRS), len(METRICS)), np.nan)
    for k, (row, column) in enumerate(PAIRS):
        own = kindness[NAMES.index(column)] + 0.1 * rng.normal(size=seeds)
        partner = kindness[NAMES.index(row)] + 0.1 * rng.normal(size=seeds)
        values[:, k, :4] = np.stack([own, partner, own + partner, np.zeros(seeds)], axis=1)
    return values


@pytest.mark.parametrize("order", [(0.0, 1.0, 2.0, 3.0), (1.5, -1.5, 0.5, -0.5)])
def test_the_kindest_comes_first(order):
    lines = rate(about(), PAIRS, planted(order))
    assert [one["agent"] for one in lines] == [NAMES[k] for k in np.argsort(order)[::-1]]
    for line in lines:
        assert line["partner"]["mean"] == pytest.approx(order[NAMES.index(line["agent"])], abs=0.1)
        assert line["partner"]["low"] < line["partner"]["mean"] < line["partner"]["high"]


def test_swapped_seats_change_nothing():
    values = planted((0.0, 1.0, 2.0, 3.0))
    swapped = [(column, row) for row, column in PAIRS]
    own, partner = METRICS.index("own"), METRICS.index("partner")
    turned = values.copy()
    turned[:, :, [own, partner]] = values[:, :, [partner, own]]
    for one, other in zip(rate(about(), PAIRS, values), rate(about(), swapped, turned), strict=True):
        assert one["agent"] == other["agent"]
        assert one["own"]["mean"] == pytest.approx(other["own"]["mean"])
        assert one["joint_self"]["mean"] == pytest.approx(other["joint_self"]["mean"])


def test_a_seed_without_a_reward_is_left_out_and_a_share_without_judgements_is_not():
    values = planted((0.0, 1.0, 2.0, 3.0), seeds=3)
    values[0, PAIRS.index(("a", "b")), METRICS.index("own")] = np.nan
    values[:, PAIRS.index(("a", "c")), METRICS.index("own_valid")] = 0.5
    lines = {one["agent"]: one for one in rate(about(), PAIRS, values)}
    assert [lines[name]["own"]["n"] for name in NAMES] == [2, 3, 3, 3]
    valid = lines["a"]["valid"]
    assert (valid["mean"], valid["n"]) == (0.5, 3)
    assert 0.0 < valid["low"] < 0.2 < 0.8 < valid["high"] < 1.0  # three seeds that agree
    assert lines["b"]["valid"]["mean"] is None
