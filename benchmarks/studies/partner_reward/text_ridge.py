"""The text-only reference: a ridge regression on TF-IDF of the whole dialogue, trained on the figures themselves.

Needs scikit-learn, the extra `human`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goldenrule.common.errors import UserError
from goldenrule.envs.scenarios.campsite.casino import FOLDS, HumanDialogue, fold

Array = NDArray[np.float64]
_WORD = re.compile(r"[a-z']+|[0-9]|[^\sa-z0-9]")
PENALTY, LEAST_DOCUMENTS = 3.0, 3


def ridge_estimates(dialogues: Sequence[HumanDialogue]) -> dict[str, Array] | None:
    """`points` and `satisfaction` of both people [n, 2], each by a regression that has not seen their dialogue.

    Words of the person whose figure it is and words of the other count as different words. `None` where there are too
    few dialogues for the folds.

    Raises:
        UserError: scikit-learn is not installed.
    """
    folds = np.array([fold(d.id) for d in dialogues])
    if len(set(folds)) < 2 or len(dialogues) < 2 * FOLDS:
        return None
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import Ridge
    except ImportError as error:
        raise UserError(
            "the text-only reference needs scikit-learn, which is not installed; pip install 'goldenrule[human]'"
        ) from error
    people = [d.people[seat] for d in dialogues for seat in (0, 1)]
    texts = [_words(d, seat) for d in dialogues for seat in (0, 1)]
    targets = np.array([(p.points, p.satisfaction) for p in people], dtype=np.float64)
    place, found = np.repeat(folds, 2), np.zeros_like(targets)
    for held_out in sorted(set(folds)):
        train, test = np.flatnonzero(place != held_out), np.flatnonzero(place == held_out)
        tfidf = TfidfVectorizer(
            analyzer=lambda words: words, min_df=LEAST_DOCUMENTS, sublinear_tf=True, smooth_idf=False
        )
        ridge = Ridge(alpha=PENALTY).fit(tfidf.fit_transform([texts[i] for i in train]), targets[train])
        found[test] = ridge.predict(tfidf.transform([texts[i] for i in test]))
    return {name: found[:, k].reshape(-1, 2) for k, name in enumerate(("points", "satisfaction"))}


def _words(dialogue: HumanDialogue, seat: int) -> list[str]:
    """Every word with who said it."""
    return [
        f"{'own' if line.speaker == seat else 'other'} {word}"
        for line in dialogue.lines
        for word in _WORD.findall(line.text.lower())
    ]
