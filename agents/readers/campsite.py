"""Reads natural English of a campsite negotiation by rules: deals, and the order of a speaker's needs.

Words are first made plain: `F`, `W` and `L` stand for food, water and firewood, `all the logs` is `3 L`. Each count
then goes to whom the words next to it name. Only where all nine packages or all ranks follow is it a deal or an order.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import permutations
from typing import Generic, TypeVar

from goldenrule.agents.readers import campsite_words as words
from goldenrule.agents.readers.campsite_words import ITEMS, LETTERS, OWNERS
from goldenrule.envs.scenarios.campsite.language import (
    ISSUES,
    N_PACKAGES,
    Deal,
    Order,
    Packages,
    parse_deal,
    rest,
    stated_needs,
)

Value = TypeVar("Value")
_Item = tuple[str, int, str]  # what, how many, and whether `said` with a count, `hinted` or a `change` of an offer


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value]):
    """What a message was read as.

    Attributes:
        value: the deal or the order; `None` where the message holds none.
        confidence: how sure the reading is, 0 to 1.
    """

    value: Value | None
    confidence: float


class _Shares:
    """Who gets what by a message, `True` the speaker: counts, what has none, changes, and whose the rest is."""

    def __init__(self, text: str) -> None:
        self.said: dict[tuple[bool, str], int] = {}
        self.hinted: dict[tuple[bool, str], int] = {}
        self.change = dict.fromkeys(LETTERS, 0)
        self.each: dict[bool, int] = {}
        self.rest: set[bool] = set()
        self.loose: list[_Item] = []
        self.clash = False
        self.topic = ""
        for sentence in re.split(r"(?<=[.;!?])\s+", text):
            self._read(sentence)
        owners = {mine for mine, _ in self.said}
        if len(self.rest) == 1:
            self._give(True not in self.rest, self.loose)
        elif len(owners) == 1 and any(item[0] == "rest" for item in self.loose):
            self._give(True not in owners, self.loose)
        elif all(item[2] == "change" for item in self.loose):
            self._give(True, self.loose)
        named = {issue for _, issue in self.said}
        self.said |= {(mine, i): n for mine, n in self.each.items() for i in LETTERS if i not in named}
        if not self.rest and len(owners) == 1 and words.CLOSED.search(text):
            self.rest = {True not in owners}

    def _give(self, mine: bool | None, items: list[_Item]) -> None:
        for issue, count, how in items:
            if mine is None:
                self.loose.append((issue, count, how))
            elif issue == "rest":
                self.rest.add(mine)
            elif issue == "each":
                self.each[mine] = count
            elif how == "change":
                self.change[issue] += count if mine else -count
            else:
                counts = self.said if how == "said" else self.hinted
                self.clash |= how == "said" and (counts.get((mine, issue), count) != count or count > N_PACKAGES)
                counts[mine, issue] = count

    def _item(self, kind: str, match: re.Match[str], negated: bool) -> _Item:
        if kind == "change":
            return (match["what"], int(match["of"]) * (1 if match["way"] == "more" else -1), "change")
        if kind in ("rest", "each"):
            return (kind, int(match["each"] or 0), "said")
        self.topic = match["i"] or match["i2"] or match["issue"] or self.topic
        count = match["n"] or match["n2"] or match["number"]
        return (self.topic, int(count), "said") if count else (self.topic, 0 if negated else N_PACKAGES, "hinted")

    def _read(self, sentence: str) -> None:
        found = list(words.TOKEN.finditer(sentence))
        kinds = [next(kind for kind in words.TOKENS if match[kind] is not None) for match in found]
        items_first = [kind in ITEMS for kind in kinds if kind in ITEMS + OWNERS][:1] == [True]
        subject = negated = False
        mine: bool | None = None
        suffix: bool | None = None
        group: list[_Item] = []
        early: list[_Item] = []
        for at, (match, kind) in enumerate(zip(found, kinds, strict=True)):
            before = kinds[at - 1] if at else "stop"
            after = next((k for k in kinds[at + 1 :] if k != "colon"), "stop")
            if kind in ("rest", "except") or (kind == "break" and mine is not None):
                self._give(mine, group)
                group = []
            if kind == "except":
                self._give(mine is not False, [("rest", 0, "said")])
                mine = mine is False
            elif kind in ITEMS and not (kind == "number" and not (self.topic and int(match[0]) <= N_PACKAGES)):
                if kind == "number" and group and group[-1][::2] == (self.topic, "hinted"):
                    group.pop()
                group.append(self._item(kind, match, negated))
            elif kind in OWNERS:
                asked = kind == "give" and not (match["to"] or subject)
                new = asked or bool(match["to_us"]) or kind in ("i_am", "flex_me")
                flexible = kind.startswith("flex")
                fronted = after in ITEMS and (before in ("pause", "stop") or (before in ITEMS and not items_first))
                if flexible and group and not fronted and kinds[at + 1 : at + 2] != ["colon"]:
                    self._give(new, group)
                    suffix = new
                else:
                    early += group if mine is None else []
                    self._give(mine, group if mine is not None else [])
                    mine, subject = new, subject if flexible or kind == "give" else new
                    if after not in ITEMS and not flexible:
                        self._give(new, early)
                        early = []
                group = []
            negated = kind == "not" or (negated and kind == "pause")
        self._give(suffix if mine is None else mine, group)
        self._give(suffix, early)


def _solve(text: str, base: Packages | None = None) -> tuple[Packages, float] | None:
    """The speaker's packages and how sure, where all follow from `text`, or from it and the `base` it changes."""
    shares = _Shares(text)
    relative = any(shares.change.values())
    if shares.clash or (relative and base is None):
        return None
    vague = bool(words.VAGUE.search(text))
    sides = shares.rest.union(mine for mine, _ in shares.said | shares.hinted)
    sure = 0.8 if shares.loose or vague else 1.0
    mine: list[int] = []
    for at, issue in enumerate(LETTERS):
        said = [shares.said.get((True, issue)), shares.said.get((False, issue))]
        if said == [None, None]:
            sure = min(sure, 0.9)
            hinted = [shares.hinted.get((True, issue)), shares.hinted.get((False, issue))]
            if base and shares.change[issue]:
                said[0] = base[at] + shares.change[issue]
            elif hinted != [None, None] and len(sides) == 2 and not vague and not base:
                said, sure = hinted, 0.7
            elif len(shares.rest) == 1 and not relative and not vague:
                said[0] = N_PACKAGES if True in shares.rest else 0
            elif base:
                said[0] = base[at]
        counts = {abs(other - n) for other, n in zip((0, N_PACKAGES), said, strict=True) if n is not None}
        if len(counts) != 1 or not 0 <= min(counts) <= N_PACKAGES:
            return None
        mine += counts
    return (mine[0], mine[1], mine[2]), sure


