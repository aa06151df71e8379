"""What campers say between deals, and two public judgements of a message that need nothing but its text."""

from __future__ import annotations

import functools
import re
from itertools import pairwise

from goldenrule.envs.scenarios.campsite.language import (
    ASK_HAPPY,
    ASK_NEED,
    GRADES,
    ISSUES,
    N_PACKAGES,
    Packages,
    parse_deal,
    stated_grade,
    stated_needs,
)
from goldenrule.envs.scenarios.campsite.participants import ORDERS, REASONS
from goldenrule.envs.scenarios.moves import Argument, Book, Move

WANT_MORE = "I need more {}."
STATE_ORDER = "I need {} most, then {}, then {}."
GIVE = "You can have the {}."

_ISSUE = (Argument("issue", ISSUES),)
_SCRIPTED = (
    Move("greet", "Greet.", ("Hello.", "Hi there.", "Hey, nice to meet you.", "Good morning.")),
    Move("ask_need", "Ask what they need.", (ASK_NEED, "Which item do you need most?", "What are you short of?")),
    Move("ask_happy", "Ask how they like the deal.", (
        ASK_HAPPY, "Does this deal work for you?", "How do you feel about this deal?",
    )),
    Move("agree", "Agree, which accepts nothing yet.", (
        "That works for me.", "That sounds fair.", "Okay, good.", "Yes, that is fine.",
    )),
    Move("refuse", "Disagree, which rejects nothing yet.", (
        "That does not work for me.", "That is not enough for me.", "Sorry, that is too little.", "I cannot do that.",
    )),
    Move("offer", "Announce a deal.", (
        "How about this?", "Here is my idea.", "Let us split it like this.", "Would this help you?",
    )),
    Move("better", "Announce a better deal.", (
        "I can give you more.", "You can have a bit more.", "Let me make it better for you.",
    )),
    Move("close", "Ask for an answer.", (
        "Do we have a deal?", "Please take a look at my offer.", "What do you say?",
    )),
    Move("thanks", "Thank.", ("Thank you.", "Thanks a lot.", "That is very kind.")),
    Move("leave", "Say that you are about to leave.", ("I do not think we can agree.", "Then I will leave.")),
    Move("puzzled", "Say that you did not understand.", (
        "What do you mean?", "Sorry, I do not follow.", "I do not understand that.",
    )),
    Move("no_deal", "Say that there is none to speak of.", ("There is no deal yet.",)),
)  # fmt: skip
WORDS = Book("camper", _SCRIPTED, parted=True)
"""What scripts say of `TALK`."""
PHRASES = {name: WORDS.texts(name) for name in WORDS.names}
TALK = Book(
    "camper",
    (
        *_SCRIPTED,
        Move("everyday", "Say what people say all the time; no script does.", (
            "Yes.", "No.", "Okay.", "Sure.", "I agree.", "Absolutely.", "Fair enough.", "You too.",
            "What about you?", "I am fine.", "Fine thanks.", "Sounds good to me.", "That sounds good to me.",
            "Sounds like a deal to me.", "That would work.", "Deal.", "How are you?", "Me too.", "Of course.",
            "I will take that deal.",
        )),
        Move("grade", "Say how satisfied you are.", GRADES),
        Move("reason", "Say why you need something or do not.", tuple(
            reason for groups in REASONS.values() for group in groups for reason in group
        )),
        Move("want", "Ask for more.", {issue: (WANT_MORE.format(issue),) for issue in ISSUES}, _ISSUE),
        Move("give", "Give up what they need.", {issue: (GIVE.format(issue),) for issue in ISSUES}, _ISSUE),
        Move("need", "Say what you need.", {" ".join(order): (STATE_ORDER.format(*order),) for order in ORDERS},
             (Argument("order", tuple(map(" ".join, ORDERS))),)),
    ),
)  # fmt: skip
"""Talk, of which a message may hold as much as it likes: it changes nothing but what others know."""

