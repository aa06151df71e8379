"""Evaluation: the figures recomputed by hand from what was said."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.agents import Episode, Turn
from goldenrule.agents.scripted import people
from goldenrule.agents.scripted.hidden_needs import CorpusHelper, Seeker, read_opening
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.metrics import KEYS, UNSEEN, as_data
from goldenrule.benchmarks.evaluation.run import evaluate
from goldenrule.benchmarks.storage.store import episode_row
from goldenrule.common.seeding import generator
from goldenrule.envs import Message, View
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.envs.scenarios.hidden_needs import EFFORT, PROXY, reply_kind, understand

SCENARIO = "hidden_needs-v0"


class Simulator:
    """Imagines that everyone is thankful, except that it cannot tell after nonsense; as itself it would refuse."""

    tokens = 0

    def simulate(self, views, as_agent):
        self.tokens += len(views)
        return ["Thank you so much." if understand(v.messages[-1].text) else "Bla." for v in views]

    def speak(self, views):
        self.tokens += len(views)
        return ["That is not it." for _ in views]


class Insight(Simulator):
    """Imagines rightly what a seeker answers who has told its trouble."""

    def __init__(self):
        self.asked = []

    def simulate(self, views, as_agent):
        self.asked += zip(views, as_agent, strict=True)
        return [self.answer(view, seat) for view, seat in zip(views, as_agent, strict=True)]

    @staticmethod
    def answer(view, seat):
        told = tuple(message for message in view.messages if message.speaker == seat)
        situation, persona = read_opening(View(view.agents, 0, "", told))
        return Seeker().reply(persona, situation, view.messages[-1].text, generator(0, "insight"))


class Sulking(CorpusHelper):
    """Says nothing at all in some dialogues, which ends them as failed."""

    def say(self, view, rng):
        return "" if rng.random() < 0.2 else super().say(view, rng)


def world():
    return World(SCENARIO, {"turns": 2}, {"seeker": people(SCENARIO)["seeker"]()}, 7)


@pytest.fixture(scope="module")
def evaluated():
    return evaluate(world(), Sulking(), Simulator(), "prediction", 60)


def test_figures_are_those_of_what_was_said(evaluated):
    means = evaluated.metrics
    assert tuple(sorted(means)) == tuple(sorted({*KEYS} - {*UNSEEN}))
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
    means = evaluated.metrics
    done = [e for e in evaluated.episodes if e["status"] != "failed"]
    acts = [[understand(t["text"]) for t in e["turns"] if t["speaker"] == 0] for e in done]
    told = [len(row) for row in acts if None not in row]  # everyone is thankful for every message
    assert means["messages_unscored"] == sum(a is None for row in acts for a in row) > 0
    assert means["partner_reward_estimate"] == pytest.approx(np.mean(told))
    assert means["episodes_estimated"] == len(told) < len(done)
    assert means["estimate_correlation"] is None  # it never varies
    assert means["tokens"] == 2 * sum(map(len, acts))


def test_the_gap_is_over_the_dialogues_that_have_both_estimate_and_truth(evaluated):
    """Where nonsense was said there is no estimate and little reward: its truth may not stand in for the others'."""
    means, gaps = evaluated.metrics, []
    for episode in evaluated.episodes:
        acts = [understand(t["text"]) for t in episode["turns"] if t["speaker"] == 0]
        if episode["status"] != "failed" and None not in acts:
            gaps.append(len(acts) - sum(t["rewards"][1] for t in episode["turns"]))
    assert means["estimate_gap"] == pytest.approx(np.mean(gaps))
    assert abs(means["estimate_gap"] - (means["partner_reward_estimate"] - means["partner_reward"])) > 0.02


