"""Rollouts: what is the learner's own, with what probability it was said, and what it was advantages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from goldenrule.agents.networks.tokenizer import END, ME, PAD
from goldenrule.rewards.base import Score
from goldenrule.training.batches import token_logits, tokenise
from goldenrule.training.ppo import estimate_advantages, last_values


@pytest.fixture
def lived(make_learner):
    """A learner, what it lived through and the rollout of it. Some of its messages end by themselves."""
    learner = make_learner(dialogues=32, max_new=12)
    with torch.no_grad():  # gibberish seldom ends: make the end likelier
        learner.network.behaviour_out[END] *= 2
    episodes = learner.collect(0)
    return learner, episodes, tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)


def own_logprobs(learner, rollout):
    sequences = rollout.sequences
    logits = token_logits(learner.network, learner.network(sequences.ids), sequences, sequences.own, "behaviour")
    return torch.log_softmax(logits, -1).gather(-1, sequences.ids[sequences.own][:, None])[:, 0]


def test_own_are_exactly_the_sampled_ids_and_no_forced_end(lived):
    _, episodes, rollout = lived
    records = [[t.record for t in e.turns if t.message.speaker == 0] for e in episodes]
    assert {record.ended for row in records for record in row} == {True, False}
    for row, said in enumerate(records):
        expected = [i for r in said for i in (r.ids if r.ended else r.ids[:-1])]
        assert rollout.sequences.ids[row][rollout.sequences.own[row]].tolist() == expected
        assert len(rollout.samples[row]) == len(rollout.starts[row]) == len(said)
        for start, record in zip(rollout.starts[row], said, strict=True):
            assert rollout.sequences.ids[row, start] == ME
            assert rollout.sequences.ids[row, start + 1 : start + 1 + len(record.ids)].tolist() == record.ids


def test_the_training_path_finds_the_logprobs_of_sampling(lived):
    learner, _, rollout = lived
    expected = own_logprobs(learner, rollout)
    torch.testing.assert_close(rollout.logprobs[rollout.sequences.own], expected, atol=2e-4, rtol=1e-3)
    assert rollout.sequences.own.sum() > 300


def test_padding_cards_and_labels_belong_to_nobody(lived):
    _, episodes, rollout = lived
    said = rollout.sequences.own | rollout.sequences.others
    assert not (rollout.sequences.own & rollout.sequences.others).any()
    assert (rollout.sequences.ids[said] >= END).all()
    assert not said[rollout.sequences.ids == PAD].any()
    for row, episode in enumerate(episodes):
        card = rollout.sequences.ids[row].tolist().index(END)
        assert not said[row, : card + 1].any()
        heard = rollout.sequences.ids[row][rollout.sequences.others[row]].tolist()
        assert heard.count(END) == sum(turn.message.speaker == 1 for turn in episode.turns)


def test_until_leaves_out_what_follows_a_rows_last_own_token_and_nothing_else(lived):
    learner, _, rollout = lived
    whole = rollout.sequences
    cut = whole.until(whole.own)
    width = cut.ids.shape[1]
    assert torch.equal(cut.own, whole.own[:, :width])
    assert not whole.own[:, width:].any()
    for row in range(len(whole)):
        last = int(whole.own[row].nonzero().max())
        assert torch.equal(cut.ids[row, : last + 1], whole.ids[row, : last + 1])
        assert (cut.ids[row, last + 1 :] == PAD).all()
    assert (cut.ids != PAD).sum() < (whole.ids != PAD).sum()
    with torch.no_grad():
        logits = [token_logits(learner.network, learner.network(s.ids), s, s.own, "behaviour") for s in (whole, cut)]
    torch.testing.assert_close(logits[0], logits[1], atol=1e-5, rtol=1e-5)


def test_unfinished_episodes_and_strangers_are_refused(lived):
    learner, episodes, _ = lived
    with pytest.raises(TypeError, match="carries None; expected Sampled"):
        tokenise(episodes, 1, learner.tokenizer)
    episodes[0].conversation, episodes[0].status = None, "running"
    with pytest.raises(ValueError, match="is running; expected finished"):
        tokenise(episodes, learner.me, learner.tokenizer)


def test_what_was_said_with_the_beginning_forgotten_is_left_out(make_learner):
    learner = make_learner(context=96, dialogues=24, max_new=12, knobs={"turns": 6})
    episodes = learner.collect(0)
    rollout = tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)
    spoken = [sum(t.message.speaker == 0 for t in e.turns) for e in episodes]
    kept = [len(samples) for samples in rollout.samples]
    assert rollout.sequences.ids.shape[1] <= 96
    assert rollout.n_messages == spoken
    assert sum(kept) < sum(spoken)
    assert min(kept) >= 1
    for row in range(len(episodes)):
        assert rollout.truncated[row] == (kept[row] < spoken[row] or episodes[row].status == "truncated")
    expected = own_logprobs(learner, rollout)
    torch.testing.assert_close(rollout.logprobs[rollout.sequences.own], expected, atol=2e-4, rtol=1e-3)


def score(rollout, value_of):
    """Scores of the k-th message of episode i: `value_of(i, k)`, none with a reason where that is `None`."""
    values = [value_of(row, k) for row, count in enumerate(rollout.n_messages) for k in range(count)]
    return [Score(None, "not known") if value is None else Score(value) for value in values]


def test_values_are_those_of_the_states_before_each_message_and_at_a_cut(lived):
    learner, _, rollout = lived
    rollout.truncated[:] = [row % 3 > 0 for row in range(len(rollout))]
    last = last_values(learner.network, rollout)
    for row in (0, 1, 5):
        ids = rollout.sequences.ids[row]
        ids = ids[ids != PAD].tolist()
        prefixes = [ids[: k + 1] for k, i in enumerate(ids) if i == ME] + [ids]
        expected = [learner.network.values(learner.network(torch.tensor([p]))[0, -1]).item() for p in prefixes]
        assert [one.value for one in rollout.samples[row]] == pytest.approx(expected[:-1], abs=1e-4)
        assert last[row] == pytest.approx(expected[-1] if row % 3 else 0.0, abs=1e-4)


def set_values(rollout, estimate):
    """Let every message have been sampled in a state of this value."""
    for samples in rollout.samples:
        samples[:] = [replace(one, value=estimate) for one in samples]


def test_a_cut_talk_bootstraps_and_one_that_is_over_does_not(lived):
    _, _, rollout = lived
    scores = score(rollout, lambda row, k: float(row + k))
    rollout.truncated[:] = [row % 2 == 0 for row in range(len(rollout))]
    set_values(rollout, 0.25)
    advantages = estimate_advantages(rollout, scores, [3.0 * truncated for truncated in rollout.truncated], 0.5, 1.0)
    for row, samples in enumerate(rollout.samples):
        last = 3.0 if rollout.truncated[row] else 0.0
        for k in range(len(samples)):
            rest = sum(0.5 ** (j - k) * (row + j) for j in range(k, len(samples)))
            assert advantages.returns[row][k] == pytest.approx(rest + 0.5 ** (len(samples) - k) * last, abs=1e-5)


def test_advantages_are_normalised_over_messages_and_lie_on_their_tokens(lived):
    _, _, rollout = lived
    scores = score(rollout, lambda row, k: float(row))
    set_values(rollout, 0.0)
    advantages = estimate_advantages(rollout, scores, [0.0] * len(rollout), 0.0, 0.95)
    raw = [float(row) for row, samples in enumerate(rollout.samples) for _ in samples]
    for row in range(len(rollout)):
        own = rollout.sequences.own[row]
        expected = (row - np.mean(raw)) / np.std(raw)
        assert advantages.advantages[row][own].tolist() == pytest.approx([expected] * int(own.sum()), abs=1e-4)
    assert torch.equal(advantages.scored, rollout.sequences.own)
    assert advantages.reasons == []


def test_a_message_without_a_score_is_counted_and_carries_nothing(lived):
    _, _, rollout = lived
    scores = score(rollout, lambda row, k: None if (row, k) in {(0, 1), (3, 0)} else 1.0 * row)
    set_values(rollout, 0.5)
    advantages = estimate_advantages(rollout, scores, [0.5] * len(rollout), 0.9, 1.0)
    assert advantages.reasons == ["not known"] * 2
    for row, k in ((0, 1), (3, 0)):
        start, length = rollout.starts[row][k], len(rollout.samples[row][k].ids)
        assert not advantages.scored[row, start : start + 1 + length].any()
        assert (advantages.advantages[row, start : start + 1 + length] == 0).all()
        assert advantages.returns[row][k] is None
    # The message before it expects of it what the value says, not zero.
    last = len(rollout.samples[0]) - 1
    then = sum(0.9 ** (k - 1) * (0.0 + 0.9 * 0.5 - 0.5) for k in range(2, last + 1))
    assert advantages.returns[0][0] == pytest.approx(0.0 + 0.9 * (0.5 + then), abs=1e-6)


def test_no_score_at_all_gives_no_advantages(lived):
    _, _, rollout = lived
    advantages = estimate_advantages(rollout, score(rollout, lambda row, k: None), [0.0] * len(rollout), 0.9, 0.95)
    assert len(advantages.reasons) == sum(rollout.n_messages)
    assert not advantages.scored.any()
    assert not advantages.advantages.any()