_COMMON = frozenset(
    (
        "a about above actually after again agree all also am an and any anything are aren't as at away "
        "awesome back bad be because been being both but by bye camping can can't cannot cold cool could "
        "course day deal definitely did didn't do does doesn't doing don't each either else enough even "
        "everything extra fair family few fine fire firewood first food for from get getting give go going "
        "good great guess had happy has have haven't having he hello help her here hey hi him his hope hot "
        "how i i'd i'll i'm i've if in into is isn't it it's item items just keep kids know last least less "
        "let let's like little long lot lots make many may maybe me mean might mind mine more most much must "
        "my need needs never nice night nights no none not nothing now of off oh ok okay on one only or other "
        "others our out over package packages perfect please point possible prefer priority probably really "
        "right same say see set she should since so some something sorry sound sounds split still stuff "
        "suggest sure take thank thanks that that's the their them then there these they thing things think "
        "this those though three time to together too trade trip two understand up us use very want was water "
        "way we we'll we're well were what what's when where which while who why will willing with won't wood "
        "work working works would wouldn't yeah yep yes yet you you'd you'll you're you've your zero "
    ).split()
)
_POLITE = re.compile(r"\b(please|thank|thanks|sorry|great|happy|glad|fair|nice|kind|of course|help you|enjoy)\b")
_GIVING = re.compile(r"\b(you can (?:have|take|get)|i can give|give you|let you have|for you|more for you)\b")
_HARSH = re.compile(r"\b(no|not|never|cannot|can't|won't|too little|greedy|unfair)\b")


def sentences(text: str) -> list[str]:
    """The sentences of `text`, lower case, without punctuation or runs of space."""
    plain = text.lower().replace("’", "'")
    parts = re.split(r"[.!?\n]+", plain)
    cleaned = (" ".join(re.sub(r"[^\w\s']", " ", part).split()) for part in parts)
    return [part for part in cleaned if part]


_ACT_OF = {said: move.name for move in TALK.moves for text, _ in move.ways() for said in sentences(text)}
_PAIRS = frozenset(pair for said in _ACT_OF for pair in pairwise(said.split()))
_VOCABULARY = frozenset(word for pair in _PAIRS for word in pair)


def acts(text: str) -> list[str | None]:
    """The act of each sentence of talk, `None` where a sentence is none of the phrases known here."""
    found: list[str | None] = []
    for sentence in sentences(text):
        act = _ACT_OF.get(sentence)
        if act is None:
            needs = stated_needs(sentence)
            act = "need" if needs.top or needs.last else "grade" if stated_grade(sentence) is not None else None
        found.append(act)
    return found


@functools.lru_cache(maxsize=4096)
def sense(text: str) -> bool | None:
    """Whether a message makes sense, as far as words alone tell.

    True: a well-formed deal message, or talk of which at least half is understood. False: a malformed deal message,
    no words, too few everyday English words, or only words of the phrases here in an
    order that none of them has. `None`: free talk, which only
    a reader can judge.
    """
    deal = parse_deal(text)
    if deal is not None:
        return deal.kind != "malformed"
    known = acts(text)
    if known and 2 * sum(act is not None for act in known) >= len(known):
        return True
    words = " ".join(sentences(text)).split()
    everyday = sum(word in _COMMON or word in _VOCABULARY for word in words)
    if not words or 3 * everyday < len(words):
        return False
    near = list(pairwise(words))
    usual = sum(pair in _PAIRS for pair in near)
    return False if _VOCABULARY.issuperset(words) and near and 4 * usual < len(near) else None


@functools.lru_cache(maxsize=4096)
def proxy(text: str) -> float:
    """How much annotators who see only this message like it, 0 to 1: kind words, and packages given away.

    They see neither card, so a deal pleases them by its count of packages, not by what those are worth to anyone.
    """
    deal = parse_deal(text)
    if deal is not None and deal.kind == "malformed":
        return 0.0
    if deal is None and sense(text) is False:
        return 0.0
    plain = text.lower()
    manner = 0.1 * min(2, len(_POLITE.findall(plain)))
    if deal is None:
        harsh = 0.2 if _HARSH.search(plain) else 0.0
        return 0.4 + manner + (0.2 if _GIVING.search(plain) else 0.0) - harsh
    if deal.mine is not None:
        return min(1.0, 0.8 * generosity(deal.mine) + manner + 0.1)
    return {"accept": 0.8, "reject": 0.2, "walk": 0.0}[deal.kind] + manner


def generosity(mine: Packages) -> float:
    """The share of the nine packages that a deal leaves to the listener, 0 to 1."""
    return 1.0 - sum(mine) / (N_PACKAGES * len(ISSUES))
