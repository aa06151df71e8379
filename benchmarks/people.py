"""The human dialogues that a base checkpoint learns from, found, read and handed down to training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from goldenrule.benchmarks.datasets import DataError, conversations, load_casino, split
from goldenrule.benchmarks.evaluate_partner import HELD_OUT, account
from goldenrule.envs.data import VARIABLE
from goldenrule.training.base import Humans
from goldenrule.training.people_corpus import Dialogues


@contextmanager
def data_at(folder: Path | None) -> Iterator[None]:
    """Human data is looked for in `folder`, which holds one folder a set, while this lasts.

    Raises:
        DataError: there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise DataError(f"no folder {str(folder)!r}; expected the folder above casino and the like")
    before = os.environ.get(VARIABLE)
    if folder is not None:
        os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        if folder is not None:
            os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})


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
