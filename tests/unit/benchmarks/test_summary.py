"""Means and intervals, against closed forms; nothing that is missing becomes a number."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from goldenrule.benchmarks.summary import FIGURES, figure, interval, summarise
from goldenrule.benchmarks.table import print_table


def row(method, seed, partner=0.5, **more):
    figures = dict.fromkeys(FIGURES)
    counts = {"episodes": 8, "episodes_failed": 1, "episodes_estimated": 7, "messages_unscored": 2, "tokens": 10}
    fixed = {"method": method, "scenario": "hidden_needs-v0", "knobs": {"cue": 1.0}, "seed": seed}
    return {**fixed, "status": "done", "error": None, **figures, **counts, "partner_reward": partner, **more}


def failed(method, seed):
    return row(method, seed, None, status="failed", error="it broke", episodes=None, tokens=None)


def test_interval_of_three_values_by_hand():
    found = interval([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)  # t(0.975, 2) from a printed table, deviation 1
    assert found["mean"] == 2.0
    assert found["low"] == pytest.approx(2 - half, abs=1e-9)
    assert found["high"] == pytest.approx(2 + half, abs=1e-9)


def test_interval_is_that_of_the_t_test():
    values = np.random.Generator(np.random.PCG64(0)).normal(size=7)
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    found = interval(values.tolist())
    assert (found["low"], found["high"]) == pytest.approx((wanted.low, wanted.high))


def test_one_value_has_no_interval_and_none_has_a_reason():
    assert interval([0.3]) == {"mean": 0.3, "low": None, "high": None, "n": 1}
    assert figure([None, None], "why") == {**interval([]), "missing": 2, "reason": "why"}
    assert figure([None, 1.0], "why")["reason"] is None


def test_the_share_of_the_oracle_is_paired_by_seed():
    rows = [row("oracle_kindness", s, r) for s, r in ((0, 0.5), (1, 1.0))]
    rows += [row("naive_kindness", s, r) for s, r in ((1, 0.5), (0, 0.5))]
    shares = {g["method"]: g["figures"]["oracle_share"] for g in summarise(rows)["groups"]}
    assert shares["naive_kindness"]["mean"] == pytest.approx(0.75)  # (0.5 / 1.0 + 0.5 / 0.5) / 2
    assert shares["oracle_kindness"]["mean"] == 1.0


def test_no_oracle_or_one_without_reward_gives_no_share():
    (alone,) = summarise([row("untrained", 0)])["groups"]
    assert (alone["figures"]["oracle_share"]["mean"], alone["figures"]["oracle_share"]["missing"]) == (None, 1)
    assert alone["figures"]["oracle_share"]["reason"] == "oracle_kindness was not run"
    rows = [row("untrained", 0), row("oracle_kindness", 0, 0.0)]
    assert summarise(rows)["groups"][0]["figures"]["oracle_share"]["mean"] is None


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


def test_the_printed_table_shows_dashes_with_their_reasons():
    stream = io.StringIO()
    rows = [row("a", s, r, estimate_gap=-0.0004, partner_faithfulness=0.98) for s, r in ((0, 1.0), (1, 1.0))]
    print_table({**summarise(rows), "human": None}, stream)
    text = stream.getvalue()
    assert "1.00 ±0.00" in text
    assert "-0.00" not in text
    assert "- third party: the scenario has no absent third party" in text
    assert "Partners true to their cards: 98 ±0 % of their messages." in text
    assert "16 dialogues; 2 failed and are left out; 4 messages have no estimate: estimates and gaps are over" in text
    assert "over 14 dialogues." in " ".join(text.split())


def test_a_run_without_rows_has_a_table_too():
    stream = io.StringIO()
    print_table({**summarise([], 3), "human": None}, stream)
    assert stream.getvalue() == "No run has finished.\n"
