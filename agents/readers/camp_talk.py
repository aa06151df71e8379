"""Made-up proposals of splits, from parts: what a reader of campers practises counting on.

Natural messages say a split in their own ways, and too few of them are there to learn subtraction from. A proposal here
is the speaker's share, the other's, or both, item by item or all at once; an offer before it may be changed or turned
round. Needs are made up alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from goldenrule.envs.scenarios.campsite.language import ISSUES, N_PACKAGES, Order, Packages, rest

Value = TypeVar("Value")

NAMES = {
    "food": ("food", "food", "food", "meals", "grub", "rations", "food packs", "snacks", "foods"),
    "water": ("water", "water", "water", "bottles", "water bottles", "drinks", "waters"),
    "firewood": ("firewood", "firewood", "wood", "wood", "logs", "kindling", "fuel"),
}
NUMBERS = ("no", "one", "two", "three")
ALL = (
    "all the {x}", "all {x}", "all three {x}", "every {x}", "3 {x}", "three {x}", "all of the {x}", "the {x}",
    "all 3 {x}", "the whole {x}", "{x} x3", "every bit of {x}", "the lot of the {x}", "the {x}, all of it", "{x} (3)",
    "{x}: 3",
)  # fmt: skip
NONE_OF = (
    "no {x}", "0 {x}", "zero {x}", "none of the {x}", "no {x} at all", "{x} x0", "nothing of the {x}", "{x}: 0",
)  # fmt: skip
SOME = (
    "{w} {x}", "{w} {x}", "{w} of the {x}", "{x} x{n}", "{w} lots of {x}", "{w} packs of {x}", "{x} ({n})", "{n}x {x}",
    "{x}: {n}",
)  # fmt: skip
ONE, TWO = ("a {x}", "a single {x}", "just one {x}"), ("a couple of {x}", "two thirds of the {x}", "a pair of {x}")
TAKE = {
    True: (
        "I take", "I get", "I'll take", "I keep", "I'd have", "I want", "give me", "we take", "for me", "mine:", "me:",
        "I'd like", "we'd need", "I could use", "let me have", "I will have", "I hold on to", "gimme", "I'm having",
        "us:", "my side gets", "on my end", "I'd ask for", "leave me", "can I have", "I go home with",
    ),
    False: (
        "you take", "you get", "you can have", "you keep", "you'd have", "I give you", "for you", "yours:", "you:",
        "u get", "you could have", "take", "have", "help yourself to", "I leave you", "you're welcome to",
        "I'd let you have", "your side gets", "I hand over", "I'll give you", "you receive", "I'd pass you",
        "for your side", "you may keep",
    ),
}  # fmt: skip
GOES = {
    True: ("for me", "are mine", "is mine", "to me", "on my side", "for us", "stay with me", "in my tent"),
    False: ("for you", "are yours", "is yours", "to you", "on your side", "go to you", "for your lot", "in your tent"),
}
REST = {
    True: (
        "I keep the rest", "the rest is mine", "I get everything else", "and the remainder goes to me", "rest for me",
        "I take what's left", "everything else I have", "we keep whatever remains", "the others stay with me",
        "I'll have the leftovers", "the balance is mine",
    ),
    False: (
        "the rest is yours", "you take the rest", "you get everything else", "and the remainder goes to you",
        "rest for you", "you keep what's left", "everything else you can have", "whatever's left is yours",
        "and you take what remains", "the others are yours", "leftovers to you",
    ),
}  # fmt: skip
FULL = {
    True: ("all the {x} for me", "I take all the {x}", "the {x} is all mine", "{x} to me", "you get no {x}",
           "3-0 on {x} for me", "the {x} stays with me"),
    False: ("all the {x} for you", "you take all the {x}", "the {x} is all yours", "{x} to you", "I need no {x}",
            "I get no {x}", "you can have the {x}"),
}  # fmt: skip
PARTED = (
    "{m} {x} me {y} you", "{x} {m}-{y}", "{x} {big}-{small} {way}", "{mw} {x} for me, {yw} for you",
    "{x}: {m} mine, {y} yours", "{y} {x} for you and {m} for me", "{mw} of the three {x} for me", "{m} {x} to me",
    "{y} {x} to you", "{x} {big} to {small} {way}",
)  # fmt: skip
OPENINGS = (
    "", "", "", "", "how about", "what if", "ok so", "hi!", "my proposal:", "so", "I was thinking", "maybe", "look,",
    "let's say", "could we do this:", "alright,", "hmm,", "I propose that", "no but", "sorry, no.", "almost.",
    "deal if", "thanks, but", "counter:", "here is a plan.",
)  # fmt: skip
CLOSINGS = (
    "", "", "", "", "ok?", "what do you think?", "deal?", "does that work?", "fair?", "cheers", "thx", "please",
    "let me know", "that's my best", "that way we both win", "seems even to me",
)  # fmt: skip
REASONS = (
    "we have {n} kids", "there's a stream by our pitch so {x} matters little", "we are short of {x}",
    "it's {n} of us", "I forgot the {x} at home", "you said you need {x}", "we stay for {n} days", "my wife wants {x}",
    "{x} is heavy",
    "I already have some {x}", "nights are cold", "my {n} dogs drink a lot", "I can't do without {x}",
    "we'll be hiking",
)  # fmt: skip
SWAPS = (
    "one more {a} for me and you get one of my {b}", "swap you a {b} for a {a}", "give me a {a} and take one {b} back",
    "I'll trade one of my {b} for one of your {a}", "almost, but one {b} less and one {a} more for me",
    "if I give you 1 {b} can I have 1 {a}", "same but one {a} more for me, one {b} more for you",
)  # fmt: skip
TURNS = (
    "turn it around and we have a deal", "swap sides and I say yes", "the other way round please", "same but reversed",
    "exactly the opposite: I take your part, you take mine", "flip it, what you listed is for me",
)  # fmt: skip
CHANGES = {
    True: ("{w} more {x} for me and it's a deal", "same but I get {n} {x}", "I'd need {w} of your {x} on top",
           "agreed, except {x}: {n} for me", "fine if I get {w} more {x}"),
    False: ("take {w} more {x}, rest as you said", "same but I get only {n} {x}", "agreed, except {x}: {n} for me",
            "you can have {w} more {x}, otherwise fine"),
}  # fmt: skip
ORDERS = (
    "{a} first, then {b}, then {c}", "{a} > {b} > {c}", "I need {a} most and {c} least",
    "{c} I can do without, {a} I cannot",
    "{a} comes first for us, {c} last", "{c} is the least of my worries, {b} next, {a} is what counts",
    "I'd give up {c} before {b} and {b} before {a}", "number one {a}, number two {b}, number three {c}",
    "above all {a}; some {b} too; {c} hardly matters", "{b} is in the middle, below {a} and above {c}",
)  # fmt: skip
BETWEEN, BEFORE = (
    (", ", ". ", " and ", "; "),
    ("", "", "", "what do you need?", "hi there", "any ideas?", "make an offer"),
)


def pick(rng: np.random.Generator, values: Sequence[Value]) -> Value:
    """One of `values`."""
    return values[int(rng.integers(len(values)))]


def proposal(rng: np.random.Generator) -> tuple[str, str, Packages]:
    """A proposal, what was said before it, and what its speaker gets."""
    mine = _any(rng)
    if rng.random() < 0.2:
        theirs = _dress(rng, _split(rng, rest(mine)))
        text, mine = _change(rng, mine)
        return _dress(rng, text), theirs, mine
    before = _dress(rng, _split(rng, _any(rng))) if rng.random() < 0.15 else pick(rng, BEFORE)
    return _dress(rng, _split(rng, mine)), before, mine


def needs(rng: np.random.Generator) -> tuple[str, str, Order]:
    """A statement of needs, what was said before it, and the speaker's order."""
    first, second, third = (ISSUES[k] for k in rng.permutation(3))
    named = {key: pick(rng, NAMES[issue]) for key, issue in zip("abc", (first, second, third), strict=True)}
    return _dress(rng, pick(rng, ORDERS).format(**named)), pick(rng, BEFORE), (first, second, third)


