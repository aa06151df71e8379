"""The language-model agent: its cache against no cache, its branches, its memory, its randomness."""

from __future__ import annotations

import pytest
import torch

from goldenrule.agents.base import Seen
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import CARD, END, ME, DialogueTokenizer
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message

TEXTS = ["I lost my job.", "Thank you so much.", "That is not it, I am afraid.", "What do you mean?", "Pardon?"]
NAMES = ("helper_0", "seeker_0", "seeker_1")


@pytest.fixture(scope="module")
def tokenizer() -> DialogueTokenizer:
    return DialogueTokenizer.train(TEXTS * 20, 340)


def make_network(tokenizer: DialogueTokenizer, context: int = 256) -> ThreeModuleTransformer:
    config = NetworkConfig(tokenizer.vocab_size, width=32, layers=2, head_width=8, feed_forward=64, context=context)
    return ThreeModuleTransformer(config, seed=7)


@pytest.fixture
def network(tokenizer: DialogueTokenizer) -> ThreeModuleTransformer:
    return make_network(tokenizer)


class Talk:
    """One dialogue of the agent (seat 0) with others, and the ids it said its messages as."""

    def __init__(self, number: int) -> None:
        self.number, self.said = number, {}
        opening = (Message(NARRATOR, "It rains."), Message(1, " ".join(TEXTS[: 1 + number % 3])))
        self.view = View(NAMES, 0, f"You are number {number}.", opening)

    def prompt(self, tokenizer: DialogueTokenizer) -> list[int]:
        return [*tokenizer.encode_view(self.view, self.said).ids, ME]

    def hear(self, reply, before=(), after=()) -> None:
        self.view = self.view.append(*before)
        self.said[len(self.view.messages)] = reply.record.ids
        self.view = self.view.say(reply.text).append(*after)


def whole_forward(network, prompt, ids):
    """Log-probabilities of ids after a prompt, without any cache."""
    logits = network.logits(network(torch.tensor([prompt + ids])), "behaviour")[0, len(prompt) - 1 : -1].float()
    logprobs = torch.log_softmax(ban_controls(logits, torch.arange(len(ids)) == 0), -1)
    return logprobs.gather(-1, torch.tensor(ids)[:, None])[:, 0]


def assert_said_from(network, tokenizer, prompt, reply):
    """The reply is the likeliest one, and as likely as it says, given exactly this prompt."""
    sampled = reply.record
    kept = len(sampled.ids) if sampled.ended else len(sampled.ids) - 1
    expected = whole_forward(network, prompt, sampled.ids)[:kept]
    torch.testing.assert_close(torch.tensor(sampled.logprobs[:kept]), expected, atol=1e-4, rtol=1e-3)
    alone = LanguageModel(network, tokenizer, max_new=6).sample([prompt], "behaviour", temperature=0)[0]
    assert alone.ids == sampled.ids


ORDERS = {
    "all at once": ([0, 1, 2, 3],) * 3,
    "in another order each turn": ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]),
    "some wait": ([1, 3], [3, 0, 2, 1], [0]),
    "one after the other": ([0], [1], [0, 1], [1], [0]),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_the_cache_that_survives_turns_says_what_a_fresh_network_says(network, tokenizer, order):
    mind = LanguageModel(network, tokenizer, max_new=6, temperature=0)
    talks = [Talk(k) for k in range(1 + max(map(max, order)))]
    mind.reset(range(len(talks)))
    for turn, numbers in enumerate(order):
        replies = mind.act([Seen(k, talks[k].view) for k in numbers])
        for k, reply in zip(numbers, replies, strict=True):
            assert_said_from(network, tokenizer, talks[k].prompt(tokenizer), reply)
            talks[k].hear(reply, after=(Message(1, TEXTS[(turn + k) % len(TEXTS)]),))


def test_own_words_are_found_where_others_spoke_at_the_same_time(network, tokenizer):
    mind, talk = LanguageModel(network, tokenizer, max_new=6, temperature=0), Talk(0)
    mind.reset([0])
    for turn in range(3):
        reply = mind.act([Seen(0, talk.view)])[0]
        assert_said_from(network, tokenizer, talk.prompt(tokenizer), reply)
        talk.hear(reply, before=(Message(2, TEXTS[turn]),), after=(Message(1, TEXTS[turn + 1]),))


