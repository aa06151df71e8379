"""Reads natural English of a campsite negotiation by rules: deals, and the order of a speaker's needs.

Words are first made plain (`all the logs` is `3 firewood`), then each count goes to whom the words next to it name. A
reading is only a deal or an order where all nine packages or all three ranks follow; how sure it is lies beside it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import permutations
from typing import Generic, TypeVar

from goldenrule.envs.scenarios.campsite.language import ISSUES, N_PACKAGES, Deal, Order, Packages, parse_deal, rest, stated_needs

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
    (r"\bnil\b", "0"), (r"\bnothing to (drink|eat|burn)\b", r"no something to \1"), (r"\bbottles\b(?! of)", "water"), (r"\b(?:an? |the )?(?:single|lone|solitary)\b(?: 1)?", "1"),
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
    (rf"\b{_I}(?:'s| is| are|,)? \(?all\b(?: 3)?\)?(?= (?:mine|yours|for|to)\b|[.,)]|$)", r"3 \1"),
    (r"\b(\d)[-, /]+(\d)[-, /]+(\d)\b(?! (?:food|water|firewood|of|each))", r"\1 food \2 water \3 firewood"), (r"\b(?:off|from) (?:you|me)\b", ""), (rf"\b(?:instead of|rather than|not) \d\b(?! {_I})", ""),
    (rf"\b(?:every(?:thing)? (?:else|other)|(?:the )?rest|(?:the )?others?(?: things?)?|{_I}(?: and {_I})?)"
     r"(?: \w+){0,3} (?:the same|same|as you|as before|like you|like before|unchanged|as (?:it|they)|how you|as is|stands?)\b", "same"),
    (rf"\b{_ALL} {_I},? and (?:{_ALL} |the )?{_I}", r"3 \1 and 3 \2"), (rf"\b{_ALL} {_I}", r"3 \1"),
    (rf"\b{_I},? (?:all(?: (?:of (?:it|them|that)|3))?(?! \d| \w+ (?:food|water|fire)| (?:food|water|fire))|(?:in its )?entire(?:ly|ty)|in full|completely?|outright|the "
     rf"(?:whole )?lot|undivided|every (?:bit|drop|stick|last)\w*)\b", r"3 \1"),
    (rf"\b(?:no|not any|none{_OF}|without(?: any)?|neither|nor)\b (?:at all )?{_I}", r"0 \1"),
    (rf"\b(\d)(?: each)? (?:for |of )?(?:each|apiece)? ?(?:of )?(?:the )?{_I},? and (?:the )?{_I} each", r"\1 \2 and \1 \3"),
    (rf"\b(\d) (?:of )?each (?:of )?(?:the )?{_I},? (?:and|or) (?:the )?{_I}", r"\1 \2 and \1 \3"),
    (rf"\b(?:the )?(?:other|remaining|leftover)? ?(\d)(?: (?:other|remaining))?{_OF}(?: \d)? {_I}", r" \1 \2"),
    (rf"\ban? {_I}", r"1 \1"), (r" +", " "),
))  # fmt: skip

_RELATIVE = _rules((
    (rf"\b(?:swap|trade|exchange|switch)\w*(?: of| my| the)* (\d )?{_I} (?:for|with|against)(?: of| your| the|(?= \d of))*( \d)?(?: of your| more)?(?: \d)? {_I}",
     r"i give you \1 more \2 , i get \3 more \4"),
    (rf"\b(?:(?:move|shift) )?(\d) {_I} from your \w+(?: to mine| to me)?", r"i get \1 more \2 ,"),
    (rf"\b(?:(?:move|shift) )?(\d) {_I} from (?:mine|my \w+)(?: to yours?)?(?: \w+)?", r"i give you \1 more \2 ,"),
    (rf"\b(?:another|an? (?:extra|additional|more|further)) (?:1 )?{_I}", r"1 more \1"),
    (rf"\b(\d) (?:extra|additional|further|more of the|more of your) {_I}", r"\1 more \2"), (rf"\b(\d) (?:fewer|less of the) {_I}", r"\1 less \2"),
    (rf"\b(\d) {_I} (?:more|extra|on top)\b", r"\1 more \2"), (rf"\b(\d) {_I} (?:fewer|less)\b", r"\1 less \2"),
    (rf"\b(?:the|that|your|this|those) (?:last|remaining|final) (?:1 )?{_I}", r"1 more \1"),
    (rf"\b(\d) of (?:my|your|those|these|them)(?: \d)? {_I}", r"\1 more \2"), (rf"\b(?:my|your|that|those) (\d) {_I}", r"\1 more \2"),
    (rf"\b(?:my|your) {_I}", r"3 \1"), (rf"\bthat {_I}", r"1 more \1"), (rf"\b(?:an? |1 )?{_I}((?: \w+){{0,3}}) back\b", r"1 more \1\2"), (r"more  +|  +", " "),
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
    | (?P<each>\b\d(?=,?\ (?:(?:to|for)\ \w+\ )?(?:of\ |on\ |from\ )?(?:each\b|everything|apiece|all\ 3|the\ 3|both\b|either|every\b|the\ other)))
    | (?P<rest>\b(?:the|all\ the)\ rest\b|\b(?:what|all\ that|whatever|any\ that)(?:'?s|\ is|\ was|\ you\ have)?\ (?:left|over|remain)\w*
      |\bleftovers?\b|\bremainder\b|\bremaining(?:\ \d)?\b|\b(?:every|any)thing\ (?:else|besides|other)
      |\bbalance\b|\bthe\ others?(?:\ \d)?\b|\bevery\ other\b|\b(?:all|any)\ others?\b)
    | (?P<item>\b(?P<n>\d)\ (?P<i>food|water|firewood)\b|\b(?P<i2>food|water|firewood)\b:?\ (?P<n2>\d)(?![\ -]\w*\ ?(?:food|water
      |firewood)|\ of\b|-\d)) | (?P<issue>\b(?:food|water|firewood)\b) | (?P<number>\b\d\b)
    | (?P<give>\b(?:give|giving|leave|leaving|let|letting|hand|handing|pass|offer|offering|spare|grant|gift)s?(?:ting)?(?:\ (?:up|over|back))?
      (?:\ (?P<to>(?P<to_us>{_US})|{_THEM})\b)?|\b(?:forgo|skip|part\ with|giving\ up|throw\ in)\b)
    | (?P<i_am>\b(?:i|we)\b(?:'\w+)?|\bmy\ (?:taking|keeping|having)\b|\b(?:my|our)\ \w+(?=\ (?:{_VERB}|got|takes|gets|needs?|has|had|could|would|wants?)\b)|\b(?:for|to)\ {_US}\ (?:to|stays?)\b)
    | (?P<you_are>\byou(?:'\w+|\ (?:can|could|would|should|may|might|will|just)\b|r\ (?:taking|keeping|having)\b)|\byou(?=\ (?:\w+\ )?{_VERB}|\ (?:\w+\ )?(?:give|hand|leave|let|pass|throw|offer|spare))|\bother\ camper)
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
    """Who gets what by a message: counts said outright, packages named without a count, changes, and whose the rest is."""

    def __init__(self, text: str) -> None:
        self.said: dict[str, dict[str, int]] = {_ME: {}, _YOU: {}}
        self.hinted: dict[str, dict[str, int]] = {_ME: {}, _YOU: {}}
        self.change: dict[str, int] = {}
        self.loose: list[_Item] = []
        self.rest: set[str] = set()
        self.each: dict[str, int] = {}
        self.clash = False
        self.topic: str | None = None
        for sentence in re.split(r"(?<=[.;!?])\s+", text):
            self._read(sentence)
        owner = None
        if self.loose and len(self.rest) == 1:
            owner = _other(next(iter(self.rest)))
        elif any(item[0] == "rest" for item in self.loose) and bool(self.said[_ME]) != bool(self.said[_YOU]):
            owner = _YOU if self.said[_ME] else _ME
        elif self.loose and all(item[2] == "change" for item in self.loose):
            owner = _ME
        self.guessed = owner is not None
        if owner:
            self._give(owner, self.loose)
        named = {issue for owner in (_ME, _YOU) for issue in self.said[owner]}
        for owner, count in self.each.items():
            self.said[owner] |= {issue: count for issue in ISSUES if issue not in named}

    def _give(self, owner: str | None, items: list[_Item]) -> None:
        for issue, count, how in items:
            if owner is None:
                self.loose.append((issue, count, how))
            elif issue == "rest":
                self.rest.add(owner)
            elif issue == "each":
                self.each[owner] = count
            elif how == "change":
                self.change[issue] = self.change.get(issue, 0) + (count if owner == _ME else -count)
            else:
                counts = (self.said if how == "said" else self.hinted)[owner]
                self.clash |= how == "said" and (counts.get(issue, count) != count or count > N_PACKAGES)
                counts[issue] = count

    def _read(self, sentence: str) -> None:
        found = list(_TOKEN.finditer(sentence))
        kinds = [next(kind for kind in _KINDS if match[kind] is not None) for match in found]
        heavy = [kind for kind in kinds if kind in _ITEMS or kind in _OWNERS]
        items_first = bool(heavy) and heavy[0] in _ITEMS
        owner: str | None = None
        subject: str | None = None
        suffix: str | None = None
        group: list[_Item] = []
        early: list[_Item] = []
        negated = False
        for at, (match, kind) in enumerate(zip(found, kinds, strict=True)):
            before = kinds[at - 1] if at else "stop"
            after = next((k for k in kinds[at + 1 :] if k != "colon"), "stop")
            if kind == "item":
                self.topic = match["i"] or match["i2"]
                group.append((self.topic, int(match["n"] or match["n2"]), "said"))
            elif kind == "change":
                group.append((match["what"], int(match["of"]) * (1 if match["way"] == "more" else -1), "change"))
            elif kind == "issue":
                self.topic = match["issue"]
                group.append((self.topic, 0 if negated else N_PACKAGES, "hinted"))
            elif kind == "number" and self.topic and int(match["number"]) <= N_PACKAGES:
                if group and group[-1][0] == self.topic and group[-1][2] == "hinted":
                    group.pop()
                group.append((self.topic, int(match["number"]), "said"))
            elif kind == "each":
                group.append(("each", int(match["each"]), "said"))
            elif kind == "rest":
                self._give(owner, group)
                group = [("rest", 0, "said")]
            elif kind == "except":
                owner = owner or _ME
                self._give(owner, [*group, ("rest", 0, "said")])
                owner, group = _other(owner), []
            elif kind == "break" and owner:
                self._give(owner, group)
                group = []
            elif kind in _OWNERS:
                if kind == "give":
                    new = (_ME if match["to_us"] else _YOU) if match["to"] else _other(subject or _YOU)
                else:
                    new = _ME if kind in ("i_am", "flex_me") else _YOU
                flexible = kind.startswith("flex")
                fronted = after in _ITEMS and (before in ("pause", "stop") or (before in _ITEMS and not items_first))
                fronted |= kinds[at + 1 : at + 2] == ["colon"]
                if flexible and group and not fronted:
                    self._give(new, group)
                    suffix = new
                else:
                    if owner is None:
                        early += group
                    else:
                        self._give(owner, group)
                    owner = new
                    if not flexible and kind != "give":
                        subject = new
                    if early and after not in _ITEMS and not flexible:
                        self._give(new, early)
                        early = []
                group = []
            negated = kind == "not" or (negated and kind == "pause")
        self._give(owner or suffix, group)
        self._give(suffix, early)


_Item = tuple[str, int, str]
_ITEMS = ("item", "issue", "number", "each", "rest", "except", "change")
_OWNERS = ("give", "i_am", "you_are", "flex_me", "flex_you", "imperative")
_KINDS = ("stop", "colon", "pause", "break", *_ITEMS, *_OWNERS, "not")
_VAGUE = re.compile(
    r"\b(?:divid\w+|(?:fair|even)ly|half|halves|some(?: of|thing)?|most of|larger|bigger|smaller|at least|or so|later|decide|depends|whatever(?! ?(?:'?s|is|was|you))"
    r"|more of|less of|(?:bit|lot|little) more|maybe|we(?:'ll|'d)?(?: \w+)?(?: \w+)? (?:split|see|share|figure|sort|discuss|talk|each|both|divide|settle))\b"
)
_CLOSED = re.compile(r"\b(?:nothing (?:else|more|besides)|that(?:'s|s| is|'d be| would be) (?:it|all|enough|plenty|everything|my whole|me)|no more)\b")
_SAME = re.compile(
    r"\b(?:same|instead|but|if|deal|make it|more|less|swap|exchange|rather|back|before|offer|counter|were|your proposal|then)\b"
)
_FLIP = re.compile(
    r"\b(?:flip|other way (?:a?round|about)|reverse|vice versa|swap (?:piles|sides|it|them|shares|places))\b"
)


def _other(owner: str) -> str:
    return _YOU if owner == _ME else _ME


def _solve(text: str, base: Packages | None = None) -> tuple[Packages, float] | None:
    """The speaker's packages and how sure, where all follow from `text`, or from it and the `base` it changes."""
    shares = _Shares(text)
    relative = base is not None and bool(shares.change)
    if shares.clash or (shares.change and base is None):
        return None
    vague = bool(_VAGUE.search(text))
    if not shares.rest and bool(shares.said[_ME]) != bool(shares.said[_YOU]) and _CLOSED.search(text):
        shares.rest.add(_YOU if shares.said[_ME] else _ME)
    sure = 0.8 if shares.guessed or vague else 1.0
    mine: list[int] = []
    for at, issue in enumerate(ISSUES):
        me, you = shares.said[_ME].get(issue), shares.said[_YOU].get(issue)
        if me is None and you is None:
            sure = min(sure, 0.9)
            if base and issue in shares.change:
                me = base[at] + shares.change[issue]
            if me is None and not vague and not base:
                me, you = shares.hinted[_ME].get(issue), shares.hinted[_YOU].get(issue)
                sure = sure if me is you is None else 0.7
            if me is you is None and len(shares.rest) == 1 and not relative and not vague:
                me = N_PACKAGES if _ME in shares.rest else 0
            elif me is you is None and base:
                me = base[at]
        count = me if me is not None else None if you is None else N_PACKAGES - you
        if count is None or not 0 <= count <= N_PACKAGES or (you is not None and you != N_PACKAGES - count):
            return None
        mine.append(count)
    return (mine[0], mine[1], mine[2]), sure


