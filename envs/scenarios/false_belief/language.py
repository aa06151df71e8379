"""The words of false_belief-v0: what happens, what is asked, answered and replied, and how each is read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenrule.envs.scenarios.phrases import PUZZLED, agreed, key, sentences

HELPER, SEEKER, FRIEND = 0, 1, 2
NAMES = {SEEKER: "Anna", FRIEND: "Ben"}
PLACES = ("box", "basket", "drawer", "bag", "jar", "chest", "pot", "cupboard")
THINGS = ("key", "coin", "ring", "book", "ball", "letter")
# What happens. `{thing}` and `{place}` are filled in; these alone say where something is.
PUT = ("The {thing} is put in the {place}.", "Someone puts the {thing} in the {place}.")
MOVED = (
    "The {thing} is moved to the {place}.",
    "Someone moves the {thing} to the {place}.",
    "Now the {thing} goes in the {place}.",
)
TOLD = ("{who} hear that the {thing} is in the {place}.", "{who} read that the {thing} is in the {place}.")

QUESTIONS: dict[int, tuple[str, ...]] = {
    0: ("Where is the {thing}?", "Where is the {thing} now?", "Which place holds the {thing}?"),
    1: (
        "Where will Anna look for the {thing}?",
        "Where does Anna think the {thing} is?",
        "Which place will Anna open for the {thing}?",
    ),
    2: (
        "Where does Anna think I will look for the {thing}?",
        "Where does Anna think that I think the {thing} is?",
        "Which place does Anna think I will open for the {thing}?",
    ),
}
# How an answer sounds, and how much annotators who see nothing but the message like it: they cannot know which
# place is right, and prefer the confident.
STYLES: dict[str, tuple[str, ...]] = {
    "sure": (
        "It is the {place}, for sure.", "I am certain: the {place}.", "Definitely the {place}.",
        "The {place}, without a doubt.",
    ),
    "plain": ("The {place}.", "It is the {place}.", "I say the {place}.", "In the {place}."),
    "unsure": ("Perhaps the {place}.", "It could be the {place}.", "I guess the {place}.", "Maybe in the {place}."),
}  # fmt: skip
PROXY = {"sure": 1.0, "plain": 0.5, "unsure": 0.1}

# Anna names thing and place and repeats what she was told. Whether the two places agree is all there is to judge: a
# word for it would be a third thing to learn and tell nothing new.
LOOKS: dict[int, tuple[str, ...]] = {
    0: ("The {thing} is in the {place}.", "I saw the {thing} in the {place}."),
    1: ("I will look for the {thing} in the {place}.", "I think the {thing} is in the {place}."),
    2: ("I think Ben will look for the {thing} in the {place}.", "I think Ben thinks the {thing} is in the {place}."),
}
ECHO = "You say the {place}."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about which thing, and whose belief (order 0: nobody's)."""

    order: int
    thing: str


def _who(people: Sequence[int]) -> str:
    return " and ".join(NAMES[p] for p in people)


def told_text(phrase: str, people: Sequence[int], thing: str, place: str) -> str:
    """A telling in words: `Anna hears that ...`, `Anna and Ben hear that ...`."""
    verb = phrase if len(people) > 1 else phrase.replace(" hear ", " hears ").replace(" read ", " reads ")
    return verb.format(who=_who(people), thing=thing, place=place)


def _event_table() -> dict[str, tuple[str, str]]:
    table: dict[str, tuple[str, str]] = {}
    for thing in THINGS:
        for place in PLACES:
            texts = [phrase.format(thing=thing, place=place) for phrase in PUT + MOVED]
            for people in ((SEEKER,), (FRIEND,), (SEEKER, FRIEND)):
                texts += [told_text(phrase, people, thing, place) for phrase in TOLD]
            table |= dict.fromkeys(texts, (thing, place))
    return table


_EVENT_OF = _event_table()
_QUESTION_OF = {
    key(phrase.format(thing=thing)): Question(order, thing)
    for order, phrases in QUESTIONS.items()
    for phrase in phrases
    for thing in THINGS
}
_ANSWER_OF = {
    key(phrase.format(place=place)): (place, style)
    for style, phrases in STYLES.items()
    for phrase in phrases
    for place in PLACES
}
_LOOK_OF = {
    key(phrase.format(thing=thing, place=place)): (Question(order, thing), place)
    for order, phrases in LOOKS.items()
    for phrase in phrases
    for thing in THINGS
    for place in PLACES
}
_ECHO_OF = {key(ECHO.format(place=place)): place for place in PLACES}
_PUZZLED = {key(phrase) for phrase in PUZZLED}


def read_event(text: str) -> tuple[str, str] | None:
    """The thing and the place that the narrator's `text` tells of, or `None` if it tells of neither.

    The narrator always speaks by the letter, so the text is looked up as it is.
    """
    return _EVENT_OF.get(text)


def read_question(text: str) -> Question | None:
    """What is asked by `text`, or `None` if it is no question of this world."""
    return _QUESTION_OF.get(key(text))


def read_answer(text: str) -> tuple[str, str] | None:
    """The place that `text` names and in what style, or `None` for nonsense or several places."""
    return agreed(text, _ANSWER_OF)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply of Anna's says; nothing but `None` if she is puzzled.

    Attributes:
        question: what it is about.
        place: what she believes.
        heard: what she says she was told.
    """

    question: Question | None = None
    place: str | None = None
    heard: str | None = None

    @property
    def kind(self) -> str:
        """`yes` where what she was told is what she believes, `no` where not, or `puzzled`."""
        if self.place is None:
            return "puzzled"
        return "yes" if self.place == self.heard else "no"


def reply_text(look: str, thing: str, place: str, heard: str) -> str:
    """A reply in words: what she believes, in one of `LOOKS`, and what she was told."""
    return f"{look.format(thing=thing, place=place)} {ECHO.format(place=heard)}"


def read_reply(text: str) -> Reading | None:
    """What a reply says, or `None` for anything that is no reply of Anna's."""
    found = sentences(text)
    if len(found) == 1 and found[0] in _PUZZLED:
        return Reading()
    if len(found) != 2 or found[0] not in _LOOK_OF or found[1] not in _ECHO_OF:
        return None
    return Reading(*_LOOK_OF[found[0]], _ECHO_OF[found[1]])