def test_imagining_and_speaking_for_others_changes_nothing_of_what_is_said_next(network, tokenizer):
    quiet, busy = (LanguageModel(network, tokenizer, max_new=6, temperature=0) for _ in range(2))
    talks = [[Talk(k) for k in range(3)] for _ in range(2)]
    for mind in (quiet, busy):
        mind.reset([0, 1, 2])
    for turn in range(3):
        said = []
        for mind, own in zip((quiet, busy), talks, strict=True):
            replies = mind.act([Seen(k, talk.view) for k, talk in enumerate(own)])
            said.append([(r.record.ids, r.record.logprobs) for r in replies])
            for talk, reply in zip(own, replies, strict=True):
                talk.hear(reply, after=(Message(1, TEXTS[turn]),))
        for (a, logprobs_a), (b, logprobs_b) in zip(*said, strict=True):
            assert a == b
            assert logprobs_a == pytest.approx(logprobs_b, abs=1e-5)
        views = [talk.view for talk in talks[1]] * 2
        assert len(busy.simulate(views, [1, 2, 1, 2, 1, 2])) == 6
        busy.speak([view.in_the_shoes_of(1) for view in views])


def test_what_is_imagined_off_the_cache_is_what_is_imagined_without_it(network, tokenizer):
    mind, talk = LanguageModel(network, tokenizer, max_new=6, temperature=0), Talk(1)
    mind.reset([0])
    reply = mind.act([Seen(0, talk.view)])[0]
    state = talk.view.append(Message(0, reply.text))
    fresh = LanguageModel(network, tokenizer, max_new=6, temperature=0)
    assert mind.simulate([state, talk.view], [1, 2]) == fresh.simulate([state, talk.view], [1, 2])
    said_by = [mind.imagine([state], [who])[0].logprobs[0] for who in (0, 1, 2)]
    assert len({round(logprob, 4) for logprob in said_by}) == 3  # the label says who is imagined


def test_a_long_talk_keeps_the_card_and_forgets_the_oldest_messages(tokenizer):
    network = make_network(tokenizer, context=64)
    mind, talks = LanguageModel(network, tokenizer, max_new=6, temperature=0), [Talk(0), Talk(2)]
    mind.reset([0, 1])
    forgot = []
    for turn in range(8):
        replies = mind.act([Seen(k, talk.view) for k, talk in enumerate(talks)])
        for talk, reply in zip(talks, replies, strict=True):
            expected, cut = remembered(talk, tokenizer, 64 - 6 - 2)
            assert expected[: expected.index(END)] == [CARD, *tokenizer.encode(f"You are number {talk.number}.")]
            assert_said_from(network, tokenizer, expected, reply)
            talk.hear(reply, after=(Message(1, TEXTS[turn % len(TEXTS)]),))
            forgot.append(cut)
    assert {*forgot} == {True, False}


def remembered(talk, tokenizer, limit):
    """The prompt of the whole talk, or of its latest messages that fit, and whether any were forgotten."""
    whole = talk.prompt(tokenizer)
    if len(whole) - 1 <= limit:
        return whole, False
    tails = [View(NAMES, 0, talk.view.card, talk.view.messages[k:]) for k in range(len(talk.view.messages) + 1)]
    prompts = ([*tokenizer.encode_view(tail).ids, ME] for tail in tails)
    return next(prompt for prompt in prompts if len(prompt) - 1 <= limit), True


def test_randomness_comes_from_the_seeds_alone_and_from_each_of_them(network, tokenizer):
    mind = LanguageModel(network, tokenizer, max_new=6)
    seen = [Seen(k, Talk(k).view) for k in range(4)]
    state = torch.random.get_rng_state()
    said = []
    for seeds in ([5, 6, 7, 8], [5, 6, 7, 8], [9, 6, 7, 8], [5, 9, 7, 8], [5, 6, 7, 9], [5, 6, 8, 7]):
        mind.reset(seeds)
        said.append([reply.record.ids for reply in mind.act(seen)])
    assert said[0] == said[1]
    assert all(one != other for k, one in enumerate(said[1:]) for other in said[2 + k :])
    assert torch.equal(state, torch.random.get_rng_state())


def test_new_weights_are_used_after_a_reset(network, tokenizer):
    mind, talk = LanguageModel(network, tokenizer, max_new=6, temperature=0), Talk(0)
    mind.reset([0])
    mind.act([Seen(0, talk.view)])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.3)
    mind.reset([0])
    assert_said_from(network, tokenizer, talk.prompt(tokenizer), mind.act([Seen(0, talk.view)])[0])
