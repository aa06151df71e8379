"""Estimates of what real people got and felt, by an agent in their partner's place.

The agent knows its person's card and all that was said, up to but without the acceptance. In imagination it asks the
partner what it needs most, and whether it is happy with the deal; its prediction output answers. From the answer about
needs and the deal follow the partner's points; from the answer about the deal its satisfaction.

The estimate is the expectation over the agent's simulated answers: all six orders of needs, and the five grades after
each, weighed by their probability under the prediction output. `one_reply` is the same from one sampled reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.seeding import derive
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue
from goldenrule.envs.scenarios.campsite.language import (
    ASK_NEED,
    ISSUES,
    WALK_AWAY_POINTS,
    Packages,
    points,
    rest,
    stated,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.training.pretraining.human_corpus import ask, fit_view, normalise_view
from goldenrule.training.pretraining.imagination import Imagined, imagine_answers, longest_dialogue

Array = NDArray[np.float64]
PREDICTION, ONE_REPLY, YOURS, EQUAL_NEEDS, TEXT = (
    "prediction",
    "one_reply",
    "my_reward_is_yours",
    "equal_needs",
    "text_ridge",
)
FROM_POINTS = "from_points"


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
    return [normalise_view(d.conversation().seen_by(1 - seat)) for d in dialogues for seat in (0, 1)]


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

    def together(tables: Sequence[dict[str, Array]]) -> dict[str, Array]:
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    return Estimates(
        together([one.points for one in found]),
        together([one.satisfaction for one in found]),
        np.concatenate([one.tops for one in found]),
        [replies for one in found for replies in one.replies],
    )