def _proposed(text: str, base: Packages | None) -> tuple[Packages, float] | None:
    plain = _plain(text, _PLAIN)
    whole = (
        None
        if base and re.search(r"\b(?:same|instead|\w+ back)\b", _plain(plain, _COUNTED))
        else _solve(_plain(plain, _COUNTED))
    )
    if base is None or (whole and whole[1] > 0.7):
        return whole
    if _FLIP.search(plain):
        return rest(base), 0.7
    changed = _plain(plain, _RELATIVE, _COUNTED)
    solved = _solve(changed, base) if _SAME.search(changed) else None
    if solved and solved[0] != base:
        return solved[0], min(solved[1], 0.6)
    return whole


_CONDITION = re.compile(r"\b(?:if(?! that)|as long as|provided|on condition|unless|only when|but|except|once)\b|\?\s*$")
_KIND_CUES: tuple[tuple[str, float, re.Pattern[str]], ...] = tuple((kind, sure, re.compile(cues)) for kind, sure, cues in (
    ("walk", 0.8, r"\b(?:walk(?:ing)? (?:out|away|off)|(?:i|we)(?:'?m|'?re| am| are) (?:out|off|gone|done|leaving|finished|through)\b(?! of)|(?:good)?bye|good ?night"
     r"|part (?:ways|company)|cheerio|farewell|so long|adios|peace out|call\w* (?:it|this) (?:a day|quits|off|a night)|(?:end|conclud|terminat|clos)\w* (?:it|this|the|here|our|these|my)\b"
     r"|(?:withdraw|retir|exit|step|bow|back|pull|opt|drop)\w* (?:from (?:the|this|these)|away|out)\b|(?:stop|abandon|quit|leav|break)\w* (?:off )?(?:the |this |these |our )?"
     r"(?:negotiat|talk|discuss|table|now|typing|conversation|there|here|without)\w*|no (?:more|further) (?:talk|offer|point|discuss|negotiat)\w*|no longer see|no point"
     r"|(?:forget|drop) (?:it|the whole|all|about)|cut my losses|left the table|5 points|(?:my|our) own(?! \w+ing)|by (?:myself|ourselves)|(?:go|do|manage) (?:it )?(?:alone|without)"
     r"|separate ways|without (?:a|any|an) (?:deal|agreement)|(?:someone|somebody) else|(?:another|other) (?:people|person|camp\w*|pitch|group)|elsewhere|neighbou?rs|(?:take|try) (?:my|our)"
     r" (?:chances|luck)|see (?:ya|you)\b|not worth|good luck|all the best|take care|(?:i|we) (?:give up|quit)\b(?! the| \d| a| my)|rather than continue|waste? of time|wasting"
     r"|had (?:enough|it)|nowhere|in circles|agree to disagree|done (?:talking|here|negotiating|with)|leave (?:this|it) (?:matter|there|here|be|at)|i(?:'ll| will) (?:go|leave)\b"
     r"|(?:cannot|can't|won't) (?:have|reach|find|come to) (?:an? )?(?:agreement|deal))"),
    ("talk", 0.6, r"\b(?:think (?:about|it over|on it)|let me (?:think|check|ask|see)|thinking|idk|hm+|not sure|unsure|might|consider(?! it)|(?:a )?(?:moment|minute|sec|second)|weigh(?! ?ed)|tempting"
     r"|need (?:some )?time|get back|sleep on it|(?:ask|check with|talk to) my|mull|hang on|hold on|undecided|maybe|perhaps|in two minds)\b"),
    ("accept", 0.8, r"(?<!not )(?<!n't )\b(?:i'm in\b|we're in\b|count (?:me|us) in|i accept|i agree|it's a deal|got (?:yourself )?a deal|^\W*deal\b|(?:let's|we can) (?:do|make|shake|go|call it)|i sign"
     r"|consider it|you win|take (?:it|that)\b|go(?:ing)? (?:along|ahead|for it)|say yes|yes please|settled|sold|works for|shak\w+|official|no (?:problem|objection|complaint|issue|worries|notes"
     r"|change|quibble|argument|need to)s?\b|(?:can't|couldn't|won't|wouldn't|don't) (?:argue|complain|say no|fault|object|ask for|have asked|change|be better|hear)|(?:fool|mad|crazy|silly) (?:not )?to"
     r"|nothing (?:i would|i'd|to) (?:change|add)|why not|on board|full agreement|binding|live with (?:that|it|this)|(?:that|it)(?:'ll| will) do|twist my arm|pack it up)"),
    ("reject", 0.7, r"\b(?:no|nope|nah|naw|pass|declin\w+|turn\w* (?:it|that|this|you) down|reject\w*|refus\w+|not|never|n't|un(?:fair|acceptable|able|workable|reasonable|even|balanced)|falls? short"
     r"|(?:far )?too (?:few|little|low|much|greedy|many)|sorry|unfortunately|regret\w*|afraid|sadly|laugh\w*|sooner|leav(?:es|ing) (?:me|us|my|our)|\w+n't\b|cannot|cant\b|wont\b|insult\w*|jok\w+|ridiculous|greedy"
     r"|robbery|nowhere near|(?:try|think) (?:again|harder)|do better|dream on|out of the question|hardly|barely|starve|freeze|drawing board|fit accept)\b"),
    ("accept", 0.6, r"\b(?:deal|accept\w*|agree\w*|ye[sp]+|ye?ah?|yup|sure|ok(?:ay)?|k|al(?:l )?right|sounds? \w+|works?|fine|happy|done|sign|perfect|snap|suits?|got it|great|lovely|good|gladly|fair|let's"
     r"|reasonable|brilliant|absolutely|certainly|definitely|of course|by all means|very well|excellent|wonderful|ideal|thank\w*|cheers|bargain|generous|delighted|pleased|win-win|exactly)\b|👍|🤝"),
))  # fmt: skip


