"""How well does an agent's estimate of its partner's reward rank what real people got and felt?

Real negotiations of CaSiNo, of which the true points and the satisfaction of both people are known. The agent takes one
person's place, knowing that person's card and all that was said, up to but without the acceptance. In imagination it
asks the partner what it needs most, and whether it is happy with the deal; its prediction output answers. From the
answer about needs and the deal follow the partner's points; from the answer about the deal its satisfaction.

The estimate is the expectation over the agent's simulated answers: all six orders of needs, and the five grades after
each, weighed by their probability under the prediction output. `one_reply` is the same from one sampled reply. Every
person is estimated from the other's place, and intervals are by bootstrap over dialogues.

Dialogues are split by dialogue: none that network or tokenizer learnt from (the checkpoint lists their fingerprints) is
judged on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.datasets.casino import FOLDS, HumanDialogue, split
from goldenrule.benchmarks.datasets.figures import Estimate, bootstrap, spearman, spearman_both
from goldenrule.benchmarks.datasets.text_ridge import ridge_estimates
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite_people import ORDERS
from goldenrule.envs.scenarios.campsite_words import (
    ASK_NEED,
    ISSUES,
    WALK_AWAY_POINTS,
    Packages,
    points,
    rest,
    stated,
)
from goldenrule.envs.seeding import derive
from goldenrule.training.human_corpus import Account, ask, fitted, plain_account, plain_view
from goldenrule.training.imagination import ImaginationConfig, Imagined, Report, imagine_answers, make_imagination, room

Array = NDArray[np.float64]
HELD_OUT = 0
PREDICTION, ONE_REPLY, YOURS, EQUAL_NEEDS, TEXT = (
    "prediction",
    "one_reply",
    "my_reward_is_yours",
    "equal_needs",
    "text_ridge",
)
FROM_POINTS, OVER_EQUAL, OVER_YOURS = "from_points", "over_equal_needs", "over_my_reward"
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


def account(dialogue: HumanDialogue) -> Account:
    """A human dialogue to learn from, in plain writing."""
    first, second = dialogue.people
    return plain_account(Account(dialogue.conversation(), (first.satisfaction - 1, second.satisfaction - 1)))


def fingerprint(dialogue: HumanDialogue) -> str:
    """16 hexadecimal digits that depend on what was said and by whom, whatever the dialogue is called."""
    said = "\x1f".join(f"{line.speaker}{line.text}" for line in dialogue.lines)
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def train_on_humans(
    dialogues: Sequence[HumanDialogue],
    config: ImaginationConfig,
    seed: int,
    report: Report = lambda step, losses: None,
) -> tuple[ThreeModuleTransformer, DialogueTokenizer, dict[str, Any]]:
    """Train an imagination on all folds but the held-out one; network, tokenizer, and what to remember of the data."""
    train, _ = split(dialogues, HELD_OUT)
    network, tokenizer = make_imagination([account(d) for d in train], config, derive(seed, "imagination"), report)
    tops = Counter(p.person.order[0] for d in train for p in d.people)
    human = {
        "data": "casino",
        "trained_on": sorted(fingerprint(d) for d in train),
        "split": f"by dialogue: fold = hash of dialogue_id modulo {FOLDS}; fold {HELD_OUT} held out",
        "top_needs": {issue: tops[issue] for issue in ISSUES},
        "config": asdict(config),
    }
    return network, tokenizer, human


@dataclass(frozen=True, slots=True)
class Split:
    """Which dialogues are judged on.

    Attributes:
        test: those the checkpoint has not learnt from.
        seen: how many of the folder it has learnt from.
        trained_on: how many human dialogues it has learnt from, here or elsewhere.
        method: in words.
    """

    test: tuple[HumanDialogue, ...]
    seen: int
    trained_on: int
    method: str

    def as_dict(self, seed: int) -> dict[str, Any]:
        """Plain values, for the output."""
        return {
            "unit": "dialogue",
            "method": self.method,
            "train_dialogues": self.trained_on,
            "test_dialogues": len(self.test),
            "test_people": 2 * len(self.test),
            "left_out_as_trained_on": self.seen,
            "seed": seed,
        }


def unseen(dialogues: Sequence[HumanDialogue], provenance: Mapping[str, Any]) -> Split:
    """The dialogues that a checkpoint has not learnt from."""
    human = provenance.get("human")
    known = set(human["trained_on"]) if isinstance(human, Mapping) else set()
    test = tuple(d for d in dialogues if fingerprint(d) not in known)
    how = str(human["split"]) if isinstance(human, Mapping) else "the checkpoint has learnt from no human dialogues"
    return Split(test, len(dialogues) - len(test), len(known), f"{how}; all dialogues not trained on are judged on")


@dataclass(frozen=True, slots=True)
class Estimates:
    """Of both people of each test dialogue, seat 0 and 1, estimated from the other's place.

    Attributes:
        points, satisfaction: by name of the estimator, [n, 2]; NaN where there is none.
        tops: probability of each of `ISSUES` to be what the partner needs most [n, 2, 3].
        replies: the sampled replies [n][2].
    """

    points: dict[str, Array]
    satisfaction: dict[str, Array]
    tops: Array
    replies: list[list[str]]


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
    return [plain_view(d.conversation().seen_by(1 - seat)) for d in dialogues for seat in (0, 1)]


def reply_needs(reply: str) -> Array | None:
    """Which of `ORDERS` a reply leaves possible, evenly; `None` where it does not say what is needed most."""
    said = stated(reply)
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

    found = {
        PREDICTION: of_needs(list(imagined.needs)),
        ONE_REPLY: of_needs([reply_needs(reply) for reply in replies]),
        YOURS: np.array([[d.people[1].points, d.people[0].points] for d in dialogues], dtype=float),
        EQUAL_NEEDS: of_needs([np.full(len(ORDERS), 1 / len(ORDERS))] * len(people)),
    }
    felt = {
        PREDICTION: (imagined.grades @ np.arange(1, 6)).reshape(n, 2),
        FROM_POINTS: found[PREDICTION],
        YOURS: np.array([[d.people[1].satisfaction, d.people[0].satisfaction] for d in dialogues], dtype=float),
        EQUAL_NEEDS: found[EQUAL_NEEDS],
    }
    paired = [replies[2 * k : 2 * k + 2] for k in range(n)]
    return Estimates(found, felt, _tops(imagined).reshape(n, 2, 3), paired)


def _tops(imagined: Imagined) -> Array:
    """The probability [people, 3] of each of `ISSUES` to be needed most."""
    return np.stack(
        [imagined.needs[:, [order[0] == issue for order in ORDERS]].sum(1) for issue in ISSUES],
        axis=1,
    )


def _replies(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, views: Sequence[View], seed: int
) -> list[str]:
    mind = LanguageModel(network, tokenizer)
    mind.reset([derive(seed, "replies")])
    limit = room(network, tokenizer)
    asked = [ask(fitted(view, tokenizer, limit), ASK_NEED) for view in views]
    return [
        reply
        for k in range(0, len(asked), 32)
        for reply in mind.simulate(asked[k : k + 32], [1 - v.me for v in asked[k : k + 32]])
    ]


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
