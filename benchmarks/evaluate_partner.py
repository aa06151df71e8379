"""How well does an agent's estimate of its partner's reward rank what real people got and felt?

Real negotiations of CaSiNo, of which the true points and the satisfaction of both people are known. Every person is
estimated from the other's place (`partner_estimates`), by an agent that has not learnt from the dialogue
(`partner_split`), and intervals are by bootstrap over dialogues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.datasets.casino import HumanDialogue
from goldenrule.benchmarks.datasets.figures import Estimate, bootstrap, spearman, spearman_both
from goldenrule.benchmarks.datasets.text_ridge import ridge_estimates
from goldenrule.benchmarks.partner_estimates import (
    EQUAL_NEEDS,
    FROM_POINTS,
    ONE_REPLY,
    PREDICTION,
    TEXT,
    YOURS,
    Array,
    Estimates,
    estimate,
    packages_of,
)
from goldenrule.benchmarks.partner_split import unseen
from goldenrule.envs.scenarios.campsite_words import ISSUES, Packages

OVER_EQUAL, OVER_YOURS = "over_equal_needs", "over_my_reward"
MEANING = {
    PREDICTION: "the agent's own simulated answers, weighed by their probability",
    ONE_REPLY: "the same from a single sampled answer",
    YOURS: "my reward is yours: one's own figure",
    EQUAL_NEEDS: "the deal alone: every package counts the same",
    TEXT: "ridge regression on TF-IDF of the dialogue, trained on the figures of others",
    FROM_POINTS: "the agent's own estimate of the partner's points",
    OVER_EQUAL: "prediction less equal_needs, by the same resamples",
    OVER_YOURS: "prediction less my_reward_is_yours, by the same resamples",
    "most_packages": "what the partner got most packages of",
    "majority": "the commonest top need of the people learnt from",
    "chance": "one in three",
}


def evaluate_partner(
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    provenance: Mapping[str, Any],
    dialogues: Sequence[HumanDialogue],
    seed: int,
) -> dict[str, Any]:
    """Judge a network on the dialogues it has not learnt from.

    Args:
        provenance: of its checkpoint; `provenance["human"]` says which dialogues it has learnt from.
        dialogues: all that are in the folder.
        seed: of the sampled replies and the bootstrap.

    Returns:
        `split`, `rows` (a row a figure and estimator: value with its 95% interval, `None` with a reason where it cannot
        be had), and `people` (a row a person: estimates beside the truth).

    Raises:
        ValueError: no dialogue is left to judge on.
    """
    parts = unseen(dialogues, provenance)
    if not parts.test:
        raise ValueError(
            f"all {len(dialogues)} dialogues were trained on; expected some to judge on: name another --data-dir or "
            "--checkpoint"
        )
    found = estimate(network, tokenizer, parts.test, seed)
    _add_text(found, dialogues, parts.test)
    rows = [
        *_ranks("points", found.points, _truth(parts.test, "points"), seed),
        *_ranks("satisfaction", found.satisfaction, _truth(parts.test, "satisfaction"), seed),
        *_top_needs(found, parts.test, provenance, seed),
    ]
    return {"split": parts.as_dict(seed), "rows": rows, "people": _people(found, parts.test)}


def _add_text(found: Estimates, dialogues: Sequence[HumanDialogue], test: Sequence[HumanDialogue]) -> None:
    """The text-only reference, by folds over all dialogues of the folder, on the test dialogues."""
    ridge = ridge_estimates(dialogues)
    place = [dialogues.index(d) for d in test]
    nothing = np.full((len(test), 2), np.nan)
    found.points[TEXT] = nothing if ridge is None else ridge["points"][place]
    found.satisfaction[TEXT] = nothing if ridge is None else ridge["satisfaction"][place]


def _truth(dialogues: Sequence[HumanDialogue], figure: str) -> Array:
    return np.array([[getattr(p, figure) for p in d.people] for d in dialogues], dtype=float)


def _ranks(figure: str, estimates: Mapping[str, Array], truth: Array, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name, values in estimates.items():
        table = np.stack([values[:, 0], truth[:, 0], values[:, 1], truth[:, 1]], axis=1)
        had = np.isfinite(values).all(1)
        result = bootstrap(table[had], spearman_both, seed=seed, name=f"{figure} {name}")
        row = _row(figure, name, "spearman", result)
        row["without_estimate"] = int((~had).sum())
        rows.append(row)
    for name, other in ((OVER_EQUAL, EQUAL_NEEDS), (OVER_YOURS, YOURS)):
        table = np.stack([estimates[PREDICTION], estimates[other], truth], axis=2)
        result = bootstrap(table, _gain, seed=seed, name=f"{figure} {name}")
        rows.append(_row(figure, name, "difference of spearman", result))
    return rows


def _gain(table: Array) -> float:
    """Spearman of the first less that of the second column with the third; `table` [n, 2, 3]."""
    flat = table.reshape(-1, 3)
    return spearman(flat[:, [0, 2]]) - spearman(flat[:, [1, 2]])


def _top_needs(
    found: Estimates, dialogues: Sequence[HumanDialogue], provenance: Mapping[str, Any], seed: int
) -> list[dict[str, Any]]:
    truth = np.array([[ISSUES.index(p.person.order[0]) for p in d.people] for d in dialogues])
    most = np.array([[_shares(packages_of(d, seat)) for seat in (0, 1)] for d in dialogues])
    human = provenance.get("human")
    tops = human.get("top_needs") if isinstance(human, Mapping) else None
    common = ISSUES.index(max(tops, key=tops.__getitem__)) if tops else None
    hits = {
        PREDICTION: (found.tops.argmax(2) == truth).astype(float),
        "most_packages": np.take_along_axis(most, truth[..., None], 2)[..., 0],
        "majority": np.full(truth.shape, np.nan) if common is None else (truth == common).astype(float),
        "chance": np.full(truth.shape, 1 / len(ISSUES)),
    }
    return [
        _row(
            "top_need",
            name,
            "accuracy",
            bootstrap(table, lambda rows: float(rows.mean()), seed=seed, name=f"top_need {name}"),
        )
        for name, table in hits.items()
    ]


def _shares(got: Packages | None) -> list[float]:
    """The chance of each issue to be guessed by someone who guesses what most packages were got of, ties evenly."""
    counts = got or (1, 1, 1)
    most = [float(count == max(counts)) for count in counts]
    return [share / sum(most) for share in most]


def _row(figure: str, name: str, measure: str, result: Estimate) -> dict[str, Any]:
    why = None if result.value is not None else "not defined on these dialogues: no estimates, or no variation"
    return {
        "figure": figure,
        "estimate": name,
        "measure": measure,
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "dialogues": result.n,
        "status": "done" if why is None else "failed",
        "error": why,
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
