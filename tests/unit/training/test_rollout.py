"""Rollouts: what is the learner's own, with what probability it was said, and what it was worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from goldenrule.agents.networks.tokenizer import END, ME, PAD
from goldenrule.training.losses import token_logits
from goldenrule.training.rollout import advantages, message_values, tokenise


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
        assert len(rollout.turns[row]) == len(rollout.starts[row]) == len(said)
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


def test_unfinished_episodes_and_strangers_are_refused(lived):
    learner, episodes, _ = lived
    with pytest.raises(TypeError, match="carries a NoneType; expected Sampled"):
        tokenise(episodes, 1, learner.tokenizer)
    episodes[0].conversation, episodes[0].status = None, "running"
    with pytest.raises(ValueError, match="is running; expected finished"):
        tokenise(episodes, learner.me, learner.tokenizer)


def test_what_was_said_with_the_beginning_forgotten_is_left_out(make_learner):
    learner = make_learner(context=96, dialogues=24, max_new=12, knobs={"turns": 6})
    episodes = learner.collect(0)
    rollout = tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)
    spoken = [sum(t.message.speaker == 0 for t in e.turns) for e in episodes]
    kept = [len(turns) for turns in rollout.turns]
    assert rollout.sequences.ids.shape[1] <= 96
    assert rollout.left_out == sum(spoken) - sum(kept) > 0
    assert min(kept) >= 1
    for row in range(len(episodes)):
        assert rollout.truncated[row] == (kept[row] < spoken[row] or episodes[row].status == "truncated")
    expected = own_logprobs(learner, rollout)
    torch.testing.assert_close(rollout.logprobs[rollout.sequences.own], expected, atol=2e-4, rtol=1e-3)


def score(rollout, scores):
    """Score the k-th message of episode i with `scores(i, k)`."""
    for row, turns in enumerate(rollout.turns):
        for k, turn in enumerate(turns):
            turn.scores["r"] = scores(row, k)


def test_values_are_read_before_each_message_and_at_the_end(lived):
    learner, _, rollout = lived
    hidden = learner.network(rollout.sequences.ids)
    values = message_values(learner.network, hidden, rollout)
    for row in (0, 5):
        ids = rollout.sequences.ids[row]
        ids = ids[ids != PAD].tolist()
        places = [k for k, i in enumerate(ids) if i == ME] + [len(ids) - 1]
        prefixes = [learner.network(torch.tensor([ids[: k + 1]]))[0, -1] for k in places]
        assert values[row] == pytest.approx([learner.network.values(h).item() for h in prefixes], abs=1e-4)


def test_a_cut_talk_bootstraps_and_one_that_is_over_does_not(lived):
    _, _, rollout = lived
    score(rollout, lambda row, k: float(row + k))
    rollout.truncated[:] = [row % 2 == 0 for row in range(len(rollout))]
    values = [[0.25] * len(turns) + [3.0] for turns in rollout.turns]
    worth = advantages(rollout, "r", values, 0.5, 1.0)
    for row, turns in enumerate(rollout.turns):
        last = 3.0 if rollout.truncated[row] else 0.0
        for k in range(len(turns)):
            rest = sum(0.5 ** (j - k) * (row + j) for j in range(k, len(turns)))
            assert worth.returns[row][k] == pytest.approx(rest + 0.5 ** (len(turns) - k) * last, abs=1e-5)


def test_advantages_are_normalised_over_messages_and_lie_on_their_tokens(lived):
    _, _, rollout = lived
    score(rollout, lambda row, k: float(row))
    values = [[0.0] * (len(turns) + 1) for turns in rollout.turns]
    worth = advantages(rollout, "r", values, 0.0, 0.95)
    raw = [float(row) for row, turns in enumerate(rollout.turns) for _ in turns]
    for row in range(len(rollout)):
        own = rollout.sequences.own[row]
        expected = (row - np.mean(raw)) / np.std(raw)
        assert worth.advantages[row][own].tolist() == pytest.approx([expected] * int(own.sum()), abs=1e-4)
    assert torch.equal(worth.scored, rollout.sequences.own)
    assert worth.unscored == 0


def test_a_message_without_a_score_is_counted_and_carries_nothing(lived):
    _, _, rollout = lived
    score(rollout, lambda row, k: None if (row, k) in {(0, 1), (3, 0)} else 1.0 * row)
    values = [[0.5] * (len(turns) + 1) for turns in rollout.turns]
    worth = advantages(rollout, "r", values, 0.9, 1.0)
    assert worth.unscored == 2
    for row, k in ((0, 1), (3, 0)):
        start, length = rollout.starts[row][k], len(rollout.turns[row][k].record.ids)
        assert not worth.scored[row, start : start + 1 + length].any()
        assert (worth.advantages[row, start : start + 1 + length] == 0).all()
        assert worth.returns[row][k] is None
    # The message before it expects of it what the value says, not zero.
    assert worth.returns[0][0] == pytest.approx(0.0 + 0.9 * worth_of_the_second(rollout, values))


def worth_of_the_second(rollout, values):
    """Return of message 1 of episode 0 when its own error is nil: V(1) + discounted errors of what follows."""
    turns, total = rollout.turns[0], values[0][1]
    last = values[0][-1] if rollout.truncated[0] else 0.0
    for k in range(2, len(turns)):
        following = values[0][k + 1] if k + 1 < len(turns) else last
        total += 0.9 ** (k - 1) * (turns[k].scores["r"] + 0.9 * following - values[0][k])
    return total


def test_no_score_at_all_gives_no_advantages(lived):
    _, _, rollout = lived
    values = [[0.0] * (len(turns) + 1) for turns in rollout.turns]
    worth = advantages(rollout, "never given", values, 0.9, 0.95)
    assert worth.unscored == sum(map(len, rollout.turns))
    assert not worth.scored.any()
    assert not worth.advantages.any()
