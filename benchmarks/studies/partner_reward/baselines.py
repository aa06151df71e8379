"""What estimates are compared with: what people reached, and a text-only ridge regression; intervals over dialogues."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import rankdata

from goldenrule.benchmarks.statistics import Estimate
from goldenrule.benchmarks.statistics.bootstrap import Statistic, estimate, mean_of, statistic_of
from goldenrule.benchmarks.statistics.intervals import UNBOUNDED, Bounds
from goldenrule.benchmarks.statistics.scores import Array
from goldenrule.common.data import DataError
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator
from goldenrule.envs.registry import ScenarioSpec, spec
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue
from goldenrule.envs.scenarios.campsite.participants import FOLDS, fold

RESAMPLES = 1000
_WORD = re.compile(r"[a-z']+|[0-9]|[^\sa-z0-9]")
PENALTY, LEAST_DOCUMENTS = 3.0, 3
UNDEFINED = "not defined on these dialogues: no estimates, or no variation"


def over_dialogues(rows: Array, function: Callable[[Array], float], *, seed: int = 0, name: str = "") -> Estimate:
    """A function of `rows` (one row a dialogue) with its 95% BCa interval over dialogues; none where it is not defined.

    Both people of a dialogue are resampled together.
    """
    if not len(rows) or not np.isfinite(value := float(function(rows))):
        return Estimate(None, None, None, len(rows), UNDEFINED)
    # A resample in which the function is not defined (one dialogue many times) tells as much as the sample itself.
    statistic = statistic_of(rows, lambda drawn: one if np.isfinite(one := function(drawn)) else value)
    return _estimate(statistic, len(rows), seed, name, UNBOUNDED)


def mean_over_dialogues(rows: Array, name: str, seed: int, bounds: Bounds = UNBOUNDED) -> Estimate:
    """Mean of all values of `rows` with its interval over dialogues."""
    if not len(rows) or not np.isfinite(rows).all():
        return Estimate(None, None, None, len(rows), UNDEFINED)
    return _estimate(mean_of(rows.reshape(len(rows), -1).mean(axis=1)), len(rows), seed, name, bounds)


def _estimate(statistic: Statistic, n: int, seed: int, name: str, bounds: Bounds) -> Estimate:
    rng = generator(seed, "bootstrap", name)
    (found,) = estimate(statistic, np.zeros(n, dtype=np.intp), RESAMPLES, rng, bounds=bounds)
    return replace(found, reason=found.reason and found.reason.replace("seeds", "dialogues"))


def rank_correlation(estimates: Array, truth: Array, seed: int = 0, name: str = "") -> Estimate:
    """Spearman of estimates with the truth over all people `[dialogues, 2]`; dialogues without an estimate left out."""
    rows = np.stack([estimates, truth], axis=2)[np.isfinite(estimates).all(axis=1)]
    return over_dialogues(rows, lambda drawn: spearman(drawn.reshape(-1, 2)), seed=seed, name=name)


def spearman(pairs: Array) -> float:
    """Spearman's rank correlation of two columns, ties by mean rank; NaN where a column is constant."""
    a, b = rankdata(pairs[:, 0]), rankdata(pairs[:, 1])
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else float("nan")


def human_metrics(scenario: ScenarioSpec, reached: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Estimate]:
    """Means of a scenario's own metrics as people reached them (`HumanReference.reached`), intervals by dialogue.

    Metrics that have no human counterpart are left out; those without a value in a dialogue, over the others.
    """
    ranges = {} if scenario.metrics is None else scenario.metrics.ranges
    counterparts = {name for one in reached for name in one}
    found = {}
    for name, within in ranges.items():
        if name in counterparts:
            values = np.array([one[name] for one in reached if one[name]], dtype=float)
            found[name] = mean_over_dialogues(values, name, 0, within)
    return found


def human_reference(scenario: str) -> dict[str, Any] | None:
    """What people reached in the dialogues that a scenario is made of; `None` for scenarios without such dialogues.

    Keys: `data`, `dialogues`, `figures` (as in the table; none without the data) and `reason`.
    """
    known = spec(scenario)
    if known.human is None:
        return None
    try:
        reached = known.human.reached()
    except DataError as error:
        return {"data": known.human.data, "dialogues": 0, "figures": {}, "reason": str(error)}
    figures = {
        name: {"mean": one.value, "low": one.low, "high": one.high, "n": one.units}
        for name, one in human_metrics(known, reached).items()
    }
    return {"data": known.human.data, "dialogues": len(reached), "figures": figures, "reason": None}


def ridge_estimates(dialogues: Sequence[HumanDialogue]) -> dict[str, Array] | None:
    """`points` and `satisfaction` of both people [n, 2] by ridge regression on TF-IDF of the whole dialogue.

    Each by a regression on the other folds. Words of the person whose figure it is and words of the other count as
    different words. `None` where there are too few dialogues for the folds.

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
