"""Corpora that begin with easier talks, read some seats less often, and give the narrator's words to the tokenizer."""

from __future__ import annotations

from collections import Counter

from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.training.pretraining import pretrain as pretraining
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items, texts
from goldenrule.training.pretraining.pretrain import PretrainingConfig, pretrain

SCENARIO = "hidden_needs-v0"
STORIES = "false_belief-v0"


def test_lessons_come_in_order_and_end_at_their_shares(make_learner, words, monkeypatch):
    asked: list[dict[str, int]] = []
    steps: list[int] = []

    def sample(config, tokenizer, dialogues, seed):
        asked.append(dict(config.knobs))
        return sample_items(config, tokenizer, dialogues, seed)

    monkeypatch.setattr(pretraining, "sample_items", sample)
    corpus = CorpusConfig(SCENARIO, {}, "helper_0", lessons=((0.25, {"turns": 1}), (0.75, {"turns": 2})))
    config = PretrainingConfig(updates=8, batch=8, pool=4)  # a batch a pool, or two
    pretrain(make_learner().network, words, corpus, config, 0, lambda step, *_: steps.append(len(asked)))
    knobs = [asked[number - 1] for number in steps]  # the pool each step's batch is of
    assert knobs == [{"turns": 1}] * 2 + [{"turns": 2}] * 4 + [{}] * 2


def test_a_corpus_without_lessons_has_one_part():
    corpus = CorpusConfig(SCENARIO, {"turns": 2}, "helper_0")
    assert corpus.parts(7) == [(7, corpus)]


def test_a_lesson_stands_in_place_of_settings():
    settings = ({"tells": 0.0}, {"tells": 1.0})
    corpus = CorpusConfig(SCENARIO, {"turns": 2}, "helper_0", lessons=((0.5, {"tells": 1.0}),), settings=settings)
    (end, lesson), (_, rest) = corpus.parts(8)
    assert (end, lesson.knobs, lesson.settings) == (4, {"tells": 1.0}, ())
    assert (rest.knobs, rest.settings) == ({"turns": 2}, settings)


def test_a_seat_is_read_as_often_as_its_share_says(words):
    corpus = CorpusConfig(STORIES, {}, "helper_0", imitated_share=0.0, shares={"friend_0": 0.25, "seeker_0": 0.0})
    assert Counter(one.me for one in sample_items(corpus, words, 20, 0)) == {0: 20, 2: 5}


def test_the_narrators_words_become_tokens_where_wanted():
    without, with_them = (DialogueTokenizer.train(texts(STORIES, {}, 60, 0, narrated=n), 1024) for n in (False, True))
    assert len(with_them.encode("Someone moves the coin.")) < len(without.encode("Someone moves the coin."))
    assert set(texts(STORIES, {}, 5, 0)) < set(texts(STORIES, {}, 5, 0, narrated=True))
