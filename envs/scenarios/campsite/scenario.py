"""campsite-v0: the campsite negotiation of CaSiNo (Chawla et al. 2021, arXiv 2103.15721).

Two campers split three packages each of food, water and firewood. Each has private needs: a package of the issue
needed most is worth 5 points, of the next 4, of the last 3. They talk, and deal by messages in the text (see
`language`): Submit-Deal, Accept-Deal, Reject-Deal, Walk-Away. camper_0 speaks first, then they take turns.

A submitted deal stays on the table until it is rejected, or replaced by either camper's next one. Only the other
camper may accept or reject it; out of place, these are invalid and change nothing.

True rewards: at acceptance both get the points of their packages (0 to 36); when someone walks away both get 5.
Both end the talk. A talk cut at the turn limit ends in nothing and pays 0: it has not ended, and nothing was agreed.

With `pool=human` the cards are those of the people of the CaSiNo dialogues found through `GOLDENRULE_DATA`, in the
pairs that met; their seats are drawn.

People never met (`people=unseen`) have reasons for their needs that nobody else has; of the human pairs they are those
of one fold of the dialogues.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from goldenrule.envs.conversation import BEGIN, Examples, View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.registry import PEOPLE, SHARE, EpisodeMetrics, HumanReference, Knob, Range, ScenarioSpec, register
from goldenrule.envs.scenarios.base import Fact, Judgement, Outcome, Start
from goldenrule.envs.scenarios.campsite.casino import load_casino, split
from goldenrule.envs.scenarios.campsite.dialogue_acts import PHRASES, STATE_ORDER, TALK, proxy, sense
from goldenrule.envs.scenarios.campsite.language import (
    ACCEPT,
    ASK_NEED,
    DEALS,
    ISSUES,
    REJECT,
    WALK,
    WALK_AWAY_POINTS,
    Deal,
    Pending,
    Stated,
    efficient,
    ending,
    grade,
    packages_text,
    parse_deal,
    points,
    read,
    respond,
    share,
    stated_grade,
    stated_needs,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import human_pairs, invent_pair
from goldenrule.envs.scenarios.move_scenario import MoveScenario
from goldenrule.envs.scenarios.moves import Book, Made, People
from goldenrule.envs.scenarios.understanding import Understood, split_tags

POINTS_RANGE: Range = (0.0, 36.0)
METRIC_RANGES: dict[str, Range] = {
    "own_points": POINTS_RANGE,
    "partner_points": POINTS_RANGE,
    "joint_points": (0.0, 72.0),
    "agreement_share": SHARE,
    "pareto_share": SHARE,  # of the agreements
    "pareto_share_of_all": SHARE,  # no agreement counts as inefficient
}

RULES = (
    "Split 3 food, 3 water and 3 firewood between you. Talk freely. To propose, write for example "
    f"'{submit((2, 1, 0))}'; the rest is the other's. Answer with '{ACCEPT}' or '{REJECT}'. '{WALK}' ends the talk "
    f"with {WALK_AWAY_POINTS} points each. Without a deal in time nobody gets anything."
)

_CANDIDATES = (
    *(text for move in DEALS.moves for text, _ in move.ways()),
    *PHRASES["ask_need"][:1],
    *PHRASES["ask_happy"][:1],
    *(text for act in ("need", "grade") for text, _ in TALK[act].ways()),
    *(PHRASES[act][0] for act in ("greet", "agree", "refuse", "better", "close", "thanks")),
)


_TALKS = {"talk": Made("talk", by="tag")}
NEEDS = Book("camper", (TALK["need"],))
"""What a camper tells of its needs, whole orders alone."""
_UNASKED = tuple(["" if text in (ACCEPT, REJECT) else text for text in _CANDIDATES])


class Campsite(MoveScenario):
    """See the module's first lines."""

    books: ClassVar = {"talk": DEALS}
    phase = "talk"

    manual = RULES
    roles: ClassVar = {
        "camper": "You and another camper split 3 packages of food, 3 of water and 3 of firewood. Get what you need "
        "most, and find a deal that both accept: without one nobody gets anything. [talk] is talk and deals nothing."
    }
    agents = ("camper_0", "camper_1")

    def __init__(self, turns: int, pool: str, similarity: float, rules: bool, people: People = "seen") -> None:
        self.similarity, self.rules, self.people = similarity, rules, people
        self.max_turns = 2 * turns
        self.n_candidates = len(_CANDIDATES)
        self._humans = human_pairs(people) if pool == "human" else None

    def reset(self, rng: np.random.Generator) -> Start:
        """Deal two people; the rules, if told, come from the narrator."""
        if self._humans is None:
            pair = invent_pair(self.similarity, rng, self.people)
        else:
            pair = self._humans[rng.integers(len(self._humans))]
            if rng.random() < 0.5:
                pair = (pair[1], pair[0])
        self.pair = pair
        self._next = 0
        self.pending: Pending | None = None
        told = (Message(NARRATOR, RULES),) if self.rules else ()
        return Start((pair[0].card(), pair[1].card()), told)

    def speakers(self) -> tuple[int, ...]:
        """The campers take turns."""
        return (self._next,)

    def _legal(self, agent: int) -> dict[str, Made]:
        """Talk, and the deal messages that are in place."""
        asked = self.pending is not None and self.pending[0] != agent
        deals = super()._legal(agent)
        return _TALKS | {tag: made for tag, made in deals.items() if asked or made.move not in ("accept", "reject")}

    def _understand(self, message: Message, book: Book) -> Understood:
        """Canonical words come first, since the other camper hears them."""
        found = super()._understand(message, book)
        deal = found.said
        return replace(found, made=deal, by=deal.by) if deal is not None and deal.by == "phrases" else found

    def heard_as(self, message: Message) -> Message:
        """A deal is made in the open: where a tag or the reader finds one, its canonical words end the message."""
        if not self.briefs:
            return message
        text, _ = split_tags(message.text, self._legal(message.speaker))
        return replace(message, text=_with_deal(text, self._understand(message, DEALS).made))

    def words_of(self, text: str, tags: Collection[str]) -> str:
        """As it is heard: with the deal that its tag makes."""
        words, named = split_tags(text, tags)
        made = DEALS.legal({}).get(named[0]) if len({*named}) == 1 else None
        return _with_deal(words, DEALS.understand(words) or made)

    def _examples(self, agent: str) -> Examples:
        """Talk and deals, the others' words first."""
        deal = submit((2, 1, 1))
        return (
            (BEGIN, f"Hi! {STATE_ORDER.format(*ISSUES)}\n[talk]"),
            (f"How about this? {deal}", f"{PHRASES['agree'][0]}\n[accept]"),
            (f"I want the rest. {deal}", f"{PHRASES['refuse'][0]}\n[reject]"),
            (ASK_NEED, f"I would take two water and one firewood.\n[submit: {packages_text((0, 2, 1))}]"),
        )

    def take(self, message: Message, made: Made | None) -> Outcome:
        """Take talk or a deal message; pay both at acceptance or when someone walks away."""
        speaker, deal = message.speaker, parse_deal(message.text)
        allowed, after = respond(self.pending, speaker, deal)
        allowed = allowed and message.heard_by(1 - speaker)  # unheard, it deals with nobody
        faithful = self._faithful(speaker, message.text, deal) if allowed else None
        kind = None if deal is None or not allowed else deal.kind
        ends = kind in ("accept", "walk")
        accepted = self.pending if kind == "accept" else None
        if allowed:
            self.pending = after
        self._next = 1 - speaker
        facts: dict[str, Fact] = {"kind": "talk" if deal is None else deal.kind, **self._offer_facts()}
        rewards = (0.0, 0.0)
        if ends:
            rewards, result = self._settle(accepted)
            facts |= result
        judgement = Judgement(
            valid=sense(message.text) if allowed else False,
            proxy=proxy(message.text) if allowed else 0.0,
            faithful=faithful,
            facts=facts,
        )
        return Outcome(rewards, (judgement,), done=ends)

    def _worth(self, camper: int, offer: Pending) -> int:
        return points(self.pair[camper].order, share(offer, camper))

    def _offer_facts(self) -> dict[str, Fact]:
        offer = self.pending
        if offer is None:
            return {"offer_0": None, "offer_1": None}
        return {"offer_0": self._worth(0, offer), "offer_1": self._worth(1, offer)}

    def _settle(self, accepted: Pending | None) -> tuple[tuple[float, float], dict[str, Fact]]:
        """The rewards of both, and how the talk ended; `accepted` is `None` when someone walked away."""
        if accepted is None:
            first = second = WALK_AWAY_POINTS
            deal, pareto = None, False  # any even split beats it for both
        else:
            first, second = self._worth(0, accepted), self._worth(1, accepted)
            mine = share(accepted, 0)
            deal = packages_text(mine)
            pareto = mine in efficient(self.pair[0].order, self.pair[1].order)
        facts: dict[str, Fact] = {
            "deal": deal,  # camper_0's packages
            "agreement": accepted is not None,
            "points_0": first,
            "points_1": second,
            "joint": first + second,
            "pareto": pareto,
        }
        return (float(first), float(second)), facts

    def _faithful(self, speaker: int, text: str, deal: Deal | None) -> bool | None:
        """Whether the speaker is true to its card: in the needs and the satisfaction it states, and in its deals.

        It must not propose or accept less than walking away pays, nor walk away from a deal that pays more.
        """
        order = self.pair[speaker].order
        checks = [self._stated(text, self.context).agrees(order)]
        if self.pending is not None:
            worth, said = self._worth(speaker, self.pending), stated_grade(text)
            checks.append(None if said is None else said == grade(worth))
            if deal is not None and deal.kind == "accept":
                checks.append(worth >= WALK_AWAY_POINTS)
            if deal is not None and deal.kind == "walk" and self.pending[0] != speaker:
                checks.append(worth <= WALK_AWAY_POINTS)
        if deal is not None and deal.mine is not None:
            checks.append(points(order, deal.mine) >= WALK_AWAY_POINTS)
        known = [check for check in checks if check is not None]
        return all(known) if known else None

    def candidates(self, agent: int) -> tuple[str, ...]:
        """All 64 deals, accept, reject, walk away, and some talk; the first two where the other's deal is pending."""
        asked = self.pending is not None and self.pending[0] != agent
        return _CANDIDATES if asked else _UNASKED

    def read(self, text: str) -> float | None:
        """A stated satisfaction, else acceptance, refusal or leaving, else the tone of its words."""
        return read(text)

    def read_in(self, view: View, agent: int, text: str) -> float | None:
        """The points that agent number `agent` is paid by the end of `view`, by the deal and the needs told in `text`.

        0 while the talk goes on, since talk pays nothing; `None` where its needs are not told.
        """
        end = ending(_heard(view))
        if end is None:
            return 0.0
        if end.deal is None:
            return float(WALK_AWAY_POINTS)
        before = [said for speaker, said in _heard(view) if speaker != agent]
        order = self._stated(text, before[-1] if before else "").order
        return None if order is None else float(points(order, share(end.deal, agent)))

    def _stated(self, text: str, context: str) -> Stated:
        """The needs that words tell: in the phrases of the book, or as the reader takes them."""
        found, reader = stated_needs(text), self.understanding.reader
        if found.top or found.last or reader is None:
            return found
        made = reader.read(NEEDS, text, context)
        if made is None:
            return found
        top, _, last = made["order"].split()
        return Stated(top, last)

    def inquiry(self, view: View, agent: int) -> View | None:
        """Where a deal was accepted, what the other needs, asked just before: nobody talks after the acceptance."""
        end = ending(_heard(view))
        if end is None or end.deal is None:
            return None
        accepted = [k for k, message in enumerate(view.messages) if message.speaker >= 0][end.at]
        return replace(view, messages=view.messages[:accepted]).say(ASK_NEED)


