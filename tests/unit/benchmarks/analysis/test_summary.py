"""Means and intervals, against closed forms; nothing that is missing becomes a number."""

from __future__ import annotations

import io

import pytest

from goldenrule.benchmarks.analysis.summary import (
    ATTAINABLE,
    columns_of,
    interval,
    summarise,
)
from goldenrule.benchmarks.evaluation.metrics import METRICS
from goldenrule.benchmarks.report.terminal import print_summary
from goldenrule.envs.registry import SHARE


def row(method, seed, partner=0.5, **more):
    figures = dict.fromkeys(METRICS)
    counts = {"episodes": 8, "episodes_failed": 1, "episodes_estimated": 7, "messages_unscored": 2, "tokens": 10}
    fixed = {"method": method, "scenario": "hidden_needs-v0", "knobs": {"cue": 1.0}, "seed": seed}
    figures |= {"negotiation": None, "partner_reward": partner}
    return {**fixed, "status": "done", "error": None, **figures, **counts, **more}


def failed(method, seed):
    return row(method, seed, None, status="failed", error="it broke", episodes=None, tokens=None)


def test_one_value_has_no_interval_and_none_has_a_reason():
    few = "an interval needs 3 seeds"
    there = {"low": None, "high": None, "no_interval": few, "missing": 0, "reason": None}
    assert interval([0.3]) == {**there, "mean": 0.3, "n": 1}
    assert interval([0.25, 0.75]) == {**there, "mean": 0.5, "n": 2}
    assert interval([None, None], reason="why") == {**interval([]), "missing": 2, "reason": "why"}
    assert interval([None, 1.0], reason="why")["reason"] is None


def test_the_share_of_what_is_attainable_is_paired_by_seed():
    rows = [row("scripted", s, r) for s, r in ((0, 0.5), (1, 1.0))]
    rows += [row("naive_kindness", s, r) for s, r in ((1, 0.5), (0, 0.5))]
    shares = {g["method"]: g["figures"][ATTAINABLE] for g in summarise(rows)["groups"]}
    assert shares["naive_kindness"]["mean"] == pytest.approx(1.0 / 1.5)  # of the sums: no mean of ratios
    assert shares["scripted"]["mean"] == 1.0


def test_a_seed_where_the_script_got_nothing_counts_too():
    rows = [row("scripted", s, r) for s, r in ((0, 0.0), (1, 1.0), (2, None))]
    rows += [row("naive_kindness", s, 0.5) for s in range(4)]
    share = next(g for g in summarise(rows)["groups"] if g["method"] == "naive_kindness")["figures"][ATTAINABLE]
    assert (share["mean"], share["n"], share["missing"]) == (1.0, 2, 2)


def test_intervals_stay_where_a_figure_can_lie():
    rows = [row("a", s, r, valid_share=r, estimate_correlation=r) for s, r in enumerate((0.1, 1.0, 1.0))]
    figures = summarise([one | {"knobs": {"seekers": 1}} for one in rows])["groups"][0]["figures"]
    for key in ("partner_reward", "valid_share", "estimate_correlation"):
        assert figures[key]["high"] == 1.0, key
    assert figures["partner_reward"]["low"] == figures["valid_share"]["low"] == 0.0
    two = summarise([one | {"knobs": {"seekers": 2}} for one in rows])["groups"][0]["figures"]["partner_reward"]
    assert 1.0 < two["high"] <= 2.0


def test_seeds_that_all_agree_are_printed_with_the_interval_of_their_range_or_without_one():
    stream = io.StringIO()
    rows = [row("a", s, 1.0, valid_share=1.0, own_reward=-1.0, knobs={"seekers": 1}) for s in range(10)]
    found = summarise(rows)
    print_summary({**found, "human": None}, stream)
    assert "1.00 ±0.31" in stream.getvalue()
    assert "±0.00" not in stream.getvalue()
    assert "-1.00 " in stream.getvalue()
    own = found["groups"][0]["figures"]["own_reward"]
    assert (own["low"], own["no_interval"]) == (
        None, "all 10 seeds agree, which leaves no spread to base an interval on"
    )  # fmt: skip


def test_a_cut_interval_is_printed_with_its_longer_side():
    stream = io.StringIO()
    values = (0.7, 1.0, 1.0)
    print_summary({**summarise([row("a", s, 0.5, valid_share=v) for s, v in enumerate(values)]), "human": None}, stream)
    low = interval(values)["low"]
    assert f"90 ±{100 * (0.9 - low):.0f}" in stream.getvalue()
    assert "90 ±10" not in stream.getvalue()


def test_it_takes_time_in_proportion_to_the_rows():
    class Counted(list):
        passes = 0

        def __iter__(self):
            Counted.passes += 1
            return super().__iter__()

    few, many = ([row(m, 0, 0.5, knobs={"cue": k / 9}) for k in range(n) for m in ("a", "scripted")]
                 for n in (2, 9))  # fmt: skip
    passes = []
    for rows in (few, many):
        Counted.passes = 0
        summarise(Counted(rows))
        passes.append(Counted.passes)
    assert passes[0] == passes[1]  # whatever the number of groups