@functools.lru_cache(maxsize=4096)
def read_deal(text: str, context: str = "") -> Reading[Deal]:
    """The deal message in `text`; none in talk.

    Args:
        text: what a camper says.
        context: what the other said just before, from the other's side.
    """
    canonical = parse_deal(text)
    if canonical is not None:
        return Reading(canonical, 1.0)
    offer = _solve(_plain(context, _PLAIN, _COUNTED)) if context else None
    base = rest(offer[0]) if offer else None
    solved = _proposed(text, base)
    plain = text.lower().replace("’", "'")
    kind, sure = next(((kind, sure) for kind, sure, cues in _KIND_CUES if cues.search(plain)), ("talk", 0.5))
    if solved and not (solved[0] == base and kind == "accept"):
        return Reading(Deal("submit", solved[0]), solved[1])
    if kind == "talk" or (kind != "walk" and not context) or (kind == "accept" and _CONDITION.search(plain)):
        return Reading(None, 0.5)
    return Reading(Deal(kind), sure)


_FELT = _rules((
    (r"\b(?:hunger|hungry|starv\w+|famished|peckish|bread|crust|feed(?:ing)?|fed|belly|bellies|stomachs?|pantry|fridge|hampers?|calories|beans|steaks?|sandwiches|pizzas?|cereal\w*|tins|pasta)\b", "food"),
    (r"\b(?:thirst\w*|(?:de|re)?hydrat\w*|parched|flasks?|bottles?)\b", "water"),
    (r"\b(?:taps?|pump|stream|river|spring|lake|filter|well)\b(?= (?:at|by|ten|\d|right|next|near|on|here|water|runs))|\b(?:a|the) (?:tap|pump|stream|river|spring|lake|filter)\b", "water nearby"),
    (r"\b(?:cold|colder|freez\w+|warm\w*|heat(?:ing|ed)?|shiver\w*|hypothermia|chill\w*|burning)\b", "firewood"),
    (r"\b(food|water|firewood) (?:of|for|from)? ?(?:the )?\1\b", r"\1"),
))  # fmt: skip
_ORDINAL = r"(?:(?:number|no\.?|tier|line|place|rank|priority|at|#|the|position) {}\b)"
_NO = r"\b(?:(?:do|does|did|is|are|was|would|could|can|will|need|has|have|'s)(?:n't| not)|not|no|never|hardly|barely|scarcely|without|neither)"
_LEVELS: tuple[tuple[int, int, re.Pattern[str]], ...] = tuple((level, weight, re.compile(cues)) for level, weight, cues in (
    (5, 3, r"\b(?:not|neither) (?:the |my )?(?:last|least|first|most|greatest|smallest|top)\b.*\b(?:not|nor) (?:the |my )?(?:last|least|first|most|greatest|smallest|top)\b"),
    (5, 2, r"\b(?:not|isn't|neither) (?:the |my |our )?(?:first|most|greatest|top)\b"),
    (9, 3, r"\b(?:give up|drop|let go|lose|part with|spare|go without)\b.*\b(?:last|least)\b|\blast\b.*\b(?:give up|drop|lose|part with)|\bnot (?:at all )?flexible"),
    (0, 3, r"\b(?:give up|drop|let go|lose|part with|spare|do without|flexible)\b.*\b(?:first|most|easily|easy)\b|\b(?:first|most|most easily)\b.*\b(?:give up|drop|do without|spare)\b"),
    (0, 3, rf"\b(?:last|least|lowest|bottom|third(?:ly)?|{_ORDINAL.format(3)}|smallest|tail|worst|bronze|loser|ends? with|end of (?:my|our|the) list)\b"),
    (5, 3, rf"\b(?:second(?:ly|ary)?|{_ORDINAL.format(2)}|next(?! to)|middle|cent(?:er|re)|in[- ]between|between|runner[- ]up|silver|halfway)\b"),
    (9, 3, rf"\b(?:first(?:ly)?|{_ORDINAL.format(1)}|most|top(?:s|most|ped)?(?! of that)|main(?:ly)?|priorit\w+|above all|(?:before|over|than) (?:all|anything|everything)|greatest|biggest|chief\w*|foremost|paramount|gold|winner|lead\w*|summit|(?:start|begin)s? with|nothing beats)\b"),
    (9, 2, r"\b(?:can(?:'t|not)|couldn't|could not) (?:\w+ )?(?:skip|do|go|live|manage|spare|mess|cope|survive|afford|lose|be)\b|non-negotiable|not optional|\b(?:have|has|got|brought) (?:0|no)\b|next to no\w*"
     r"|(?:do|have|did|has)(?:n't| not) (?:\w+ )?(?:have|got|any|brought)\b|\b(?:ran|run|running|are|am|'re|'m|clean|all|completely|nearly|almost) (?:out|low|short)\b|\b(?:forgot\w*|spilled|stole|empty|bare|dry|broke|hole|leak\w*|lack)\b"),
    (5, 2, r"\b(?:some|a bit|bit of|a little|moderate|modest|less flexible|somewhat|small need|have 1)\b(?! in)"),
    (1, 2, rf"{_NO} (?:\w+ ){{0,2}}?(?:need\w*|want|care|bother\w*|require\w*|issue|problem|matter|importan\w+|urgent|worr\w+|concern\w*|much|after|short|food|water|firewood|affect|lack|miss|any|really|fuss\w*|interest\w*|priority|all|lot|notice)\b"
     r"|\b(?:plenty|enough|loads|lots of|tons|surplus|abundan\w+|swimming|overflow\w*|overstuffed|(?:all|we're|i'm|already|am|are|is) (?:set|covered|sorted|good|stocked)|well[- ]stocked|to spare|spare\b|optional|negligible|skip\w*|nearby|ample|unused"
     r"|(?:give|giv\w+) (?:\w+ )?(?:up|away)|(?:do|manage|cope|live|get by|go) (?:\w+ )?without|whatever|meh|nah|no+\b|unimportant|luxury|joke|couldn't care|could care|take or leave|indifferent|barely|hardly|in stock|none|laugh\w*|neither here"
     r"|already (?:have|got)|have got|(?:we|i)(?:'ve| have)(?! to| told| need)|brought|packed|caught|full of|doesn't matter|never mind|nothing|low|easily|keep your|ban(?:ned)?|forbidden|irrelevant|trivial|unnecessary|minor|marginal|(?:just|only|mainly) for|flexible)\b"),
    (5, 2, r"\b(?:then|after(?:wards| that| it)?|later|medium|follow\w*|bit|nice|handy|useful|helpful|welcome|desirable|failing|small|little|close|good to have|appreciate\w*|okay?|less (?:so|urgent|important)|ask for|cool|sting|sorry|too|also"
     r"|as well|sometimes|bonus|decent|secondary|wouldn't mind|wouldn't (?:hurt|say no))\b"),
    (9, 2, r"\b(?:key|crucial|critical|vital|essential|indispensable|must|desperate\w*|badly|a lot|urgent\w*|high(?:est)?|life|please|pls|worr\w+|crisis|best|strong\w*|big|really|all about|many|scares?|vastly|alive"
     r"|pressing|overriding|vulnerable|struggl\w+|suffer\w*|fight|lost|break|precious|definitely|dire|precedence|heart|dying|desire|came? for|crav\w+|give (?:me|us)|yes|matters|water water|food food|firewood firewood)\b|!!"),
    (8, 1, r"\b(?:need\w*|want|like|love|so|very)\b"),
))  # fmt: skip
_MORE = r"(?:more|over|before|above|ahead of|outranks?|beats?|greater|bigger|rather than|trumps?|tops|outweighs?|sooner than)"
_EDGES: tuple[tuple[bool, re.Pattern[str]], ...] = tuple((more, re.compile(pattern)) for more, pattern in (
    (True, rf"{_I}[^.;,]{{0,30}}?\b{_MORE}\b(?! (?:importan|urgen|need))[^.;,]{{0,25}}?\b{_I}"), (True, rf"\b(?:more|rather|sooner)\b[^.;]{{0,25}}?\b{_I}[^.;]{{0,25}}?\bthan\b[^.;,]{{0,30}}?\b{_I}"),
    (True, rf"{_I}[^.;,]{{0,20}}\bmore (?:importan\w+|urgent\w*|needed)\b[^.;,]{{0,15}}\bthan\b[^.;,]{{0,25}}?\b{_I}"),
    (False, rf"{_I}[^.;,]{{0,30}}?\b(?:less|below|behind|beneath|under|lower|smaller)\b[^.;,]{{0,25}}?\b{_I}"), (True, rf"{_I}\W*(?:>+)\W*{_I}"),
))  # fmt: skip
_NOT_OWN = re.compile(
    r"\bas an ai\b|language model|\bif (?:it|we) were\b|\bwere (?:we|i|it)\b|\bdepends\b|\b(?:sister|brother|neighbour|neighbor|friend|ex|guide)s?\b[^.]{0,25}\b(?:need|want|rank|cry)|\bjudge\b|\[issue"
    r"|\b(?:all|each|every one|everything|any) (?:of (?:the|them|these) )?(?:3 )?(?:are |is |of them )?(?:equal|important|matter|the same|would help)|(?<!n't )(?<!aren't )\bequal(?:ly)?\b(?! so)|toss-up|\bundecided|\bno idea"
    r"|\b(?:can't|couldn't|cannot|hard to|haven't|not) (?:\w+ )?(?:tell you|say which|choose|decided?|rank|made up|worked)|keep changing|make a case|^\W*(?:so )?(?:you|did you|do you|if i've understood|which do you)\b(?![^.]*\b(?:i|we|my|our|us)\b)"
)
_SEGMENT = re.compile(
    r"[.;?\n()]+|!(?!!)|(?<!!)!|,|\b(?:and|but|while|whereas|although|though|since|because|as we|leaving|even if)\b"
    r"|(?=\b(?:then|followed by|after that|next|failing that)\b)"
)
_LIST = re.compile(rf"{_I}(\W*(?:>|then|and|next|followed by|after that|\s)*){_I}(\W*(?:>|then|and|next|last(?:ly)?|finally|followed by|after that|\s)*){_I}")
_RANKED = re.compile(r"\b(?:order\w*|rank\w*|priorit\w+|list|descending|decreasing|increasing|urgent|importan\w+|done|then|next|followed|after|last\w*)\b|>")
_UPWARDS = re.compile(r"\b(?:increasing|ascending|upwards?|backwards|least (?:to|first|needed|important)|lowest (?:to|first)|from (?:the )?(?:least|bottom))\b")
_NUMBERED = (re.compile(rf"\b([123])\W{{1,3}}{_I}"), re.compile(r"\b(?P<i>food|water|firewood)\W{1,4}(?:is |number )*([123])\b"))


