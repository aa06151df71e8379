"""How well does an agent's estimate of its partner's reward rank what real people got and felt?

Real negotiations of CaSiNo, of which the true points and the satisfaction of both people are known. Every person is
estimated from the other's place (`estimates`), by an agent that has not learnt from the dialogue (`split`), and
intervals are by bootstrap over dialogues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goldenrule.benchmarks.statistics import Estimate
from goldenrule.benchmarks.studies.partner_reward.baselines import (
    mean_over_dialogues,
    my_reward_is_yours,
    over_dialogues,
    ridge_estimates,
    spearman,
    spearman_both,
)
from goldenrule.benchmarks.studies.partner_reward.estimates import (
    EQUAL_NEEDS,
    FROM_POINTS,
    ONE_REPLY,
    PREDICTION,
    TEXT,
    YOURS,
    Array,
    Estimates,
    estimate,
    joined,
    packages_of,
)
from goldenrule.benchmarks.studies.partner_reward.split import Share, Trained, shares
from goldenrule.common.errors import UserError
from goldenrule.envs.registry import SHARE
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue
from goldenrule.envs.scenarios.campsite.language import ISSUES, Packages

OVER_EQUAL, OVER_YOURS = "over_equal_needs", "over_my_reward"
YOURS_OF_ALL = "my_reward_of_all"
MEANING = {
    PREDICTION: "the agent's own simulated answers, weighed by their probability",
    ONE_REPLY: "the same from a single sampled answer",
    YOURS: "my reward is yours: one's own figure",
    YOURS_OF_ALL: "the same over all dialogues of the folder: it learns nothing",
    EQUAL_NEEDS: "the deal alone: every package counts the same",
    TEXT: "ridge regression on TF-IDF of the dialogue, trained on the figures of others",
    FROM_POINTS: "the agent's own estimate of the partner's points",
    OVER_EQUAL: "prediction less equal_needs, by the same resamples",
    OVER_YOURS: "prediction less my_reward_is_yours, by the same resamples",
    "most_packages": "what the partner got most packages of",
    "majority": "the commonest top need of the people learnt from",
    "chance": "one in three",
}


def evaluate_partner(trained: Sequence[Trained], dialogues: Sequence[HumanDialogue], seed: int) -> dict[str, Any]:
    """Judge networks on dialogues they have not learnt from.

    Args:
        trained: one network, or several that have held out a fold each: every dialogue is judged by the first that has
            not learnt from it, and the figures are of all these dialogues together. Estimates of different networks are
            ranked on one scale, which can only cost.
        dialogues: all that are in the folder.
        seed: of the sampled replies and the bootstrap.

    Returns:
        `split` (with `networks`: what each learnt from, is judged on and reaches alone), `rows` (a row a figure and
        estimator: value with its 95% interval, `None` with a reason where it cannot be had), and `people` (a row a
        person: estimates beside the truth).

    Raises:
        UserError: no dialogue is left to judge on.
    """
    found_shares = shares(dialogues, [provenance for _, _, provenance in trained])
    parts = [(loaded, share) for loaded, share in zip(trained, found_shares, strict=True) if share.test]
    if not parts:
        raise UserError(
            f"all {len(dialogues)} dialogues were trained on; expected some to judge on: name another --data-dir or "
            "--checkpoint"
        )
    ridge = ridge_estimates(dialogues)
    each = []
    for (network, tokenizer, _), share in parts:
        found = estimate(network, tokenizer, share.test, seed)
        _add_text(found, ridge, [dialogues.index(d) for d in share.test])
        each.append(found)
    test = [d for _, share in parts for d in share.test]
    commonest = [share.commonest for _, share in parts for _ in share.test]
    everyone = joined(each)
    split = {
        "unit": "dialogue",
        "test_dialogues": len(test),
        "test_people": 2 * len(test),
        "seed": seed,
        "networks": [
            {**share.as_dict(), "alone": _alone(found, share)} for (_, share), found in zip(parts, each, strict=True)
        ],
    }
    yours = my_reward_is_yours(dialogues, seed)
    rows = [
        *_ranks("points", everyone.points, _truth(test, "points"), seed),
        _row("points", YOURS_OF_ALL, "spearman", yours["points"]),
        *_ranks("satisfaction", everyone.satisfaction, _truth(test, "satisfaction"), seed),
        _row("satisfaction", YOURS_OF_ALL, "spearman", yours["satisfaction"]),
        *_top_needs(everyone, test, commonest, seed),
    ]
    return {"split": split, "rows": rows, "people": _people(everyone, test)}


def _alone(found: Estimates, share: Share) -> dict[str, float | None]:
    """What the prediction of one network reaches on its own share; `None` where that is not defined."""
    top = np.array([[ISSUES.index(p.person.order[0]) for p in d.people] for d in share.test])
    reached = {
        figure: spearman(np.stack([values[PREDICTION].ravel(), _truth(share.test, figure).ravel()], axis=1))
        for figure, values in (("points", found.points), ("satisfaction", found.satisfaction))
    }
    reached["top_need"] = float((found.tops.argmax(2) == top).mean())
    return {figure: value if np.isfinite(value) else None for figure, value in reached.items()}


def _add_text(found: Estimates, ridge: Mapping[str, Array] | None, place: Sequence[int]) -> None:
    """The text-only reference of these dialogues, by folds over all dialogues of the folder."""
    nothing = np.full((len(place), 2), np.nan)
    found.points[TEXT] = nothing if ridge is None else ridge["points"][place]
    found.satisfaction[TEXT] = nothing if ridge is None else ridge["satisfaction"][place]


def _truth(dialogues: Sequence[HumanDialogue], figure: str) -> Array:
    return np.array([[getattr(p, figure) for p in d.people] for d in dialogues], dtype=float)


def _ranks(figure: str, estimates: Mapping[str, Array], truth: Array, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name, values in estimates.items():
        table = np.stack([values[:, 0], truth[:, 0], values[:, 1], truth[:, 1]], axis=1)
        had = np.isfinite(values).all(1)
        result = over_dialogues(table[had], spearman_both, seed=seed, name=f"{figure} {name}")
        row = _row(figure, name, "spearman", result)
        row["without_estimate"] = int((~had).sum())
        rows.append(row)
    for name, other in ((OVER_EQUAL, EQUAL_NEEDS), (OVER_YOURS, YOURS)):
        table = np.stack([estimates[PREDICTION], estimates[other], truth], axis=2)
        result = over_dialogues(table, _gain, seed=seed, name=f"{figure} {name}")
        rows.append(_row(figure, name, "difference of spearman", result))
    return rows


def _gain(table: Array) -> float:
    """Spearman of the first less that of the second column with the third; `table` [n, 2, 3]."""
    flat = table.reshape(-1, 3)
    return spearman(flat[:, [0, 2]]) - spearman(flat[:, [1, 2]])


def _top_needs(
    found: Estimates, dialogues: Sequence[HumanDialogue], commonest: Sequence[str | None], seed: int
) -> list[dict[str, Any]]:
    truth = np.array([[ISSUES.index(p.person.order[0]) for p in d.people] for d in dialogues])
    most = np.array([[_shares(packages_of(d, seat)) for seat in (0, 1)] for d in dialogues])
    common = np.array([np.nan if issue is None else ISSUES.index(issue) for issue in commonest])[:, None]
    hits = {
        PREDICTION: (found.tops.argmax(2) == truth).astype(float),
        "most_packages": np.take_along_axis(most, truth[..., None], 2)[..., 0],
        "majority": np.where(np.isnan(common), np.nan, truth == common),
    }
    chance = Estimate(1 / len(ISSUES), None, None, len(dialogues), "exact")
    return [
        *(
            _row("top_need", name, "accuracy", mean_over_dialogues(table, f"top_need {name}", seed, SHARE))
            for name, table in hits.items()
        ),
        _row("top_need", "chance", "accuracy", chance),
    ]


def _shares(got: Packages | None) -> list[float]:
    """The chance of each issue to be guessed by someone who guesses what most packages were got of, ties evenly."""
    counts = got or (1, 1, 1)
    most = [float(count == max(counts)) for count in counts]
    return [share / sum(most) for share in most]


def _row(figure: str, name: str, measure: str, result: Estimate) -> dict[str, Any]:
    return {
        "figure": figure,
        "estimate": name,
        "measure": measure,
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "no_interval": None if result.value is None else result.reason,
        "dialogues": result.units,
        "status": "failed" if result.value is None else "done",
        "error": result.reason if result.value is None else None,
    }


def _people(found: Estimates, dialogues: Sequence[HumanDialogue]) -> list[dict[str, Any]]:
    return [
        {
            "dialogue": dialogue.id,
            "seat": seat,
            "points": dialogue.people[seat].points,
            "points_estimate": float(found.points[PREDICTION][k, seat]),
            "satisfaction": dialogue.people[seat].satisfaction,
            "satisfaction_estimate": float(found.satisfaction[PREDICTION][k, seat]),
            "needs": list(dialogue.people[seat].person.order),
            "top_need_estimate": dict(zip(ISSUES, map(float, found.tops[k, seat]), strict=True)),
            "simulated_reply": found.replies[k][seat],
        }
        for k, dialogue in enumerate(dialogues)
        for seat in (0, 1)
    ]
