"""Human dialogues as something to learn from: renaming changes no points, and only what was said is seen."""

from __future__ import annotations

import pytest
import torch

from goldenrule.agents.networks.routing import module_of
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import ME, DialogueTokenizer
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import Conversation
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.campsite.language import ASK_HAPPY, ASK_NEED, GRADES, ISSUES, parse_deal, points, rest
from goldenrule.envs.scenarios.campsite.participants import ORDERS, Person
from goldenrule.training.pretraining.human_corpus import (
    Account,
    HumanConfig,
    ask,
    fit_view,
    human_items,
    human_texts,
    need_answer,
    normalise,
    normalise_account,
    rename_account,
    rename_text,
)
from goldenrule.training.pretraining.imagination import (
    Branch,
    ImaginationConfig,
    branch_logprobs,
    imagine_answers,
    learn_to_imagine,
    pack,
    reading,
)

SECRET = "my uncle Zebedee collects it"


def account() -> Account:
    cards = (
        Person(("food", "water", "firewood"), ("We are hungry.", "It is hot.", "It is cold.")).card(),
        Person(("firewood", "food", "water"), (SECRET, "So that we eat", "a river is near")).card(),
    )
    said = [
        (0, "Hello! I am HUNGRY, I need all the Food 🙂"),
        (1, "I want three fire wood. You can have the water."),
        (0, "Ok, I can drink it."),
        (1, "Submit-Deal: I get 1 food, 0 water, 3 firewood"),
        (0, "Accept-Deal"),
    ]
    talk = Conversation(("camper_0", "camper_1"), cards, tuple(Message(s, t) for s, t in said))
    return normalise_account(Account(talk, (3, 4)))


@pytest.fixture(scope="module")
def tokenizer() -> DialogueTokenizer:
    texts = [*human_texts([account()]), *map(need_answer, ORDERS), *GRADES, ASK_NEED, ASK_HAPPY]
    return DialogueTokenizer.train(texts, 400)


@pytest.fixture(scope="module")
def network(tokenizer: DialogueTokenizer) -> ThreeModuleTransformer:
    config = NetworkConfig(tokenizer.vocab_size, width=32, layers=2, feed_forward=64, context=512)
    return ThreeModuleTransformer(config, 1)


def deal_points(one: Account) -> tuple[int, int]:
    mine = next(d.mine for m in one.conversation.messages if (d := parse_deal(m.text)) and d.mine)
    return points(one.order(0), rest(mine)), points(one.order(1), mine)


def test_plain_writing_keeps_deals_and_is_done_once():
    assert normalise("I need Fire Wood 🙂 café") == "i need firewood :) caf"
    assert normalise("Submit-Deal: I get 1 food, 0 water, 3 firewood").startswith("Submit-Deal")
    assert normalise("🐻") == "..."
    assert normalise(normalise("Some WOOD!")) == normalise("Some WOOD!")


@pytest.mark.parametrize("names", ORDERS)
def test_renaming_changes_names_and_no_points(names):
    one = account()
    other = rename_account(one, names)
    assert deal_points(other) == deal_points(one)
    assert other.order(0) == names
    assert other.grades == one.grades
    assert [m.speaker for m in other.conversation.messages] == [m.speaker for m in one.conversation.messages]


def test_renaming_takes_the_words_along_and_can_be_undone():
    names = ("water", "firewood", "food")
    back = tuple(ISSUES[names.index(issue)] for issue in ISSUES)
    text = "i am hungry, give me food, i drink the water and burn firewood"
    assert rename_text(text, names) == "i am thirsty, give me water, i burn the firewood and eat food"
    assert rename_text(rename_text(text, names), back) == text
    assert rename_text(text, ISSUES) == text


def test_a_question_comes_before_the_acceptance():
    view = ask(account().conversation.seen_by(0), ASK_NEED)
    assert [m.text for m in view.messages[-2:]] == ["Submit-Deal: I get 1 food, 0 water, 3 firewood", ASK_NEED]


