"""Human dialogues to learn from: what people said, and what campers would have answered if asked.

Two readings of one campsite dialogue, both by [T] Algorithm 1/5 (losses and routing of `pretrain`):
- *imagined*: from one person's seat, cut anywhere or read to the end, that person asks `ASK_NEED` (and at the end
  `ASK_HAPPY`), and the partner answers with the truth: the needs on the card that the reader does not see, and the
  satisfaction the partner told afterwards. The answers are targets of the prediction output alone, so that it learns
  to imagine what the other would say. They are the only place where what people did not say enters.
- *lived*: from the partner's seat with the partner's own card: how someone with that card speaks.

A few hundred dialogues are few. Nothing about the world depends on the names of the issues, so each reading renames
them at random, in texts, cards and deals alike: six times the data. Words that go with an issue (thirsty, cold, ...)
are renamed along with it.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.datasets.corpora import conversations as load_conversations
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
from goldenrule.training.batches import Item, cropped


@dataclass(frozen=True, slots=True)
class Account:
    """A human dialogue and what both people told afterwards.

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
        lived: chance that a reading is *lived* rather than *imagined*.
        whole: chance that an imagined reading goes to the end of the dialogue rather than to a random message.
        rename: whether issues are renamed at random.
        aside: weight of a token that is no answer.
        answer: weight of a token of an answer in imagination.
        heard: share of the messages that carry loss at all; leaving some out saves time.
        longest: longest message to learn to say, in tokens.
    """

    context: int = 512
    lived: float = 0.2
    whole: float = 0.5
    rename: bool = True
    aside: float = 0.05
    answer: float = 1.0
    heard: float = 0.5
    longest: int = 512


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
def plain(text: str) -> str:
    """A human message in plainer writing: lower case, one word for firewood, faces as signs. Deals stay as they are."""
    if parse_deal(text) is not None:
        return text
    for face, sign in _FACES.items():
        text = text.replace(face, sign)
    text = text.encode("ascii", "ignore").decode() if not text.isascii() else text
    return " ".join(_WOOD.sub("firewood", text.lower()).split()) or "..."


def plain_account(account: Account) -> Account:
    """The account with every message, and the reasons on the cards, in plainer writing."""
    talk = account.conversation
    cards = tuple(_plain_card(card) for card in talk.cards)
    return replace(account, conversation=replace(talk, cards=cards, messages=tuple(map(_plain_message, talk.messages))))


def plain_view(view: View) -> View:
    """The same of what one agent knows."""
    return replace(view, card=_plain_card(view.card), messages=tuple(map(_plain_message, view.messages)))


def _plain_card(card: str) -> str:
    person = parse_card(card)
    first, second, third = (plain(reason) for reason in person.reasons)
    return Person(person.order, (first, second, third)).card()


def _plain_message(message: Message) -> Message:
    return replace(message, text=plain(message.text))


def renamed(account: Account, names: Order) -> Account:
    """The account in a world where food, water and firewood are called `names`, in that order."""
    talk = account.conversation
    cards = []
    for card in talk.cards:
        person = parse_card(card)
        a, b, c = (names[ISSUES.index(issue)] for issue in person.order)
        x, y, z = (rename(reason, names) for reason in person.reasons)
        cards.append(Person((a, b, c), (x, y, z)).card())
    messages = tuple(replace(m, text=rename(m.text, names)) for m in talk.messages)
    return replace(account, conversation=replace(talk, cards=tuple(cards), messages=messages))


def rename(text: str, names: Order) -> str:
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
    """The view without an acceptance at its end: questions about a deal come before it."""
    last = parse_deal(view.messages[-1].text) if view.messages else None
    return replace(view, messages=view.messages[:-1]) if last is not None and last.kind == "accept" else view


def ask(view: View, question: str) -> View:
    """The view after its owner has asked, before an acceptance."""
    return before_acceptance(view).say(question)


def tell(view: View, other: int, answer: str) -> View:
    """The view after another's answer."""
    return view.append(Message(other, answer))


def fitted(view: View, tokenizer: DialogueTokenizer, limit: int) -> View:
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


def imagined(account: Account, me: int, rng: np.random.Generator, config: HumanConfig) -> tuple[View, int]:
    """The partner's true answers as the person in seat `me` would hear them; how many messages were added."""
    view, other = account.conversation.seen_by(me), 1 - me
    need = need_answer(account.order(other))
    if rng.random() >= config.whole and len(view.messages) > 3:
        cut = int(rng.integers(2, len(view.messages)))
        return tell(ask(replace(view, messages=view.messages[:cut]), ASK_NEED), other, need), 2
    if account.grades is None:
        return tell(ask(view, ASK_NEED), other, need), 2
    happy = GRADES[account.grades[other]]
    if rng.random() < 0.3:
        return tell(ask(view, ASK_HAPPY), other, happy), 2
    return tell(ask(tell(ask(view, ASK_NEED), other, need), ASK_HAPPY), other, happy), 4


