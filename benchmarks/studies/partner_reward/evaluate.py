"""How well does an agent's estimate of its partner's reward rank what real people got and felt?

Real negotiations of CaSiNo, of which the true points and the satisfaction of both people are known. Every person is
estimated from the other's place by an agent that has not learnt from the dialogue (`split`); intervals are by bootstrap
over dialogues.

The agent knows its person's card and all that was said, up to but without the acceptance. In imagination it asks the
partner what it needs most, and whether it is happy with the deal; its prediction output answers. From the answer about
needs and the deal follow the partner's points; from the answer about the deal its satisfaction. The estimate is the
expectation over the agent's simulated answers: all six orders of needs, and the five grades after each, weighed by
their probability under the prediction output. `one_reply` is the same from one sampled reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.statistics import Estimate
from goldenrule.benchmarks.statistics.scores import Array, Indices
from goldenrule.benchmarks.studies.partner_reward.baselines import (
    mean_over_dialogues,
    over_dialogues,
    rank_correlation,
    ridge_estimates,
    spearman,
)
from goldenrule.benchmarks.studies.partner_reward.split import Share, Trained, shares
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive
from goldenrule.envs.conversation import View
from goldenrule.envs.registry import SHARE
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue
from goldenrule.envs.scenarios.campsite.language import (
    ASK_NEED,
    ISSUES,
    WALK_AWAY_POINTS,
    Packages,
    points,
    rest,
    stated_needs,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.training.pretraining.human_corpus import ask, fit_view, normalise_view
from goldenrule.training.pretraining.imagination import imagine_answers, longest_dialogue

POINTS, SATISFACTION = FIGURES = ("points", "satisfaction")
PREDICTION, ONE_REPLY, YOURS = "prediction", "one_reply", "my_reward_is_yours"
EQUAL_NEEDS, TEXT, FROM_POINTS = "equal_needs", "text_ridge", "from_points"
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


@dataclass(frozen=True, slots=True)
class Estimates:
    """Of both people of each test dialogue, seat 0 and 1, estimated from the other's place.

    Attributes:
        values: by `FIGURES` and name of the estimator, [n, 2]; NaN where there is none.
        tops: probability of each of `ISSUES` to be what the partner needs most [n, 2, 3].
        replies: the sampled replies [n][2].
    """

    values: dict[str, dict[str, Array]]
    tops: Array
    replies: list[list[str]]


def truth(dialogues: Sequence[HumanDialogue], figure: str) -> Array:
    """What people really got or felt [n, 2]; `figure` is one of `FIGURES`."""
    return np.array([[getattr(person, figure) for person in d.people] for d in dialogues], dtype=float)


def packages_of(dialogue: HumanDialogue, seat: int) -> Packages | None:
    """What the person in a seat got; `None` where someone walked away."""
    deal = dialogue.deal()
    return deal if deal is None or seat == 0 else rest(deal)


def expected_points(dialogue: HumanDialogue, seat: int, needs: Array) -> float:
    """Points of the person in a seat by the deal, if each of `ORDERS` is as likely as `needs` [6] says."""
    got = packages_of(dialogue, seat)
    if got is None:
        return float(WALK_AWAY_POINTS)
    return float(sum(p * points(order, got) for p, order in zip(needs, ORDERS, strict=True)))


def places(dialogues: Sequence[HumanDialogue]) -> list[View]:
    """What the partner of each person knows, in plain writing: 2 * dialogue + seat of the person who is estimated."""
    return [normalise_view(d.conversation().seen_by(1 - seat)) for d in dialogues for seat in (0, 1)]


def reply_needs(reply: str) -> Array | None:
    """Which of `ORDERS` a reply leaves possible, evenly; `None` where it does not say what is needed most."""
    said = stated_needs(reply)
    fits = np.array([said.top == order[0] and said.last in (None, order[2]) for order in ORDERS], dtype=float)
    return fits / fits.sum() if fits.any() else None


def estimate(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, dialogues: Sequence[HumanDialogue], seed: int
) -> Estimates:
    """All estimates of all people of `dialogues`."""
    views = places(dialogues)
    imagined = imagine_answers(network, tokenizer, views)
    replies = _replies(network, tokenizer, views, seed)
    n = len(dialogues)
    people = [(d, seat) for d in dialogues for seat in (0, 1)]

    def of_needs(needs: Sequence[Array | None]) -> Array:
        values = [np.nan if p is None else expected_points(d, s, p) for (d, s), p in zip(people, needs, strict=True)]
        return np.array(values).reshape(n, 2)

    earned = {
        PREDICTION: of_needs(list(imagined.needs)),
        ONE_REPLY: of_needs([reply_needs(reply) for reply in replies]),
        YOURS: truth(dialogues, POINTS)[:, ::-1],
        EQUAL_NEEDS: of_needs([np.full(len(ORDERS), 1 / len(ORDERS))] * len(people)),
    }
    felt = {
        PREDICTION: (imagined.grades @ np.arange(1, 6)).reshape(n, 2),
        FROM_POINTS: earned[PREDICTION],
        YOURS: truth(dialogues, SATISFACTION)[:, ::-1],
        EQUAL_NEEDS: earned[EQUAL_NEEDS],
    }
    # The probability of each of `ISSUES` to be needed most.
    tops = [imagined.needs[:, [order[0] == issue for order in ORDERS]].sum(axis=1) for issue in ISSUES]
    return Estimates(
        {POINTS: earned, SATISFACTION: felt},
        np.stack(tops, axis=1).reshape(n, 2, 3),
        [replies[2 * k : 2 * k + 2] for k in range(n)],
    )


def _replies(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, views: Sequence[View], seed: int
) -> list[str]:
    simulator = LanguageModel(network, tokenizer)
    simulator.reset([derive(seed, "replies")])
    limit = longest_dialogue(network, tokenizer)
    asked = [ask(fit_view(view, tokenizer, limit), ASK_NEED) for view in views]
    return [
        reply
        for k in range(0, len(asked), 32)
        for reply in simulator.simulate(asked[k : k + 32], [1 - v.me for v in asked[k : k + 32]])
    ]


def joined(found: Sequence[Estimates]) -> Estimates:
    """The estimates of several groups of dialogues as of one."""
    values = {
        figure: {name: np.concatenate([one.values[figure][name] for one in found]) for name in of_figure}
        for figure, of_figure in found[0].values.items()
    }
    replies = [pair for one in found for pair in one.replies]
    return Estimates(values, np.concatenate([one.tops for one in found]), replies)


# How well the estimates rank people


def evaluate_partner(trained: Sequence[Trained], dialogues: Sequence[HumanDialogue], seed: int) -> dict[str, Any]:
    """Evaluate networks on dialogues they have not learnt from.

    Args:
        trained: one network, or several that have held out a fold each: every dialogue is judged by the first that has
            not learnt from it, and the metrics are over all these dialogues together. Estimates of different networks
            are ranked on one scale, which can only lower them.
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
            f"all {len(dialogues):,} dialogues were trained on; expected some to judge on: name another --data-dir or "
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
    rows = []
    for figure in FIGURES:
        rows += _ranks(figure, everyone.values[figure], truth(test, figure), seed)
        all_people = truth(dialogues, figure)
        of_all = rank_correlation(all_people, all_people[:, ::-1], seed, figure)
        rows.append(_row(figure, YOURS_OF_ALL, "spearman", of_all))
    rows += _top_needs(everyone, test, commonest, seed)
    return {"split": split, "rows": rows, "people": _people(everyone, test)}


