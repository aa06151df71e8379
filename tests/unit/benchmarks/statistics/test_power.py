"""Detectable effects and needed seeds, against printed figures, each other, and simulated experiments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from goldenrule.benchmarks.statistics import least_units, minimum_detectable_effect, seeds_needed
from goldenrule.benchmarks.statistics.power import detectable, power
from goldenrule.benchmarks.statistics.sign_flip import sign_flip
from goldenrule.common.errors import UserError


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


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
    ("n", "alpha", "wanted"),
    [(6, 0.05, 0.8), (7, 0.05, 0.8), (9, 0.05, 0.8), (8, 0.05 / 3, 0.9), (10, 0.05 / 4, 0.8), (11, 0.05 / 36, 0.5)],
)
def test_few_seeds_find_the_detectable_effect_as_often_as_promised(n, alpha, wanted):
    effect, even, samples = minimum_detectable_effect(n, 2.0, alpha=alpha, wanted=wanted), np.full(n, 1 / n), 1500
    draws = rng(3).normal(effect, 2.0, size=(samples, n))
    found = np.mean([sign_flip(one, even, 0, rng()).p <= alpha for one in draws])
    assert found == pytest.approx(wanted, abs=0.04)


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
    flips = np.mean([sign_flip(one, even, 500, draw).p <= 0.05 for one in experiments[:300]])
    assert flips == pytest.approx(0.8, abs=0.08)


def test_simulated_strata_find_the_detectable_effect_too():
    strata, n, draw, samples = 3, 4, rng(2), 4000
    effect = minimum_detectable_effect(n, 1.0, strata=strata)
    experiments = draw.normal(effect, 1.0, size=(samples, strata, n))
    spread = np.sqrt(experiments.var(axis=2, ddof=1).mean(axis=1))
    t = experiments.mean(axis=(1, 2)) / (spread / np.sqrt(strata * n))
    assert (np.abs(t) >= 2.2621572).mean() == pytest.approx(0.8, abs=0.025)  # t(0.975, 9) of a printed table


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: minimum_detectable_effect(1, 1.0), "expected 2 seeds or more"),
        (lambda: minimum_detectable_effect(5, -1.0), "deviation: got -1.0"),
        (lambda: minimum_detectable_effect(5, 1.0, alpha=0.9), "0 < alpha < power < 1"),
        (lambda: seeds_needed(0.0, 1.0), "effect: got 0.0"),
        (lambda: seeds_needed(1e-6, 1.0), "more than 1,000,000 seeds"),
        (lambda: detectable(1), "a spread cannot be told from 1 seed"),
    ],
)
def test_wrong_questions_are_one_clear_line(call, said):
    with pytest.raises(UserError, match=said):
        call()
