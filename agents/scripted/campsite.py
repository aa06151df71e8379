"""Scripted campers of campsite-v0: one that negotiates sensibly, and one whose talk and deals vary widely.

Both answer two questions truthfully whenever they are asked, in set words: what they need most, and whether they are
happy with the deal. Whoever imagines a partner's answer to these learns what the partner wants and how it fares.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.scripted.base import Scripted, nonsense, phrase, pick, register_people
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.dialogue_acts import GIVE, PHRASES, STATE_ORDER, WANT_MORE, WORDS, acts, sense
from goldenrule.envs.scenarios.campsite.language import (
    ACCEPT,
    ALLOCATIONS,
    ASK_HAPPY,
    GRADES,
    ISSUES,
    REJECT,
    WALK,
    WALK_AWAY_POINTS,
    Packages,
    grade,
    parse_deal,
    points,
    rest,
    stated_grade,
    stated_needs,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS, Person, parse_card
from goldenrule.envs.scenarios.moves import People, ways_of

ASPIRATIONS = (22, 21, 20, 19, 18, 17, 16, 15)  # points asked for, lower with each deal made so far
LEAVE_AFTER = 12  # messages of one's own without a deal


@dataclass(slots=True)
class Situation:
    """What a camper makes of the talk so far.

    Attributes:
        me: the person on its card.
        mine: what it would get of the last deal submitted, and whether that deal is still open and the other's.
        open, theirs: see `mine`.
        made: deals submitted so far, by both.
        spoken: messages of its own so far.
        last: the other's last message, `None` if it speaks first.
        need: the issue the other said it needs most, and the one it needs least.
        stated_mine: whether it has said its own needs.
    """

    me: Person
    mine: Packages | None = None
    open: bool = False
    theirs: bool = False
    made: int = 0
    spoken: int = 0
    last: str | None = None
    need: tuple[str | None, str | None] = (None, None)
    stated_mine: bool = False

    @property
    def worth(self) -> int:
        """Points of the last deal submitted, 0 without one."""
        return 0 if self.mine is None else points(self.me.order, self.mine)


def take_in(view: View) -> Situation:
    """Read the talk as the view's owner."""
    now = Situation(parse_card(view.card))
    for message in view.messages:
        if message.speaker not in (0, 1):
            continue
        own = message.speaker == view.me
        deal, needs = parse_deal(message.text), stated_needs(message.text)
        if deal is not None and deal.mine is not None:
            now.mine = deal.mine if own else rest(deal.mine)
            now.open, now.theirs, now.made = True, not own, now.made + 1
        elif deal is not None and deal.kind == "reject" and own == now.theirs:
            now.open = False
        if own:
            now.spoken += 1
            now.stated_mine |= needs.top is not None
        else:
            now.last = message.text
            now.need = (needs.top or now.need[0], needs.last or now.need[1])
    return now


def answer(now: Situation, rng: np.random.Generator, people: People = "seen") -> str | None:
    """The truthful answer to a question just asked, or to what made no sense; `None` if there is nothing to answer."""
    asked = acts(now.last or "")
    if "ask_happy" in asked:
        return GRADES[grade(now.worth)] if now.mine is not None else PHRASES["no_deal"][0]
    if "ask_need" in asked:
        return STATE_ORDER.format(*now.me.order)
    if now.last is not None and sense(now.last) is False:
        return phrase(rng, WORDS, "puzzled", people)
    return None


def state_need(now: Situation, rng: np.random.Generator, people: People = "seen") -> str:
    """The own needs, in one of a few forms, often with the reason."""
    most = now.me.order[0]
    forms = (STATE_ORDER.format(*now.me.order), f"I need {most} most.", f"My top priority is {most}.")
    text = pick(rng, ways_of(people, forms))
    reason = now.me.reasons[0].rstrip(".!")
    short = bool(reason) and len(reason.split()) <= 8
    return f"{text} {reason[0].upper()}{reason[1:]}." if short and rng.random() < 0.6 else text


def their_orders(need: tuple[str | None, str | None]) -> list[int]:
    """Numbers of the orders that the other may have after what it said."""
    top, last = need
    fitting = [i for i, o in enumerate(ORDERS) if (top is None or o[0] == top) and (last is None or o[2] == last)]
    return fitting or list(range(len(ORDERS)))


_WORTH = np.array([[points(order, rest(mine)) for mine in ALLOCATIONS] for order in ORDERS])


def propose(now: Situation, aspiration: int, rng: np.random.Generator) -> Packages:
    """The deal best for the other, as far as its needs are known, among those worth `aspiration` points or more."""
    own = np.array([points(now.me.order, mine) for mine in ALLOCATIONS])
    other = _WORTH[their_orders(now.need)].mean(0)
    score = np.where(own >= aspiration, other + 0.1 * own + rng.uniform(0, 0.5, len(own)), -1.0)
    return ALLOCATIONS[int(score.argmax())]


def aspiration(now: Situation) -> int:
    """How many points it asks for by now."""
    return ASPIRATIONS[min(now.made, len(ASPIRATIONS) - 1)]


class TruthfulCamper(Scripted):
    """Answers what it is asked as its card says, and goes its own way otherwise."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The next message."""
        now = take_in(view)
        reply = answer(now, rng, self.people)
        return self.go_on(now, rng) if reply is None else reply

    @abstractmethod
    def go_on(self, now: Situation, rng: np.random.Generator) -> str:
        """What it says where there is nothing to answer."""


