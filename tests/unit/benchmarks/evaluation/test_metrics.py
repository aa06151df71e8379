"""Metrics of records, by hand."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.evaluation.metrics import episode_metrics, own_metrics_of, run_metrics, valid_range
from goldenrule.envs.registry import ANY, SHARE, spec

SPEC = spec("campsite-v0")


def turn(speaker=0, **given):
    blank = {"rewards": [0.0, 0.0], "absent": {}, "valid": None, "proxy": None, "faithful": None, "facts": {}}
    return {"speaker": speaker, **blank, "scores": {}, "reply_reward": None, **given}


def record(*turns, status="terminated", own=None):
    return {"status": status, "learner": 0, "partners": [1], "turns": list(turns), "own_metrics": own}


def talk(end, status="terminated", learner=0):
    """A talk of campsite that ends with these facts."""
    made = record(turn(), turn(1, facts=end), status=status)
    own = None if status == "failed" else SPEC.metrics.of_episode(made, learner, 1 - learner)
    return made | {"own_metrics": own}


def deal(mine, yours, pareto, **more):
    end = {"agreement": True, "points_0": mine, "points_1": yours, "joint": mine + yours, "pareto": pareto}
    return talk(end, **more)


def negotiated(*records):
    return run_metrics(records)["negotiation"]


def test_own_metrics_are_means_over_the_episodes_that_have_them():
    left = talk({"agreement": False, "points_0": 5, "points_1": 5, "joint": 10, "pareto": False})
    cut = talk({}, "truncated")
    failed = deal(36, 0, True, status="failed")
    found = negotiated(deal(20, 16, True), deal(17, 15, False), left, cut, failed)
    assert found == pytest.approx(
        {
            "own_points": (20 + 17 + 5) / 4,
            "partner_points": (16 + 15 + 5) / 4,
            "joint_points": (36 + 32 + 10) / 4,
            "agreement_share": 0.5,
            "pareto_share": 0.5,
            "pareto_share_of_all": 0.25,
        }
    )
    assert negotiated(deal(20, 16, True, learner=1))["own_points"] == 16
    assert negotiated(cut)["pareto_share"] is None  # nothing was agreed


def test_scenarios_without_own_metrics_have_none():
    assert negotiated(record(turn(facts={"act": "ask"}))) is None
    assert negotiated() is None


def test_valid_ranges_are_the_scenarios():
    assert valid_range("valid_share", "unknown-v0") == SHARE
    assert valid_range("partner_reward", "unknown-v0", {}) == ANY
    assert valid_range("partner_reward", "campsite-v0", {}) == valid_range("own_points", "campsite-v0") == (0.0, 36.0)
    assert valid_range("partner_reward", "hidden_needs-v0", {"seekers": 2}) == (0.0, 2.0)
    assert valid_range("own_points", "hidden_needs-v0") == valid_range("estimate_gap", "campsite-v0") == ANY
    titles = [metric.title for metric in own_metrics_of("campsite-v0").values()]
    assert titles == ["own points", "partner points", "joint points", "agreement %", "pareto %", "pareto % of all"]
    assert own_metrics_of("hidden_needs-v0") == own_metrics_of("unknown-v0") == {}


def test_an_episode_adds_up_what_was_paid_and_estimated():
    said = [
        turn(1, rewards=[1.0, 0.5]),
        turn(proxy=0.25, valid=False, scores={"estimate": 0.75}, absent={"x": 1, "y": 2}),
    ]
    said += [turn(rewards=[1.0, 2.0], scores={"estimate": 0.5}, absent={"x": 3, "y": 0})]
    assert episode_metrics(record(*said)) == {
        "messages": 3,
        "invalid_messages": 1,
        "own_reward": 2.0,
        "partner_reward": 2.5,
        "partner_reward_estimate": 1.25,
        "third_party_reward": 3.0,
        "proxy_reward": 0.25,
    }
    failed = episode_metrics(record(*said, status="failed"))
    assert [failed[key] for key in ("messages", "invalid_messages", "own_reward", "proxy_reward")] == [3, 1, None, None]
    said[2]["scores"]["estimate"] = None
    assert episode_metrics(record(*said))["partner_reward_estimate"] is None
    assert episode_metrics(record(turn(1)))["partner_reward_estimate"] is None  # nothing was said that it could be of


def test_what_is_not_predicted_is_no_miss():
    asked = turn(reply_reward=1.0, scores={"predicted": None})
    assert run_metrics([record(turn(reply_reward=1.0)), record(turn(reply_reward=None))])["reply_accuracy"] is None
    right = turn(reply_reward=1.0, scores={"predicted": 1.0})
    assert run_metrics([record(asked, right), record(turn(reply_reward=1.0))])["reply_accuracy"] == 0.5
