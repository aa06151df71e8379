"""Bootstrap intervals, aggregates and profiles, against enumeration, normal theory, SciPy, and their coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from scipy.stats import norm, trim_mean

from goldenrule.benchmarks.statistics import Options, bootstrap, profile, read_scores
from goldenrule.benchmarks.statistics.bootstrap import (
    acceleration,
    bootstrap_weights,
    estimate,
    even_weights,
    intervals,
    iqm_of,
    jackknife_weights,
    mean_of,
    tail_distance,
)
from goldenrule.benchmarks.statistics.intervals import SHARE
from goldenrule.common.errors import UserError


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def one(n):
    return np.zeros(n, dtype=np.intp)


def iqm(values, weights=None):
    line = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    return float(iqm_of(np.asarray(values, dtype=float))((line / line.sum())[None])[0, 0])


@pytest.fixture
def usual_tail(monkeypatch):
    """Levels as SciPy has them, which do not make up for few seeds."""
    monkeypatch.setattr(bootstrap, "tail_distance", lambda strata: 1.9599640)


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


def test_without_bias_and_skewness_the_ends_are_percentiles_of_the_enumeration(monkeypatch):
    values = np.array([0.0, 1.0, 3.0, 7.0, 20.0])
    exact = every_resample(values, one(5), np.mean)
    monkeypatch.setattr(bootstrap, "tail_distance", lambda strata: 1.6448536)  # 90%
    monkeypatch.setattr(bootstrap, "bca_levels", lambda drawn, value, a, ends_at: norm.cdf(ends_at))
    (low,), (high,) = intervals(mean_of(values), one(5), 60_000, rng(1))
    assert (exact < low - 1e-9).mean() <= 0.055
    assert (exact <= low + 1e-9).mean() >= 0.045
    assert (exact > high + 1e-9).mean() <= 0.055
    assert (exact >= high - 1e-9).mean() >= 0.045


def test_intervals_of_many_values_are_those_of_normal_theory():
    values = rng(2).normal(3.0, 2.0, size=250)
    half = 1.959964 * values.std() / np.sqrt(250)
    (low,), (high,) = intervals(mean_of(values), one(250), 10_000, rng(3))
    assert low == pytest.approx(values.mean() - half, abs=0.04 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.04 * half)


def test_strata_are_resampled_apart():
    values, strata = np.array([0.0, 0.0, 100.0, 100.0]), np.array([0, 0, 1, 1])
    low, high = intervals(mean_of(values), strata, 10_000, rng())
    assert np.isnan([low[0], high[0]]).all()  # nothing varies within a stratum
    assert [statistic[0, 0] for statistic in map(mean_of(values), bootstrap_weights(strata, 1, rng()))] == [50.0]


@pytest.mark.usefixtures("usual_tail")
def test_bca_is_scipys():
    values = rng(7).lognormal(size=25)
    wanted = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=rng(8))
    low, high = intervals(mean_of(values), one(25), 20_000, rng(9))
    size = wanted.confidence_interval.high - wanted.confidence_interval.low
    assert low[0] == pytest.approx(wanted.confidence_interval.low, abs=0.03 * size)
    assert high[0] == pytest.approx(wanted.confidence_interval.high, abs=0.03 * size)
    assert high[0] - values.mean() > 1.2 * (values.mean() - low[0])  # skewed, as percentiles here hardly are


@pytest.mark.usefixtures("usual_tail")
def test_bca_of_two_strata_is_scipys_of_two_samples():
    a, b = rng(7).lognormal(size=12), rng(8).lognormal(size=20)

    def middle(x, y, axis=-1):
        return 0.5 * x.mean(axis=axis) + 0.5 * y.mean(axis=axis)

    wanted = scipy.stats.bootstrap((a, b), middle, n_resamples=20_000, method="BCa", rng=rng(9)).confidence_interval
    strata = np.repeat([0, 1], [12, 20])
    statistic = mean_of(np.concatenate([a, b]))
    low, high = intervals(statistic, strata, 20_000, rng(10))
    assert [low[0], high[0]] == pytest.approx([wanted.low, wanted.high], abs=0.03 * (wanted.high - wanted.low))


def test_acceleration_of_a_mean_is_a_sixth_of_its_skewness():
    values = rng(11).lognormal(size=40)
    wanted = scipy.stats.skew(values) / (6 * np.sqrt(40))
    assert acceleration(mean_of(values), one(40))[0] == pytest.approx(wanted)
    assert acceleration(mean_of(np.ones(4)), one(4))[0] == 0.0


def test_the_widened_tail_is_students_for_one_stratum():
    assert tail_distance(one(5)) == pytest.approx(np.sqrt(5 / 4) * 2.7764451)  # t(0.975, 4), printed
    assert tail_distance(one(10**6)) == pytest.approx(1.9599640, abs=1e-5)
    assert tail_distance(np.repeat([0, 1], 5)) == pytest.approx(np.sqrt(5 / 4) * 2.3060041)


def test_two_seeds_have_the_widest_interval_that_resampling_can_give():
    (low,), (high,) = intervals(mean_of(np.array([1.0, 4.0])), one(2), 10_000, rng())
    assert (low, high) == (1.0, 4.0)


def test_nominal_95_intervals_of_few_seeds_hold_the_truth_as_often_as_the_docstring_says(monkeypatch):
    draw, held, samples = rng(12), {True: 0, False: 0}, 400
    for values in rng(13).normal(size=(samples, 10)):
        for widened in held:
            monkeypatch.setattr(bootstrap, "tail_distance", tail_distance if widened else lambda strata: 1.9599640)
            (low,), (high,) = intervals(mean_of(values), one(10), 1000, draw)
            held[widened] += bool(low <= 0 <= high)
    assert 0.91 <= held[True] / samples <= 0.97
    assert 0.86 <= held[False] / samples <= 0.94
    assert held[True] > held[False]


def test_several_columns_are_each_by_themselves():
    values = rng(14).normal(size=(12, 3))
    low, high = intervals(mean_of(values), one(12), 10_000, rng(15))
    for k in range(3):
        alone = intervals(mean_of(values[:, k]), one(12), 10_000, rng(15))
        assert (low[k], high[k]) == pytest.approx((alone[0][0], alone[1][0]))


def test_the_same_generator_gives_the_same_interval():
    values = rng(1).normal(size=12)
    first, second = (estimate(mean_of(values), one(12), 10_000, rng(4)) for _ in range(2))
    assert first == second
    assert estimate(mean_of(values), one(12), 10_000, rng(5)) != first


def test_no_units_and_lone_seeds_have_no_interval_and_say_why():
    (nothing,) = estimate(mean_of(np.zeros(0)), one(0), 10_000, rng())
    assert (nothing.value, nothing.low, nothing.reason) == (None, None, "no seed is left")
    (lone,) = estimate(mean_of(np.array([1.0, 2.0, 6.0])), np.array([0, 0, 1]), 10_000, rng())
    assert (lone.value, lone.low, lone.high) == (3.75, None, None)
    assert lone.reason == "an interval needs 3 seeds a stratum; 2 of 2 strata have fewer"
    (four,) = estimate(mean_of(np.array([1.0, 2.0, 3.0, 6.0])), one(4), 10_000, rng())
    assert (four.value, four.low, four.reason) == (3.0, None, "an interval needs 5 seeds")


@pytest.mark.parametrize("strata", [one(5), np.repeat([0, 1], 3), np.repeat([0, 1, 2], 3)])
def test_the_fewest_seeds_that_have_an_interval_hold_the_mean_nine_times_in_ten(strata):
    draw, samples, held = rng(18), 300, 0
    for values in draw.normal(size=(samples, len(strata))):
        (found,) = estimate(mean_of(values), strata, 500, draw)
        held += found.low <= 0 <= found.high
    assert held / samples >= 0.87


def test_values_that_do_not_vary_have_no_interval_or_one_from_their_range():
    (none,) = estimate(iqm_of(np.full(6, 0.1)), one(6), 10_000, rng())
    assert (none.value, none.low, none.high) == (pytest.approx(0.1), None, None)
    assert none.reason == "all 6 seeds agree, which leaves no spread to base an interval on"
    (found,) = estimate(iqm_of(np.full(6, 0.1)), one(6), 10_000, rng(), bounds=SHARE, iqm=True)
    unseen = 1 - 0.025 ** (1 / 6)
    assert (found.low, found.high) == pytest.approx((0.1 * (1 - unseen), 0.1 + 0.9 * unseen))


@pytest.mark.parametrize("sizes", [(3, 3), (3, 9), (5, 5, 5)])
@pytest.mark.parametrize("lowest", [0.05, 0.3, 0.6])
def test_strata_that_each_agree_have_an_interval_that_holds_the_mean_whichever_stratum_the_unseen_is_in(sizes, lowest):
    # Each seed of one stratum is 1 with probability p, else 0; those of the others always are `other`.
    draw, strata = rng(21), np.repeat(range(len(sizes)), sizes)
    for other in (0.0, 1.0):
        p, held, samples = 1 - lowest, 0, 400
        for _ in range(samples):
            values = np.where(strata == 0, draw.uniform(size=len(strata)) < p, other).astype(float)
            if np.ptp(values[strata == 0]):
                held += 1  # these have a bootstrap interval, which is tried elsewhere
                continue
            (found,) = estimate(mean_of(values), strata, 100, draw, bounds=SHARE)
            held += found.low <= (p + other * (len(sizes) - 1)) / len(sizes) <= found.high
        assert held / samples >= 0.95


def test_a_share_that_all_seeds_agree_in_has_an_interval_of_the_others():
    (found,) = estimate(mean_of(np.ones(8)), one(8), 10_000, rng(), bounds=SHARE)
    printed = scipy.stats.binomtest(8, 8).proportion_ci(0.95)
    assert (found.low, found.high) == pytest.approx((printed.low, printed.high))
    (found,) = estimate(mean_of(np.full(8, 0.5)), one(8), 10_000, rng(), bounds=SHARE)
    assert (found.low, found.high) == pytest.approx((0.5 * printed.low, 1 - 0.5 * printed.low))


@pytest.mark.parametrize("n", [4, 8, 24, 100])
def test_iqm_is_scipys_trimmed_mean_where_a_quarter_is_whole(n):
    values = rng().normal(size=n)
    assert iqm(values) == pytest.approx(trim_mean(values, 0.25), abs=1e-12)


def test_iqm_of_few_values_by_hand():
    assert iqm([7.0]) == 7.0
    assert iqm([1.0, 2.0]) == 1.5
    assert iqm([0.0, 3.0, 30.0]) == pytest.approx((0.25 * 0 + 3 + 0.25 * 30) / 1.5)
    assert iqm([9.0, 1.0, 2.0, 4.0, 100.0]) == pytest.approx((0.75 * 2 + 4 + 0.75 * 9) / 2.5)


def test_weights_of_iqm_are_copies():
    assert iqm([1.0, 2.0, 8.0], [1, 3, 2]) == pytest.approx(iqm([1.0, 2.0, 2.0, 2.0, 8.0, 8.0]))
    assert iqm([1.0, 2.0, 8.0, 99.0], [1, 3, 2, 0]) == pytest.approx(iqm([1.0, 2.0, 8.0], [1, 3, 2]))


def test_iqm_ignores_the_outer_quarters():
    assert iqm([-1e9, 1.0, 2.0, 1e9]) == 1.5


def test_iqm_of_many_normal_values_is_their_mean_with_the_known_variance():
    # Asymptotic variance of the 25% trimmed mean: 4 * E[min(max(X, -q), q)^2], q the upper quartile.
    q = norm.isf(0.25)
    inside = norm.expect(lambda x: x**2, lb=-q, ub=q)
    wanted = 4 * (inside + 2 * 0.25 * q**2)
    found = [iqm(values) for values in rng(1).normal(size=(4000, 200))]
    assert np.var(found) * 200 == pytest.approx(wanted, rel=0.1)
    assert abs(np.mean(found)) < 4 * np.sqrt(wanted / 200 / 4000)


def test_aggregates_under_resampled_weights_are_those_of_the_resampled_values():
    values, strata = rng(2).normal(size=9), np.repeat([0, 1, 2], 3)
    (weights,) = bootstrap_weights(strata, 50, rng(3))
    for line in weights:
        copies = np.repeat(values, np.rint(line * 9).astype(int))
        assert len(copies) == 9
        assert iqm_of(values)(line[None])[0, 0] == pytest.approx(iqm(copies))
        assert mean_of(values)(line[None])[0, 0] == pytest.approx(copies.mean())


def test_strata_weigh_the_same_and_keep_their_size():
    strata = np.array([0, 0, 0, 0, 1, 1])
    assert even_weights(strata) == pytest.approx([1 / 8] * 4 + [1 / 4] * 2)
    drawn = np.concatenate(list(bootstrap_weights(strata, 500, rng(4))))
    assert drawn.shape == (500, 6)
    assert drawn[:, :4].sum(axis=1) == pytest.approx(0.5)
    assert drawn[:, 4:].sum(axis=1) == pytest.approx(0.5)
    assert jackknife_weights(strata)[0] == pytest.approx([0, 1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4])
    assert jackknife_weights(strata)[5] == pytest.approx([1 / 8] * 4 + [1 / 2, 0])


def test_chunks_are_as_many_resamples_as_asked_for(monkeypatch):
    monkeypatch.setattr("goldenrule.benchmarks.statistics.bootstrap.CHUNK", 25)
    chunks = list(bootstrap_weights(np.zeros(4, dtype=int), 20, rng()))
    assert [len(chunk) for chunk in chunks] == [6, 6, 6, 2]


def profile_of(values, strata, taus, options=Options()):  # noqa: B008
    rows = [
        {"method": "a", "scenario": f"s{stratum}", "knobs": {}, "seed": seed, "gain": value}
        for seed, (stratum, value) in enumerate(zip(strata.tolist(), values.tolist(), strict=True))
    ]
    return profile(read_scores(rows, "gain"), taus, ["a"], options)["a"]


def test_a_profile_counts_runs_above_each_threshold():
    values, strata = np.array([0.1, 0.5, 0.9, 0.2, 0.4, 0.6]), np.repeat([0, 1], 3)
    all_, half, none = profile_of(values, strata, [0.0, 0.4, 0.95])
    assert (all_.value, half.value, none.value) == pytest.approx((1.0, 0.5, 0.0))  # strictly above
    edge = 0.025 ** (1 / 6)  # all six above is one result in forty where this share is
    assert (all_.low, all_.high, none.low, none.high) == pytest.approx((edge, 1, 0, 1 - edge))
    assert half.low < 0.5 < half.high
    assert half.units == 6


def test_strata_of_a_profile_weigh_the_same():
    values, strata = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 0, 1, 1])
    assert [one.value for one in profile_of(values, strata, [0.5])] == [0.5]


def test_the_area_under_a_profile_is_the_mean():
    values = rng(9).uniform(size=30)
    taus = np.linspace(0, 1, 2001)
    shares = [found.value for found in profile_of(values, one(30), taus, Options(resamples=100))]
    assert np.trapezoid(shares, taus) == pytest.approx(values.mean(), abs=1e-3)


def test_a_lone_seed_has_a_profile_without_a_band():
    (found,) = profile_of(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]), [1.5])
    assert (found.value, found.low, found.high) == (0.75, None, None)


def test_the_band_of_a_profile_holds_the_truth_also_where_all_runs_are_above():
    draw, samples, shares = rng(17), 150, np.array([0.975, 0.9, 0.5, 0.1, 0.025])
    held = np.zeros(5)
    for k, values in enumerate(draw.normal(size=(samples, 8))):
        band = profile_of(values, one(8), norm.ppf(1 - shares), Options(resamples=500, seed=k))
        held += [found.low <= share <= found.high for share, found in zip(shares, band, strict=True)]
    assert (held / samples >= 0.92).all()


def test_a_profile_of_no_seed_says_so():
    with pytest.raises(UserError, match="at least one seed"):
        profile(read_scores([], "gain"), [0.5], [], Options())
