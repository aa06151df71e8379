"""Bootstrap intervals, against enumeration, normal theory, SciPy, and how often they hold the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from goldenrule.benchmarks.statistics import Bootstrap, iqm
from goldenrule.benchmarks.statistics.aggregates import iqm_of, mean_of
from goldenrule.benchmarks.statistics.intervals import MOST_LEFT_OUT, acceleration, estimate, intervals, tail_distance
from goldenrule.benchmarks.statistics.resampling import bootstrap_weights
from goldenrule.common.errors import UserError


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def one(n):
    return np.zeros(n, dtype=np.intp)


def every_resample(values, strata, function):
    """The aggregate of every possible resample, each as likely as the next."""
    parts = [values[strata == k] for k in range(strata.max() + 1)]
    draws = [list(itertools.product(part, repeat=len(part))) for part in parts]
    return np.sort([function(np.concatenate(drawn)) for drawn in itertools.product(*draws)])


@pytest.mark.parametrize(("statistic", "function"), [(mean_of, np.mean), (iqm_of, iqm)])
@pytest.mark.parametrize("strata", [one(5), np.array([0, 0, 0, 1, 1, 1])])
def test_the_bootstrap_is_the_full_enumeration(statistic, function, strata):
    values = rng(5).normal(size=len(strata))
    exact = every_resample(values, strata, function)
    drawn = np.sort(np.concatenate([statistic(values)(w)[:, 0] for w in bootstrap_weights(strata, 60_000, rng(6))]))
    at = np.unique(exact.round(9)) + 1e-8
    difference = np.searchsorted(drawn, at) / len(drawn) - np.searchsorted(exact, at) / len(exact)
    assert np.abs(difference).max() < 0.01


def test_percentile_ends_are_those_of_the_enumeration():
    values = np.array([0.0, 1.0, 3.0, 7.0, 20.0])
    exact = every_resample(values, one(5), np.mean)
    how = Bootstrap("percentile", 0.9, 60_000, widen=False)
    low, high = intervals(mean_of(values), one(5), how, rng(1))
    assert (exact < low[0] - 1e-9).mean() <= 0.055
    assert (exact <= low[0] + 1e-9).mean() >= 0.045
    assert (exact > high[0] + 1e-9).mean() <= 0.055
    assert (exact >= high[0] - 1e-9).mean() >= 0.045


def test_intervals_of_many_values_are_those_of_normal_theory():
    values = rng(2).normal(3.0, 2.0, size=250)
    half = 1.959964 * values.std() / np.sqrt(250)
    for kind in ("percentile", "bca"):
        low, high = intervals(mean_of(values), one(250), Bootstrap(kind, resamples=10_000), rng(3))
        assert low[0] == pytest.approx(values.mean() - half, abs=0.04 * half)
        assert high[0] == pytest.approx(values.mean() + half, abs=0.04 * half)


def test_strata_are_resampled_apart():
    values, strata = np.array([0.0, 0.0, 100.0, 100.0]), np.array([0, 0, 1, 1])
    low, high = intervals(mean_of(values), strata, Bootstrap(), rng())
    assert (low[0], high[0]) == (50.0, 50.0)  # nothing varies within a stratum


def test_bca_is_scipys():
    values = rng(7).lognormal(size=25)
    wanted = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=rng(8))
    low, high = intervals(mean_of(values), one(25), Bootstrap("bca", resamples=20_000, widen=False), rng(9))
    size = wanted.confidence_interval.high - wanted.confidence_interval.low
    assert low[0] == pytest.approx(wanted.confidence_interval.low, abs=0.03 * size)
    assert high[0] == pytest.approx(wanted.confidence_interval.high, abs=0.03 * size)
    assert high[0] - values.mean() > 1.2 * (values.mean() - low[0])  # skewed, as percentiles here hardly are


def test_bca_of_two_strata_is_scipys_of_two_samples():
    a, b = rng(7).lognormal(size=12), rng(8).lognormal(size=20)

    def middle(x, y, axis=-1):
        return 0.5 * x.mean(axis=axis) + 0.5 * y.mean(axis=axis)

    wanted = scipy.stats.bootstrap((a, b), middle, n_resamples=20_000, method="BCa", rng=rng(9)).confidence_interval
    strata = np.repeat([0, 1], [12, 20])
    statistic = mean_of(np.concatenate([a, b]))
    low, high = intervals(statistic, strata, Bootstrap("bca", resamples=20_000, widen=False), rng(10))
    assert [low[0], high[0]] == pytest.approx([wanted.low, wanted.high], abs=0.03 * (wanted.high - wanted.low))


def test_acceleration_of_a_mean_is_a_sixth_of_its_skewness():
    values = rng(11).lognormal(size=40)
    wanted = scipy.stats.skew(values) / (6 * np.sqrt(40))
    assert acceleration(mean_of(values), one(40))[0] == pytest.approx(wanted)
    assert acceleration(mean_of(np.ones(4)), one(4))[0] == 0.0


def test_of_very_many_seeds_none_is_left_out_in_turn():
    n = MOST_LEFT_OUT + 1
    values = rng(19).lognormal(size=(n, 2))
    asked = []

    def watched(weights):
        asked.append(len(weights))
        return mean_of(values)(weights)

    found = intervals(watched, one(n), Bootstrap(resamples=2000), rng(20))
    assert sum(asked) == 2001  # no jackknife
    wanted = scipy.stats.bootstrap((values[:, 0],), np.mean, n_resamples=2000, method="BCa", rng=rng(21))
    low, high = wanted.confidence_interval
    assert [found[0][0], found[1][0]] == pytest.approx([low, high], abs=0.06 * (high - low))


def test_the_widened_tail_is_students_for_one_stratum():
    assert tail_distance(one(5), Bootstrap()) == pytest.approx(np.sqrt(5 / 4) * 2.7764451)  # t(0.975, 4), printed
    assert tail_distance(one(5), Bootstrap(widen=False)) == pytest.approx(1.9599640)
    assert tail_distance(np.repeat([0, 1], 5), Bootstrap()) == pytest.approx(np.sqrt(5 / 4) * 2.3060041)


@pytest.mark.parametrize("kind", ["percentile", "bca"])
def test_two_seeds_have_the_widest_interval_that_resampling_can_give(kind):
    low, high = intervals(mean_of(np.array([1.0, 4.0])), one(2), Bootstrap(kind), rng())
    assert (low[0], high[0]) == (1.0, 4.0)


@pytest.mark.parametrize("kind", ["percentile", "bca"])
def test_nominal_95_intervals_of_few_seeds_hold_the_truth_as_often_as_the_docstring_says(kind):
    draw, held, samples = rng(12), {True: 0, False: 0}, 400
    for values in rng(13).normal(size=(samples, 10)):
        for widen in held:
            low, high = intervals(mean_of(values), one(10), Bootstrap(kind, resamples=1000, widen=widen), draw)
            held[widen] += bool(low[0] <= 0 <= high[0])
    assert 0.91 <= held[True] / samples <= 0.97
    assert 0.86 <= held[False] / samples <= 0.94
    assert held[True] > held[False]


def test_several_columns_are_each_by_themselves():
    values = rng(14).normal(size=(12, 3))
    low, high = intervals(mean_of(values), one(12), Bootstrap(), rng(15))
    for k in range(3):
        alone = intervals(mean_of(values[:, k]), one(12), Bootstrap(), rng(15))
        assert (low[k], high[k]) == pytest.approx((alone[0][0], alone[1][0]))


def test_the_same_generator_gives_the_same_interval():
    values = rng(1).normal(size=12)
    first, second = (estimate(mean_of(values), one(12), Bootstrap(), rng(4)) for _ in range(2))
    assert first == second
    assert estimate(mean_of(values), one(12), Bootstrap(), rng(5)) != first


def test_no_units_and_lone_seeds_have_no_interval_and_say_why():
    nothing = estimate(mean_of(np.zeros(0)), one(0), Bootstrap(), rng())
    assert (nothing.value, nothing.low, nothing.reason) == (None, None, "no seed is left")
    lone = estimate(mean_of(np.array([1.0, 2.0, 6.0])), np.array([0, 0, 1]), Bootstrap(), rng())
    assert (lone.value, lone.low, lone.high) == (3.75, None, None)
    assert lone.reason == "an interval needs 3 seeds a stratum; 2 of 2 strata have fewer"
    four = estimate(mean_of(np.array([1.0, 2.0, 3.0, 6.0])), one(4), Bootstrap(), rng())
    assert (four.value, four.low, four.reason) == (3.0, None, "an interval needs 5 seeds")


@pytest.mark.parametrize("strata", [one(5), np.repeat([0, 1], 3), np.repeat([0, 1, 2], 3)])
def test_the_fewest_seeds_that_have_an_interval_hold_the_mean_nine_times_in_ten(strata):
    draw, samples, held = rng(18), 300, 0
    for values in draw.normal(size=(samples, len(strata))):
        found = estimate(mean_of(values), strata, Bootstrap(resamples=500), draw)
        held += found.low <= 0 <= found.high
    assert held / samples >= 0.87


def test_values_that_do_not_vary_have_an_interval_of_no_width():
    found = estimate(iqm_of(np.full(6, 0.1)), one(6), Bootstrap(), rng())
    assert found.low == found.high == found.value


def test_a_share_that_all_seeds_agree_in_has_an_interval_of_the_others():
    low, high = intervals(mean_of(np.ones(8)), one(8), Bootstrap(), rng(), share=True)
    printed = scipy.stats.binomtest(8, 8).proportion_ci(0.95)
    assert (low[0], high[0]) == pytest.approx((printed.low, printed.high))
    low, high = intervals(mean_of(np.full(8, 0.5)), one(8), Bootstrap(), rng(), share=True)
    assert (low[0], high[0]) == pytest.approx((0.5 * printed.low, 1 - 0.5 * printed.low))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"kind": "t"}, "'t' is unknown"), ({"confidence": 95}, "got 95; expected"), ({"resamples": 10}, "100 or more")],
)
def test_wrong_settings_are_one_clear_line(wrong, said):
    with pytest.raises(UserError, match=said):
        Bootstrap(**wrong)
