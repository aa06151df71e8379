"""Comparisons and verdicts: what they follow from, how often they are wrong, and what could have been found."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import wilcoxon

from goldenrule.benchmarks.statistics import (
    Options,
    aggregate,
    compare,
    corrected,
    holm,
    minimum_detectable_effect,
    profile,
    read_scores,
    seeds_needed,
)
from goldenrule.benchmarks.statistics.compare import judge, prospects
from goldenrule.common.errors import UserError

FAST = Options(resamples=500)


def rng(number=0):
    return np.random.Generator(np.random.PCG64(number))


def test_a_table_against_a_baseline_says_better_worse_and_not_distinguishable(scores):
    table = compare(scores({"base": 0.0, "good": 1.0, "bad": -1.0, "same": 0.0}), baseline="base", options=FAST)
    assert {r["method"]: r["verdict"] for r in table.rows()} == {
        "good": "better",
        "bad": "worse",
        "same": "not distinguishable",
    }
    assert {(r["seeds"], r["pairs"], r["pairs_dropped"]) for r in table.rows()} == {(10, 10, 0)}


def test_lower_may_be_better(scores):
    options = replace(FAST, higher_is_better=False)
    (line,) = compare(scores({"base": 0.0, "low": -1.0}), baseline="base", options=options).rows()
    assert (line["verdict"], line["effect"] < 0) == ("better", True)


def test_five_seeds_are_too_few_whatever_the_difference_and_six_are_not(scores):
    (five,) = compare(scores({"base": 0.0, "good": 9.0}, seeds=5), baseline="base", options=FAST).rows()
    (six,) = compare(scores({"base": 0.0, "good": 9.0}, seeds=6), baseline="base", options=FAST).rows()
    assert (five["verdict"], six["verdict"]) == ("too few seeds", "better")
    assert five["because"].startswith("5 seeds cannot tell: the smallest possible p")
    assert five["because"].endswith("6 could")


def test_a_longer_table_needs_more_seeds(scores):
    shifts = {"base": 0.0, "b": 9.0, "c": 0.0, "d": 0.0}
    answers = [r["verdict"] for r in compare(scores(shifts, seeds=6), baseline="base", options=FAST).rows()]
    assert answers == ["too few seeds"] * 3  # 3 * 2 / 64 > 0.05
    answers = [r["verdict"] for r in compare(scores(shifts, seeds=8), baseline="base", options=FAST).rows()]
    assert answers == ["better", "not distinguishable", "not distinguishable"]


def test_what_is_detectable_allows_for_the_correction(scores):
    for line in compare(scores({"base": 0.0, "b": 0.1, "c": 0.2}), baseline="base", options=FAST).rows():
        wanted = minimum_detectable_effect(line["seeds"], line["deviation"], alpha=0.05 / 2)
        assert line["detectable"] == pytest.approx(wanted)


def test_many_comparisons_of_many_seeds_are_drawn_finely_enough(scores):
    shifts = {"base": 0.0, **{f"m{k:02}": 1.0 for k in range(12)}}
    table = compare(scores(shifts, seeds=20), baseline="base", options=Options(resamples=100))
    assert {r["verdict"] for r in table.rows()} == {"better"}


def test_the_chance_of_any_false_verdict_is_no_more_than_alpha(row):
    alarms = 0
    draw = rng(6)
    options = Options(resamples=100)
    for k in range(60):
        rows = [row(m, s, v) for m, values in zip("abcd", draw.normal(size=(4, 9)), strict=True)
                for s, v in enumerate(values)]  # fmt: skip
        table = compare(read_scores(rows, "gain"), baseline="a", options=replace(options, seed=k))
        alarms += any(r["verdict"] in ("better", "worse") for r in table.rows())
    assert alarms / 60 <= 0.12


def knobbed(row, draw, seeds=8, knobs=5):
    """Two methods without a true difference. A seed's luck is much the same under every value of the knob."""
    rows = []
    for method in "ab":
        for seed in range(seeds):
            luck = draw.normal()
            rows += [row(method, seed, luck + draw.normal(0, 0.2), knobs={"k": k}) for k in range(knobs)]
    return rows