def _proposed(text: str, base: Packages | None) -> tuple[Packages, float] | None:
    counted, changed = words.plain(text, words.COUNTED), words.plain(text, words.RELATIVE, words.COUNTED)
    whole = None if base and re.search(r"\b(?:same|instead|\w+ back)\b", counted) else _solve(counted)
    if base is None or (whole and whole[1] > 0.7):
        return whole
    if words.FLIP.search(text):
        return rest(base), 0.7
    solved = _solve(changed, base) if words.SAME.search(changed) else None
    return (solved[0], min(solved[1], 0.6)) if solved and solved[0] != base else whole


@functools.lru_cache(maxsize=4096)
def read_deal(text: str, context: str = "") -> Reading[Deal]:
    """The deal message in `text`; none in talk.

    Args:
        text: what a camper says.
        context: what the other said just before, from the other's side.
    """
    if (canonical := parse_deal(text)) and canonical.kind != "malformed":
        return Reading(canonical, 1.0)
    offer = _solve(words.plain(context.lower(), words.PLAIN, words.COUNTED))
    base = rest(offer[0]) if offer else None
    solved = _proposed(words.plain(text.lower(), words.PLAIN), base)
    plain = text.lower().replace("’", "'")
    kind, sure = next(((kind, sure) for kind, sure, cue in words.CUES if cue.search(plain)), ("talk", 0.5))
    if solved and not (solved[0] == base and kind == "accept"):
        return Reading(Deal("submit", solved[0]), solved[1])
    if kind == "talk" or (kind != "walk" and not context) or (kind == "accept" and words.CONDITION.search(plain)):
        return Reading(None, 0.5)
    return Reading(Deal(kind), sure)


