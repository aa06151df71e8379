"""The text-only reference: a ridge regression on TF-IDF of the whole dialogue, trained on the figures themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goldenrule.envs.datasets.casino import FOLDS, HumanDialogue, fold

Array = NDArray[np.float64]
_WORD = re.compile(r"[a-z']+|[0-9]|[^\sa-z0-9]")


def tfidf(train: Sequence[Counter[str]], test: Sequence[Counter[str]], least: int = 3) -> tuple[Array, Array]:
    """Rows of unit length: (1 + log count) * log(n / documents with the word), words of `least` documents or more.

    The words and their weights come from `train` alone.
    """
    documents = Counter(word for count in train for word in count)
    words = {word: k for k, word in enumerate(sorted(w for w, n in documents.items() if n >= least))}
    weight = np.array([np.log(len(train) / documents[word]) + 1.0 for word in words])

    def rows(found: Sequence[Counter[str]]) -> Array:
        table = np.zeros((len(found), len(words)))
        for row, count in enumerate(found):
            for word, n in count.items():
                if word in words:
                    table[row, words[word]] = 1.0 + np.log(n)
        table *= weight
        return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)

    return rows(train), rows(test)


def ridge(x: Array, y: Array, test: Array, penalty: float = 3.0) -> Array:
    """Predictions for `test` by the ridge regression of y [n] on x [n, words], in its dual form."""
    mean, level = x.mean(0), float(y.mean())
    centred = x - mean
    dual = np.linalg.solve(centred @ centred.T + penalty * np.eye(len(x)), y - level)
    return np.asarray((test - mean) @ (centred.T @ dual) + level, dtype=float)


def ridge_estimates(dialogues: Sequence[HumanDialogue]) -> dict[str, Array] | None:
    """`points` and `satisfaction` of both people [n, 2], each by a regression that has not seen their dialogue.

    Words of the person whose figure it is and words of the other count as different words. `None` where there are too
    few dialogues for the folds.
    """
    folds = np.array([fold(d.id) for d in dialogues])
    if len(set(folds)) < 2 or len(dialogues) < 2 * FOLDS:
        return None
    people = [d.people[seat] for d in dialogues for seat in (0, 1)]
    texts = [_words(d, seat) for d in dialogues for seat in (0, 1)]
    place = np.repeat(folds, 2)
    targets = {"points": [p.points for p in people], "satisfaction": [p.satisfaction for p in people]}
    found = {name: np.zeros(len(people)) for name in targets}
    for held_out in sorted(set(folds)):
        train, test = np.flatnonzero(place != held_out), np.flatnonzero(place == held_out)
        x, z = tfidf([texts[i] for i in train], [texts[i] for i in test])
        for name, values in targets.items():
            found[name][test] = ridge(x, np.asarray(values, dtype=float)[train], z)
    return {name: values.reshape(-1, 2) for name, values in found.items()}


def _words(dialogue: HumanDialogue, seat: int) -> Counter[str]:
    """How often each word was said by whom."""
    return Counter(
        f"{'own' if line.speaker == seat else 'other'} {word}"
        for line in dialogue.lines
        for word in _WORD.findall(line.text.lower())
    )