def test_several_values_of_a_knob_make_no_more_false_verdicts_than_one(row):
    draw, options = rng(8), Options(resamples=100)
    alarms = {("scenario",): 0, ("scenario", "knobs"): 0}
    for _ in range(60):
        rows = knobbed(row, draw)
        for strata in alarms:
            (line,) = compare(read_scores(rows, "gain", strata=strata), baseline="a", options=options).rows()
            alarms[strata] += line["verdict"] in ("better", "worse")
    assert alarms["scenario",] / 60 <= 0.12
    assert alarms["scenario", "knobs"] / 60 > 0.3  # what counting a seed once a knob would do
    (line,) = compare(read_scores(knobbed(row, draw), "gain"), baseline="a", options=options).rows()
    assert (line["seeds"], line["strata"], line["pairs"]) == (8, 1, 40)


def line(**change):
    (one,) = compare(SCORES, baseline="base", options=FAST).comparisons
    given = {"effect": 1.0, "low": 0.5, "high": 1.5, "p": 0.01, "p_holm": 0.02, "detectable": 0.7, "seeds": 9}
    return replace(one, **given | {"seeds_needed": None} | change)


SCORES = read_scores(
    [{"method": m, "scenario": "s", "knobs": {}, "seed": s, "gain": float(s)} for m in ("base", "a") for s in range(9)],
    "gain",
)


@pytest.mark.parametrize(
    ("change", "least_holm", "options", "answer"),
    [
        ({}, 0.008, FAST, "better"),
        ({"effect": -1.0, "low": -1.5, "high": -0.5}, 0.008, FAST, "worse"),
        ({}, 0.008, replace(FAST, higher_is_better=False), "worse"),
        ({"p_holm": 0.06}, 0.008, FAST, "not distinguishable"),
        ({"low": -0.1}, 0.008, FAST, "not distinguishable"),
        ({}, 0.06, FAST, "too few seeds"),
        ({"low": None, "high": None, "error_size": 0.1}, 0.008, FAST, "too few seeds"),
        ({"low": None, "high": None, "error_size": 0.0}, 0.008, FAST, "better"),  # all agree: the test decides
    ],
)
def test_verdicts_follow_the_evidence(change, least_holm, options, answer):
    assert judge(line(**change), least_holm, 2, options)[0] == answer


def test_a_verdict_gives_its_numbers():
    given = {"effect": 0.1, "low": -0.2, "high": 0.4, "p": 0.5, "p_holm": 1.0, "detectable": 0.45, "seeds": 12}
    text = (
        "mean difference +0.1 over 12 seeds, -0.2 to +0.4, p 0.5, corrected 1; "
        "a t test of so many finds a difference of 0.45 80% of the time"
    )

    def because(**change):
        one = line(**given | change)
        return judge(one, 0.001, 2, FAST)[1] + prospects(one)

    assert because() == text
    assert because(seeds_needed=243) == f"{text}, and one of 0.1 takes 243 seeds"
    assert because(seeds_needed=80, strata=3).endswith("one of 0.1 takes 80 seeds in each")


def unanimous(row, difference, seeds, bounds=(-np.inf, np.inf)):
    """All pairs differ by the same."""
    rows = [row(m, s, 0.1 * s + d) for m, d in (("base", 0.0), ("other", difference)) for s in range(seeds)]
    (one,) = compare(read_scores(rows, "gain", bounds=bounds), baseline="base", options=FAST).rows()
    return one


def test_pairs_that_all_agree_have_no_interval_without_a_range_and_the_test_decides(row):
    one = unanimous(row, 1.0, 8)
    assert (one["low"], one["high"]) == (None, None)
    assert one["no_interval"] == "all 8 seeds agree, which leaves no spread to base an interval on"
    assert (one["verdict"], one["p"]) == ("better", 2 / 256)
    assert one["no_interval"] in one["because"]
    assert unanimous(row, 0.0, 8)["verdict"] == "not distinguishable"


def test_pairs_that_all_agree_have_an_interval_from_the_range_of_differences(row):
    unseen = 1 - 0.025 ** (1 / 8)
    one = unanimous(row, 1.0, 8, (0.0, 1.0))
    assert (one["low"], one["high"]) == pytest.approx((1 - 2 * unseen, 1.0))
    assert one["verdict"] == "better"
    same = unanimous(row, 0.0, 8, (0.0, 1.0))
    assert (same["low"], same["high"]) == pytest.approx((-unseen, unseen))
    assert (same["verdict"], same["detectable"]) == ("not distinguishable", None)
    assert unanimous(row, 1.0, 5, (0.0, 1.0))["verdict"] == "too few seeds"


