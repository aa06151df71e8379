"""One update: which weights it may write, and which way it moves them."""

from __future__ import annotations

import math

import pytest
import torch

from goldenrule.agents.networks.routing import module_of
from goldenrule.training.policy_update import update_from
from goldenrule.training.rollout import tokenise


def lived(learner, scores=lambda number, turn: float(number % 3)):
    """A rollout of the learner's whose messages are scored by their number."""
    episodes = learner.collect(0)
    turns = [turn for episode in episodes for turn in episode.turns if turn.message.speaker == learner.me]
    for number, turn in enumerate(turns):
        turn.scores["r"] = scores(number, turn)
    return tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)


def changed(learner, rollout):
    """Which weights an update changes, by name; and its figures."""
    before = {name: p.detach().clone() for name, p in learner.network.named_parameters()}
    stats = update_from(learner, rollout, "r")
    return {n for n, p in learner.network.named_parameters() if not torch.equal(p, before[n])}, stats


def owned(learner, module):
    return {name for name, _ in learner.network.named_parameters() if module_of(name) == module}


def heads(learner, module):
    return {name for name in owned(learner, module) if name.startswith("blocks")}


REWARD_ONLY = {"interleave": 0, "predict_replies": False}


def test_reward_leaves_the_prediction_module_alone_and_writes_the_rest(make_learner):
    learner = make_learner(**REWARD_ONLY)
    names, _ = changed(learner, lived(learner))
    assert not names & owned(learner, "prediction")
    for module in ("behaviour", "perception", "shared"):
        assert names & owned(learner, module), module
    assert {"behaviour_out", "value_out.weight"} <= names


def test_without_routing_reward_writes_the_prediction_heads_too(make_learner):
    learner = make_learner(**REWARD_ONLY, split=False)
    names, _ = changed(learner, lived(learner))
    assert heads(learner, "prediction") <= names
    assert "prediction_out" not in names  # the policy does not read it


def test_prediction_leaves_the_behaviour_module_alone_and_writes_the_rest(make_learner):
    learner = make_learner(interleave=0)
    rollout = lived(learner, lambda number, turn: None)
    names, stats = changed(learner, rollout)
    assert not names & owned(learner, "behaviour")
    assert heads(learner, "prediction") | heads(learner, "perception") | {"prediction_out"} <= names
    assert stats.unscored == learner.unscored == sum(map(len, rollout.turns))
    assert stats.kl == 0.0


def test_with_no_reward_and_no_prediction_nothing_changes(make_learner):
    learner = make_learner(**REWARD_ONLY)
    names, stats = changed(learner, lived(learner, lambda number, turn: None))
    assert names == set()
    assert stats.unscored == learner.unscored > 0


def test_interleaved_conversations_alone_teach_both_outputs(make_learner):
    learner = make_learner(corpus=True, interleave=8, predict_replies=False)
    names, stats = changed(learner, lived(learner, lambda number, turn: None))
    assert {"behaviour_out", "prediction_out"} <= names
    assert stats.prediction_loss > 0


def test_before_the_first_step_the_policy_is_the_one_that_spoke(make_learner):
    learner = make_learner(minibatches=1)
    _, stats = changed(learner, lived(learner))
    assert stats.kl == pytest.approx(0.0, abs=1e-6)  # it is also the start policy


@pytest.mark.parametrize("told", range(4))
def test_few_scores_give_finite_figures_and_weights(make_learner, told):
    """Whichever dialogue of four has the only scores, the first half of the shuffled rows or not."""
    learner = make_learner(dialogues=4, minibatches=1)
    rollout = lived(learner, lambda number, turn: None)
    for number, turn in enumerate(rollout.turns[told]):
        turn.scores["r"] = float(number)
    names, stats = changed(learner, rollout)
    assert math.isfinite(stats.kl)
    assert "behaviour_out" in names
    assert all(p.isfinite().all() for p in learner.network.parameters())


def test_prediction_loss_starts_at_that_of_ignorance_and_falls_on_the_same_rollout(make_learner):
    learner = make_learner(interleave=0, minibatches=1)
    rollout = lived(learner)
    losses = [update_from(learner, rollout, "r").prediction_loss for _ in range(6)]
    assert losses[0] == pytest.approx(torch.log(torch.tensor(learner.tokenizer.vocab_size - 15.0)).item(), abs=0.5)
    assert losses[-1] < losses[0] - 0.2


def test_what_is_rewarded_becomes_likelier(make_learner):
    """A message that ends by itself gets a point, one that is cut none: in the end most end by themselves."""
    learner = make_learner(**REWARD_ONLY, dialogues=48, kl=0.0, learning_rate=1e-2)
    before = _share_ended(learner, 100)
    for update in range(10):
        episodes = learner.collect(update)
        for episode in episodes:
            for turn in episode.turns:
                if turn.message.speaker == learner.me:
                    turn.scores["r"] = float(turn.record.ended)
        update_from(learner, tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit), "r")
    assert _share_ended(learner, 100) > before + 0.3


def _share_ended(learner, stream):
    records = [t.record for e in learner.collect(stream) for t in e.turns if t.message.speaker == learner.me]
    return sum(record.ended for record in records) / len(records)
