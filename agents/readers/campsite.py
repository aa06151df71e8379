"""Reads natural English of a campsite negotiation by rules: deals, and the order of a speaker's needs.

Words are first made plain (`all the logs` is `3 firewood`), then each count goes to whom the words next to it name. A
reading is only a deal or an order where all nine packages or all three ranks follow; how sure it is lies beside it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from goldenrule.envs.scenarios.campsite.language import ISSUES, N_PACKAGES, Deal, Order, Packages, parse_deal, rest

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value]):
    """What a message was read as.

    Attributes:
        value: the deal or the order; `None` where the message holds none.
        confidence: how sure the reading is, 0 to 1.
    """

    value: Value | None
    confidence: float


def _rules(table: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), by) for pattern, by in table)


_I = r"(food|water|firewood)\b"
_OF = r"(?: of| from)?(?: (?:the|those|these|that|your|my|our|its|them|it))*"
_ALL = (
    rf"(?:(?:all|every|each and every)(?: (?:bit|drop|last|single|stick|piece|1|scrap))*{_OF}(?: 3)?|the (?:whole|full|entire)"
    rf"(?: 3)?{_OF}|the lot{_OF}|the 3{_OF}|both)"
)
_PLAIN = _rules((
    (r"[’`]", "'"), (r"[–—]| - ", " , "), (r"\s+", " "),
    (r"\b(?:u|ya|yous|you (?:lot|guys|all|folks))\b", "you"), (r"\b(?:ur|youre)\b", "your"), (r"\burs\b", "yours"),
    (r"\bda\b", "the"), (r"\bim\b", "i'm"), (r"\bill\b", "i'll"), (r"\bid\b", "i'd"), (r"\bn\b|&|\+", " and "),
    (r"\b4 (?=me\b|us\b|you\b)", "for "), (r"\bgimme\b", "give me"), (r"\blemme\b", "let me"), (r"\bdont\b", "don't"),
    (r"\b(that|this|which|no|any|every|old|next|good)[ -]?one\b", r"\1"), (r"\bone of us\b", "someone"),
    *((rf"\b{word}s?\b", str(n)) for n, word in enumerate("zero one two three four five six seven eight nine".split())),
    (r"\bnil\b", "0"), (r"\b(?:an? |the )?(?:single|lone|solitary)\b(?: 1)?", "1"),
    (r"\b(?:an? )?(?:couple|pair)\b", "2"),
    (r"\bfire[ -]?woods?\b|\b(?:wood|log|timber)s?\b|\bfire ?logs?\b|\bkindling\b|\bfuel\b|\b(?:camp)?fires?\b"
     r"|\b(?:some|any)thing to burn\b|\bwoodpile\b|\bmadera\b", "firewood"),
    (r"\b(?:drinking )?waters?\b|\b(?:drink|h2o|agua|jug|liquid|fluid)s?\b|\bdrinking\b|\bhydration\b"
     r"|\b(?:some|any)thing to (?:drink|wash)\b", "water"),
    (r"\b(?:food|meal|grub|snack|eat|eatable|edible|provision|ration|chop|tucker|ingredient|munchie|foodstuff)s?\b"
     r"|\b(?:eating|scran|nosh|comida|groceries|supper|dinner|breakfast|lunch)\b|\b(?:some|any)thing to (?:eat|cook)\b",
     "food"),
    (rf"\b(?:pack|package|bundle|bottle|unit|lot|item|piece|load|portion|crate|bag|box)(?:e?s)?{_OF} (?={_I})", ""),
    (rf"\b{_I}[- ](?:pack|package|bundle|bottle|unit|suppl)(?:s|y|ies)?\b", r"\1"), (r" +", " "),
))  # fmt: skip
_COUNTED = _rules((
    (r"\bnone(?: of (?:that|it|those|them))?\b(?! of)", "0"), (r"\b(\d)-\d (?=(?:to|for) )", r"\1 "),
    (rf"\b{_I},? \(all(?: 3)?\)", r"3 \1"), (r"\b(?:off|from) (?:you|me)\b", ""), (rf"\b(?:instead of|rather than|not) \d\b(?! {_I})", ""),
    (rf"\b(?:every(?:thing)? (?:else|other)|(?:the )?rest|(?:the )?others?(?: things?)?|{_I}(?: and {_I})?)"
     r"(?: \w+){0,3} (?:the same|same|as you|as before|like you|like before|unchanged|as (?:it|they)|how you|as is|stands?)\b", "same"),
    (rf"\b{_ALL} {_I},? and (?:{_ALL} |the )?{_I}", r"3 \1 and 3 \2"), (rf"\b{_ALL} {_I}", r"3 \1"),
    (rf"\b{_I},? (?:all(?: (?:of (?:it|them|that)|3))?(?! \d)|(?:in its )?entire(?:ly|ty)|in full|completely?|outright|the "
     rf"(?:whole )?lot|undivided|every (?:bit|drop|stick|last)\w*)\b", r"3 \1"),
    (rf"\b(?:no|not any|none{_OF}|without(?: any)?|neither|nor)\b (?:at all )?{_I}", r"0 \1"),
    (rf"\b(\d)(?: each)? (?:for |of )?(?:each|apiece)? ?(?:of )?(?:the )?{_I},? and (?:the )?{_I} each", r"\1 \2 and \1 \3"),
    (rf"\b(\d) (?:of )?each (?:of )?(?:the )?{_I},? (?:and|or) (?:the )?{_I}", r"\1 \2 and \1 \3"),
    (rf"\b(?:the )?(?:other|remaining|leftover)? ?(\d)(?: (?:other|remaining))?{_OF}(?: \d)? {_I}", r" \1 \2"),
    (rf"\ban? {_I}", r"1 \1"), (r" +", " "),
))  # fmt: skip

_ME, _YOU = "me", "you"
_US = r"(?:me|us|myself|ourselves|my (?!\d|food|water|firewood)(?:own )?\w+|our (?!\d|food|water|firewood)\w+)"
_THEM = (
    r"(?:you|yourself|yourselves|your (?!\d|food|water|firewood)(?:good |own )?\w+|the other (?:camper|person|side))"
)
_VERB = r"(?:take|have|keep|get|grab|enjoy|receive|claim|hang on|hold|help yourself|bag)"
_TOKEN = re.compile(
    rf"""(?P<stop>[.;!?]+(?:\s|$)) | (?P<colon>[:(]) | (?P<pause>[,)/]|\band\b)
    | (?P<break>\b(?:as\ long\ as|while|whereas|provided|if|but|with|since|because|so)\b)
    | (?P<change>\b(?P<of>\d)\ (?P<way>more|less)\ (?P<what>food|water|firewood)\b)
    | (?P<except>\b(?:everything|all|the\ lot)\ (?:except|but|bar|apart\ from|save)(?:\ for)?)
    | (?P<others>\b\d(?=\ (?:(?:to|for)\ \w+\ )?(?:on|of|from)\ (?:each\ )?(?:both|the\ other|the\ others|each\ other|either)\b)
      |\b\d\ each(?=\ of\ the\ (?:other|rest))|\b\d(?=\ of\ each\ (?:of\ the\ )?others?))
    | (?P<each>\b\d(?=,?\ (?:of\ )?(?:each\b|everything|apiece|all\ 3|the\ 3|on\ all\ 3)))
    | (?P<rest>\b(?:the|all\ the)\ rest\b|\b(?:what|all\ that|whatever)(?:'s|\ is|\ was)?\ (?:left|over|remain)\w*
      |\bleftovers?\b|\bremainder\b|\bremaining(?:\ \d)?\b|\b(?:every|any)thing\ (?:else|besides|other)
      |\bbalance\b|\bthe\ others?(?:\ \d)?\b|\bevery\ other\b|\b(?:all|any)\ others?\b)
    | (?P<item>\b(?P<n>\d)\ (?P<i>food|water|firewood)\b|\b(?P<i2>food|water|firewood)\b:?\ (?P<n2>\d)(?![\ -]\w*\ ?(?:food|water
      |firewood)|\ of\b|-\d)) | (?P<issue>\b(?:food|water|firewood)\b) | (?P<number>\b\d\b)
    | (?P<give>\b(?:give|giving|leave|leaving|let|letting|hand|handing|pass|offer|offering|spare|grant|gift)s?(?:ting)?(?:\ (?:up|over|back))?
      (?:\ (?P<to>(?P<to_us>{_US})|{_THEM})\b)?|\b(?:forgo|skip|part\ with|giving\ up|throw\ in)\b)
    | (?P<i_am>\b(?:i|we)\b(?:'\w+)?|\bmy\ (?:taking|keeping|having)\b|\b(?:for|to)\ {_US}\ (?:to|stays?)\b)
    | (?P<you_are>\byou(?:'\w+|r\ (?:taking|keeping|having))?(?=\ (?:\w+\ )?{_VERB}|\ (?:\w+\ )?(?:give|hand|leave|let|pass|throw|offer|spare))|\bother\ camper)
    | (?P<flex_me>\b(?:(?:for|to|on|in|with|at|by)\ )?{_US}\b|\bmine\b)
    | (?P<flex_you>\b(?:(?:for|to|on|in|with|at|by)\ )?{_THEM}\b|\byours\b)
    | (?P<imperative>(?:(?<=[.;!?,:]\ )|(?<=^)|(?<=so\ )|(?<=do\ )|(?<=then\ )|(?<=please\ ))(?:take|have|keep|enjoy|grab|help\ yourself)\b)
    | (?P<not>\b(?:not|never|n't|hardly)\b|\w+n't\b)""",
    re.VERBOSE,
)


def _plain(text: str, *tables: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    text = text.lower()
    for table in tables:
        for pattern, by in table:
            text = pattern.sub(by, text)
    return text.strip()


class _Shares:
    """Who gets what by a message: counts said outright, packages named without a count, and whose the rest is."""

    def __init__(self, text: str) -> None:
        self.said: dict[str, dict[str, int]] = {_ME: {}, _YOU: {}}
        self.hinted: dict[str, dict[str, int]] = {_ME: {}, _YOU: {}}
        self.loose: list[tuple[str, int, bool]] = []
        self.rest: str | None = None
        self.clash = False
        self.carried = False
        for sentence in re.split(r"(?<=[.;!?])\s+", text):
            self._read(sentence)

    def _give(self, owner: str | None, items: list[tuple[str, int, bool]]) -> None:
        for issue, count, sure in items:
            if owner is None:
                self.loose.append((issue, count, sure))
            elif issue == "rest":
                self.clash |= self.rest not in (None, owner)
                self.rest = owner
            elif issue == "all but":
                self.rest = owner
            elif issue in ("each", "others"):
                for each in ISSUES:
                    if issue == "each" or (each not in self.said[_ME] and each not in self.said[_YOU]):
                        self._give(owner, [(each, count, sure)])
            else:
                counts = (self.said if sure else self.hinted)[owner]
                self.clash |= sure and (counts.get(issue, count) != count or count > N_PACKAGES)
                counts[issue] = count

    def _read(self, sentence: str) -> None:
        found = list(_TOKEN.finditer(sentence))
        kinds = [match.lastgroup and next(k for k in _KINDS if match[k] is not None) for match in found]
        heavy = [kind for kind in kinds if kind in _ITEMS or kind in _OWNERS]
        items_first = bool(heavy) and heavy[0] in _ITEMS
        owner: str | None = None
        subject: str | None = None
        topic: str | None = None
        group: list[tuple[str, int, bool]] = []
        early: list[tuple[str, int, bool]] = []
        negated = False
        for at, (match, kind) in enumerate(zip(found, kinds, strict=True)):
            before = kinds[at - 1] if at else "stop"
            after = next((k for k in kinds[at + 1 : at + 2]), "stop")
            if kind == "item":
                topic = match["i"] or match["i2"]
                group.append((topic, int(match["n"] or match["n2"]), True))
            elif kind == "issue":
                topic = match["issue"]
                if after != "number":
                    group.append((topic, 0 if negated else N_PACKAGES, False))
            elif kind == "number":
                if topic is not None:
                    if group and group[-1][0] == topic and not group[-1][2]:
                        group.pop()
                    group.append((topic, int(match["number"]), True))
            elif kind in ("each", "others"):
                group.append((kind, int(match[kind]), True))
            elif kind == "rest":
                group.append(("rest", 0, True))
            elif kind == "except":
                self._give(owner, group)
                group = [("all but", 0, True)]
                self._give(owner or _ME, group)
                owner, group = _other(owner or _ME), []
            elif kind == "not":
                negated = True
                continue
            elif kind in _OWNERS:
                if kind == "give":
                    new = (_ME if match["to_us"] else _YOU) if match["to"] else _other(subject or _ME)
                else:
                    new = _ME if kind in ("i_am", "flex_me") else _YOU
                flexible = kind in ("flex_me", "flex_you")
                fronted = after in _ITEMS and (before in ("pause", "stop") or (before in _ITEMS and not items_first))
                if flexible and group and not fronted:
                    self._give(new, group)
                    group = []
                else:
                    if owner is None and group:
                        early += group
                    else:
                        self._give(owner, group)
                    group = []
                    owner = new
                    if not flexible and kind != "give":
                        subject = new
                    if early and after not in _ITEMS and not flexible:
                        self._give(new, early)
                        early = []
            if kind not in ("pause",):
                negated = False
        self._give(owner, group)
        self._give(None, early)


_ITEMS = ("item", "issue", "number", "each", "others", "rest", "except")
_OWNERS = ("give", "i_am", "you_are", "flex_me", "flex_you", "imperative")
_KINDS = ("stop", "pause", *_ITEMS, *_OWNERS, "not")


def _other(owner: str) -> str:
    return _YOU if owner == _ME else _ME


def _solve(text: str, base: Packages | None = None) -> tuple[Packages, float] | None:
    """The speaker's packages and how sure, where all follow from `text`, or from it and the `base` it changes."""
    shares = _Shares(text)
    if shares.clash:
        return None
    loose_owner = _other(shares.rest) if shares.rest else None
    sure = 1.0
    if shares.loose:
        if loose_owner is None and any(issue == "rest" for issue, _, _ in shares.loose):
            owners = [owner for owner in (_ME, _YOU) if shares.said[owner]]
            if len(owners) == 1:
                shares.rest = _other(owners[0])
        elif loose_owner is not None:
            shares._give(loose_owner, shares.loose)
            sure = 0.8
    mine: list[int] = []
    for at, issue in enumerate(ISSUES):
        me, you = shares.said[_ME].get(issue), shares.said[_YOU].get(issue)
        if me is None and you is None:
            me, you = shares.hinted[_ME].get(issue), shares.hinted[_YOU].get(issue)
            sure = min(sure, 0.8)
            if me is None and you is None and shares.rest:
                me = N_PACKAGES if shares.rest == _ME else 0
            elif me is None and you is None and base:
                me = base[at]
        count = me if me is not None else None if you is None else N_PACKAGES - you
        if count is None or not 0 <= count <= N_PACKAGES or (you is not None and you != N_PACKAGES - count):
            return None
        mine.append(count)
    return (mine[0], mine[1], mine[2]), sure


@functools.lru_cache(maxsize=4096)
def read_deal(text: str, context: str = "") -> Reading[Deal]:
    """The deal message in `text`.

    Args:
        text: what a camper says.
        context: what the other said just before, from the other's side.
    """
    solved = _solve(_plain(text, _PLAIN, _COUNTED))
    if solved:
        return Reading(Deal("submit", solved[0]), solved[1])
    return Reading(None, 0.5)