def _alone(found: Estimates, share: Share) -> dict[str, float | None]:
    """What the prediction of one network reaches on its own share; `None` where that is not defined."""
    reached = {
        figure: spearman(np.stack([values[PREDICTION].ravel(), truth(share.test, figure).ravel()], axis=1))
        for figure, values in found.values.items()
    }
    reached["top_need"] = float((found.tops.argmax(2) == _top_of(share.test)).mean())
    return {figure: value if np.isfinite(value) else None for figure, value in reached.items()}


def _top_of(dialogues: Sequence[HumanDialogue]) -> Indices:
    """Index into `ISSUES` of what people really need most [n, 2]."""
    return np.array([[ISSUES.index(p.person.order[0]) for p in d.people] for d in dialogues])


def _add_text(found: Estimates, ridge: Mapping[str, Array] | None, place: Sequence[int]) -> None:
    """The text-only reference of these dialogues, by folds over all dialogues of the folder."""
    for figure, values in found.values.items():
        values[TEXT] = np.full((len(place), 2), np.nan) if ridge is None else ridge[figure][place]


def _ranks(figure: str, estimates: Mapping[str, Array], real: Array, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name, values in estimates.items():
        result = rank_correlation(values, real, seed, f"{figure} {name}")
        row = _row(figure, name, "spearman", result)
        rows.append(row | {"without_estimate": len(real) - result.units})
    for name, other in ((OVER_EQUAL, EQUAL_NEEDS), (OVER_YOURS, YOURS)):
        table = np.stack([estimates[PREDICTION], estimates[other], real], axis=2)
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
    real = _top_of(dialogues)
    most = np.array([[_shares(packages_of(d, seat)) for seat in (0, 1)] for d in dialogues])
    common = np.array([np.nan if issue is None else ISSUES.index(issue) for issue in commonest])[:, None]
    hits = {
        PREDICTION: (found.tops.argmax(2) == real).astype(float),
        "most_packages": np.take_along_axis(most, real[..., None], 2)[..., 0],
        "majority": np.where(np.isnan(common), np.nan, real == common),
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
            "points_estimate": float(found.values[POINTS][PREDICTION][k, seat]),
            "satisfaction": dialogue.people[seat].satisfaction,
            "satisfaction_estimate": float(found.values[SATISFACTION][PREDICTION][k, seat]),
            "needs": list(dialogue.people[seat].person.order),
            "top_need_estimate": dict(zip(ISSUES, map(float, found.tops[k, seat]), strict=True)),
            "simulated_reply": found.replies[k][seat],
        }
        for k, dialogue in enumerate(dialogues)
        for seat in (0, 1)
    ]
