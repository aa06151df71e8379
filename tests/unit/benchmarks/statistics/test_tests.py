"""Sign flips, power, Holm's correction and the probability of improvement, against closed forms, SciPy and counting."""

from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, permutation_test, ttest_1samp

from goldenrule.benchmarks.statistics import holm, least_units, minimum_detectable_effect, seeds_needed
from goldenrule.benchmarks.statistics.bootstrap import bootstrap_weights, estimate, even_weights
from goldenrule.benchmarks.statistics.intervals import SHARE
from goldenrule.benchmarks.statistics.tests import improvement_of, least_p, power, sign_flip


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def test_fishers_test_of_darwins_plants():
    # Fisher 1935, section 21: 15 pairs, 1,726 of 32,768 patterns reach the sum of the differences, two-sided.
    differences = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    assert sign_flip(differences, np.full(15, 1 / 15), 100, rng()) == pytest.approx(1726 / 32768)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_the_exact_test_is_the_full_enumeration(n):
    differences, weights = rng(n).normal(0.5, 1, size=n), rng(n + 1).uniform(0.1, 1, size=n)
    sums = [abs(np.dot(signs, differences * weights)) for signs in itertools.product((-1, 1), repeat=n)]
    wanted = np.mean(np.array(sums) >= abs(np.dot(differences, weights)) - 1e-12)
    assert sign_flip(differences, weights, 100, rng()) == pytest.approx(wanted)


def test_the_exact_test_is_scipys():
    for n in (5, 8, 12):
        differences = rng(n).normal(0.4, 1, size=n)
        wanted = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
        assert sign_flip(differences, np.full(n, 1 / n), 100, rng()) == pytest.approx(wanted.pvalue)


def test_the_drawn_test_nears_the_exact_one(monkeypatch):
    differences, weights = rng(3).normal(0.4, 1, size=16), np.full(16, 1 / 16)
    exact = sign_flip(differences, weights, 100, rng())
    monkeypatch.setattr("goldenrule.benchmarks.statistics.tests.EXACT", 3)
    drawn = sign_flip(differences, weights, 40_000, rng(4))
    assert exact != drawn == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))


def test_a_drawn_p_is_never_zero():
    found = sign_flip(np.ones(40), np.full(40, 1 / 40), 999, rng())
    assert found == pytest.approx(1 / 1000)


def test_ties_count_as_reached_despite_rounding():
    # 0.1 + 0.2 - 0.3 is not zero in floating point; equal sums must count as they do for integers.
    for scale in (1.0, 0.1, 1e-9):
        found = sign_flip(scale * np.array([1.0, 2.0, 3.0, -3.0]), np.full(4, 0.25), 100, rng())
        assert found == pytest.approx(12 / 16)


def test_no_difference_is_no_evidence_and_none_no_test():
    assert sign_flip(np.zeros(8), np.full(8, 1 / 8), 100, rng()) == 1.0
    assert sign_flip(np.zeros(0), np.zeros(0), 100, rng()) is None


@pytest.mark.parametrize("n", [1, 2, 5, 6, 12])
def test_the_least_p_is_that_of_differences_all_of_one_sign(n):
    found = sign_flip(rng(n).uniform(1, 2, size=n), np.full(n, 1 / n), 100, rng())
    assert found == pytest.approx(least_p(n))


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.01, 0.0625, 1e-5])
def test_least_units_is_the_first_number_that_can_answer(alpha):
    n = least_units(alpha)
    assert least_p(n) <= alpha < least_p(n - 1)


def test_six_pairs_can_answer_at_five_percent():
    assert least_units(0.05) == 6


def test_false_alarms_are_no_more_than_alpha():
    # Skewed and of unequal spread between strata, but symmetric in the exchange of the two methods.
    draw, strata = rng(5), np.repeat([0, 1], [4, 6])
    weights = even_weights(strata)
    alarms, samples = 0, 1500
    for _ in range(samples):
        both = draw.lognormal(size=(2, 10)) * np.where(strata == 0, 1.0, 5.0)
        p = sign_flip(both[0] - both[1], weights, 100, draw)
        alarms += p <= 0.05
    assert 0.03 < alarms / samples < 0.065


@pytest.mark.parametrize(
    ("effect", "n", "alpha", "wanted"),
    [  # statsmodels 0.14, TTestPower().power
        (0.5, 34, 0.05, 0.8077775012792737),
        (1.0, 10, 0.05, 0.8030968566327218),
        (0.2, 199, 0.05, 0.8016910240370655),
        (1.5, 6, 0.01, 0.4707706627509414),
    ],
)
def test_power_is_that_of_statsmodels(effect, n, alpha, wanted):
    assert power(effect * np.sqrt(n), n - 1, alpha) == pytest.approx(wanted, abs=1e-7)


