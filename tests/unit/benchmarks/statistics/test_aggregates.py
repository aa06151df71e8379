"""The interquartile mean, against what it is by hand and against SciPy where the two agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, trim_mean

from goldenrule.benchmarks.statistics import iqm
from goldenrule.benchmarks.statistics.aggregates import iqm_of, mean_of
from goldenrule.benchmarks.statistics.resampling import bootstrap_weights, even_weights, jackknife_weights


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


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
    monkeypatch.setattr("goldenrule.benchmarks.statistics.resampling.CHUNK", 25)
    chunks = list(bootstrap_weights(np.zeros(4, dtype=int), 20, rng()))
    assert [len(chunk) for chunk in chunks] == [6, 6, 6, 2]