def test_no_script_or_one_without_reward_gives_no_share():
    (alone,) = summarise([row("untrained", 0)])["groups"]
    assert (alone["figures"][ATTAINABLE]["mean"], alone["figures"][ATTAINABLE]["missing"]) == (None, 1)
    assert alone["figures"][ATTAINABLE]["reason"] == "scripted was not run"
    assert ATTAINABLE not in columns_of([alone])
    rows = [row("untrained", 0), row("scripted", 0, 0.0)]
    assert summarise(rows)["groups"][0]["figures"][ATTAINABLE]["mean"] is None


def test_failed_runs_are_counted_and_not_averaged():
    found = summarise([row("a", 0, 1.0), failed("a", 1), failed("b", 0)], 4)
    assert (found["complete"], found["cells"], found["finished"], found["failed"]) == (False, 4, 3, 2)
    a, b = found["groups"]
    assert (a["figures"]["partner_reward"]["mean"], a["failed"], a["episodes"]) == (1.0, 1, 8)
    assert b["figures"]["partner_reward"]["mean"] is None
    assert b["figures"]["partner_reward"]["reason"].startswith("every run of this method failed")


def test_settings_are_kept_apart():
    rows = [row("a", 0, 0.0), row("a", 0, 1.0, knobs={"cue": 0.0}, partner_faithfulness=0.9)]
    found = summarise(rows)
    assert [g["figures"]["partner_reward"]["mean"] for g in found["groups"]] == [0.0, 1.0]
    assert [s["partner_faithfulness"]["mean"] for s in found["settings"]] == [None, 0.9]


def test_methods_under_one_seed_are_no_further_seeds_of_how_true_partners_were():
    shares = {"a": (0.9, 0.8, 1.0), "b": (0.7, 0.8, 0.9)}
    rows = [row(m, seed, partner_faithfulness=v) for m, values in shares.items() for seed, v in enumerate(values)]
    (setting,) = summarise(rows)["settings"]
    wanted = interval([0.8, 0.8, 0.95], SHARE)
    assert setting["partner_faithfulness"] == {**wanted, "n": 3, "missing": 0, "reason": None}
    two = summarise([one for one in rows if one["seed"] < 2])["settings"][0]["partner_faithfulness"]
    assert (two["mean"], two["low"], two["n"]) == (pytest.approx(0.8), None, 2)


def test_a_seed_in_which_a_method_failed_weighs_as_much_as_another():
    rows = [row("a", 0, partner_faithfulness=1.0), row("b", 0, partner_faithfulness=0.5)]
    rows += [row("a", 1, partner_faithfulness=0.25), failed("b", 1)]
    (setting,) = summarise(rows)["settings"]
    assert setting["partner_faithfulness"]["mean"] == 0.5


def test_the_printed_table_shows_dashes_with_their_reasons():
    stream = io.StringIO()
    rows = [row("a", s, 1.0, estimate_gap=-0.0004, partner_faithfulness=0.98) for s in range(3)]
    print_summary({**summarise(rows), "human": None}, stream)
    text = stream.getvalue()
    assert "±0.00" not in text  # three seeds that agree
    assert "-0.00" not in text
    assert "- third party: the scenario has no absent third party" in text
    assert "Partners were true to their cards in 98% of their messages." in text
    assert "27 dialogues; 3 failed and excluded." in text
    assert "6 messages without an estimate." in text
    told = " ".join(text.split())
    assert "Estimate and gap rest on fewer dialogues than the true reward" in told
    assert "(a 21 of 24)" in told


def test_one_reason_of_many_dashes_is_told_once():
    stream = io.StringIO()
    print_summary({**summarise([row("a", 0, 1.0), failed("b", 0), failed("c", 0)]), "human": None}, stream)
    lines = [line for line in stream.getvalue().splitlines() if "every run of this method failed" in line]
    assert lines == ["- all metrics (b, c): every run of this method failed; see its rows"]


def test_a_run_without_rows_has_a_table_too():
    stream = io.StringIO()
    print_summary({**summarise([], 3), "human": None}, stream)
    assert stream.getvalue() == "No run has finished.\n"


def trained(method, seed, share, reason=None, **more):
    return row(method, seed, **{"training_unscored_share": share, "training_unscored_reason": reason, **more})


def test_a_reward_that_gives_no_scores_is_warned_of():
    rows = [trained("a", 0, 0.5), trained("b", 0, 0.4, "one"), trained("b", 1, 0.75, "no reply"), row("c", 0)]
    (warning,) = summarise(rows)["warnings"]
    assert warning.startswith(
        "b: the reward gave no score for 75% of the training messages (seed 1 on hidden_needs-v0)"
    )
    assert not summarise(rows[:1])["warnings"]
    stream = io.StringIO()
    print_summary({**summarise(rows), "human": None}, stream)
    assert f"Warning: {warning}" in " ".join(stream.getvalue().split())


def test_a_note_on_many_methods_names_the_first_and_counts_the_rest_once():
    stream = io.StringIO()
    without = [row(f"b{n}", 0, 1.0, partner_reward_estimate=None, estimate_gap=None) for n in range(9)]
    thinks = row("a", 0, 1.0, partner_reward_estimate=1.0, estimate_gap=0.0)
    print_summary({**summarise([thinks, *without]), "human": None}, stream)
    told = " ".join(stream.getvalue().split())
    assert "- estimate (b0, b1, b2, b3 and 5 more): the agent" in told
    assert "- gap (the same 9 as of estimate): there is no estimate" in told
