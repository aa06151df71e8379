"""One update: which weights it may write, and which way it moves them; at the start, and with momentum."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from goldenrule.rewards.base import Score, ScoreError
from goldenrule.training.batches import tokenise
from goldenrule.training.learner import Learner
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


# Whose parameters are whose, by name (arXiv 2411.04127, 4.1), of the network of two layers that `make_learner` builds.


def heads(module):
    return {f"blocks.{n}.attention.{part}.{module}" for n in (0, 1) for part in ("query", "key", "value", "out")}


OWNED = {
    "behaviour": heads("behaviour") | {"behaviour_out", "value_out.weight", "value_out.bias"},
    "prediction": heads("prediction") | {"prediction_out"},
    "perception": heads("perception"),
    "shared": {"embedding", "norm.weight"}
    | {f"blocks.{n}.{part}.weight" for n in (0, 1) for part in ("attention_norm", "feed_forward_norm", "up", "down")},
}

REWARD_ONLY = {"interleave": 0, "predict_replies": False}


def with_momentum(learner, config, updates=2):
    """The learner after updates in which all modules learnt, so that its optimiser has momentum for all of them."""
    for _ in range(updates):
        rollout = collected(learner)
        names, _ = changed(learner, numbered, rollout)
        assert all(names >= heads(module) for module in ("behaviour", "prediction", "perception"))
    learner.config = replace(learner.config, **config)
    return learner


@pytest.fixture(params=["fresh", "momentum"])
def make_either(request, make_learner):
    """Learners as they begin, and after earlier updates."""
    if request.param == "fresh":
        return make_learner
    return lambda **config: with_momentum(
        make_learner(corpus=True, dialogues=8, interleave=8), {"interleave": 0} | config
    )


def test_the_table_names_every_parameter_once(make_learner):
    names = [name for name, _ in make_learner().network.named_parameters()]
    assert sorted(name for names in OWNED.values() for name in names) == sorted(names)


def test_reward_leaves_the_prediction_module_alone_and_writes_the_rest(make_either):
    names, _ = changed(make_either(**REWARD_ONLY))
    assert not names & OWNED["prediction"]
    assert names >= OWNED["behaviour"] | OWNED["perception"] | OWNED["shared"]


def test_without_routing_reward_writes_the_prediction_heads_too(make_learner):
    names, _ = changed(make_learner(**REWARD_ONLY, split=False))
    assert heads("prediction") <= names
    assert "prediction_out" not in names  # the policy does not read it


def test_prediction_leaves_the_behaviour_module_alone_and_writes_the_rest(make_either):
    names, _ = changed(make_either(interleave=0), unscored)
    assert not names & OWNED["behaviour"]
    assert names >= OWNED["prediction"] | OWNED["perception"] | OWNED["shared"]


def test_with_no_reward_and_no_prediction_nothing_changes(make_either):
    learner = make_either(**REWARD_ONLY)
    asked = learner.unscored
    names, stats = changed(learner, unscored)
    assert names == set()
    assert stats.unscored == learner.unscored - asked > 0


def test_messages_without_a_score_are_counted(make_learner):
    learner = make_learner(interleave=0)
    rollout = collected(learner)
    stats = learn_from(learner, rollout, unscored(rollout))
    assert stats.unscored == learner.unscored == learner.messages_asked == sum(rollout.n_messages)
    assert learner.unscored_reasons == {"not known": learner.unscored}
    assert stats.kl is None


def step_of(learner, name, scores):
    """How far an update moves a parameter."""
    rollout, parameter = collected(learner), learner.network.get_parameter(name)
    before = parameter.detach().clone()
    learn_from(learner, rollout, scores(rollout))
    return parameter.detach() - before


def test_how_far_the_prediction_output_moves_does_not_depend_on_how_large_rewards_are(make_learner):
    def step(size):
        learner = with_momentum(make_learner(corpus=True, dialogues=8, interleave=8, minibatches=1), {})
        return step_of(
            learner, "prediction_out", lambda rollout: [Score(size * one.value) for one in numbered(rollout)]
        )

    small, large = step(1.0), step(100.0)
    assert small.norm() > 0
    torch.testing.assert_close(large, small, rtol=1e-3, atol=1e-7)


def test_eta_r_is_a_learning_rate(make_learner, monkeypatch):
    """Conversations of which all messages pay R are imitated with a step of R times the length."""
    interleaved = Learner.interleaved

    def step(reward, **config):
        learner = with_momentum(make_learner(corpus=True, dialogues=8, interleave=8, minibatches=1), config)
        with monkeypatch.context() as patch:

            def paid(self, count):
                views = interleaved(self, count)
                return replace(views, weight=torch.full_like(views.weight, reward))

            patch.setattr(Learner, "interleaved", paid)
            return step_of(learner, "behaviour_out", unscored)

    full, little, weak = step(1.0), step(0.01), step(1.0, imitation=0.01)
    assert full.norm() > 0
    assert float(little.norm() / full.norm()) == pytest.approx(0.01, rel=0.1)
    assert float(weak.norm() / full.norm()) == pytest.approx(0.1, rel=0.1)  # 0.1 is the default


def test_an_updates_draws_do_not_depend_on_how_many_came_before(make_learner):
    def draws(before, seed=0):
        learner, seen = make_learner(seed, dialogues=4, interleave=0), []

        def score(episodes):
            seen.append(learner.rng.integers(1 << 40))
            learner.rng.random(before)
            return [1.0 for episode in episodes for _ in episode.turns_of(learner.me)]

        train(learner, score, lambda progress: None)
        return seen

    few = draws(0)
    assert draws(7) == few
    assert len({*few, *draws(0, seed=1)}) == 4


def test_interleaved_conversations_alone_teach_both_outputs(make_learner):
    learner = make_learner(corpus=True, dialogues=8, interleave=8, predict_replies=False)
    names, stats = changed(learner, unscored)
    assert {"behaviour_out", "prediction_out"} <= names
    assert stats.prediction_loss > 0


def test_before_the_first_step_the_policy_is_the_one_that_spoke(make_learner):
    learner = make_learner(minibatches=1)
    _, stats = changed(learner)
    assert stats.kl == pytest.approx(0.0, abs=1e-6)  # it is also the start policy


def test_few_scores_give_finite_figures_and_weights(make_learner):
    """Whichever dialogue of four has the only scores; the KL is taken on two of the shuffled four, or is not known."""
    known = []
    for told in range(4):
        learner = make_learner(dialogues=4, minibatches=1)

        def scores(rollout, told=told):
            return [
                Score(float(number)) if row == told else UNSCORED
                for row, count in enumerate(rollout.n_messages)
                for number in range(count)
            ]

        names, stats = changed(learner, scores)
        known += [] if stats.kl is None else [stats.kl]
        assert "behaviour_out" in names
        assert all(p.isfinite().all() for p in learner.network.parameters())
    assert known == pytest.approx([0.0, 0.0], abs=1e-6)  # the start policy is the one that spoke


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
