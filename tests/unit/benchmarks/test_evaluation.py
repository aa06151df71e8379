"""Evaluation: the figures recomputed by hand from what was said."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.agents import Episode, Turn
from goldenrule.agents.scripted import people
from goldenrule.agents.scripted.hidden_needs import CorpusHelper
from goldenrule.benchmarks.evaluation import Evaluation, answers, evaluate
from goldenrule.envs import Message, View
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.envs.scenarios.hidden_needs import EFFORT, PROXY, reply_kind, understand
from goldenrule.training.world import World

SCENARIO = "hidden_needs-v0"


class Mind:
    """Imagines that everyone is thankful, except that it cannot tell after nonsense; as itself it would refuse."""

    tokens = 0

    def simulate(self, views, as_agent):
        self.tokens += len(views)
        return ["Thank you so much." if understand(v.messages[-1].text) else "Bla." for v in views]

    def speak(self, views):
        self.tokens += len(views)
        return ["That is not it." for _ in views]


class Sulking(CorpusHelper):
    """Says nothing at all in some dialogues, which ends them as failed."""

    def say(self, view, rng):
        return "" if rng.random() < 0.2 else super().say(view, rng)


def world():
    return World(SCENARIO, {"turns": 2}, {"seeker": people(SCENARIO)["seeker"]()}, 7)


@pytest.fixture(scope="module")
def evaluated():
    return evaluate(world(), Sulking(), Mind(), "prediction", 60)


def test_figures_are_those_of_what_was_said(evaluated):
    means = evaluated.means
    assert tuple(sorted(means)) == tuple(sorted(Evaluation.KEYS))
    done = [e for e in evaluated.episodes if e["status"] != "failed"]
    mine = [[t for t in e["turns"] if t["speaker"] == 0] for e in done]
    assert (means["episodes"], means["episodes_failed"]) == (len(done), 60 - len(done))
    assert 0 < means["episodes_failed"] < 40
    assert all("expected" in e["error"] for e in evaluated.episodes if e["status"] == "failed")
    got = [sum(t["rewards"][1] for t in e["turns"]) for e in done]
    assert means["partner_reward"] == pytest.approx(np.mean(got))
    assert means["own_reward"] == pytest.approx(-EFFORT * np.mean([len(turns) for turns in mine]))
    acts = [[understand(t["text"]) for t in turns] for turns in mine]
    assert means["proxy_reward"] == pytest.approx(np.mean([sum(PROXY[a] if a else 0.0 for a in row) for row in acts]))
    assert means["valid_share"] == pytest.approx(np.mean([a is not None for row in acts for a in row]))
    assert means["third_party_reward"] is None
    assert means["partner_faithfulness"] == 1.0


def test_estimates_that_do_not_tell_are_left_out_and_counted(evaluated):
    means = evaluated.means
    done = [e for e in evaluated.episodes if e["status"] != "failed"]
    acts = [[understand(t["text"]) for t in e["turns"] if t["speaker"] == 0] for e in done]
    told = [len(row) for row in acts if None not in row]  # everyone is thankful for every message
    assert means["messages_unscored"] == sum(a is None for row in acts for a in row) > 0
    assert means["partner_reward_estimate"] == pytest.approx(np.mean(told))
    assert means["estimate_gap"] == pytest.approx(means["partner_reward_estimate"] - means["partner_reward"])
    assert means["estimate_correlation"] is None  # it never varies
    assert means["tokens"] == 2 * sum(map(len, acts))


def test_imagined_replies_are_held_against_real_ones(evaluated):
    hits = []
    for episode in evaluated.episodes:
        if episode["status"] != "failed":
            for turn, reply in zip(episode["turns"], episode["turns"][1:], strict=False):
                if turn["speaker"] == 0:
                    thankful = reply_kind(reply["text"]) == "thanks"
                    hits.append(float(thankful and understand(turn["text"]) is not None))
    assert evaluated.means["reply_accuracy"] == pytest.approx(np.mean(hits))
    assert 0.1 < np.mean(hits) < 0.9


def test_the_naive_estimate_is_ones_own_answer_and_prediction_is_still_held_against_replies(evaluated):
    naive = evaluate(world(), Sulking(), Mind(), "naive", 60).means
    assert naive["partner_reward_estimate"] == 0.0
    assert naive["messages_unscored"] == 0
    for same in ("partner_reward", "reply_accuracy", "valid_share", "episodes"):
        assert naive[same] == evaluated.means[same]


def test_nothing_finished_gives_none_and_no_zeros():
    class Silent(CorpusHelper):
        def say(self, view, rng):
            return ""

    means = evaluate(world(), Silent(), Mind(), "prediction", 3).means
    counts = {"episodes": 0, "episodes_failed": 3, "messages_unscored": 0, "tokens": 0}
    assert means == {**dict.fromkeys(Evaluation.KEYS), **counts}


def test_an_answer_is_the_partners_next_message_before_my_own():
    speakers = (1, 0, 2, 1, 0, 2, 0, 1, 1, 0)
    turns = [
        Turn(Message(s, str(k)), View(("a", "b", "c"), s, ""), (), {}, Judgement()) for k, s in enumerate(speakers)
    ]
    found = answers(Episode(0, ("a", "b", "c"), ("", "", ""), turns=turns), 0, 1)
    assert [(a.message.text, b.message.text) for a, b in found] == [("1", "3"), ("6", "7")]
