"""Scripted helpers of hidden_needs-v0 listen: to wishes, to cues, and to whom they speak with."""

from __future__ import annotations

import pytest

from goldenrule.agents.scripted.hidden_needs import CorpusHelper, Helper, known_need
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.hidden_needs import ACTS, WISH, need, understand

AGENTS = ("helper_0", "seeker_0", "seeker_1")


def view(*said: tuple[int, str]) -> View:
    return View(AGENTS, 0, "You are proud.", tuple(Message(speaker, text) for speaker, text in said))


TOLD = ((1, "I lost my job. I hardly sleep."), (0, "I hear you."))


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        (TOLD[:1], need("anxious", "job")),
        (((1, "I lost my job."),), None),
        (((1, "I lost my job."), (0, "How can I help?"), (1, "Nobody calls me.")), need("lonely", "job")),
        ((*TOLD, (1, "I hoped for facts. That is not it.")), "inform"),
        (((1, "I lost my job."), (0, "I hear you."), (1, "I hoped for company. That is not it.")), "company"),
        ((*TOLD, (1, "I hoped for facts. No."), (0, "Do not worry."), (1, "I hoped for advice. No.")), "advise"),
        ((*TOLD, (1, "I hoped for facts. Thank you so much."), (2, "My dog died.")), None),
        ((*TOLD, (1, "I hoped for facts. No."), (2, "My dog died. Nobody calls me.")), need("lonely", "loss")),
    ],
)
def test_a_need_is_known_by_what_the_one_spoken_with_has_told(said, needed):
    assert known_need(view(*said)) == needed
    assert understand(Helper().say(view(*said), generator(0, "helper"))) == (needed or "ask")


@pytest.mark.parametrize("act", ACTS)
def test_mixed_helpers_do_what_was_wished_for_more_often_than_by_chance(act):
    rng, wish = generator(1, act), WISH.texts(act=act)[0]
    seen = view((1, "I lost my job."), (0, "Hey."), (1, f"{wish} That is not it."))
    done = [understand(CorpusHelper().say(seen, rng)) for _ in range(300)]
    assert done.count(act) / 300 > CorpusHelper.kind_share - 0.08


@pytest.mark.parametrize(
    ("knobs", "best"), [({"seekers": 2}, 2.0), ({"turns": 2, "cue": 0.0}, 1.0), ({"turns": 2, "seekers": 3}, 3.0)]
)
def test_the_scripted_helper_meets_every_need_it_has_time_to_learn_of(knobs, best):
    row = Cell("scripted", "hidden_needs-v0", knobs, 0, CellSettings(partner="scripted", episodes=32)).run().row
    assert row["partner_reward"] == best
