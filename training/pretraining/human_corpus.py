"""Human dialogues to learn from: what people said, and what campers would have answered if asked.

Two readings of one campsite dialogue, both by [T] Algorithm 1/5 (losses and routing of `pretrain`):
- *questioned*: one person's view, cut at a random message or read to the end, then `ASK_NEED` (and at the end
  `ASK_HAPPY`) and the partner's true answer: the needs on the card that the reader does not see, and the satisfaction
  that the partner reported afterwards. Answers are targets of the prediction output alone, so that it learns to imagine
  what the other would say. Nothing else enters that people did not say.
- *as lived*: one person's view as it was: how someone with that card speaks.

A few hundred dialogues are few. Nothing about the world depends on the names of the issues, so each reading permutes
them at random, in texts, cards and deals alike: six times the data. Words that go with an issue (thirsty, cold, ...)
are exchanged along with it.

Other human talk has no cards and no outcome: every message is a target of both outputs, as [T] Algorithms 1/5 and 3
read conversations.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.datasets.corpora import conversations
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue, load_casino, split
from goldenrule.envs.scenarios.campsite.dialogue_acts import STATE_ORDER
from goldenrule.envs.scenarios.campsite.language import (
    ASK_HAPPY,
    ASK_NEED,
    GRADES,
    ISSUES,
    Order,
    parse_deal,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS, Person, parse_card
from goldenrule.training.batches import Item, crop


@dataclass(frozen=True, slots=True)
class Account:
    """A human dialogue and what both people reported afterwards.

    Attributes:
        conversation: two campers with the cards of campsite-v0, their messages, deal messages in canonical form.
        grades: satisfaction of each, 0 (extremely dissatisfied) to 4 (extremely satisfied), an index into `GRADES`;
            `None` where nobody asked.
    """

    conversation: Conversation
    grades: tuple[int, int] | None

    def order(self, seat: int) -> Order:
        """What the person in this seat needs, most first."""
        return parse_card(self.conversation.cards[seat]).order


@dataclass(frozen=True, slots=True)
class HumanConfig:
    """How human dialogues are read.

    Attributes:
        context: longest view, in tokens; longer ones lose their oldest messages.
        lived: chance that a reading is *as lived* rather than *questioned*.
        rename: whether the names of the issues are permuted at random.
        aside: prediction weight of a token that is no answer.
        answer: prediction weight of a token of an answer to a question.
        heard: share of the messages that carry loss at all; leaving some out saves time.
        longest: longest message to learn to say, in tokens.
    """

    context: int = 512
    lived: float = 0.2
    rename: bool = True
    aside: float = 0.05
    answer: float = 1.0
    heard: float = 0.5
    longest: int = 512


WHOLE = 0.5
"""Chance that a questioned reading goes to the end of the dialogue rather than to a random message."""

ALONE = 0.3
"""Chance that at the end only `ASK_HAPPY` is asked, not `ASK_NEED` before it."""

_FACES = {"🙂": " :) ", "😡": " :@ ", "☹️": " :( ", "☹": " :( ", "😮": " :o "}
_WOOD = re.compile(r"\b(?:fire ?-?wood|woods?|fire wood)s?\b")
_CLASSES = (
    ("food", "water", "firewood"),
    ("foods", "waters", "firewoods"),
    ("hungry", "thirsty", "cold"),
    ("hunger", "thirst", "coldness"),
    ("eat", "drink", "burn"),
    ("eating", "drinking", "burning"),
    ("starving", "dehydrated", "freezing"),
    ("starve", "dehydrate", "freeze"),
    ("meals", "hydration", "warmth"),
    ("snacks", "bottles", "sticks"),
    ("cook", "wash", "heat"),
)
_CLASS_OF = {word: (group, k) for group in _CLASSES for k, word in enumerate(group)}
_RENAMED = re.compile(r"\b(?:" + "|".join(sorted(_CLASS_OF, key=len, reverse=True)) + r")\b")


@functools.lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """A human message normalised: lower case, one word for firewood, emoticons in ASCII. Deals stay as they are."""
    if parse_deal(text) is not None:
        return text
    for face, sign in _FACES.items():
        text = text.replace(face, sign)
    text = text.encode("ascii", "ignore").decode() if not text.isascii() else text
    return " ".join(_WOOD.sub("firewood", text.lower()).split()) or "..."


def normalise_account(account: Account) -> Account:
    """The account with all messages and the reasons on the cards normalised."""
    return _rewrite(account, normalise, ISSUES)


def normalise_view(view: View) -> View:
    """The same of what one agent knows."""
    messages = tuple(replace(m, text=normalise(m.text)) for m in view.messages)
    return replace(view, card=_rewrite_card(view.card, normalise, ISSUES), messages=messages)


def rename_account(account: Account, names: Order) -> Account:
    """The account in a world where food, water and firewood are called `names`, in that order."""
    return _rewrite(account, lambda text: rename_text(text, names), names)


def _rewrite(account: Account, change: Callable[[str], str], names: Order) -> Account:
    """The account with `change` applied to messages and reasons, and the needs on the cards called `names`."""
    talk = account.conversation
    cards = tuple(_rewrite_card(card, change, names) for card in talk.cards)
    messages = tuple(replace(m, text=change(m.text)) for m in talk.messages)
    return replace(account, conversation=replace(talk, cards=cards, messages=messages))


def _rewrite_card(card: str, change: Callable[[str], str], names: Order) -> str:
    person = parse_card(card)
    a, b, c = (names[ISSUES.index(issue)] for issue in person.order)
    x, y, z = (change(reason) for reason in person.reasons)
    return Person((a, b, c), (x, y, z)).card()


def rename_text(text: str, names: Order) -> str:
    """`text` with food, water, firewood and the words that go with them exchanged for those of `names`."""
    if names == ISSUES:
        return text
    deal = parse_deal(text)
    if deal is not None and deal.mine is not None:
        moved = dict(zip(names, deal.mine, strict=True))
        return submit((moved["food"], moved["water"], moved["firewood"]))
    to = [ISSUES.index(name) for name in names]

    def other(match: re.Match[str]) -> str:
        group, k = _CLASS_OF[match[0]]
        return group[to[k]]

    return _RENAMED.sub(other, text)


def before_acceptance(view: View) -> View:
    """The view without an acceptance at its end: a deal is asked about before it is closed."""
    last = parse_deal(view.messages[-1].text) if view.messages else None
    return replace(view, messages=view.messages[:-1]) if last is not None and last.kind == "accept" else view


def ask(view: View, question: str) -> View:
    """The view after its owner has asked, before an acceptance."""
    return before_acceptance(view).say(question)


def fit_view(view: View, tokenizer: DialogueTokenizer, limit: int) -> View:
    """The view in `limit` tokens: without its oldest messages, then without the end of its card, the reasons."""

    def too_long() -> bool:
        return len(tokenizer.encode_view(view).ids) > limit

    while len(view.messages) > 1 and too_long():
        view = replace(view, messages=view.messages[1:])
    while view.card and too_long():
        view = replace(view, card=view.card[: len(view.card) * 3 // 4])
    return view


def need_answer(order: Order) -> str:
    """The truthful answer to `ASK_NEED` of someone with these needs."""
    return STATE_ORDER.format(*order)


def question(account: Account, me: int, rng: np.random.Generator) -> tuple[View, int]:
    """The view of seat `me`, cut at random or whole, with questions and true answers; how many messages these are."""
    view, other = account.conversation.seen_by(me), 1 - me
    asked = [(ASK_NEED, need_answer(account.order(other)))]
    if rng.random() >= WHOLE and len(view.messages) > 3:
        view = replace(view, messages=view.messages[: int(rng.integers(2, len(view.messages)))])
    elif account.grades is not None:
        happy = (ASK_HAPPY, GRADES[account.grades[other]])
        asked = [happy] if rng.random() < ALONE else [*asked, happy]
    for words, answer in asked:
        view = ask(view, words).append(Message(other, answer))
    return view, 2 * len(asked)


def account_item(account: Account, tokenizer: DialogueTokenizer, config: HumanConfig, rng: np.random.Generator) -> Item:
    """One reading of a human dialogue, from a random seat, under random names of the issues.

    Args:
        account: normalised (`normalise_account`).
        tokenizer: encodes it.
        config: how it is read.
        rng: draws names, seat, reading, and which messages carry loss.
    """
    if config.rename:
        account = rename_account(account, ORDERS[rng.integers(len(ORDERS))])
    me, added = int(rng.integers(2)), 0
    if rng.random() < config.lived:
        view = account.conversation.seen_by(me)
    else:
        view, added = question(account, me, rng)
    view = fit_view(view, tokenizer, config.context)
    count = len(view.messages)
    heard = rng.random(count) < config.heard
    emphasis = [config.aside * float(h) for h in heard]
    weights = [1.0 if h else None for h in heard]
    for k in range(count - added, count):
        # A question is not something to learn to say: it is asked in imagination alone. The answer is what decides.
        is_answer = view.messages[k].speaker != me
        weights[k], emphasis[k] = None, config.answer * float(is_answer)
    return mask_long_messages(Item(tokenizer.encode_view(view), me, weights, emphasis), config.longest)


def own_answer_item(
    account: Account, tokenizer: DialogueTokenizer, config: HumanConfig, rng: np.random.Generator
) -> Item:
    """The question about needs heard in the other's place, labels switched, and answered from one's own card.

    This is what Naive Kindness asks the behaviour output. Nobody really said it, so that the prediction output does not
    learn from it.
    """
    me = int(rng.integers(2))
    view, _ = question(account, me, rng)
    place = replace(view, messages=view.messages[:-1]).in_the_shoes_of(1 - me)
    said = fit_view(place.say(need_answer(account.order(me))), tokenizer, config.context)
    earlier, silent = [None] * (len(said.messages) - 1), [0.0] * len(said.messages)
    return Item(tokenizer.encode_view(said), 1 - me, [*earlier, 1.0], silent)


def mask_long_messages(item: Item, longest: int) -> Item:
    """The item without behaviour loss on messages of more than `longest` tokens: sampled, they would never end."""
    spans = item.encoded.spans
    weights = [w if span.stop - span.start <= longest else None for w, span in zip(item.weights, spans, strict=True)]
    return replace(item, weights=weights)


Dialogues = Sequence[Account | Conversation]
"""A set of human dialogues: normalised accounts (CaSiNo), or conversations of people without cards (any other)."""


def conversation_item(
    conversation: Conversation, tokenizer: DialogueTokenizer, config: HumanConfig, rng: np.random.Generator
) -> Item:
    """A stretch of a conversation of people without cards, from the seat of one who speaks in it.

    Args:
        conversation: with at least one message.
        tokenizer: encodes it.
        config: longest view and message in tokens, and the prediction weight of what is no answer (`aside`).
        rng: draws where the stretch begins and whose seat it is read from.
    """
    messages = conversation.messages[int(rng.integers(len(conversation.messages))) :]
    me = messages[int(rng.integers(min(2, len(messages))))].speaker
    view = replace(conversation, messages=tuple(replace(m, text=normalise(m.text)) for m in messages)).seen_by(me)
    item = Item(tokenizer.encode_view(view), me, [1.0] * len(view.messages), [config.aside] * len(view.messages))
    return mask_long_messages(crop(item, config.context), config.longest)


def human_items(
    dialogues: Dialogues, tokenizer: DialogueTokenizer, count: int, rng: np.random.Generator, config: HumanConfig
) -> list[Item]:
    """`count` readings of one set of human dialogues, each of a random one.

    Args:
        dialogues: at least one.
        tokenizer: encodes them.
        count: how many readings.
        rng: source of all draws.
        config: how they are read.
    """
    size = len(dialogues)
    # The order of draws is part of what a base is made from: accounts are picked one by one, conversations together.
    one_by_one = isinstance(dialogues[0], Account)
    picks = (rng.integers(size) for _ in range(count)) if one_by_one else rng.integers(size, size=count)
    return [
        account_item(one, tokenizer, config, rng)
        if isinstance(one, Account)
        else conversation_item(one, tokenizer, config, rng)
        for one in (dialogues[int(k)] for k in picks)
    ]


def human_texts(dialogues: Dialogues) -> list[str]:
    """Cards and messages of one set of human dialogues, as they are read here: for the tokenizer."""
    texts: list[str] = []
    for one in dialogues:
        if isinstance(one, Account):
            texts += [*one.conversation.cards, *(message.text for message in one.conversation.messages)]
        else:
            texts += [normalise(message.text) for message in one.messages]
    return texts


def human_dialogues(names: Collection[str]) -> dict[str, Dialogues]:
    """The dialogues of these sets; of CaSiNo without the fold that estimates are judged on.

    Raises:
        DataError: a set is missing or not as expected.
    """
    sets: dict[str, Dialogues] = {name: list(conversations(name)) for name in names if name != "casino"}
    if "casino" in names:
        train, _ = split(load_casino())
        sets["casino"] = [account_of(dialogue) for dialogue in train]
    return sets


def account_of(dialogue: HumanDialogue) -> Account:
    """A dialogue of CaSiNo to learn from, normalised, with the grades of both people's satisfaction."""
    first, second = dialogue.people
    return normalise_account(Account(dialogue.conversation(), (first.satisfaction - 1, second.satisfaction - 1)))


def digest(dialogues: Dialogues) -> dict[str, int | str]:
    """How many dialogues and a hash of what was said in them: which ones they were, without a word of theirs."""
    said = "\x1f".join(human_texts(dialogues)).encode("utf-8", "surrogatepass")
    return {"dialogues": len(dialogues), "blake2b": hashlib.blake2b(said, digest_size=16).hexdigest()}
