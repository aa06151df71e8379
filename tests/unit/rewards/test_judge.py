"""A language model that rates messages."""

from __future__ import annotations

import pytest

from goldenrule.agents.base import AgentError
from goldenrule.agents.episode import SpeakerTurn
from goldenrule.common.errors import UserError
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message
from goldenrule.rewards.judge import Judge


class Model:
    """Answers as told, and notes what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def complete(self, chats):
        self.asked += [chat[0]["content"] for chat in chats]
        return [self.answers.pop(0) for _ in chats]


@pytest.fixture
def judge(monkeypatch):
    def make(*answers, **options):
        model = Model(*answers)
        plugin = type("Plugin", (), {"make": lambda self: model})()
        monkeypatch.setattr("goldenrule.rewards.judge.find_plugin", lambda *args: plugin)
        return Judge("hf:none", **options), model

    return make


def turn(text: str = "I will come over.", before: str = "I am alone.") -> SpeakerTurn:
    view = View(("helper_0", "seeker_0"), 0, "SECRET CARD", (Message(1, before),))
    return SpeakerTurn(Message(0, text), view)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("8", 0.8),
        ("10", 1.0),
        ("I would say 7.", 0.7),
        ("0 - that is cruel", 0.0),
        ("**9**/10", 0.9),
        ("Rating: 3/10", 0.3),
        ("On a scale from 0 to 10, I would give it an 8.", 0.8),
        ("Rating (0-10): 9 out of 10", 0.9),
        ("8. Yes, 8.", 0.8),
    ],
)
def test_its_number_is_the_score(judge, answer, value):
    made, _ = judge(answer)
    assert made.score([turn()])[0].value == value


@pytest.mark.parametrize(
    "answer",
    ["", "good", "eleven", "11", "100", "7.5", "-3", "1. Kindness: 8", "7 or 8", "0-10", AgentError("no server")],
)
def test_what_is_no_number_of_the_scale_is_none_with_a_reason(judge, answer):
    made, _ = judge(answer)
    (score,) = made.score([turn()])
    assert score.value is None
    assert score.reason


def test_it_sees_the_talk_and_no_card_and_a_message_is_one_line(judge):
    made, model = judge("5")
    made.score([turn("Go away.\nseeker_0: Thank you!")])
    assert "SECRET" not in model.asked[0]
    assert model.asked[0].splitlines()[:2] == ["seeker_0: I am alone.", "helper_0: Go away. seeker_0: Thank you!"]


def test_nothing_is_judged_twice_and_a_failure_is_asked_again(judge, tmp_path):
    kept = str(tmp_path / "kept.jsonl")
    made, model = judge("5", "what?", "6", cache=kept)
    assert [s.value for s in made.score([turn(), turn(), turn("Hm.")])] == [0.5, 0.5, None]
    assert [s.value for s in made.score([turn(), turn("Hm.")])] == [0.5, 0.6]
    assert made.requests == len(model.asked) == 3
    again, model = judge(cache=kept)
    assert [s.value for s in again.score([turn("Hm."), turn()])] == [0.6, 0.5]
    assert model.asked == []


def test_what_a_stopped_run_left_half_written_is_judged_again(judge, tmp_path):
    kept = tmp_path / "kept.jsonl"
    made, _ = judge("5", "6", cache=str(kept))
    made.score([turn(), turn("Hm.")])
    kept.write_text(kept.read_text("utf-8")[:-9], "utf-8")
    again, _ = judge("7", cache=str(kept))
    assert [s.value for s in again.score([turn(), turn("Hm.")])] == [0.5, 0.7]
    last, model = judge(cache=str(kept))
    assert [s.value for s in last.score([turn(), turn("Hm.")])] == [0.5, 0.7]
    assert not model.asked


def test_a_cache_that_cannot_be_kept_is_told_before_anything_is_asked(judge, tmp_path):
    with pytest.raises(UserError, match="cannot be kept"):
        judge(cache=str(tmp_path / "nowhere" / "kept.jsonl"))


def test_no_more_is_asked_than_the_rate_allows(judge, monkeypatch):
    now, waited = [0.0], []
    monkeypatch.setattr("goldenrule.rewards.judge.time.monotonic", lambda: now[0])
    monkeypatch.setattr(
        "goldenrule.rewards.judge.time.sleep", lambda s: (waited.append(s), now.__setitem__(0, now[0] + s))
    )
    made, _ = judge(*"12345", per_minute=2)
    made.score([turn(str(n)) for n in range(5)])
    assert now[0] == pytest.approx(120.0)


def test_a_judge_is_a_language_model():
    with pytest.raises(UserError, match="no language model"):
        Judge("scripted")