def _levels(text: str) -> dict[str, tuple[float, int]]:
    """How much each issue named in `text` is needed, 0 to 9, and how clearly (1 to 3) the words around it tell."""
    found: dict[str, tuple[float, int]] = {}
    waiting: list[str] = []
    ahead: tuple[int, int] | None = None

    def put(issue: str, level: float, weight: int) -> None:
        if weight >= found.get(issue, (0, 0))[1]:
            found[issue] = (level, weight)

    for at, segment in enumerate(part for part in _SEGMENT.split(text) if part and part.strip()):
        named = list(dict.fromkeys(match[1] for match in re.finditer(rf"\b{_I}", segment)))
        starts = [segment.index(issue) for issue in named[1:]]
        if named and not re.match(rf"\W*(?:the |of )?{named[0]}", segment):
            starts = [segment.index(issue) + len(issue) for issue in named[:-1]]
        pieces = [segment[a:b] for a, b in zip([0, *starts], [*starts, len(segment)], strict=True)]
        for n, piece in enumerate(pieces):
            cue = next(((level, weight) for level, weight, cues in _LEVELS if cues.search(piece)), None)
            if not named:
                for issue in waiting if cue else ():
                    put(issue, *cue)
                ahead = None if waiting else cue
                waiting = [] if cue else waiting
            elif cue is None and ahead is None:
                waiting.append(named[n])
            else:
                level, weight = cue or ahead or (0, 0)
                put(named[n], level - (0.01 * at if level == 5 else 0), weight)
                ahead = None
    for issue in waiting:
        put(issue, 7, 1)
    return found


