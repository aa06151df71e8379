"""One update: which weights it may write, and which way it moves them."""

from __future__ import annotations

import math

import pytest
import torch

from goldenrule.agents.networks.routing import module_of
from goldenrule.rewards.base import Score, ScoreError
from goldenrule.training.batches import tokenise
from goldenrule.training.ppo import LEFT_OUT, learn_from, mean_episode_total, train

UNSCORED = Score(None, "not known")


def collected(learner):
    """A rollout of the learner's."""
    episodes = learner.collect(0)
    return tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)


def numbered(rollout):
    """Scores by number of the message."""
    return [Score(float(number % 3)) for number in range(sum(rollout.n_messages))]


def unscored(rollout):
    return [UNSCORED] * sum(rollout.n_messages)


def changed(learner, scores=numbered, rollout=None):
    """Which weights an update changes, by name; and its figures."""
    rollout = collected(learner) if rollout is None else rollout
    before = {name: p.detach().clone() for name, p in learner.network.named_parameters()}
    stats = learn_from(learner, rollout, scores(rollout))
    return {n for n, p in learner.network.named_parameters() if not torch.equal(p, before[n])}, stats


def owned(learner, module):
    return {name for name, _ in learner.network.named_parameters() if module_of(name) == module}


def heads(learner, module):
    return {name for name in owned(learner, module) if name.startswith("blocks")}


REWARD_ONLY = {"interleave": 0, "predict_replies": False}


def test_reward_leaves_the_prediction_module_alone_and_writes_the_rest(make_learner):
    learner = make_learner(**REWARD_ONLY)
    names, _ = changed(learner)
    assert not names & owned(learner, "prediction")
    for module in ("behaviour", "perception", "shared"):
        assert names & owned(learner, module), module
    assert {"behaviour_out", "value_out.weight"} <= names


def test_without_routing_reward_writes_the_prediction_heads_too(make_learner):
    learner = make_learner(**REWARD_ONLY, split=False)
    names, _ = changed(learner)
    assert heads(learner, "prediction") <= names
    assert "prediction_out" not in names  # the policy does not read it


def test_prediction_leaves_the_behaviour_module_alone_and_writes_the_rest(make_learner):
    learner = make_learner(interleave=0)
    rollout = collected(learner)
    names, stats = changed(learner, unscored, rollout)
    assert not names & owned(learner, "behaviour")
    assert heads(learner, "prediction") | heads(learner, "perception") | {"prediction_out"} <= names
    assert stats.unscored == learner.unscored == learner.messages_asked == sum(rollout.n_messages)
    assert learner.unscored_reasons == {"not known": learner.unscored}
    assert stats.kl == 0.0


def test_with_no_reward_and_no_prediction_nothing_changes(make_learner):
    learner = make_learner(**REWARD_ONLY)
    names, stats = changed(learner, unscored)
    assert names == set()
    assert stats.unscored == learner.unscored > 0


def test_interleaved_conversations_alone_teach_both_outputs(make_learner):
    learner = make_learner(corpus=True, interleave=8, predict_replies=False)
    names, stats = changed(learner, unscored)
    assert {"behaviour_out", "prediction_out"} <= names
    assert stats.prediction_loss > 0


def test_before_the_first_step_the_policy_is_the_one_that_spoke(make_learner):
    learner = make_learner(minibatches=1)
    _, stats = changed(learner)
    assert stats.kl == pytest.approx(0.0, abs=1e-6)  # it is also the start policy


@pytest.mark.parametrize("told", range(4))
def test_few_scores_give_finite_figures_and_weights(make_learner, told):
    """Whichever dialogue of four has the only scores, the first half of the shuffled rows or not."""
    learner = make_learner(dialogues=4, minibatches=1)

    def scores(rollout):
        return [
            Score(float(number)) if row == told else UNSCORED
            for row, count in enumerate(rollout.n_messages)
            for number in range(count)
        ]

    names, stats = changed(learner, scores)
    assert math.isfinite(stats.kl)
    assert "behaviour_out" in names
    assert all(p.isfinite().all() for p in learner.network.parameters())


def test_prediction_loss_starts_at_that_of_ignorance_and_falls_on_the_same_rollout(make_learner):
    learner = make_learner(interleave=0, minibatches=1)
    rollout = collected(learner)
    losses = [learn_from(learner, rollout, numbered(rollout)).prediction_loss for _ in range(6)]
    assert losses[0] == pytest.approx(torch.log(torch.tensor(learner.tokenizer.vocab_size - 15.0)).item(), abs=0.5)
    assert losses[-1] < losses[0] - 0.2


def test_what_is_rewarded_becomes_likelier(make_learner):
    """A message that ends by itself gets a point, one that is cut none: in the end most end by themselves."""
    learner = make_learner(**REWARD_ONLY, dialogues=48, kl=0.0, learning_rate=1e-2)
    before = _share_ended(learner, 100)
    for update in range(10):
        episodes = learner.collect(update)
        scores = [Score(float(turn.record.ended)) for episode in episodes for turn in episode.turns_of(learner.me)]
        learn_from(learner, tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit), scores)
    assert _share_ended(learner, 100) > before + 0.3


def _share_ended(learner, stream):
    records = [turn.record for episode in learner.collect(stream) for turn in episode.turns_of(learner.me)]
    return sum(record.ended for record in records) / len(records)


def test_scores_may_be_bare_numbers_of_any_library_and_what_is_none_is_refused(make_learner):
    learner, reports = make_learner(updates=1), []
    gradient = torch.ones(1, requires_grad=True)
    train(learner, lambda episodes: [gradient[0] * 2 for e in episodes for _ in e.turns_of(0)], reports.append)
    assert type(reports[0].reward) is float
    wrong = {"2.0": "a str for message 0", 1j: "a complex", math.nan: "nan for", None: "a bare None"}
    for value, match in wrong.items():
        with pytest.raises(ScoreError, match=f"the score function gave {match}"):
            train(learner, lambda es, value=value: [value for e in es for _ in e.turns_of(0)], reports.append)
    with pytest.raises(ScoreError, match="the score function gave 1 score; expected"):
        train(learner, lambda episodes: [1.0], reports.append)


def test_what_was_asked_and_what_had_no_score_is_counted_by_reason(make_learner):
    learner, reports = make_learner(updates=2, context=96, knobs={"turns": 6}, interleave=0), []

    def score(episodes):
        turns = [turn for episode in episodes for turn in episode.turns_of(learner.me)]
        return [Score(None, "odd") if number % 2 else Score(1.0) for number in range(len(turns))]

    train(learner, score, reports.append)
    reasons = learner.unscored_reasons
    assert set(reasons) == {"odd", LEFT_OUT}
    assert reasons.total() == learner.unscored == sum(report.unscored for report in reports)
    assert reasons["odd"] <= learner.messages_asked / 2 + 2
    assert learner.messages_asked > reasons.total() > 0


def test_episodes_with_a_message_without_reward_are_left_out_of_the_mean():
    assert mean_episode_total([[1.0, 2.0], [None, 5.0], [5.0], []]) == 4.0
    assert mean_episode_total([[None], []]) is None
