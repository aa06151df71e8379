"""Corpora: who is heard, who is imitated, what is re-enacted, and how views become batches."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from goldenrule.agents.networks.tokenizer import CARD, END, ME, PAD, DialogueTokenizer
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.hidden_needs import SITUATION_PHRASES, expected_reply, need, reply_kind, understand
from goldenrule.training.batches import ASIDE, Item, collate, crop, emphasis_of, imitation_loss, join, prediction_loss
from goldenrule.training.pretraining.corpus import CorpusConfig, converse, episode_item, sample_items
from goldenrule.training.pretraining.pretrain import PretrainingConfig, pretrain

SCENARIO = "hidden_needs-v0"
CORPUS = CorpusConfig(SCENARIO, {"turns": 2}, "helper_0", "reenacted", imitated_share=1.0)


def parts(words: DialogueTokenizer, one: Item) -> list[tuple[int, str]]:
    """Label and text of the card and of each message of an item."""
    spans = one.encoded.spans
    head = one.encoded.ids[: spans[0].start - 1]
    said = [(one.encoded.ids[s.start - 1], words.decode(one.encoded.ids[s.start : s.stop])) for s in spans]
    return [(head[0], words.decode(head)), *said]


@pytest.fixture(scope="module")
def episodes():
    return converse(SCENARIO, {"turns": 2}, 60, 1)


def test_nonsense_is_heard_but_never_imitated(episodes, words):
    found = 0
    for episode in episodes:
        items = [episode_item(episode, episode.conversation.seen_by(seat), words, 0) for seat in (0, 1)]
        for seat, item in enumerate(items):
            for weight, turn in zip(item.weights, episode.turns, strict=True):
                nonsense = turn.message.speaker == 0 and understand(turn.message.text) is None
                found += nonsense
                assert weight == (0.0 if nonsense and seat == 0 else 1.0)
        batch = collate(items)
        assert (batch.emphasis[batch.own | batch.others] > 0).all()
    assert found > 5


def test_the_same_words_are_weighed_where_they_were_said(episodes, words):
    """A text that made sense at one time and none at another is imitated at the one time only."""
    episode = next(e for e in episodes if sum(t.message.speaker == 0 for t in e.turns) == 2)
    mine = [turn for turn in episode.turns if turn.message.speaker == 0]
    view = episode.conversation.seen_by(0)
    same = View(
        view.agents, 0, view.card, tuple(Message(m.speaker, "So." if m.speaker == 0 else m.text) for m in view.messages)
    )
    for verdicts in ((True, False), (False, True)):
        for turn, valid in zip(mine, verdicts, strict=True):
            turn.judgement = type(turn.judgement)(valid=valid)
        weights = [
            w
            for w, m in zip(episode_item(episode, same, words, 0).weights, same.messages, strict=True)
            if m.speaker == 0
        ]
        assert weights == [float(valid) for valid in verdicts]


def test_emphasis_is_on_what_answers_the_learner():
    messages = tuple(Message(speaker, "x") for speaker in (1, 2, 0, 1, 0, 2))
    assert emphasis_of(View(("a", "b", "c"), 1, "", messages), 0) == [ASIDE, ASIDE, ASIDE, 1.0, ASIDE, 1.0]


def test_reenacted_views_hold_my_card_switched_labels_and_my_own_answer(words):
    everything = sample_items(CORPUS, words, 40, 3)
    reenacted = [one for one in everything if not any(one.emphasis)]
    kinds, differs = set(), 0
    cards = {parts(words, one)[0][1] for one in everything if one.me == 0}
    for one in reenacted:
        (label, card), *said = parts(words, one)
        assert one.me == 1
        assert label == CARD
        assert card in cards
        persona = re.fullmatch(r"You are (\w+)\.", card)[1]
        assert [label == ME for label, _ in said] == [span.speaker == 1 for span in one.encoded.spans]
        assert list(one.weights) == [None] * (len(said) - 1) + [1.0]
        assert said[-1][0] == ME != said[-2][0]
        situation = next(k for k, phrases in SITUATION_PHRASES.items() if any(p in said[0][1] for p in phrases))
        wanted = expected_reply(understand(said[-2][1]), need(persona, situation))
        kind = reply_kind(said[-1][1])
        assert kind == wanted
        kinds.add(kind)
        batch = collate([one])
        assert words.decode(batch.ids[0][batch.imitated[0]].tolist()) == said[-1][1]
    assert kinds >= {"thanks", "refusal", "puzzled"}
    assert len(reenacted) >= 40
    # Many of them differ from what the partner, who is not like me, really said to the same words.
    really = {tuple(p[1] for p in parts(words, one)[1:]) for one in everything if any(one.emphasis)}
    really = {talk[:k] for talk in really for k in range(len(talk) + 1)}
    differs = sum(tuple(p[1] for p in parts(words, one)[1:]) not in really for one in reenacted)
    assert differs > len(reenacted) / 4


@pytest.mark.parametrize("imitation", ["observed", "reenacted"])
def test_the_share_of_dialogues_read_from_the_partners_place_is_kept(words, imitation):
    without = sample_items(CorpusConfig(SCENARIO, {}, "helper_0", imitation, imitated_share=0.0), words, 20, 3)
    half = sample_items(CorpusConfig(SCENARIO, {}, "helper_0", imitation, imitated_share=0.5), words, 20, 3)
    assert len(without) == 40
    assert len(half) == 40 + 10
    assert all(any(one.emphasis) for one in without)


def test_observed_views_hold_my_card_switched_labels_and_what_the_partner_really_said(words):
    """[T] Algorithm 3: `s_j` with names switched, and both outputs learn `a_j`, nothing else."""
    observed = sample_items(replace(CORPUS, imitation="observed"), words, 40, 3)
    plain = sample_items(replace(CORPUS, imitated_share=0.0), words, 40, 3)
    kept = [one for one in observed if not any(one.encoded == other.encoded for other in plain)]
    overheard = [one for one in plain if one.me == 0]
    assert len(kept) == len(overheard) == 40
    for one, mine in zip(kept, overheard, strict=True):
        (_, card), *said = parts(words, one)
        (_, my_card), *heard = parts(words, mine)
        assert card == my_card
        assert [text for _, text in said] == [text for _, text in heard]
        assert all((a == ME) != (b == ME) for (a, _), (b, _) in zip(said, heard, strict=True))
        batch = collate([one])
        theirs = " ".join(text for label, text in said if label == ME)
        imitated = batch.imitated & (batch.weight > 0)
        simulated = (batch.own | batch.others) & (batch.emphasis > 0)
        assert torch.equal(imitated, simulated)
        assert words.decode(batch.ids[0][imitated[0]].tolist()) == theirs


def test_the_same_seed_gives_the_same_items_and_another_others(words):
    first, again, other = (
        [(one.encoded.ids, one.me, list(one.weights), list(one.emphasis)) for one in sample_items(CORPUS, words, 8, s)]
        for s in (3, 3, 4)
    )
    assert first == again != other


def spoken(words, *speakers, me=0, weights=None):
    view = View(("a", "b"), me, "Card.", tuple(Message(s, f"word {k}.") for k, s in enumerate(speakers)))
    count = len(speakers)
    return Item(words.encode_view(view), me, weights or [1.0] * count, [0.5] * count)


def test_masks_lie_on_text_and_end_and_the_narrator_is_nobody(words):
    batch = collate([spoken(words, NARRATOR, 1, 0, weights=[1.0, 1.0, 0.25]), spoken(words, 1, 0, 1, me=1)])
    for row, (mine, theirs) in enumerate([(["word 2."], ["word 1."]), (["word 0.", "word 2."], ["word 1."])]):
        for mask, expected in ((batch.own, mine), (batch.others, theirs)):
            ids = batch.ids[row][mask[row]].tolist()
            assert ids == [i for text in expected for i in [*words.encode(text), END]]
        assert (batch.ids[row][torch.roll(batch.first[row], -1)] != END).all()
    assert batch.weight[0][batch.own[0]].unique().tolist() == [0.25]
    assert int(batch.first[0].sum()) == 2


def test_batches_are_joined_and_cut_without_loss(words):
    short, long = collate([spoken(words, 0)]), collate([spoken(words, 1, 0, 1, 0), spoken(words, 1)])
    both = join(short, long)
    assert len(both) == 3
    for row, (batch, k) in enumerate([(short, 0), (long, 0), (long, 1)]):
        again, alone = both.rows(torch.tensor([row])), batch.rows(torch.tensor([k]))
        for name in ("ids", "own", "imitated", "others", "first", "weight", "emphasis"):
            assert torch.equal(getattr(again, name), getattr(alone, name)), name
        assert (again.ids != PAD).all()


@pytest.mark.parametrize("count", range(6))
def test_a_cropped_item_holds_the_messages_that_fit(words, count):
    one = spoken(words, 1, 0, 1, 0, 1)
    room = one.encoded.spans[count - 1].stop if count else one.encoded.spans[0].start - 1
    short = crop(one, room)
    assert parts(words, one)[1 : 1 + count] == (parts(words, short)[1:] if count else [])
    assert len(short.weights) == len(short.emphasis) == len(short.encoded.spans) == count
    assert len(short.encoded.ids) == room
    assert crop(one, room + 1).encoded == short.encoded


def test_imitation_weighs_behaviour_and_hears_everyone(make_learner, words):
    """A weight of zero, or none, takes a message out of the behaviour loss; the prediction loss stays as it was."""
    network = make_learner().network
    silenced, hushed = (collate([spoken(words, 0, 1, 0, weights=[1.0, 1.0, w])]) for w in (0.0, None))
    first_only, everything = collate([spoken(words, 0, 1)]), collate([spoken(words, 0, 1, 0)])
    batches = (silenced, hushed, first_only, everything)
    losses = [imitation_loss(network, network(b.ids), b)[0] for b in batches]
    torch.testing.assert_close(losses[0], losses[2])
    assert losses[0] == losses[1]
    assert not torch.isclose(losses[0], losses[3])
    heard = [prediction_loss(network, network(b.ids), b) for b in batches]
    assert heard[0] == heard[1] == heard[3] != heard[2]


def test_the_rate_of_imitation_is_the_mean_reward_of_the_messages_that_have_one(make_learner, words):
    network = make_learner().network

    def rate(*weights):
        """Of my messages; the other's, between them, weighs 7."""
        batch = collate([spoken(words, 0, 1, 0, 0, weights=[weights[0], 7.0, *weights[1:]])])
        loss, found = imitation_loss(network, network(batch.ids), batch)
        assert (loss is None) == (not any(weights))
        return found

    assert rate(1.0, 1.0, 1.0) == 1.0
    assert rate(0.5, 0.0, 1.0) == 0.5
    assert rate(0.5, None, None) == 0.5
    assert rate(0.0, 0.0, None) == rate(None, None, None) == 0.0


