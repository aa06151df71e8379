"""The human dialogues that a base checkpoint learns from, found, read and handed down to training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from goldenrule.envs.datasets.casino import HumanDialogue, load_casino, split
from goldenrule.envs.datasets.corpora import conversations
from goldenrule.training.pretraining.base_model import Humans
from goldenrule.training.pretraining.human_corpus import Account, Dialogues, plain_account, spoken_texts


def human_dialogues(names: Sequence[str]) -> Humans:
    """The dialogues of these sets; of CaSiNo without the fold that estimates are judged on.

    Raises:
        DataError: a set is missing or not as expected.
    """
    return {name: _dialogues(name) for name in names}


def _dialogues(name: str) -> Dialogues:
    if name != "casino":
        return list(conversations(name))
    train, _ = split(load_casino())
    return [account(dialogue) for dialogue in train]


def account(dialogue: HumanDialogue) -> Account:
    """A dialogue of CaSiNo to learn from, in plain writing, with the grades of both people's satisfaction."""
    first, second = dialogue.people
    return plain_account(Account(dialogue.conversation(), (first.satisfaction - 1, second.satisfaction - 1)))


def digest(dialogues: Dialogues) -> dict[str, int | str]:
    """How many dialogues and a hash of what was said in them: which ones they were, without a word of theirs."""
    said = "\x1f".join(spoken_texts(dialogues)).encode("utf-8", "surrogatepass")
    return {"dialogues": len(dialogues), "blake2b": hashlib.blake2b(said, digest_size=16).hexdigest()}