class Camper(TruthfulCamper):
    """States its needs, asks, proposes what is best for both as far as it knows, concedes, and accepts."""

    def go_on(self, now: Situation, rng: np.random.Generator) -> str:
        """What it says where there is nothing to answer."""
        if now.open and now.theirs:
            return self._decide(now, rng)
        if now.open:
            return self._after_own(now, rng)
        return self._before(now, rng)

    def _say(self, act: str, rng: np.random.Generator) -> str:
        return phrase(rng, WORDS, act, self.people)

    def _before(self, now: Situation, rng: np.random.Generator) -> str:
        if not now.stated_mine:
            hello = f"{self._say('greet', rng)} " if now.spoken == 0 and rng.random() < 0.5 else ""
            question = WORDS.texts("ask_need", self.people)[0]
            ask = f" {question}" if now.need[0] is None and rng.random() < 0.6 else ""
            return f"{hello}{state_need(now, rng, self.people)}{ask}"
        if now.need[0] is None and now.made == 0 and rng.random() < 0.7:
            return self._say("ask_need", rng)
        return offer(now, propose(now, aspiration(now), rng), rng, people=self.people)

    def _decide(self, now: Situation, rng: np.random.Generator) -> str:
        if now.spoken >= LEAVE_AFTER and now.worth <= WALK_AWAY_POINTS:
            return f"{self._say('leave', rng)} {WALK}"
        mine = propose(now, aspiration(now), rng)
        if now.worth >= min(aspiration(now), points(now.me.order, mine)) or (now.spoken >= 4 and now.worth >= 15):
            return f"{self._say('agree', rng)} {ACCEPT}" if rng.random() < 0.6 else ACCEPT
        if rng.random() < 0.35:
            more = pick(rng, (self._say("refuse", rng), WANT_MORE.format(now.me.order[0])))
            return f"{more} {REJECT}"
        return offer(now, mine, rng, people=self.people)

    def _after_own(self, now: Situation, rng: np.random.Generator) -> str:
        said = stated_grade(now.last or "")
        if said is not None and said < 2:
            least = max(WALK_AWAY_POINTS, min(now.worth - 2, aspiration(now)))
            return offer(now, propose(now, least, rng), rng, "better", self.people)
        return self._say("close", rng)


class UnseenCamper(Camper):
    """A camper in words of people never met."""

    people = "unseen"


def offer(
    now: Situation, mine: Packages, rng: np.random.Generator, lead: str = "offer", people: People = "seen"
) -> str:
    """A proposal: half the time with words before it, now and then with a question after it."""
    draw = rng.random()
    if draw < 0.35:
        return submit(mine)
    if draw < 0.5:
        return f"{submit(mine)}. {WORDS.texts('ask_happy', people)[0]}"
    top = now.need[0]
    gives_top = top is not None and mine[ISSUES.index(top)] == 0
    words = GIVE.format(top) if gives_top and rng.random() < 0.5 else phrase(rng, WORDS, lead, people)
    return f"{words} {submit(mine)}"


def babble(rng: np.random.Generator) -> str:
    """Words of this world in an order that means nothing."""
    words = " ".join(pick(rng, PHRASES[pick(rng, tuple(PHRASES))]) for _ in range(2)).split()
    return nonsense(rng, [*words, pick(rng, ISSUES)], longest=7)


class CorpusCamper(TruthfulCamper):
    """Deals good, bad and random, many questions, some refusals without cause and nonsense, for others to learn from.

    Answers stay truthful, so that over the deals offered all grades of satisfaction are heard about equally often.
    """

    babbling, ask, wild = 0.06, 0.2, 0.5

    def __init__(self) -> None:
        super().__init__()
        self._sensible = Camper()

    def go_on(self, now: Situation, rng: np.random.Generator) -> str:
        """What it says where there is nothing to answer."""
        if rng.random() < self.babbling:
            return babble(rng)
        if rng.random() < self.ask:  # of needs also where they were told: an answer that can be foreseen
            return pick(rng, PHRASES["ask_happy" if now.open and rng.random() < 0.6 else "ask_need"])
        if now.stated_mine and rng.random() < self.wild:
            return self._wild(now, rng)
        return self._sensible.go_on(now, rng)

    @staticmethod
    def _wild(now: Situation, rng: np.random.Generator) -> str:
        if now.open and now.theirs and rng.random() < 0.35:
            return pick(rng, (ACCEPT, REJECT, f"{pick(rng, PHRASES['refuse'])} {REJECT}"))
        if rng.random() < 0.03:
            return WALK
        # The grade first, then a deal of that grade: random packages alone would hardly ever be in the middle.
        goal = int(rng.integers(len(GRADES)))
        fitting = [mine for mine in ALLOCATIONS if grade(points(now.me.order, mine)) == goal]
        text = submit(fitting[rng.integers(len(fitting))])
        return f"{text}. {ASK_HAPPY}" if rng.random() < 0.6 else text


class MixedCamper:
    """`CorpusCamper` at half of the tables, `Camper` at the others: there, talks come to an agreement.

    Who learns from the former alone hears every answer and hardly ever agrees.
    """

    sensible = 0.5

    def __init__(self) -> None:
        self._campers = (Camper(), CorpusCamper())
        self._wild: list[bool] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        self._wild = [bool(generator(seed, "camper").random() >= self.sensible) for seed in seeds]
        for camper in self._campers:
            camper.reset(seeds)

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One reply for each observation."""
        return [self._campers[self._wild[seen.dialogue]].act([seen])[0] for seen in observations]


register_people("campsite-v0", "default", {"camper": Camper})
register_people("campsite-v0", "corpus", {"camper": MixedCamper})
register_people("campsite-v0", "unseen", {"camper": UnseenCamper})