def _far(levels: dict[str, tuple[float, int]]) -> float:
    return 9 - max(level for level, _ in levels.values()) if max(level for level, _ in levels.values()) >= 7 else 9


@functools.lru_cache(maxsize=4096)
def read_needs(text: str) -> Reading[Order]:
    """The order of the speaker's needs that `text` states; first and last suffice, the issue not named lies between."""
    order = stated_needs(text).order
    if order is not None:
        return Reading(order, 1.0)
    plain = _plain(text.replace("\n", " ; "), _PLAIN, _FELT)
    if _NOT_OWN.search(plain):
        return Reading(None, 0.8)
    for numbered in ({n: i for n, i in _NUMBERED[0].findall(plain)}, {n: i for i, n in _NUMBERED[1].findall(plain)}):
        if len(set(numbered.values())) == len(ISSUES):
            return Reading((numbered["1"], numbered["2"], numbered["3"]), 0.95)
    listed = _LIST.search(plain)
    if listed and len({listed[1], listed[3], listed[5]}) == len(ISSUES) and _RANKED.search(plain):
        order = (listed[1], listed[3], listed[5])
        return Reading(order[::-1] if _UPWARDS.search(plain) else order, 0.9)
    edges = {(m[1], m[2]) if more else (m[2], m[1]) for more, cue in _EDGES for m in cue.finditer(plain) if m[1] != m[2]}
    levels = _levels(plain)

    def above(first: str, second: str) -> bool | None:
        if ((first, second) in edges) != ((second, first) in edges):
            return (first, second) in edges
        if first in levels and second in levels:
            x, y = levels[first][0], levels[second][0]
            return None if x == y else x > y
        level, weight = levels.get(first) or levels.get(second) or (5, 0)
        clear = weight >= 2 and (level >= 7 or level < 2 or (weight == 3 and len(levels) == 2))
        return (level >= 7 or (level >= 2 and _far(levels) < 2)) == (first in levels) if clear else None

    good = [(a, b, c) for a, b, c in permutations(ISSUES) if above(a, b) and above(b, c) and above(a, c) is not False]
    if len(good) == 1:
        weights = [levels[issue][1] for issue in ISSUES if issue in levels]
        return Reading(good[0], 0.85 if min(weights, default=3) == 3 else 0.7 if len(weights) == 3 else 0.6)
    return Reading(None, 0.5)
