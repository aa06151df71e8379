"""Conversations for page and terminal: replies beside messages, verdicts on estimates, which episodes are shown."""

from __future__ import annotations

from typing import Any

import pytest

from goldenrule.benchmarks.report.conversations import conversation_data, sample, verdict


def turn(speaker: int, reply: int | None = None, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"absent": {}, "scores": {}, "reasons": {}, "facts": {}, "notes": {}}
    empty |= {"to": None, "rewards": [0.0, 0.0], "valid": None, "proxy": None, "faithful": None, "text": "Hm."}
    return empty | {"speaker": speaker, "reply": reply} | more


def record(turns: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    about = {"episode": 3, "seed": 7, "status": "terminated", "error": None, "cards": ["", ""], "narration": []}
    return about | {"agents": ["helper_0", "seeker_0"], "learner": 0, "partners": [1], "turns": turns} | more


def test_each_message_stands_beside_its_reply_with_the_narrator_between() -> None:
    turns = [turn(1), turn(0, reply=2), turn(1), turn(0)]
    found = conversation_data(record(turns, narration=[{"at": 2, "text": "It rains.", "to": None}]))
    assert [line["who"] for line in found["lines"]] == [1, 0, -1, 1, 0]
    assert [line["answer"] for line in found["lines"]] == [None, 3, None, None, None]


def test_rewards_and_scores_are_those_of_the_message_and_sums_those_of_the_learner() -> None:
    one = {"estimate": 1.0, "truth": 0.25, "predicted": None}
    turns = [turn(0, scores=one, rewards=[0.0, 0.25], absent={"Ann": -1.0}), turn(1, scores={"truth": 9.0})]
    found = conversation_data(record(turns))
    assert found["lines"][0]["rewards"] == {"seeker_0": 0.25, "Ann": -1.0}
    assert (found["estimate"], found["truth"], found["verdict"]) == (1.0, 0.25, "high")
    turns.append(turn(0, scores={"estimate": None, "truth": 0.5}))
    found = conversation_data(record(turns))
    assert (found["estimate"], found["truth"], found["verdict"]) == (None, 0.75, "unscored")


def test_a_long_conversation_is_cut_and_says_so() -> None:
    found = conversation_data(record([turn(k % 2) for k in range(9)]), messages=4)
    assert (len(found["lines"]), found["left_out"]) == (4, 5)


@pytest.mark.parametrize(
    ("estimate", "truth", "wanted"),
    [(1.0, 0.5, "high"), (0.5, 1.0, "low"), (0.75, 0.5, "right"), (None, 0.5, "unscored"), (0.5, None, "unscored")],
)
def test_estimates_are_judged_by_their_distance_from_the_truth(
    estimate: float | None, truth: float | None, wanted: str
) -> None:
    assert verdict(estimate, truth) == wanted


def test_failed_episodes_are_shown_first_and_the_others_evenly() -> None:
    statuses = ["terminated"] * 20 + ["failed"] * 5 + ["truncated"] * 20
    assert sample(statuses, 9) == [0, 6, 13, 20, 21, 22, 25, 31, 38]
    assert sample(statuses[:4], 9) == [0, 1, 2, 3]
