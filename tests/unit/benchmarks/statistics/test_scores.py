"""Rows in, aligned values out; what lacks a partner is left out of every method, counted, and never filled in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from goldenrule.benchmarks.statistics import align, read_scores
from goldenrule.common.errors import UserError


def row(method, seed, value, scenario="s", knobs=None, **more):
    return {"method": method, "scenario": scenario, "knobs": knobs or {}, "seed": seed, "gain": value, **more}


def test_values_are_aligned_by_seed_whatever_the_order_of_rows():
    rows = [row("b", 2, 20.0), row("a", 1, 1.0), row("b", 1, 10.0), row("a", 2, 2.0)]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert sample.values.tolist() == [[1.0, 2.0], [10.0, 20.0]]
    assert (sample.strata.tolist(), sample.places, sample.dropped.places) == ([0, 0], 2, 0)


def test_episodes_and_seats_are_averaged_within_their_seed():
    rows = [row(m, s, v + s, seat=seat, episode=e) for m in "ab" for s in (0, 1) for seat, e, v in CELL]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert sample.values.tolist() == [[3.0, 4.0], [3.0, 4.0]]
    assert sample.places == 8


CELL = (("x", 0, 0.0), ("x", 1, 2.0), ("y", 0, 4.0), ("y", 1, 6.0))


def test_an_episode_missing_in_one_method_is_missing_in_both():
    rows = [row("a", 0, v, episode=e) for e, v in enumerate((1.0, 2.0, 9.0))]
    rows += [row("b", 0, v, episode=e) for e, v in enumerate((5.0, 6.0, None))]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert sample.values.tolist() == [[1.5], [5.5]]  # the 9 of a went with the none of b
    assert (sample.dropped.places, sample.dropped.planned, sample.dropped.seeds) == (1, 3, 0)
    assert sample.dropped.reasons == {"b: gain is none": 1}


def test_every_kind_of_absence_is_counted_with_its_reason():
    rows = [row("a", s, 1.0) for s in range(7)]
    rows += [row("b", 0, 1.0), row("b", 1, None), row("b", 2, math.nan), row("b", 3, np.float64("-inf"))]
    rows += [row("b", 4, None, status="failed", error="it broke"), row("b", 5, 3.0, status="running")]
    dropped = align(read_scores(rows, "gain"), ("a", "b")).dropped
    assert dropped.reasons == {
        "b: failed: it broke": 1,
        "b: gain is -inf": 1,
        "b: gain is nan": 1,
        "b: gain is none": 1,
        "b: no row": 1,
        "b: running": 1,
    }
    assert (dropped.places, dropped.planned, dropped.seeds, dropped.strata) == (6, 7, 6, 0)


def test_talks_at_their_turn_limit_count_as_in_the_means_of_a_cell():
    rows = [
        row(m, 0, v, episode=e, status=s) for m in "ab" for e, v, s in ((0, 1.0, "terminated"), (1, 0.0, "truncated"))
    ]
    assert align(read_scores(rows, "gain"), ("a", "b")).values.tolist() == [[0.5], [0.5]]


def test_a_third_method_takes_nothing_from_a_pair_but_all_from_a_sample_of_three():
    rows = [row(m, s, 1.0) for m in "ab" for s in (0, 1)] + [row("c", 0, 1.0), row("c", 1, None)]
    scores = read_scores(rows, "gain")
    assert align(scores, ("a", "b")).places == 2
    assert align(scores, ("a", "b", "c")).places == 1


def test_a_stratum_of_which_nothing_is_left_is_counted():
    rows = [row("a", 0, 1.0), row("b", 0, 1.0), row("a", 0, 1.0, "other"), row("b", 0, None, "other")]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert (sample.names, sample.dropped.strata) == (('["s"]',), 1)


def test_a_setting_is_one_stratum_however_it_is_written():
    knobs = [{"x": 1, "y": 0.5}, {"y": 0.5, "x": 1.0}]
    rows = [row(m, s, 1.0, knobs=knobs[(s + shift) % 2]) for m, shift in (("a", 0), ("b", 1)) for s in range(4)]
    rows += [row("a", 4.0, 1.0, knobs=knobs[0], seat=math.nan), row("b", 4, 1.0, knobs=knobs[1], seat=None)]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert (len(sample.names), sample.places) == (1, 5)


def test_a_seed_counts_once_a_scenario_and_within_one_setting_once_a_setting():
    rows = [row(m, s, float(k), knobs={"k": k}) for m in "ab" for s in (0, 1) for k in (2, 4)]
    assert align(read_scores(rows, "gain"), ("a", "b")).values.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    by_setting = align(read_scores(rows, "gain", strata=("scenario", "knobs")), ("a", "b"))
    assert by_setting.strata.tolist() == [0, 0, 1, 1]
    assert by_setting.names == ('["s", {"k": 2}]', '["s", {"k": 4}]')


def test_a_setting_that_lost_episodes_weighs_as_much_as_another():
    rows = [row(m, 0, 0.0, knobs={"k": 2}, episode=e) for m in "ab" for e in range(3)]
    rows += [row(m, 0, None if m == "b" and e else 1.0, knobs={"k": 4}, episode=e) for m in "ab" for e in range(3)]
    sample = align(read_scores(rows, "gain"), ("a", "b"))
    assert sample.values.tolist() == [[0.5], [0.5]]  # and not 1 of 4 episodes
    assert sample.places == 4


def test_the_scores_of_one_stratum_keep_every_method():
    rows = [row("a", 0, 1.0), row("a", 0, 1.0, "other"), row("b", 0, 1.0)]
    scores = read_scores(rows, "gain")
    part = scores.within('["other"]')
    assert part.methods == ("a", "b")
    assert align(part, ("a", "b")).dropped.reasons == {"b: no row": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("a", 0, "0.5")], "row 1: gain is '0.5'; expected a number"),
        ([row("a", 0, True)], "row 1: gain is True; expected a number"),
        ([row("a", 0, 1.0), row("a", 0, None)], "row 2: a second row of a for seed 0"),
    ],
)
def test_wrong_rows_are_one_clear_line(rows, said):
    with pytest.raises(UserError) as error:
        read_scores(rows, "gain")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_method_is_named():
    with pytest.raises(UserError, match="no row of the method 'z'; there are a"):
        align(read_scores([row("a", 0, 1.0)], "gain"), ("a", "z"))