def test_words_without_emphasis_are_not_predicted_even_where_nothing_is_stressed(make_learner, words):
    """Such as those of a re-enacted talk, which nobody said."""
    network = make_learner().network
    real, acted = spoken(words, 0, 1, 0), replace(spoken(words, 0, 1), emphasis=[0.0, 0.0])
    alone, beside = collate([real]), collate([real, acted])
    for emphasise in (True, False):
        losses = [prediction_loss(network, network(b.ids), b, emphasise=emphasise) for b in (alone, beside)]
        torch.testing.assert_close(*losses)
    assert prediction_loss(network, network((b := collate([acted])).ids), b, emphasise=False) is None


def test_pre_training_reads_dialogues_longer_than_the_context(make_learner, words):
    network = make_learner(context=48).network
    before = network.embedding.detach().clone()
    config = PretrainingConfig(updates=2, batch=8, pool=8)
    pretrain(network, words, CorpusConfig(SCENARIO, {"turns": 6}, "helper_0"), config, 0)
    assert not torch.equal(before, network.embedding)


def test_a_pool_smaller_than_a_batch_is_refused(make_learner, words):
    with pytest.raises(ValueError, match=r"a pool of 2 dialogues gave \d views; expected at least a batch, 64"):
        pretrain(make_learner().network, words, CORPUS, PretrainingConfig(updates=1, batch=64, pool=2), 0)
