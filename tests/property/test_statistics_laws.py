"""Laws of the statistics: what must not matter does not, and what must follow does."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenrule.benchmarks.statistics import (
    Options,
    align,
    compare,
    holm,
    least_units,
    minimum_detectable_effect,
    read_scores,
    seeds_needed,
)
from goldenrule.benchmarks.statistics.bootstrap import iqm_of

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
values = st.lists(numbers, min_size=1, max_size=12)
p_values = st.lists(st.floats(0, 1) | st.none(), max_size=8)
FAST = Options(resamples=100)


def iqm(sample):
    return iqm_of(np.array(sample))(np.full((1, len(sample)), 1 / len(sample)))[0, 0]


@st.composite
def tables(draw, missing=False):
    """Rows of three methods, two settings and up to seven seeds; some values none."""
    figure = numbers | st.none() if missing else numbers
    seeds = draw(st.integers(2, 7))
    places = itertools.product("abc", ({"k": 0}, {"k": 1}), range(seeds))
    return [{"method": m, "scenario": "s", "knobs": k, "seed": s, "gain": draw(figure)} for m, k, s in places]


@settings(max_examples=15)
@given(tables(missing=True), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, order: random.Random):
    shuffled = order.sample(rows, len(rows))
    found = [compare(read_scores(each, "gain"), options=FAST).rows() for each in (rows, shuffled)]
    assert found[0] == found[1]


@settings(max_examples=15)
@given(tables(), numbers, st.floats(0.1, 10))
def test_a_shift_of_all_methods_changes_no_comparison_and_a_scale_only_its_scale(rows, shift, scale):
    moved = [{**row, "gain": row["gain"] * scale + shift} for row in rows]
    for one, other in zip(*(compare(read_scores(r, "gain"), options=FAST).rows() for r in (rows, moved)), strict=True):
        for key in ("effect", "low", "high", "deviation"):
            wanted = None if one[key] is None else pytest.approx(one[key] * scale, rel=1e-6, abs=1e-6)
            assert other[key] == wanted


@given(tables(missing=True))
def test_all_methods_of_a_sample_are_averaged_over_the_same_places(rows):
    sample = align(read_scores(rows, "gain"), "abc")
    had = [{(str(r["knobs"]), r["seed"]) for r in rows if r["method"] == m and r["gain"] is not None} for m in "abc"]
    common = set.intersection(*had)
    assert (sample.places, sample.dropped.places) == (len(common), sample.dropped.planned - len(common))
    assert sum(sample.dropped.reasons.values()) == sum(r["gain"] is None for r in rows)
    assert np.isfinite(sample.values).all()


@given(p_values)
def test_holm_is_monotone_and_between_the_p_value_and_bonferroni(given_p):
    tests = [p for p in given_p if p is not None]
    adjusted = holm(given_p)
    pairs = sorted((p, a) for p, a in zip(given_p, adjusted, strict=True) if p is not None)
    assert [a is None for a in adjusted] == [p is None for p in given_p]
    assert all(p <= a <= min(1.0, p * len(tests)) + 1e-12 for p, a in pairs)
    assert all(a <= b for (_, a), (_, b) in itertools.pairwise(pairs))


@given(p_values, st.integers(0, 7), st.floats(0, 1))
def test_a_smaller_p_value_makes_no_adjusted_one_larger(given_p, place, factor):
    if place >= len(given_p) or given_p[place] is None:
        return
    smaller = [p * factor if k == place and p is not None else p for k, p in enumerate(given_p)]
    for before, after in zip(holm(given_p), holm(smaller), strict=True):
        assert before is None or after <= before + 1e-12


@given(p_values, st.floats(0.001, 0.5))
def test_holm_rejects_what_stepping_down_rejects(given_p, alpha):
    tests = sorted(p for p in given_p if p is not None)
    rejected = 0
    while rejected < len(tests) and tests[rejected] * (len(tests) - rejected) <= alpha:
        rejected += 1
    assert sum(a is not None and a <= alpha for a in holm(given_p)) == rejected


@given(values, st.randoms(use_true_random=False), numbers, st.floats(-5, 5))
def test_iqm_moves_with_its_values_whatever_their_order(sample, order: random.Random, shift, scale):
    found = iqm(sample)
    assert min(sample) - 1e-9 <= found <= max(sample) + 1e-9
    assert iqm(order.sample(sample, len(sample))) == pytest.approx(found, abs=1e-9)
    assert iqm([v * scale + shift for v in sample]) == pytest.approx(found * scale + shift, abs=1e-7)


@given(values, st.integers(2, 5))
def test_iqm_of_copies_is_iqm(sample, copies):
    assert iqm(sample * copies) == pytest.approx(iqm(sample), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(2, 60), st.floats(0.01, 10), st.integers(1, 4), st.floats(0.01, 0.2), st.floats(0.3, 0.95))
def test_the_seeds_needed_for_what_so_many_detect_are_so_many(seeds, deviation, strata, alpha, wanted):
    effect = minimum_detectable_effect(seeds, deviation, strata=strata, alpha=alpha, wanted=wanted) * (1 + 1e-7)
    if seeds * strata < least_units(alpha):  # the paired test has no answer, however large the effect
        assert effect == math.inf
    else:
        assert seeds_needed(effect, deviation, strata=strata, alpha=alpha, wanted=wanted) == seeds
