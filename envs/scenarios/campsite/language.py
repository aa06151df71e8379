"""The words of campsite-v0: packages and points, deal messages, and what talk says. Pure and public.

A deal message is written in the text. One canonical form each, a sentence of its own, in any case and spacing:
    Submit-Deal: I get 2 food, 1 water, 0 firewood
    Accept-Deal    Reject-Deal    Walk-Away
Each issue is named once, in any order, with a count of 0 to 3; the rest goes to the other. Talk may stand before and
after it. A message with a deal's name out of this form, or with two of them, is invalid and changes nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from goldenrule.envs.scenarios.moves import Argument, Book, Made, Move

ISSUES = ("food", "water", "firewood")
N_PACKAGES = 3
POINTS = (5, 4, 3)  # a package of what is needed most, next and least: CaSiNo
WALK_AWAY_POINTS = 5

Packages = tuple[int, int, int]
"""Number of packages of food, water and firewood, 0 to 3 each."""
Order = tuple[str, str, str]
"""The three issues, the one needed most first."""

ALLOCATIONS: tuple[Packages, ...] = tuple((a, b, c) for a, b, c in product(range(N_PACKAGES + 1), repeat=3))

GRADES = (
    "I am extremely dissatisfied.",
    "I am slightly dissatisfied.",
    "I am undecided.",
    "I am slightly satisfied.",
    "I am extremely satisfied.",
)
GRADE_FROM = (12, 16, 19, 22)  # fewest points of grade 1, 2, 3 and 4; the mean of all splits is 18

ASK_NEED = "What do you need most?"
ASK_HAPPY = "Are you happy with this deal?"


def rest(mine: Packages) -> Packages:
    """What is left for the other."""
    return (N_PACKAGES - mine[0], N_PACKAGES - mine[1], N_PACKAGES - mine[2])


@functools.cache
def points(order: Order, packages: Packages) -> int:
    """What the packages are worth, 0 to 36, to someone who needs the issues in this order."""
    return sum(POINTS[order.index(issue)] * count for issue, count in zip(ISSUES, packages, strict=True))


def grade(own_points: int) -> int:
    """How satisfied someone with these points is: 0 (extremely dissatisfied) to 4 (extremely satisfied)."""
    return sum(own_points >= least for least in GRADE_FROM)


@functools.cache
def efficient(first: Order, second: Order) -> frozenset[Packages]:
    """The first camper's packages in all Pareto-efficient deals: nobody could get more without the other losing."""
    worth = {mine: (points(first, mine), points(second, rest(mine))) for mine in ALLOCATIONS}
    return frozenset(
        mine
        for mine, (a, b) in worth.items()
        if not any(x >= a and y >= b and (x, y) != (a, b) for x, y in worth.values())
    )


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal message: `submit` (with what the speaker gets), `accept`, `reject`, `walk` or `malformed`."""

    kind: str
    mine: Packages | None = None


ACCEPT, REJECT, WALK = "Accept-Deal", "Reject-Deal", "Walk-Away"
_NAME = re.compile(r"(submit\s*-\s*deal|accept\s*-\s*deal|reject\s*-\s*deal|walk\s*-\s*away)", re.IGNORECASE)
_COUNT = r"\s+(?:food|water|firewood)\s*"
_SUBMIT = re.compile(
    rf"submit\s*-\s*deal\s*:\s*i\s+get\s+([0-9]+{_COUNT},\s*[0-9]+{_COUNT},\s*(?:and\s+)?[0-9]+{_COUNT})(?=[.!?\n]|$)",
    re.IGNORECASE,
)
_OTHER = re.compile(r"(accept\s*-\s*deal|reject\s*-\s*deal|walk\s*-\s*away)\s*(?=[.!?,\n]|$)", re.IGNORECASE)
_ITEM = re.compile(r"([0-9]+)\s+(food|water|firewood)", re.IGNORECASE)
_SENTENCE_START = re.compile(r"(?:^|[.!?,:\n])\s*$")
_KINDS = {"a": "accept", "r": "reject", "w": "walk"}


def submit(mine: Packages) -> str:
    """The canonical deal message of someone who asks for `mine`."""
    return f"Submit-Deal: I get {packages_text(mine)}"


def packages_text(packages: Packages) -> str:
    """`2 food, 1 water, 0 firewood`."""
    return ", ".join(f"{count} {issue}" for count, issue in zip(packages, ISSUES, strict=True))


@functools.lru_cache(maxsize=4096)
def parse_deal(text: str) -> Deal | None:
    """The deal message in `text`, or `None` where it names none."""
    names = list(_NAME.finditer(text))
    if not names:
        return None
    start = names[0].start()
    if len(names) > 1 or not _SENTENCE_START.search(text[:start]):
        return Deal("malformed")
    if text[start] in "sS":
        found = _SUBMIT.match(text, start)
        items = {issue.lower(): count for count, issue in _ITEM.findall(found[1])} if found else {}
        if len(items) != len(ISSUES) or any(count not in ("0", "1", "2", "3") for count in items.values()):
            return Deal("malformed")
        food, water, firewood = (int(items[issue]) for issue in ISSUES)
        return Deal("submit", (food, water, firewood))
    return Deal(_KINDS[text[start].lower()]) if _OTHER.match(text, start) else Deal("malformed")


@functools.lru_cache(maxsize=4096)
def read_move(text: str) -> Made | None:
    """The deal message in `text` as a move; `malformed` is none that can be made. Talk makes no move."""
    deal = parse_deal(text)
    if deal is None:
        return None
    return Made(deal.kind, () if deal.mine is None else (("packages", packages_text(deal.mine)),))


DEALS = Book(
    "camper",
    (
        Move(
            "submit",
            "Propose a deal: what you get; the rest is the other's.",
            ("Submit-Deal: I get {packages}",),
            (Argument("packages", tuple(map(packages_text, ALLOCATIONS))),),
        ),
        Move("accept", "Accept the other's deal.", (ACCEPT,), pays="the points of both, and ends the talk"),
        Move("reject", "Reject the other's deal.", (REJECT,)),
        Move("walk", "Walk away.", (WALK,), pays=f"{WALK_AWAY_POINTS} points each, and ends the talk"),
    ),
    reader=read_move,
)
"""What changes the state of the negotiation, at most one a message; all else is talk, as much as one likes."""


Pending = tuple[int, Packages]
"""The deal on the table: who submitted it, and what the submitter would get."""


def share(deal: Pending, camper: int) -> Packages:
    """What a camper (0 or 1) would get by a deal."""
    submitter, mine = deal
    return mine if camper == submitter else rest(mine)


def respond(pending: Pending | None, speaker: int, deal: Deal | None) -> tuple[bool, Pending | None]:
    """Whether a message with this deal (`None`: talk) is in place, and the deal on the table after it."""
    if deal is None or deal.kind == "walk":
        return True, pending
    if deal.mine is not None:
        return True, (speaker, deal.mine)
    allowed = deal.kind != "malformed" and pending is not None and pending[0] != speaker
    return allowed, None if allowed and deal.kind == "reject" else pending


@dataclass(frozen=True, slots=True)
class Ending:
    """How a talk ended.

    Attributes:
        at: which message ended it.
        deal: who had submitted the deal that was accepted, and what the submitter gets; `None` if someone walked away.
    """

    at: int
    deal: Pending | None


def ending(said: Sequence[tuple[int, str]]) -> Ending | None:
    """How the talk of two ended, by the rules of the table; `None` where it goes on.

    Args:
        said: speaker (0 or 1) and text of each message that both have heard.
    """
    pending: Pending | None = None
    for at, (speaker, text) in enumerate(said):
        deal = parse_deal(text)
        allowed, after = respond(pending, speaker, deal)
        if allowed and deal is not None and deal.kind in ("accept", "walk"):
            return Ending(at, pending if deal.kind == "accept" else None)
        pending = after
    return None


_ISSUE = r"(food|water|firewood)"
_MOST = "(?:top|first|main|biggest|highest|number one) (?:priority|need)"
_STATED_ORDER = re.compile(rf"\bi (?:really )?need {_ISSUE} (?:the )?most,? then {_ISSUE},? then {_ISSUE}\b", re.I)
_STATED_TOP = re.compile(
    rf"\bi (?:really )?need (?:the )?{_ISSUE} (?:the )?most\b|\b{_ISSUE} is my {_MOST}\b"
    rf"|\bmy {_MOST} is (?:the )?{_ISSUE}\b|\b{_ISSUE} matters most to me\b",
    re.I,
)
_STATED_LAST = re.compile(
    rf"\bi need (?:the )?{_ISSUE} (?:the )?least\b|\b{_ISSUE} is my (?:lowest|last) (?:priority|need)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a speaker says of its own needs: the issue needed most and the one needed least, where it says so."""

    top: str | None
    last: str | None

    def agrees(self, order: Order) -> bool | None:
        """Whether it is true of someone with this order; `None` where nothing was said."""
        checks = [said == true for said, true in ((self.top, order[0]), (self.last, order[2])) if said]
        return all(checks) if checks else None

    @property
    def order(self) -> Order | None:
        """The whole order, where both ends of it were said."""
        between = [issue for issue in ISSUES if issue not in (self.top, self.last)]
        return (self.top, between[0], self.last) if self.top and self.last and len(between) == 1 else None