def test_what_is_not_distinguishable_says_how_many_seeds_would_tell(scores):
    shifts = {"base": 0.0, "good": 1.0, "bad": -1.0, "same": 0.0}
    _, good, same = compare(scores(shifts), baseline="base", options=FAST).rows()
    assert (same["verdict"], good["verdict"]) == ("not distinguishable", "better")
    assert same["seeds_needed"] == seeds_needed(same["effect"], same["deviation"], alpha=0.05 / 3)
    assert f"takes {same['seeds_needed']:,} seeds" in same["because"]
    assert good["seeds_needed"] is None


def test_tables_of_one_figure_are_corrected_as_one(runs, scores):
    one = compare(scores({"base": 0.0, "good": 1.0}), baseline="base", options=FAST)
    rows = runs({"base": 0.0, "b": 0.1, "c": 0.2}, seeds=6)
    two = compare(read_scores(rows, "gain"), baseline="base", options=FAST)
    first, second = corrected(one, two)
    p_values = [line["p"] for line in (*one.rows(), *two.rows())]
    assert [line["p_holm"] for line in (*first.rows(), *second.rows())] == holm(p_values)
    assert (first.tests, second.tests) == (3, 3)
    assert second.rows()[0]["verdict"] == "too few seeds"  # 3 * 2 / 64 > 0.05
    assert first.rows()[0]["detectable"] > one.rows()[0]["detectable"]


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
    alike = lines(compare(found, baseline="base", options=FAST))
    good = alike["good", "base", None]
    assert (good["seeds"], good["pairs_dropped"], good["seeds_dropped"]) == (9, 1, 1)
    assert good["dropped_because"] == {"good: failed: it broke": 1}
    assert good["baseline_mean"] == pytest.approx(
        np.mean([r["gain"] for r in rows if r["method"] == "base" and r["seed"] != 3])
    )
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
    alone = compare(scores({"a": 0.0, "b": 0.1}), options=FAST).comparisons[0]
    rows = runs({"a": 0.0, "b": 0.1}) + [row("c", s, 1.0) for s in range(10)]
    beside = compare(read_scores(rows, "gain"), options=FAST).comparisons[0]
    of_the_table = {"p_holm", "detectable", "seeds_needed", "verdict", "because"}
    assert {k: v for k, v in asdict(alone).items() if k not in of_the_table} == {
        k: v for k, v in asdict(beside).items() if k not in of_the_table
    }


def test_turning_a_comparison_round_turns_its_figures_round(scores):
    found = scores({"a": 0.0, "b": 0.2})
    ab = compare(found, baseline="b", options=FAST).comparisons[0]
    ba = compare(found, baseline="a", options=FAST).comparisons[0]
    assert (ab.effect, ab.low, ab.high) == pytest.approx((-ba.effect, -ba.high, -ba.low))
    assert (ab.improvement, ab.improvement_low) == pytest.approx((1 - ba.improvement, 1 - ba.improvement_high))
    assert (ab.p, ab.won, ab.lost) == (ba.p, ba.lost, ba.won)


def test_rows_are_plain_data(scores):
    table = compare(scores({"a": 0.0, "b": 1.0}), options=FAST)
    assert json.loads(json.dumps(table.rows(), allow_nan=False)) == table.rows()


def test_another_seed_draws_other_resamples(scores):
    found = scores({"a": 0.0, "b": 1.0})
    first, again, other = (compare(found, options=replace(FAST, seed=s)).rows()[0]["low"] for s in (0, 0, 1))
    assert first == again != other


def test_aggregates_and_profiles_are_over_what_all_methods_have(row):
    rows = [row("a", s, float(s)) for s in range(5)] + [row("b", s, 1.0 if s < 4 else None) for s in range(5)]
    found = aggregate(read_scores(rows, "gain"), FAST)
    assert found["a"].value == pytest.approx(1.5)  # of 0, 1, 2 and 3
    profiles = profile(read_scores(rows, "gain"), [0.5, 1.5], ["a", "b"], FAST)
    assert [one.value for one in profiles["a"]] == [0.75, 0.5]
    assert [one.value for one in profiles["b"]] == [1.0, 0.0]


def test_a_method_without_a_row_is_one_clear_line(scores):
    with pytest.raises(UserError, match="no row of the method 'z'"):
        compare(scores({"a": 0.0}), baseline="z")