def test_power_without_a_difference_is_alpha_and_grows_to_one():
    assert power(0.0, 7, 0.05) == pytest.approx(0.05)
    steps = [power(nc, 7, 0.05) for nc in np.linspace(0, 12, 40)]
    assert all(b > a for a, b in pairwise(steps))
    assert steps[-1] > 0.999999
    assert power(-3.0, 7, 0.05) == power(3.0, 7, 0.05)


def test_the_detectable_effect_of_many_seeds_has_the_wanted_power_of_the_t_test():
    for n, alpha, wanted in ((31, 0.05, 0.8), (31, 1e-4, 0.9), (50, 0.001, 0.5), (100_000, 0.05, 0.8)):
        found = minimum_detectable_effect(n, 2.0, alpha=alpha, wanted=wanted)
        assert power(found / 2.0 * np.sqrt(n), n - 1, alpha) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("n", "alpha", "wanted", "found"),
    [(9, 0.05, 0.8, 0.8), (10, 0.05 / 4, 0.8, 0.8), (6, 0.05, 0.8, 0.61), (7, 0.05, 0.8, 0.75)],
)
def test_sign_flips_find_the_detectable_effect_as_often_as_the_comment_says(n, alpha, wanted, found):
    effect, even, samples = minimum_detectable_effect(n, 2.0, alpha=alpha, wanted=wanted), np.full(n, 1 / n), 1500
    draws = rng(3).normal(effect, 2.0, size=(samples, n))
    assert np.mean([sign_flip(one, even, 0, rng()) <= alpha for one in draws]) == pytest.approx(found, abs=0.04)


def test_no_difference_is_detectable_where_the_test_cannot_answer():
    assert minimum_detectable_effect(5, 1.0) == minimum_detectable_effect(5, 0.0) == np.inf
    assert minimum_detectable_effect(6, 0.0) == 0.0
    assert minimum_detectable_effect(2, 1.0, strata=3) < np.inf


def test_seeds_needed_by_printed_figures():
    assert seeds_needed(0.5, 1.0) == 34  # G*Power's example of the paired t test
    assert seeds_needed(0.3, 1.0, alpha=0.01, wanted=0.9) == 169
    assert seeds_needed(-0.5, 1.0) == 34


def test_seeds_needed_is_the_first_number_that_is_enough():
    for effect, strata in ((0.9, 1), (0.4, 3), (0.25, 2)):
        n = seeds_needed(effect, 1.0, strata=strata)
        assert minimum_detectable_effect(n, 1.0, strata=strata) <= effect
        assert minimum_detectable_effect(n - 1, 1.0, strata=strata) > effect


def test_no_effect_is_large_enough_for_fewer_pairs_than_the_test_can_answer_with():
    assert seeds_needed(100.0, 1.0) == least_units(0.05) == 6
    assert seeds_needed(100.0, 1.0, strata=3) == 2
    assert seeds_needed(100.0, 0.0, alpha=0.05 / 10) == least_units(0.005)


def test_simulated_experiments_find_the_detectable_effect_as_often_as_promised():
    n, draw, samples = 15, rng(1), 2000
    effect = minimum_detectable_effect(n, 2.0)
    experiments = draw.normal(effect, 2.0, size=(samples, n))
    t_found = (ttest_1samp(experiments, 0, axis=1).pvalue <= 0.05).mean()
    assert t_found == pytest.approx(0.8, abs=0.03)
    even = np.full(n, 1 / n)
    flips = np.mean([sign_flip(one, even, 500, draw) <= 0.05 for one in experiments[:300]])
    assert flips == pytest.approx(0.8, abs=0.08)


def test_simulated_strata_find_the_detectable_effect_too():
    strata, n, draw, samples = 3, 4, rng(2), 4000
    effect = minimum_detectable_effect(n, 1.0, strata=strata)
    experiments = draw.normal(effect, 1.0, size=(samples, strata, n))
    spread = np.sqrt(experiments.var(axis=2, ddof=1).mean(axis=1))
    t = experiments.mean(axis=(1, 2)) / (spread / np.sqrt(strata * n))
    assert (np.abs(t) >= 2.2621572).mean() == pytest.approx(0.8, abs=0.025)  # t(0.975, 9) of a printed table


def test_an_effect_that_nobody_could_find_needs_no_number_of_seeds():
    assert seeds_needed(1e-6, 1.0) is None


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
    (found,) = estimate(improvement_of(x, y, one(10)), one(10), 10_000, rng(7))
    assert 0 <= found.low < found.value < found.high <= 1


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0, 3.0])
def test_the_interval_of_an_improvement_holds_the_truth_also_where_every_seed_is_won(distance):
    draw, samples = rng(16), 150
    truth, held = norm.cdf(distance / np.sqrt(2)), 0
    for x, y in draw.normal(size=(samples, 2, 8)) + np.array([[distance], [0.0]]):
        (found,) = estimate(improvement_of(x, y, one(8)), one(8), 500, draw, bounds=SHARE)
        held += bool(found.low <= truth <= found.high)
    assert held / samples >= 0.92


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
