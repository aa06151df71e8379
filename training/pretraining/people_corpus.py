"""Sets of human dialogues to learn to talk from: campsite negotiations as accounts, any other talk as it is.

Other talk has no cards and no outcome: every message is a target of both outputs, as [T] Algorithms 1/5 and 3 read
conversations. A reading is a stretch of a conversation from the seat of one who speaks in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.envs.conversation import Conversation
from goldenrule.training.batches import Item, cropped
from goldenrule.training.pretraining.human_corpus import (
    Account,
    HumanConfig,
    human_items,
    human_texts,
    plain,
    sayable,
)

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
