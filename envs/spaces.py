"""`Utterance`: the space of texts.

Gymnasium's own `Text` needs a character set and takes seconds to build over Unicode; this one is an upper
length and a small set of words to sample from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Space

from goldenrule.common.text import kind_of

_WORDS = (
    "yes no maybe I you we thank sorry why what need want help hear know think food water wood box basket here there"
    " grün 水 🙂 naïve <b>"
).split()


class Utterance(Space[str]):
    """Any Unicode text of `min_length` to `max_length` characters that can be encoded as UTF-8."""

    def __init__(
        self, max_length: int = 2000, min_length: int = 1, seed: int | np.random.Generator | None = None
    ) -> None:
        self.max_length = max_length
        self.min_length = min_length
        super().__init__(shape=None, dtype=None, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Texts have no array form."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A few random words: nonsense on purpose, to see how a scenario takes it."""
        count = int(self.np_random.integers(1, 7))
        picks = self.np_random.integers(0, len(_WORDS), size=count)
        return " ".join(_WORDS[i] for i in picks)[: self.max_length]

    def contains(self, x: Any) -> bool:
        """Whether `x` is a text that may be said here."""
        return self.problem(x) is None

    def problem(self, x: Any) -> str | None:
        """What is wrong with `x` as an utterance, in words, or `None`."""
        if not isinstance(x, str):
            return f"{kind_of(x)} was given; expected text (str)"
        if len(x) < self.min_length:
            return "an empty text was given; expected at least one character"
        if len(x) > self.max_length:
            return f"a text of {len(x)} characters was given; expected at most {self.max_length}"
        if x.isascii():
            return None
        try:
            x.encode("utf-8")
        except UnicodeEncodeError:
            return "a text with a lone surrogate was given; expected text that UTF-8 can encode"
        return None

    def __repr__(self) -> str:
        return f"Utterance({self.min_length}, {self.max_length})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Utterance) and self.max_length == other.max_length and self.min_length == other.min_length
        )

    __hash__ = None  # type: ignore[assignment]  # mutable, like every Gymnasium space