def test_no_reading_shows_the_others_card_and_only_answers_are_stressed(tokenizer):
    config = HumanConfig(lived=0.0, heard=1.0)
    items = human_items([account()], tokenizer, 60, generator(0, "test"), config)
    asked = set()
    for item in items:
        texts = [tokenizer.decode(item.encoded.ids[s.start : s.stop]) for s in item.encoded.spans]
        shown = tokenizer.decode(item.encoded.ids)
        assert ("Zebedee".lower() in shown) == (item.me == 1)
        for k, text in enumerate(texts):
            if text in (ASK_NEED, ASK_HAPPY):
                asked.add(text)
                assert item.weights[k] is None
                assert item.emphasis[k] == 0.0
                assert item.emphasis[k + 1] == 1.0
                assert item.encoded.spans[k + 1].speaker == 1 - item.me
            elif k == 0:
                assert item.emphasis[0] == config.aside
    assert asked == {ASK_NEED, ASK_HAPPY}


def test_long_views_lose_their_oldest_messages_only(tokenizer):
    view = account().conversation.seen_by(0)
    size = len(tokenizer.encode_view(view).ids)
    short = fit_view(view, tokenizer, size - 1)
    assert short.messages == view.messages[1:]
    assert short.card == view.card


@torch.no_grad()
def test_branches_are_what_reading_each_alone_gives(network, tokenizer):
    context = tokenizer.encode_view(account().conversation.seen_by(0)).ids
    tails = [[ME, *tokenizer.encode(text), 2] for text in ("hello", "i need food", "no")]
    cuts = [len(context), 20, 31]
    branches = [Branch(at, ids, [False] + [True] * (len(ids) - 1)) for at, ids in zip(cuts, tails, strict=True)]
    shorter = [Branch(12, tails[1], [False] + [True] * (len(tails[1]) - 1))]
    got = branch_logprobs(network, pack([context, context[:15]], [branches, shorter]), "prediction")
    for k, (cut, tail) in enumerate([*zip(cuts, tails, strict=True), (12, tails[1])]):
        ids = torch.tensor([[*context[:cut], *tail]])
        logits = network.logits(network(ids), "prediction")[0].clone()
        logits[:, :2] = logits[:, 3:16] = -torch.inf
        logits[cut, 2] = -torch.inf  # a message is not empty
        logprobs = torch.log_softmax(logits, -1)
        alone = sum(logprobs[cut + i - 1, tail[i]] for i in range(1, len(tail)))
        assert float(got[k]) == pytest.approx(float(alone), abs=1e-3)


def test_readings_of_accounts_end_in_true_answers(tokenizer):
    config = ImaginationConfig(cuts=2, leave_out=0.5)
    rng = generator(3, "readings")
    for _ in range(30):
        context, branches = reading(account(), tokenizer, config, rng)
        answers = {b.label: tokenizer.decode([i for i, t in zip(b.ids, b.target, strict=True) if t]) for b in branches}
        assert "Accept-Deal" not in tokenizer.decode(context)
        needs = answers["needs"]
        assert needs in map(need_answer, ORDERS)
        assert answers.get("needs so far", needs) == needs
        assert answers["grade"] == answers["grade after needs"]
        assert answers["grade"] in (GRADES[3], GRADES[4])
        assert max(b.at for b in branches) == len(context)


def test_learning_writes_nothing_of_behaviour_and_repeats(tokenizer):
    size = NetworkConfig(tokenizer.vocab_size, width=32, layers=1, feed_forward=64, context=512)
    config = ImaginationConfig(updates=4, batch=2, scripted_dialogues=4)
    ends = []
    for _ in range(2):
        network = ThreeModuleTransformer(size, 1)
        begin = {name: p.detach().clone() for name, p in network.named_parameters()}
        learn_to_imagine(network, tokenizer, [account()], config, 5)
        ends.append({name: p.detach().clone() for name, p in network.named_parameters()})
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name])
        if module_of(name) == "behaviour":
            assert torch.equal(value, begin[name]), name
    assert not torch.equal(ends[0]["embedding"], begin["embedding"])


def test_imagined_answers_are_probabilities_and_do_not_depend_on_the_batch(network, tokenizer):
    views = [account().conversation.seen_by(seat) for seat in (0, 1)]
    together = imagine_answers(network, tokenizer, views, batch=2)
    alone = imagine_answers(network, tokenizer, views[1:], batch=1)
    assert together.needs.sum(1) == pytest.approx([1, 1])
    assert together.grades.sum(1) == pytest.approx([1, 1])
    assert together.needs.shape == (2, 6)
    assert together.grades.shape == (2, 5)
    assert alone.needs[0] == pytest.approx(together.needs[1], abs=1e-4)
