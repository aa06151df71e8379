"""Verdicts: what they follow from, how often they are wrong, and what could have been found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from goldenrule.benchmarks.statistics import (
    Bootstrap,
    Estimate,
    Evidence,
    Options,
    compare,
    corrected,
    holm,
    judge,
    minimum_detectable_effect,
    read_scores,
    seeds_needed,
)

FAST = Options(Bootstrap(resamples=500))


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
    table = compare(scores(shifts, seeds=20), baseline="base", options=Options(Bootstrap(resamples=100)))
    assert {r["verdict"] for r in table.rows()} == {"better"}


def test_the_chance_of_any_false_verdict_is_no_more_than_alpha(row):
    alarms = 0
    draw = rng(6)
    options = Options(Bootstrap(resamples=100))
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
    draw, options = rng(8), Options(Bootstrap(resamples=100))
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


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, "better"),
        ({"effect": Estimate(-1.0, -1.5, -0.5, 9)}, "worse"),
        ({"higher_is_better": False}, "worse"),
        ({"p_holm": 0.06}, "not distinguishable"),
        ({"effect": Estimate(1.0, -0.1, 2.0, 9)}, "not distinguishable"),
        ({"least_p_holm": 0.06}, "too few seeds"),
        ({"effect": Estimate(1.0, None, None, 9, "1 of 2 strata have a single seed")}, "too few seeds"),
        ({"effect": Estimate(None, None, None, 0), "p": None, "p_holm": None}, "too few seeds"),
    ],
)
def test_verdicts_follow_the_evidence(change, answer):
    evidence = Evidence(Estimate(1.0, 0.5, 1.5, 9), 0.01, 0.02, 0.008, 2, 0.7)
    assert judge(replace(evidence, **change)).answer == answer


def test_a_verdict_gives_its_numbers():
    evidence = Evidence(Estimate(0.1, -0.2, 0.4, 12), 0.5, 1.0, 0.001, 2, 0.45)
    told = (
        "mean difference +0.1 over 12 seeds, -0.2 to +0.4, p 0.5, corrected 1; "
        "so many find a difference of 0.45 80% of the time"
    )
    assert judge(evidence).because == told
    assert judge(replace(evidence, needed=243)).because == f"{told}, and one of 0.1 takes 243 seeds"
    assert judge(replace(evidence, needed=80, strata=3)).because.endswith("one of 0.1 takes 80 seeds in each")


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
