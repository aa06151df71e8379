"""What deals came to, by hand."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.evaluation.negotiation import KEYS, negotiation_figures

OFFER = {"offer_0": None, "offer_1": None}


def episode(end, status="terminated"):
    return {"status": status, "turns": [{"facts": OFFER}, {"facts": {**OFFER, **end}}]}


def deal(mine, yours, pareto):
    return episode({"agreement": True, "points_0": mine, "points_1": yours, "joint": mine + yours, "pareto": pareto})


def test_points_agreements_and_efficiency():
    left = episode({"agreement": False, "points_0": 5, "points_1": 5, "joint": 10, "pareto": False})
    cut = episode({}, "truncated")
    failed = deal(36, 0, True) | {"status": "failed"}
    found = negotiation_figures([deal(20, 16, True), deal(17, 15, False), left, cut, failed], 0, 1)
    assert tuple(found) == KEYS
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
    assert negotiation_figures([deal(20, 16, True)], 1, 0)["own_points"] == 16


def test_without_agreements_no_share_of_them_is_efficient():
    assert negotiation_figures([episode({}, "truncated")], 0, 1)["pareto_share"] is None


def test_scenarios_without_deals_have_no_such_figures():
    assert negotiation_figures([{"status": "terminated", "turns": [{"facts": {"act": "ask"}}]}], 0, 1) is None
    assert negotiation_figures([], 0, 1) is None
