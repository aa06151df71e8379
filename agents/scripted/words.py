"""What scripts of several scenarios have in common: picking phrases, and words without a meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of `options`, each as likely."""
    return options[int(rng.integers(len(options)))]


def scramble(words: list[str], rng: np.random.Generator) -> str:
    """Two to eight of `words`, which are put into another order, in that order."""
    rng.shuffle(words)
    return " ".join(words[: int(rng.integers(2, 9))])
