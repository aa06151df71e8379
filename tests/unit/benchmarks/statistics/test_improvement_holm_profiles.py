"""Probability of improvement, Holm's correction and profiles, against closed forms, SciPy and counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from goldenrule.benchmarks.statistics import Bootstrap, holm
from goldenrule.benchmarks.statistics.improvement import improvement_of, won_tied_lost
from goldenrule.benchmarks.statistics.intervals import estimate
from goldenrule.benchmarks.statistics.profiles import profile_of
from goldenrule.benchmarks.statistics.resampling import bootstrap_weights, even_weights
from goldenrule.common.errors import UserError


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def one(n):
    return np.zeros(n, dtype=np.intp)


def improvement(x, y, strata):
    return improvement_of(x, y, strata)(even_weights(strata)[None])[0, 0]


def test_improvement_is_mann_whitneys_u_averaged_over_strata():
    strata = np.repeat([0, 1, 2], [4, 6, 3])
    x, y = rng(1).integers(0, 5, size=(2, 13)).astype(float)  # with ties
    wanted = [
        mannwhitneyu(x[strata == k], y[strata == k]).statistic / (n * n) for k, n in enumerate(np.bincount(strata))
    ]
    assert improvement(x, y, strata) == pytest.approx(np.mean(wanted))


def test_improvement_of_normal_values_is_the_closed_form():
    draw, strata = rng(2), np.repeat(np.arange(200), 50)
    x, y = draw.normal(0.5, 1, size=10_000), draw.normal(0, 2, size=10_000)
    assert improvement(x, y, strata) == pytest.approx(norm.cdf(0.5 / np.sqrt(5)), abs=0.015)


def test_improvement_under_weights_is_that_of_the_resampled_seeds():
    strata = np.repeat([0, 1], [3, 4])
    x, y = rng(4).normal(size=(2, 7))
    (weights,) = bootstrap_weights(strata, 40, rng(5))
    found = improvement_of(x, y, strata)(weights)[:, 0]
    for line, value in zip(weights, found, strict=True):
        copies = np.repeat(np.arange(7), np.rint(line * 2 * np.bincount(strata)[strata]).astype(int))
        assert value == pytest.approx(improvement(x[copies], y[copies], strata))


def test_improvement_has_an_interval_within_its_range():
    x, y = rng(6).normal(1, 1, size=(2, 10)) + np.array([[0.8], [0.0]])
    found = estimate(improvement_of(x, y, one(10)), one(10), Bootstrap(), rng(7))
    assert 0 <= found.low < found.value < found.high <= 1


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0, 3.0])
def test_the_interval_of_an_improvement_holds_the_truth_also_where_every_seed_is_won(distance):
    draw, samples = rng(16), 150
    truth, held = norm.cdf(distance / np.sqrt(2)), 0
    for x, y in draw.normal(size=(samples, 2, 8)) + np.array([[distance], [0.0]]):
        found = estimate(improvement_of(x, y, one(8)), one(8), Bootstrap(resamples=500), draw, share=True)
        held += bool(found.low <= truth <= found.high)
    assert held / samples >= 0.92


def test_seeds_are_won_tied_and_lost():
    assert won_tied_lost(np.array([0.1, 0.0, -2.0, 3.0])) == (2, 1, 1)


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04, 0.2 times 5, 4, 3, 2, 1, each at least the one before.
    assert holm([0.01, 0.04, 0.03, 0.005, 0.2]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.2])


def test_holm_leaves_out_what_was_not_tested_and_stops_at_one():
    assert holm([0.3, None, 0.9]) == pytest.approx([0.6, None, 0.9])
    assert holm([0.8, 0.9]) == [1.0, 1.0]
    assert holm([None]) == [None]
    assert holm([]) == []


def test_holm_keeps_the_chance_of_any_false_alarm():
    draw = rng(8)
    alarms = sum(min(holm(draw.uniform(size=6).tolist())) <= 0.05 for _ in range(4000))
    assert alarms / 4000 == pytest.approx(1 - (1 - 0.05 / 6) ** 6, abs=0.012)


def test_a_profile_counts_runs_above_each_threshold():
    values, strata = np.array([0.1, 0.5, 0.9, 0.2, 0.4, 0.6]), np.repeat([0, 1], 3)
    found = profile_of(values, strata, [0.0, 0.4, 0.95], Bootstrap("percentile"), rng())
    assert found.shares == pytest.approx((1.0, 0.5, 0.0))  # strictly above
    edge = 0.025 ** (1 / 6)  # all six above is one result in forty where this share is
    assert (found.low[0], found.high[0], found.low[2], found.high[2]) == pytest.approx((edge, 1, 0, 1 - edge))
    assert found.low[1] < 0.5 < found.high[1]
    assert found.units == 6


def test_strata_of_a_profile_weigh_the_same():
    values, strata = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 0, 1, 1])
    assert profile_of(values, strata, [0.5], Bootstrap(), rng()).shares == (0.5,)


def test_the_area_under_a_profile_is_the_mean():
    values = rng(9).uniform(size=30)
    taus = np.linspace(0, 1, 2001)
    shares = profile_of(values, one(30), taus, Bootstrap(resamples=100), rng()).shares
    assert np.trapezoid(shares, taus) == pytest.approx(values.mean(), abs=1e-3)


def test_a_lone_seed_has_a_profile_without_a_band():
    found = profile_of(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]), [1.5], Bootstrap(), rng())
    assert (found.shares, found.low, found.high) == ((0.75,), None, None)


def test_the_band_of_a_profile_holds_the_truth_also_where_all_runs_are_above():
    draw, samples, shares = rng(17), 150, np.array([0.975, 0.9, 0.5, 0.1, 0.025])
    held = np.zeros(5)
    for values in draw.normal(size=(samples, 8)):
        found = profile_of(values, one(8), norm.ppf(1 - shares), Bootstrap(resamples=500), draw)
        held += (np.array(found.low) <= shares) & (shares <= np.array(found.high))
    assert (held / samples >= 0.92).all()


@pytest.mark.parametrize(
    ("values", "taus", "said"),
    [([], [0.5], "at least one run"), ([1.0], [], "thresholds"), ([1.0], [0.5, 0.5], "each above the one before")],
)
def test_wrong_profiles_are_one_clear_line(values, taus, said):
    with pytest.raises(UserError, match=said):
        profile_of(np.array(values), one(len(values)), taus, Bootstrap(), rng())