@functools.lru_cache(maxsize=4096)
def stated_needs(text: str) -> Stated:
    """What `text` says of its speaker's needs."""
    if match := _STATED_ORDER.search(text):
        return Stated(match[1].lower(), match[3].lower())
    top, last = _STATED_TOP.search(text), _STATED_LAST.search(text)
    return Stated(_which(top), _which(last))


def _which(match: re.Match[str] | None) -> str | None:
    return None if match is None else next(g for g in match.groups() if g).lower()


_SATISFIED = re.compile(r"\b(extremely|very|quite|slightly|somewhat|a bit)? ?(dis|un|not )?satisfied\b")
_STRONG = ("extremely", "very")
_GOOD = re.compile(
    r"\b(?:works? (?:well |great |perfectly )?for me|that works?|works? great|sounds? (?:good|great|fair|perfect)"
    r"|(?:i am|i'm|so|very) (?:happy|glad|pleased)|happy with"
    r"|fair deal|(?:it|that)(?:'s| is) (?:a )?(?:fair|great|good)"
    r"|perfect|thank you|thanks|awesome|wonderful|we have a deal|it's a deal|i agree|i accept"
    r"|that is (?:very kind|fine))\b"
)
_BAD = re.compile(
    r"\b(?:(?:does not|doesn't|won't|will not|would not|wouldn't|can't|cannot) work|not going to work|unfair|unhappy"
    r"|not (?:happy|fair|good|enough|okay|ok)|disappointed|no deal|no way|too (?:little|greedy)|that leaves me|greedy"
    r"|(?:can't|cannot|can not|won't|will not) (?:accept|agree|do)|i refuse)\b"
)
_DEAL_READS = {"accept": 0.9, "reject": 0.15, "walk": 0.05}


@functools.lru_cache(maxsize=4096)
def stated_grade(text: str) -> int | None:
    """The satisfaction grade (0 to 4) that `text` states, the last one if several; `None` without one."""
    found = _SATISFIED.findall(text.lower())
    if not found:
        return 2 if re.search(r"\bi am undecided\b", text.lower()) else None
    how, negation = found[-1]
    step = 2 if how in _STRONG else 1
    return 2 - step if negation else 2 + step


@functools.lru_cache(maxsize=4096)
def read(text: str) -> float | None:
    """How well off the speaker of a reply sounds, 0 to 1: a stated grade, else a deal message, else its words."""
    stated_as = stated_grade(text)
    if stated_as is not None:
        return stated_as / (len(GRADES) - 1)
    deal = parse_deal(text)
    if deal is not None and deal.kind in _DEAL_READS:
        return _DEAL_READS[deal.kind]
    plain = text.lower().replace("’", "'")
    bad = len(_BAD.findall(plain))
    good = len(_GOOD.findall(_BAD.sub(" ", plain)))
    return 0.5 + 0.3 * (good - bad) / (good + bad) if good or bad else None