def episode_metrics(episode: Mapping[str, Any], me: int, partner: int) -> dict[str, float | None]:
    """What a talk came to; one that was cut has no agreement and pays nothing."""
    end = episode["turns"][-1]["facts"]
    return {
        "own_points": float(end.get(f"points_{me}", 0)),
        "partner_points": float(end.get(f"points_{partner}", 0)),
        "joint_points": float(end.get("joint", 0)),
        "agreement_share": float(bool(end.get("agreement"))),
        "pareto_share": float(end["pareto"]) if end.get("agreement") else None,
        "pareto_share_of_all": float(bool(end.get("pareto"))),
    }


def reached_by_people() -> list[dict[str, tuple[float, ...]]]:
    """The metrics of each CaSiNo dialogue of people seen. Raises `DataError` where the data are not here."""
    return [dialogue.metrics() for dialogue in split(load_casino())[0]]


def _with_deal(text: str, made: Made | None) -> str:
    """A message with the deal that it makes, in canonical words, as a sentence of its own, where it lacks them."""
    if made is None or made.by == "phrases" or made.move not in DEALS.names:
        return text
    said = text.rstrip()
    stop = "" if not said or said[-1] in ".!?,:" else "."
    return f"{said}{stop} {DEALS.texts(made.move, **dict(made.arguments))[0]}".lstrip()


