"""The same figures as rliable 1.2 (archived; it needs pandas below 3), recorded once and, where it installs, anew.

rliable's bootstrap ignores the `random_state` it is given and draws from NumPy's global generator, so that its
intervals differ from run to run: they are compared within the noise of 20,000 resamples.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from goldenrule.benchmarks.statistics import Options, aggregate, bootstrap, compare, profile, read_scores

X = [[0.6, 0.66, 0.55], [0.42, 0.51, 0.4], [0.61, 0.87, 0.5], [0.48, 0.7, 0.67],
     [0.62, 0.41, 0.59], [0.74, 0.33, 0.51], [0.22, 0.34, 0.23], [0.55, 0.35, 0.65]]  # fmt: skip
Y = [[0.5, 0.5, 0.0], [0.4, 0.5, 0.5], [0.2, 0.4, 0.3], [0.3, 0.7, 0.3],
     [0.5, 0.7, 0.4], [0.5, 0.5, 0.5], [0.3, 0.5, 0.8], [0.2, 0.7, 0.5]]  # fmt: skip
"""Eight runs of three tasks, for two methods."""

OPTIONS = Options(resamples=20_000)
TAUS = [0.3, 0.5, 0.7]


@pytest.fixture(autouse=True)
def percentile_intervals(monkeypatch):
    """Its intervals: plain percentiles, which make up neither for bias and skewness nor for few seeds."""
    monkeypatch.setattr(bootstrap, "tail_distance", lambda strata: 1.959964)
    monkeypatch.setattr(bootstrap, "bca_levels", lambda drawn, value, a, ends_at: np.tile(ndtr(ends_at), value.shape))


@pytest.fixture(scope="module")
def scores():
    rows = [
        {"method": method, "scenario": f"task {task}", "knobs": {}, "seed": run, "gain": value}
        for method, table in (("x", X), ("y", Y))
        for run, line in enumerate(table)
        for task, value in enumerate(line)
    ]
    return read_scores(rows, "gain")


def test_interquartile_mean(scores):
    iqm = aggregate(scores, OPTIONS)
    assert (iqm["x"].value, iqm["y"].value) == pytest.approx((0.5291666666666667, 0.4583333333333333), abs=1e-12)
    assert (iqm["x"].low, iqm["x"].high) == pytest.approx((0.45333333, 0.59833333), abs=0.006)


def test_probability_of_improvement(scores):
    found = compare(scores, methods=["y", "x"], options=OPTIONS).comparisons[0]
    assert found.improvement == pytest.approx(0.6380208333333334, abs=1e-12)
    # It draws the runs of x and y apart.
    assert (found.improvement_low, found.improvement_high) == pytest.approx((0.488, 0.792), abs=0.03)


def test_performance_profile(scores):
    found = profile(scores, TAUS, ["x", "y"], OPTIONS)["x"]
    assert [one.value for one in found] == pytest.approx([0.91666667, 0.58333333, 0.08333333])
    # Shares come in steps of 1 in 24.
    assert [one.low for one in found] == pytest.approx([0.79166667, 0.375, 0.0], abs=0.043)
    assert [one.high for one in found] == pytest.approx([1.0, 0.79166667, 0.20833333], abs=0.043)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of a package that is kept no more
def test_rliable_itself(scores):
    library = pytest.importorskip("rliable.library", reason="rliable 1.2 is not installed")
    metrics = pytest.importorskip("rliable.metrics")
    x, y = np.array(X), np.array(Y)
    theirs, ends = library.get_interval_estimates({"x": x}, lambda s: np.array([metrics.aggregate_iqm(s)]), reps=20_000)
    ours = aggregate(scores, OPTIONS)["x"]
    assert ours.value == pytest.approx(theirs["x"][0], abs=1e-12)
    assert (ours.low, ours.high) == pytest.approx(tuple(ends["x"][:, 0]), abs=0.008)
    paired = compare(scores, methods=["y", "x"], options=OPTIONS).comparisons[0]
    assert paired.improvement == pytest.approx(metrics.probability_of_improvement(x, y), abs=1e-12)
    shares, bands = library.create_performance_profile({"x": x}, TAUS, reps=5000)
    found = profile(scores, TAUS, ["x", "y"], OPTIONS)["x"]
    assert [one.value for one in found] == pytest.approx(shares["x"].tolist())
    assert np.array([[one.low for one in found], [one.high for one in found]]) == pytest.approx(bands["x"], abs=0.043)