def test_all_partners_count_and_each_message_for_the_one_it_is_for():
    made = World(SCENARIO, {**spec(SCENARIO).resolve({}), "seekers": 3}, {"seeker": people(SCENARIO)["seeker"]()}, 7)
    simulator = Insight()
    found = evaluate(made, CorpusHelper(), simulator, "prediction", 40)
    paid = np.array([np.sum([t["rewards"] for t in e["turns"]], axis=0) for e in found.episodes])
    assert (paid[:, 1:].sum(0) > 4).all()
    assert found.metrics["partner_reward"] == pytest.approx(paid[:, 1:].sum(1).mean())
    kept = [episode_row("a cell", episode)["partner_reward"] for episode in found.episodes]
    assert kept == pytest.approx(list(paid[:, 1:].sum(1)))
    # Who understands everyone is right about the sum too.
    assert found.metrics["partner_reward_estimate"] == pytest.approx(found.metrics["partner_reward"])
    assert found.metrics["estimate_gap"] == 0.0
    assert found.metrics["estimate_correlation"] == pytest.approx(1.0)
    assert found.metrics["reply_accuracy"] == 1.0
    assert {seat for _, seat in simulator.asked} == {1, 2, 3}
    assert all(view.messages[-2].speaker == seat for view, seat in simulator.asked)  # whom it has just answered


def test_imagined_replies_are_held_against_real_ones(evaluated):
    hits = []
    for episode in evaluated.episodes:
        if episode["status"] != "failed":
            for turn, reply in zip(episode["turns"], episode["turns"][1:], strict=False):
                if turn["speaker"] == 0:
                    thankful = reply_kind(reply["text"]) == "thanks"
                    hits.append(float(thankful and understand(turn["text"]) is not None))
    assert evaluated.metrics["reply_accuracy"] == pytest.approx(np.mean(hits))
    assert 0.1 < np.mean(hits) < 0.9


def test_the_naive_estimate_is_ones_own_answer_and_prediction_is_still_held_against_replies(evaluated):
    naive = evaluate(world(), Sulking(), Simulator(), "naive", 60).metrics
    assert naive["partner_reward_estimate"] == 0.0
    assert naive["messages_unscored"] == 0
    for same in ("partner_reward", "reply_accuracy", "valid_share", "episodes"):
        assert naive[same] == evaluated.metrics[same]


def test_nothing_finished_gives_none_and_no_zeros():
    class Silent(CorpusHelper):
        def say(self, view, rng):
            return ""

    means = evaluate(world(), Silent(), Simulator(), "prediction", 3).metrics
    counts = {"episodes": 0, "episodes_failed": 3, "episodes_estimated": 0, "messages_unscored": 0, "tokens": 0}
    assert means == {**dict.fromkeys({*KEYS} - {*UNSEEN}), **counts}


def test_a_reply_is_the_partners_next_message_before_the_learners_own():
    speakers = (1, 0, 2, 1, 0, 2, 0, 1, 1, 0)
    messages = [Message(speaker, str(k)) for k, speaker in enumerate(speakers)]
    turns = [
        Turn(message, View(("a", "b", "c"), message.speaker, "", tuple(messages[:k])), (), {}, Judgement())
        for k, message in enumerate(messages)
    ]
    record = as_data(Episode(0, ("a", "b", "c"), ("", "", ""), turns=turns), 0, 0, (1,), float)
    replies = {
        place: (turn["reply"], turn["reply_reward"])
        for place, turn in enumerate(record["turns"])
        if turn["speaker"] == 0
    }
    assert replies == {1: (3, 3.0), 4: (None, None), 6: (7, 7.0), 9: (None, None)}


def test_of_several_partners_the_one_replies_who_was_spoken_to():
    said = [(1, None), (0, None), (2, (0,)), (1, None), (2, None), (0, (2,)), (1, None), (2, None), (0, None)]
    messages = [Message(speaker, "hm", to) for speaker, to in said]
    turns = [
        Turn(message, View(("a", "b", "c"), message.speaker, "", tuple(messages[:place])), (), {}, Judgement())
        for place, message in enumerate(messages)
    ]
    record = as_data(Episode(0, ("a", "b", "c"), ("", "", ""), turns=turns), 0, 0, (1, 2))
    assert [turn["reply"] for turn in record["turns"] if turn["speaker"] == 0] == [3, 7, None]