def _any(rng: np.random.Generator) -> Packages:
    food, water, firewood = rng.integers(0, N_PACKAGES + 1, 3)
    return int(food), int(water), int(firewood)


def _count(rng: np.random.Generator, issue: str, count: int) -> str:
    forms = {0: NONE_OF, 1: SOME + ONE, 2: SOME + TWO, 3: ALL}[count]
    word = pick(rng, (str(count), NUMBERS[count]))
    return pick(rng, forms).format(x=pick(rng, NAMES[issue]), n=count, w=word)


def _side(rng: np.random.Generator, me: bool, counts: Packages, zeros: bool) -> str:
    """What one side gets; without `zeros` only what is more than nothing."""
    items = [_count(rng, ISSUES[k], counts[k]) for k in rng.permutation(3) if zeros or counts[k] or not any(counts)]
    listed = pick(rng, (", ", ", ", " and ", " plus ", " & ")).join(items)
    return f"{listed} {pick(rng, GOES[me])}" if rng.random() < 0.2 else f"{pick(rng, TAKE[me])} {listed}"


def _item(rng: np.random.Generator, issue: str, mine: int) -> str:
    yours, name, kind = N_PACKAGES - mine, pick(rng, NAMES[issue]), rng.random()
    if kind > 0.6:
        me = kind > 0.8
        return f"{pick(rng, TAKE[me])} {_count(rng, issue, mine if me else yours)}"
    if mine in (0, N_PACKAGES):
        return pick(rng, FULL[mine > 0]).format(x=name)
    return pick(rng, PARTED).format(
        x=name, m=mine, y=yours, mw=NUMBERS[mine], yw=NUMBERS[yours], big=max(mine, yours), small=min(mine, yours),
        way="my way" if mine > yours else "your way",
    )  # fmt: skip


