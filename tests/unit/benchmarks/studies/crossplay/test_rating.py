"""The rating: closed forms, an independent maximum, a planted order, and swapped seats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from goldenrule.benchmarks.analysis.summary import interval
from goldenrule.benchmarks.studies.crossplay.figures import spreads
from goldenrule.benchmarks.studies.crossplay.rating import ELO, FIGURES, PRIOR, rate, strength
from goldenrule.envs.registry import ANY

NAMES = ("a", "b", "c", "d")
PAIRS = [(row, column) for row in NAMES for column in NAMES]


def about(held_out=()):
    return {
        "symmetric": True,
        "members": [{"name": n, "held_out": n in held_out, "learner": True, "partner": True} for n in NAMES],
    }


def planted(strengths, seeds=6, games=40, seed=0):
    """Dialogues of agents of these strengths, and rewards that are larger for the stronger."""
    rng = np.random.default_rng(seed)
    compared = np.zeros((seeds, len(PAIRS), 3))
    values = np.full((seeds, len(PAIRS), len(FIGURES)), np.nan)
    for k, (row, column) in enumerate(PAIRS):
        gap = strengths[NAMES.index(row)] - strengths[NAMES.index(column)]
        for s in range(seeds):
            more = rng.binomial(games, 1 / (1 + math.exp(-gap)))
            compared[s, k] = more, games - more, 0
            own, partner = strengths[NAMES.index(row)] + rng.normal(), strengths[NAMES.index(column)] + rng.normal()
            values[s, k, :4] = own, partner, own + partner, 0.0
    return values, compared


def by_agent(lines, name):
    return {one["agent"]: one[name]["mean"] for one in lines}


def test_two_agents_are_as_far_apart_as_the_logarithm_of_their_odds():
    found = strength(np.array([[[0.0, 30.0], [10.0, 0.0]]]))
    assert found[0, 0] - found[0, 1] == pytest.approx(ELO * math.log(3))
    assert found.sum() == pytest.approx(0)
    assert pytest.approx(400) == ELO * math.log(10)


def test_it_is_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(3)
    wins = rng.integers(1, 60, size=(5, 4, 4)).astype(float)
    wins[:, range(4), range(4)] = 0

    def loss(at, won):
        gaps = at[:, None] - at[None, :]
        return (won * np.log1p(np.exp(-gaps))).sum() + at.mean() ** 2

    for found, won in zip(strength(wins), wins, strict=True):
        best = minimize(loss, np.zeros(4), args=(won,), options={"gtol": 1e-9}).x
        assert found / ELO == pytest.approx(best, abs=1e-4)


def test_near_certain_winners_stay_finite():
    wins = np.triu(np.full((4, 4), 1e6), 1) + PRIOR / 2
    wins[range(4), range(4)] = 0
    found = strength(wins[None])[0]
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("order", [(0.0, 1.0, 2.0, 3.0), (1.5, -1.5, 0.5, -0.5)])
def test_a_planted_order_is_recovered(order):
    lines = rate(about(), PAIRS, *planted(order))
    expected = [NAMES[k] for k in np.argsort(order)[::-1]]
    assert [one["agent"] for one in lines] == expected
    own = by_agent(lines, "own")
    assert sorted(own, key=lambda name: -own[name]) == expected
    found = by_agent(lines, "strength")
    for name, true in zip(NAMES, order, strict=True):
        assert found[name] == pytest.approx(ELO * (true - np.mean(order)), abs=80)
        interval = next(one["strength"] for one in lines if one["agent"] == name)
        assert interval["low"] < interval["mean"] < interval["high"]


def test_agents_alike_are_not_told_apart():
    for one in rate(about(), PAIRS, *planted((0.0,) * 4, seed=1)):
        assert one["strength"]["low"] < 0 < one["strength"]["high"]


def test_four_seeds_have_a_strength_and_no_interval_of_it():
    values, compared = planted((0.0, 1.0, 2.0, 3.0), seeds=4)
    for one in rate(about(), PAIRS, values, compared):
        assert one["strength"]["mean"] is not None
        assert one["strength"]["low"] is one["strength"]["high"] is None


def test_swapped_seats_change_nothing():
    values, compared = planted((0.0, 1.0, 2.0, 3.0))
    swapped = [(column, row) for row, column in PAIRS]
    lines = rate(about(), PAIRS, values, compared)
    own, partner = FIGURES.index("own"), FIGURES.index("partner")
    turned = values.copy()
    turned[:, :, [own, partner]] = values[:, :, [partner, own]]
    for one, other in zip(lines, rate(about(), swapped, turned, compared[:, :, [1, 0, 2]]), strict=True):
        assert one["agent"] == other["agent"]
        assert one["strength"]["mean"] == pytest.approx(other["strength"]["mean"])
        assert one["own"]["mean"] == pytest.approx(other["own"]["mean"])
        assert one["joint_self"]["mean"] == pytest.approx(other["joint_self"]["mean"])


def test_equal_shares_count_half():
    values, compared = planted((0.0,) * 4, seeds=2, games=10)
    compared[:] = 0, 0, 10
    assert all(
        value == pytest.approx(0) for value in by_agent(rate(about(), PAIRS, values, compared), "strength").values()
    )


def test_a_seed_without_a_reward_is_left_out_and_a_share_without_judgements_is_not():
    values, compared = planted((0.0, 1.0, 2.0, 3.0), seeds=3)
    values[0, PAIRS.index(("a", "b")), FIGURES.index("own")] = np.nan
    valid = FIGURES.index("own_valid")
    values[:, PAIRS.index(("a", "c")), valid] = 0.5
    lines = {one["agent"]: one for one in rate(about(), PAIRS, values, compared)}
    assert [lines[name]["own"]["n"] for name in NAMES] == [2, 3, 3, 3]
    assert lines["a"]["valid"] == {"mean": 0.5, "low": 0.5, "high": 0.5, "n": 3}
    assert lines["b"]["valid"]["mean"] is None


def test_who_never_finished_a_dialogue_has_no_strength():
    values, compared = planted((0.0, 1.0, 2.0, 3.0))
    for k, pair in enumerate(PAIRS):
        if "d" in pair:
            compared[:, k] = 0
            values[:, k] = np.nan
    lines = rate(about(), PAIRS, values, compared)
    assert [one["agent"] for one in lines] == ["c", "b", "a", "d"]
    assert lines[-1]["strength"]["mean"] is None
    assert sum(one["strength"]["mean"] for one in lines[:3]) == pytest.approx(0)


def test_spreads_of_columns_with_other_seeds_missing():
    values = np.array([[1.0, np.nan, np.nan], [2.0, 4.0, np.nan], [3.0, 6.0, np.nan]])
    first, second, third = spreads(values, [(0.0, math.inf), ANY, ANY])
    assert (first["mean"], first["n"], first["low"]) == (2.0, 3, 0.0)  # cut where nothing can lie
    assert first["high"] == pytest.approx(interval([1.0, 2.0, 3.0])["high"])
    assert second == {"mean": 5.0, "low": None, "high": None, "n": 2}
    assert third == {"mean": None, "low": None, "high": None, "n": 0}