def human_item(account: Account, tokenizer: DialogueTokenizer, config: HumanConfig, rng: np.random.Generator) -> Item:
    """One reading of a human dialogue, from a random seat, under random names of the issues.

    Args:
        account: in plain writing (`plain_account`).
    """
    if config.rename:
        account = renamed(account, ORDERS[rng.integers(len(ORDERS))])
    me, added = int(rng.integers(2)), 0
    if rng.random() < config.lived:
        view = account.conversation.seen_by(me)
    else:
        view, added = imagined(account, me, rng, config)
    view = fitted(view, tokenizer, config.context)
    count = len(view.messages)
    heard = rng.random(count) < config.heard
    emphasis = [config.aside * float(h) for h in heard]
    weights = [float(h) for h in heard]
    for k in range(count - added, count):
        # The question is mine to ask when I imagine, not something to learn to say; the answer is what decides.
        answer = view.messages[k].speaker != me
        weights[k], emphasis[k] = 0.0, config.answer * float(answer)
    return sayable(Item(tokenizer.encode_view(view), me, weights, emphasis), config.longest)


def own_answer_item(
    account: Account, tokenizer: DialogueTokenizer, config: HumanConfig, rng: np.random.Generator
) -> Item:
    """The question about needs heard in the other's place, labels switched, and answered from one's own card.

    What Naive Kindness asks the behaviour output, which alone learns from it: nobody really said it.
    """
    me = int(rng.integers(2))
    view, _ = imagined(account, me, rng, config)
    place = replace(view, messages=view.messages[:-1]).in_the_shoes_of(1 - me)
    said = fitted(place.say(need_answer(account.order(me))), tokenizer, config.context)
    silent = [0.0] * len(said.messages)
    return Item(tokenizer.encode_view(said), 1 - me, [*silent[:-1], 1.0], silent)


def sayable(item: Item, longest: int) -> Item:
    """The item without behaviour loss on messages longer than one can say: learnt from, they would never end."""
    spans = item.encoded.spans
    weights = [w if span.stop - span.start <= longest else 0.0 for w, span in zip(item.weights, spans, strict=True)]
    return replace(item, weights=weights)


def human_items(
    accounts: Sequence[Account],
    tokenizer: DialogueTokenizer,
    count: int,
    rng: np.random.Generator,
    config: HumanConfig | None = None,
) -> list[Item]:
    """`count` readings of human dialogues, each of a random one.

    Args:
        accounts: in plain writing (`plain_account`).
        rng: source of all draws: dialogue, seat, names, cut.
    """
    config = config or HumanConfig()
    return [human_item(accounts[int(rng.integers(len(accounts)))], tokenizer, config, rng) for _ in range(count)]


def human_texts(accounts: Sequence[Account]) -> list[str]:
    """Cards and messages, for the tokenizer: those of the accounts given and no others."""
    return [text for a in accounts for text in (*a.conversation.cards, *(m.text for m in a.conversation.messages))]


# Sets of human dialogues. Talk other than of campers has no cards and no outcome: every message is a target of both
# outputs, as [T] Algorithms 1/5 and 3 read conversations.

Dialogues = Sequence[Account | Conversation]
"""One set: accounts in plain writing, or conversations."""


def spoken_item(
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
    view = replace(conversation, messages=tuple(replace(m, text=plain(m.text)) for m in messages)).seen_by(me)
    item = Item(tokenizer.encode_view(view), me, [1.0] * len(view.messages), [config.aside] * len(view.messages))
    return sayable(cropped(item, config.context), config.longest)


def spoken_items(
    conversations: Sequence[Conversation],
    tokenizer: DialogueTokenizer,
    count: int,
    rng: np.random.Generator,
    config: HumanConfig,
) -> list[Item]:
    """`count` stretches of human conversations; all messages are targets of both outputs, as far as seats allow."""
    picks = rng.integers(len(conversations), size=count)
    return [spoken_item(conversations[int(k)], tokenizer, config, rng) for k in picks]


def read_people(
    dialogues: Dialogues,
    tokenizer: DialogueTokenizer,
    count: int,
    rng: np.random.Generator,
    config: HumanConfig,
) -> list[Item]:
    """`count` readings of one set of human dialogues: accounts as `human_items`, others as `spoken_items`."""
    accounts = [one for one in dialogues if isinstance(one, Account)]
    if accounts:
        return human_items(accounts, tokenizer, count, rng, config)
    return spoken_items([one for one in dialogues if isinstance(one, Conversation)], tokenizer, count, rng, config)


def spoken_texts(dialogues: Dialogues) -> list[str]:
    """What is written in one set of human dialogues, as it is read here: for the tokenizer."""
    accounts = [one for one in dialogues if isinstance(one, Account)]
    talks = [one for one in dialogues if isinstance(one, Conversation)]
    return [*human_texts(accounts), *(plain(m.text) for talk in talks for m in talk.messages)]


def human_dialogues(names: Sequence[str]) -> Mapping[str, Dialogues]:
    """The dialogues of these sets; of CaSiNo without the fold that estimates are judged on.

    Raises:
        DataError: a set is missing or not as expected.
    """
    return {name: _load(name) for name in names}


def _load(name: str) -> Dialogues:
    if name != "casino":
        return list(load_conversations(name))
    train, _ = split(load_casino())
    return [account_of(dialogue) for dialogue in train]


def account_of(dialogue: HumanDialogue) -> Account:
    """A dialogue of CaSiNo to learn from, in plain writing, with the grades of both people's satisfaction."""
    first, second = dialogue.people
    return plain_account(Account(dialogue.conversation(), (first.satisfaction - 1, second.satisfaction - 1)))


def digest(dialogues: Dialogues) -> dict[str, int | str]:
    """How many dialogues and a hash of what was said in them: which ones they were, without a word of theirs."""
    said = "\x1f".join(spoken_texts(dialogues)).encode("utf-8", "surrogatepass")
    return {"dialogues": len(dialogues), "blake2b": hashlib.blake2b(said, digest_size=16).hexdigest()}
