"""Comparisons and what was left out of them, as a table."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wilcoxon

from goldenrule.benchmarks.statistics import (
    Bootstrap,
    Options,
    aggregate,
    compare,
    holm,
    iqm,
    profile,
    read_scores,
)
from goldenrule.common.errors import UserError

FAST = Options(Bootstrap(resamples=500))
MEANS = ("good", "base")


def lines(table):
    return {(r["method"], r["baseline"], r["stratum"]): r for r in table.rows()}


def test_the_effect_is_the_paired_mean_and_pairing_removes_what_seeds_share(runs, scores):
    (line,) = compare(scores({"base": 0.0, "good": 1.0}), baseline="base", options=FAST).rows()
    values = {m: np.array([r["gain"] for r in runs({"base": 0.0, "good": 1.0}) if r["method"] == m]) for m in MEANS}
    difference = values["good"] - values["base"]
    assert line["effect"] == pytest.approx(difference.mean())
    assert line["deviation"] == pytest.approx(difference.std(ddof=1))
    assert line["deviation"] < 0.2 * values["good"].std(ddof=1)
    assert (line["method_mean"], line["baseline_mean"]) == pytest.approx(tuple(values[m].mean() for m in MEANS))
    assert line["low"] < line["effect"] < line["high"]
    assert line["won"] + line["tied"] + line["lost"] == 10


def test_p_values_are_those_of_the_exact_test_and_corrected_over_the_table(scores):
    table = compare(scores({"a": 0.0, "b": 0.2, "c": 0.4}, seeds=6, noise=0.0), options=FAST)
    assert [r["p"] for r in table.rows()] == pytest.approx([2 / 64] * 3)  # every seed the same way
    assert wilcoxon(np.arange(1.0, 7.0)).pvalue == pytest.approx(2 / 64)
    assert [r["p_holm"] for r in table.rows()] == holm([2 / 64] * 3)
    assert table.tests == 3


def test_all_pairs_name_each_couple_once(scores):
    table = compare(scores({"a": 0.0, "b": 1.0, "c": 2.0}), options=FAST)
    assert list(lines(table)) == [("b", "a", None), ("c", "a", None), ("c", "b", None)]


def test_one_seed_in_each_of_many_strata_has_a_test_but_no_interval_and_no_answer(scores):
    found = scores({"base": 0.0, "good": 9.0}, seeds=1, scenarios=tuple("abcdefgh"))
    (line,) = compare(found, baseline="base", options=FAST).rows()
    assert (line["low"], line["p"], line["verdict"]) == (None, 2 / 256, "too few seeds")
    assert line["because"] == line["no_interval"] == "an interval needs 3 seeds a stratum; 8 of 8 strata have fewer"


def test_a_failed_seed_is_left_out_of_both_and_counted(runs):
    rows = runs({"base": 0.0, "good": 1.0, "third": 0.5})
    for one in rows:
        if (one["method"], one["seed"]) == ("good", 3):
            one.update(gain=None, status="failed", error="it broke")
    found = read_scores(rows, "gain")
    table = lines(compare(found, baseline="base", options=replace(FAST, alike="pair")))
    good, third = table["good", "base", None], table["third", "base", None]
    assert (good["seeds"], good["pairs_dropped"], good["seeds_dropped"]) == (9, 1, 1)
    assert good["dropped_because"] == {"good: failed: it broke": 1}
    assert good["baseline_mean"] == pytest.approx(
        np.mean([r["gain"] for r in rows if r["method"] == "base" and r["seed"] != 3])
    )
    assert third["seeds"] == 10
    alike = lines(compare(found, baseline="base", options=FAST))
    assert {line["seeds"] for line in alike.values()} == {9}
    assert len({line["baseline_mean"] for line in alike.values()}) == 1


def test_a_method_that_failed_throughout_has_a_line_that_says_so_and_is_no_test(row, runs):
    rows = runs({"base": 0.0, "good": 1.0}, seeds=6)
    rows += [row("dead", s, None, status="failed", error="it broke") for s in range(6)]
    table = compare(read_scores(rows, "gain"), baseline="base", options=FAST)
    dead, good = lines(table)["dead", "base", None], lines(table)["good", "base", None]
    assert (dead["verdict"], dead["because"], dead["effect"], dead["p"]) == (
        "too few seeds",
        "no seed has both results: dead finished nothing here",
        None,
        None,
    )
    assert dead["dropped_because"] == {"dead: failed: it broke": 6}
    assert table.tests == 1
    assert (good["p_holm"], good["seeds"], good["pairs_dropped"]) == (good["p"], 6, 0)


def test_each_stratum_has_a_line_and_all_are_corrected_together(scores):
    found = scores({"base": 0.0, "good": 1.0}, scenarios=("s", "t"))
    apart = compare(found, baseline="base", each_stratum=True, options=FAST)
    (pooled,) = compare(found, baseline="base", options=FAST).rows()
    assert [r["stratum"] for r in apart.rows()] == ['["s"]', '["t"]']
    assert pooled["effect"] == pytest.approx(np.mean([r["effect"] for r in apart.rows()]))
    assert (pooled["seeds"], pooled["strata"], "20 seeds in 2 strata" in pooled["because"]) == (20, 2, True)
    assert [r["p_holm"] for r in apart.rows()] == holm([r["p"] for r in apart.rows()])


def test_a_comparison_is_the_same_whatever_else_the_table_holds(row, runs, scores):
    alone = compare(scores({"a": 0.0, "b": 0.1}), options=FAST).comparisons[0].paired
    rows = runs({"a": 0.0, "b": 0.1}) + [row("c", s, 1.0) for s in range(10)]
    beside = compare(read_scores(rows, "gain"), options=FAST).comparisons[0].paired
    assert alone == beside


def test_turning_a_comparison_round_turns_its_figures_round(scores):
    found = scores({"a": 0.0, "b": 0.2})
    ab = compare(found, baseline="b", options=FAST).comparisons[0].paired
    ba = compare(found, baseline="a", options=FAST).comparisons[0].paired
    assert (ab.effect.value, ab.effect.low, ab.effect.high) == pytest.approx(
        (-ba.effect.value, -ba.effect.high, -ba.effect.low)
    )
    assert (ab.improvement.value, ab.improvement.low) == pytest.approx(
        (1 - ba.improvement.value, 1 - ba.improvement.high)
    )
    assert (ab.test, ab.won, ab.lost) == (ba.test, ba.lost, ba.won)


def test_rows_are_plain_data(scores):
    table = compare(scores({"a": 0.0, "b": 1.0}), options=FAST)
    assert json.loads(json.dumps(table.rows(), allow_nan=False)) == table.rows()


def test_another_seed_draws_other_resamples(scores):
    found = scores({"a": 0.0, "b": 1.0})
    first, again, other = (compare(found, options=replace(FAST, seed=s)).rows()[0]["low"] for s in (0, 0, 1))
    assert first == again != other


def test_aggregates_and_profiles_are_over_what_all_methods_have(row):
    rows = [row("a", s, float(s)) for s in range(5)] + [row("b", s, 1.0 if s < 4 else None) for s in range(5)]
    found = aggregate(read_scores(rows, "gain"), options=FAST)
    assert found.estimates["a"].value == pytest.approx(iqm([0.0, 1.0, 2.0, 3.0]))
    assert found.dropped.reasons == {"b: gain is none": 1}
    assert aggregate(read_scores(rows, "gain"), "mean", methods=["a"]).estimates["a"].value == 2.0
    profiles = profile(read_scores(rows, "gain"), [0.5, 1.5], options=FAST)
    assert profiles.profiles["a"].shares == (0.75, 0.5)
    assert profiles.profiles["b"].shares == (1.0, 0.0)
    assert profiles.dropped.places == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: compare(s, baseline="z"), "no row of the method 'z'"),
        (lambda s: compare(s, methods=["a"]), "expected two or more"),
        (lambda s: compare(s, methods=["a", "a"]), "each named once"),
        (lambda s: aggregate(s, "median"), "'median' is unknown; expected mean or iqm"),
        (lambda s: Options(alike="none"), "expected pair or table"),
        (lambda s: Options(power=0.01), "power: got 0.01"),
    ],
)
def test_wrong_calls_are_one_clear_line(call, said, scores):
    with pytest.raises(UserError, match=said):
        call(scores({"a": 0.0, "b": 1.0}, seeds=2))
