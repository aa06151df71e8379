"""Student intervals and unanimous samples, against closed forms and by how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, trim_mean, ttest_1samp

from goldenrule.benchmarks.statistics import mean_interval, ratio_interval
from goldenrule.benchmarks.statistics.intervals import UNBOUNDED, unanimous

SHARE = (0.0, 1.0)


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def test_interval_of_three_values_by_hand():
    found = mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)  # t(0.975, 2) from a printed table, deviation 1
    assert (found.value, found.units, found.reason) == (2.0, 3, None)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), abs=1e-9)


def test_interval_is_that_of_the_t_test():
    values = rng().normal(size=7)
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_interval(values.tolist())
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_too_few_values_have_no_interval_and_say_why():
    assert (mean_interval([]).value, mean_interval([]).reason) == (None, "no seed has a value")
    for values in ([0.3], [0.25, 0.75]):
        found = mean_interval(values, SHARE)
        assert (found.low, found.high, found.reason) == (None, None, "an interval needs 3 seeds")


def test_a_ratio_of_means_is_that_of_sums_with_the_linearised_interval():
    draw = rng(1)
    second = draw.normal(5, 1, size=8)
    first = 0.5 * second + draw.normal(0, 0.2, size=8)
    found = ratio_interval(list(zip(first, second, strict=True)))
    assert found.value == pytest.approx(first.sum() / second.sum())
    residual = first - found.value * second
    half = 2.3646242510102993 * residual.std(ddof=1) / second.mean() / math.sqrt(8)  # t(0.975, 7) from a printed table
    assert found.high - found.value == pytest.approx(half)
    held = 0
    for _ in range(400):
        y = draw.normal(5, 1, size=8)
        x = 0.5 * y + draw.normal(0, 0.4, size=8)
        one = ratio_interval(list(zip(x, y, strict=True)))
        held += one.low <= 0.5 <= one.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_intervals_are_clipped_to_the_range():
    assert mean_interval([0.9, 1.0, 0.95], SHARE).high == 1.0
    assert mean_interval([0.0, 0.1, 0.0], SHARE).low == 0.0
    loose = mean_interval([0.9, 1.0, 0.95])
    assert loose.high > 1.0
    assert mean_interval([0.9, 1.0, 0.95], SHARE).low == loose.low


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_ten_dialogues_that_all_agree_have_the_interval_of_clopper_and_pearson(value):
    found = mean_interval([value] * 10, SHARE)
    printed = binomtest(int(10 * value), 10).proportion_ci(0.95)
    assert (found.low, found.high) == pytest.approx((printed.low, printed.high))
    assert found.high - found.low == pytest.approx(0.3085, abs=1e-4)


def test_values_that_agree_within_the_range_leave_room_on_both_sides():
    unseen = 1 - 0.025 ** (1 / 10)
    found = mean_interval([9.0] * 10, (0.0, 36.0))
    assert (found.low, found.high) == pytest.approx((9 - 9 * unseen, 9 + 27 * unseen))
    assert mean_interval([0.1 + 0.2, 0.3, 0.3, 0.3], SHARE).low < 0.29  # agree but for rounding


@pytest.mark.parametrize("bounds", [UNBOUNDED, (0.0, math.inf), (-math.inf, 0.0)])
def test_values_that_agree_have_no_interval_without_a_range(bounds):
    found = mean_interval([0.0] * 10, bounds)
    assert (found.value, found.low, found.high) == (0.0, None, None)
    assert found.reason == "all 10 seeds agree, which leaves no spread to base an interval on"
    assert ratio_interval([(1.0, 1.0), (2.0, 2.0), (5.0, 5.0)], bounds).low is None


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("common", [1.0, 0.7])
@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_the_interval_of_a_unanimous_sample_misses_the_mean_no_more_often_than_it_may(n, common, rest):
    # The worst case: with probability q a value lies at the other end of the range. Exact, over q; only samples that
    # agree are counted, so that of all samples fewer than half of 5% may miss on each side.
    for q in np.linspace(0.001, 0.999, 500):
        mean, missed = (1 - q) * common + q * rest, 0.0
        for value, chance in ((common, (1 - q) ** n), (rest, q**n)):
            found = unanimous(value, n, SHARE)
            missed += chance * (not found.low <= mean <= found.high)
        assert missed <= 0.0251


@pytest.mark.parametrize("n", [5, 12])
def test_the_interval_of_a_unanimous_interquartile_mean_holds_that_of_the_rarest_population(n):
    unseen = 1 - 0.025 ** (1 / n)
    population = [1.0] * round(10_000 * (1 - unseen)) + [0.0] * round(10_000 * unseen)
    assert unanimous(1.0, n, SHARE, iqm=True).low <= trim_mean(population, 0.25) + 1e-4