def _heard(view: View) -> list[tuple[int, str]]:
    return [(message.speaker, message.text) for message in view.messages if message.speaker >= 0]


SPEC = register(
    ScenarioSpec(
        id="campsite-v0",
        doc="two campers split food, water and firewood; what each needs is private (CaSiNo)",
        factory=Campsite,
        knobs=(
            Knob("turns", 6, "messages each camper has time for", 1, 40, transfers="less"),
            Knob(
                "pool",
                "synthetic",
                "whose cards: made up, or of the people of CaSiNo",
                choices=("synthetic", "human"),
                transfers="any",
            ),
            Knob(
                "similarity",
                0.2,
                "chance that both have the same order of needs (synthetic pool)",
                0.0,
                1.0,
                transfers="any",
            ),
            Knob("rules", False, "whether the narrator tells the rules first, for agents that do not know them"),
            PEOPLE,
        ),
        learner="camper_0",
        partner="camper_1",
        discount=1.0,
        reward_ranges=lambda knobs: {"learner": POINTS_RANGE, "partner": POINTS_RANGE},
        metrics=EpisodeMetrics("negotiation", METRIC_RANGES, episode_metrics),
        human=HumanReference("casino", {"pool": "human"}, reached_by_people),
        keeps_people=lambda knobs: knobs.get("pool") == "human",
    )
)
