"""The human dialogues that a base checkpoint learns from, found, read and handed down to training."""

from __future__ import annotations

from collections.abc import Sequence

from goldenrule.benchmarks.datasets import conversations, load_casino, split
from goldenrule.benchmarks.evaluate_partner import HELD_OUT, account
from goldenrule.training.base import Humans
from goldenrule.training.people_corpus import Dialogues


def human_dialogues(names: Sequence[str]) -> Humans:
    """The dialogues of these sets; of CaSiNo without the fold that estimates are judged on.

    Raises:
        DataError: a set is missing or not as expected.
    """
    return {name: _dialogues(name) for name in names}


def _dialogues(name: str) -> Dialogues:
    if name != "casino":
        return list(conversations(name))
    train, _ = split(load_casino(), HELD_OUT)
    return [account(dialogue) for dialogue in train]