def _split(rng: np.random.Generator, mine: Packages) -> str:
    kind, me, zeros, comma = rng.random(), rng.random() < 0.5, rng.random() < 0.4, pick(rng, BETWEEN)
    own = mine if me else rest(mine)
    if len({*mine}) == 1 and kind < 0.5:
        each = (
            f"{pick(rng, TAKE[me])} {pick(rng, (str(own[0]), NUMBERS[own[0]]))} of {pick(rng, ('each', 'everything'))}"
        )
        return f"{each}{comma}{pick(rng, REST[not me])}"
    if kind < 0.5:
        return f"{_side(rng, me, own, zeros)}{comma}{pick(rng, REST[not me])}"
    if kind < 0.58:
        return f"{pick(rng, REST[not me])} if {_side(rng, me, own, zeros)}"
    if kind < 0.74:
        return f"{_side(rng, me, own, zeros)}{comma}{_side(rng, not me, rest(own), zeros)}"
    return comma.join(_item(rng, ISSUES[k], mine[k]) for k in rng.permutation(3))


def _change(rng: np.random.Generator, mine: Packages) -> tuple[str, Packages]:
    """Words that change an offer which would leave `mine` to their speaker, and what it gets then."""
    kind, counts = rng.random(), [*mine]
    more, less = (int(k) for k in rng.permutation(3)[:2])
    if kind < 0.15:
        return pick(rng, TURNS), rest(mine)
    if kind < 0.6 and counts[more] < N_PACKAGES and counts[less] > 0:
        counts[more] += 1
        counts[less] -= 1
        text = pick(rng, SWAPS).format(a=pick(rng, NAMES[ISSUES[more]]), b=pick(rng, NAMES[ISSUES[less]]))
    else:
        count = pick(rng, [n for n in range(N_PACKAGES + 1) if n != mine[more]])
        change, counts[more] = count - mine[more], count
        text = pick(rng, CHANGES[change > 0]).format(x=pick(rng, NAMES[ISSUES[more]]), n=count, w=NUMBERS[abs(change)])
    return text, (counts[0], counts[1], counts[2])


def _dress(rng: np.random.Generator, text: str) -> str:
    reason = pick(rng, REASONS).format(n=pick(rng, ("two", "three", "2", "3")), x=pick(rng, NAMES[pick(rng, ISSUES)]))
    kind = rng.random()
    text = f"{reason}{pick(rng, (', so ', '. ', ': '))}{text}" if kind < 0.25 else text
    text = f"{text}{pick(rng, (', ', '. ', ' because '))}{reason}" if kind > 0.85 else text
    closing = pick(rng, CLOSINGS)
    opening, stop = pick(rng, OPENINGS), pick(rng, (", ", ". ", "? ") if closing else ("", ".", "!"))
    return roughened(rng, f"{opening} {text}{stop}{closing}".strip())


def roughened(rng: np.random.Generator, text: str) -> str:
    """As it may be typed: in small letters, without stops, with a letter missing."""
    kind = rng.random(4)
    text = text.lower() if kind[0] < 0.35 else text[:1].upper() + text[1:]
    text = re.sub(r"[,.;!]+(?=\s|$)", "", text) if kind[1] < 0.2 else text
    text = re.sub(r"\byou\b", "u", text) if kind[2] < 0.15 else text
    gone = int(rng.integers(len(text))) if text else 0
    return text[:gone] + text[gone + 1 :] if kind[3] < 0.1 else text


_NAMED = {
    word: issue for issue, names in NAMES.items() for word in (*names, *(name.removesuffix("s") for name in names))
}
_WORD = re.compile(r"[^\W_]+")


def renamed(text: str, places: Sequence[int]) -> str:
    """The text of one who speaks of `ISSUES[places[k]]` wherever this one speaks of `ISSUES[k]`."""

    def other(match: re.Match[str]) -> str:
        issue = _NAMED.get(match[0].lower())
        if issue is None or places[ISSUES.index(issue)] == ISSUES.index(issue):
            return match[0]
        name = ISSUES[places[ISSUES.index(issue)]]
        return name.capitalize() if match[0][0].isupper() else name

    return _WORD.sub(other, text)
