"""The paired test, against enumeration by hand, SciPy, and the share of false alarms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import permutation_test

from goldenrule.benchmarks.statistics import least_units
from goldenrule.benchmarks.statistics.resampling import even_weights
from goldenrule.benchmarks.statistics.sign_flip import least_p, sign_flip


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def test_fishers_test_of_darwins_plants():
    # Fisher 1935, section 21: 15 pairs, 1,726 of 32,768 patterns reach the sum of the differences, two-sided.
    differences = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    found = sign_flip(differences, np.full(15, 1 / 15), 100, rng())
    assert found.exact
    assert found.p == pytest.approx(1726 / 32768)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_the_exact_test_is_the_full_enumeration(n):
    differences, weights = rng(n).normal(0.5, 1, size=n), rng(n + 1).uniform(0.1, 1, size=n)
    sums = [abs(np.dot(signs, differences * weights)) for signs in itertools.product((-1, 1), repeat=n)]
    wanted = np.mean(np.array(sums) >= abs(np.dot(differences, weights)) - 1e-12)
    assert sign_flip(differences, weights, 100, rng()).p == pytest.approx(wanted)


def test_the_exact_test_is_scipys():
    x, y = rng(1).normal(size=10), rng(2).normal(0.4, size=10)

    def mean_difference(a, b, axis=-1):
        return (a - b).mean(axis=axis)

    wanted = permutation_test((x, y), mean_difference, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(x - y, np.full(10, 0.1), 100, rng()).p == pytest.approx(wanted.pvalue)


def test_the_drawn_test_nears_the_exact_one(monkeypatch):
    differences, weights = rng(3).normal(0.4, 1, size=16), np.full(16, 1 / 16)
    exact = sign_flip(differences, weights, 100, rng())
    monkeypatch.setattr("goldenrule.benchmarks.statistics.sign_flip.EXACT", 3)
    drawn = sign_flip(differences, weights, 40_000, rng(4))
    assert (exact.exact, drawn.exact, drawn.patterns) == (True, False, 40_000)
    assert drawn.p == pytest.approx(exact.p, abs=4 * np.sqrt(exact.p / 40_000))


def test_a_drawn_p_is_never_zero():
    found = sign_flip(np.ones(40), np.full(40, 1 / 40), 999, rng())
    assert found.p == pytest.approx(1 / 1000)


def test_ties_count_as_reached_despite_rounding():
    # 0.1 + 0.2 - 0.3 is not zero in floating point; equal sums must count as they do for integers.
    for scale in (1.0, 0.1, 1e-9):
        found = sign_flip(scale * np.array([1.0, 2.0, 3.0, -3.0]), np.full(4, 0.25), 100, rng())
        assert found.p == pytest.approx(12 / 16)


def test_no_difference_is_no_evidence_and_none_no_test():
    assert sign_flip(np.zeros(8), np.full(8, 1 / 8), 100, rng()).p == 1.0
    assert sign_flip(np.zeros(0), np.zeros(0), 100, rng()).p is None


@pytest.mark.parametrize("n", [1, 2, 5, 6, 12])
def test_the_least_p_is_that_of_differences_all_of_one_sign(n):
    found = sign_flip(rng(n).uniform(1, 2, size=n), np.full(n, 1 / n), 100, rng())
    assert found.p == pytest.approx(least_p(n))


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
        p = sign_flip(both[0] - both[1], weights, 100, draw).p
        alarms += p <= 0.05
    assert 0.03 < alarms / samples < 0.065