def _levels(text: str) -> dict[str, tuple[float, int]]:
    """How much each issue named in `text` is needed, 0 to 9, and how clearly (1 to 3) the words around it tell."""
    found: dict[str, tuple[float, int]] = {}
    waiting: list[str] = []
    ahead: tuple[float, int] | None = None
    for at, segment in enumerate(part for part in words.SEGMENT.split(text) if part and part.strip()):
        named = list(dict.fromkeys(re.findall(r"\b[FWL]\b", segment)))
        after = bool(named) and not re.match(rf"\W*(?:the |of )?{named[0]}", segment)
        cut_at = named[:-1] if after else named[1:]
        starts = [len(re.split(rf"\b{issue}\b", segment)[0]) + after for issue in cut_at]
        for issue, start, end in zip(named or [""], [0, *starts], [*starts, len(segment)], strict=True):
            part, late = segment[start:end], 0.01 * at  # of two said to come next, the one named first comes first
            cues = ((n - late * (n == 5), weight) for n, weight, cue in words.LEVELS if cue.search(part))
            level = next(cues, ahead if issue else None)
            about = issue or (waiting.pop() if level and waiting else "")
            ahead = None if about else level
            if about and level:
                found[about] = max(found.get(about, level), level, key=lambda pair: pair[1])
            elif about:
                waiting.append(about)
    return dict.fromkeys(waiting, (7.0, 1)) | found


def _above(first: str, second: str, levels: dict[str, tuple[float, int]], edges: set[tuple[str, str]]) -> bool | None:
    """Whether one issue is needed more than another; `None` where neither words of comparison nor levels tell."""
    if ((first, second) in edges) != ((second, first) in edges):
        return (first, second) in edges
    if first in levels and second in levels:
        return None if levels[first][0] == levels[second][0] else levels[first][0] > levels[second][0]
    level, weight = levels.get(first) or levels.get(second) or (5, 0)
    middle = 2 <= level < 7
    if weight < 2 or (middle and (weight < 3 or len(levels) < 2)):
        return None
    high = level >= 7 or (middle and min(other for other, _ in levels.values()) >= 2)
    return high == (first in levels)


@functools.lru_cache(maxsize=4096)
def read_needs(text: str) -> Reading[Order]:
    """The order of the speaker's needs that `text` states; first and last suffice, the issue not named lies between."""
    if order := stated_needs(text).order:
        return Reading(order, 1.0)
    plain = words.plain(text.lower().replace("\n", " ; "), words.PLAIN, words.FELT)
    if words.NOT_OWN.search(plain):
        return Reading(None, 0.8)
    ranks = [{int(m["n"]): m["i"] for m in cue.finditer(plain)} for cue in words.NUMBERED]
    if words.RANKED.search(plain) and (listed := words.LIST.search(plain)):
        ranks.append(dict(enumerate(listed.groups()[:: -1 if words.UPWARDS.search(plain) else 1], 1)))
    full = next((numbered for numbered in ranks if len(set(numbered.values())) == len(ISSUES)), None)
    levels = _levels(plain)
    found = [(more, match) for more, cue in words.EDGES for match in cue.finditer(plain) if match[1] != match[2]]
    edges = {(match[1], match[2]) if more else (match[2], match[1]) for more, match in found}
    above = functools.partial(_above, levels=levels, edges=edges)
    good = [(a, b, c) for a, b, c in permutations(LETTERS) if above(a, b) and above(b, c) and above(a, c) is not False]
    good = [(full[1], full[2], full[3])] if full else good
    if len(good) != 1:
        return Reading(None, 0.5 if len(levels) > 1 else 0.8)
    first, second, third = (ISSUES[LETTERS.index(letter)] for letter in good[0])
    weak = min((weight for _, weight in levels.values()), default=3)
    return Reading((first, second, third), 0.95 if full else 0.85 if weak == 3 else 0.7 if len(levels) == 3 else 0.6)
