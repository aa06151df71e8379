"""The words of hidden_needs-v0: what is told, offered and replied, and how each is read back."""

from __future__ import annotations

from goldenrule.envs.scenarios.phrases import PUZZLED, agreed, key, sentences, table

PHRASES: dict[str, tuple[str, ...]] = {
    "ask": (
        "What would help you most?", "How can I help?", "What do you need right now?", "What would you like from me?",
        "How do you feel about it?", "Do you want to say what matters most?", "What is on your mind?",
        "Where should we begin?",
    ),
    "hear": (
        "I hear you.", "That sounds really hard.", "I am listening.", "Take all the time you need to tell it.",
        "It makes sense that you feel that way.", "Tell me everything.", "I want to hear the whole story.",
        "That must hurt a lot.",
    ),
    "reassure": (
        "You will be fine.", "It will get better.", "You are stronger than you think.", "You did nothing wrong.",
        "I am sure this will pass.", "Do not worry.", "I believe in you.", "Everything will work out.",
    ),
    "advise": (
        "You should make a plan.", "I would start with one small step.", "My advice is to write a list.",
        "Try to talk to someone in charge.", "You should rest first and then act.", "I suggest you set a date.",
        "The best thing is to begin today.", "Why not change one thing at a time?",
    ),
    "inform": (
        "Most people go through this once.", "There is an office in town for this.", "The law gives you two weeks.",
        "Studies show that it takes about a month.", "There is a free guide about it.",
        "The form for this is online.", "Here is how it usually works.", "It happens to one person in five.",
    ),
    "company": (
        "I will come over tonight.", "Let us have tea together.", "I will stay with you.", "Let us go for a walk.",
        "You can sit with me for a while.", "I will keep you company.", "We could cook something together.",
        "I am free all evening for you.",
    ),
}  # fmt: skip
OPENERS = ("Oh.", "Thank you for telling me.", "I see.", "Hey.", "All right.")

SITUATION_PHRASES: dict[str, tuple[str, ...]] = {
    "job": ("I lost my job.", "They let me go at work.", "My job is gone."),
    "exam": ("I failed my exam.", "The exam went badly.", "I did not pass the test."),
    "move": ("I have to move away.", "We are leaving this town.", "I must find a new home."),
    "breakup": ("My partner left me.", "We broke up.", "My relationship is over."),
    "illness": ("The doctor found something.", "I am ill.", "My test results were bad."),
    "debt": ("I cannot pay my rent.", "I owe a lot of money.", "The bank wrote to me again."),
    "quarrel": ("My sister will not speak to me.", "I had a fight with a friend.", "We had a terrible quarrel."),
    "loss": ("My dog died.", "My grandmother passed away.", "I lost someone dear."),
}
CUES: dict[str, tuple[str, ...]] = {
    "proud": ("I usually manage on my own.", "I do not like to make a fuss.", "I never ask for much."),
    "anxious": ("I cannot stop shaking.", "What if it gets worse?", "I hardly sleep."),
    "lonely": ("The evenings are so quiet.", "There is nobody at home.", "Nobody calls me."),
    "practical": ("I want it settled by Friday.", "I have a notebook ready.", "There is much to be done."),
    "curious": ("I keep reading about it.", "I wonder how this works.", "I like to understand things."),
    "talkative": ("It is a long story.", "So much happened at once.", "Where do I even start."),
}
# What someone says it was hoping for, once something was offered.
WISHES: dict[str, tuple[str, ...]] = {
    "ask": ("I hoped to be asked.", "Nobody asks what I want."),
    "hear": ("I hoped you would listen.", "I only wanted to be heard."),
    "reassure": ("I hoped for some hope.", "I needed to be calmed."),
    "advise": ("I hoped for advice.", "I need to know what to do."),
    "inform": ("I hoped for facts.", "I wanted to know how it works."),
    "company": ("I hoped for company.", "I just do not want to be alone."),
}
THANKS = (
    "Thank you, that is it.", "Thank you so much.", "That helps a lot.", "I feel better now.",
    "You understand me.", "This means a lot to me.",
)  # fmt: skip
REFUSALS = (
    "That is not it.", "No, that does not help.", "You do not understand.", "I did not need that.",
    "Please, not that.", "That makes it worse.",
)  # fmt: skip

_ACT_OF = table(PHRASES)
_OPENERS = {key(phrase) for phrase in OPENERS}
_SITUATION_OF = table(SITUATION_PHRASES)
_CUE_OF = table(CUES)
_WISH_OF = table(WISHES)
_REPLY_OF = table({"thanks": THANKS, "refusal": REFUSALS, "puzzled": PUZZLED})


def understand(text: str) -> str | None:
    """The support act that `text` performs, or `None` for nonsense or a mixture of acts."""
    return agreed(text, _ACT_OF, ignored=_OPENERS)


def read_opening(text: str) -> tuple[str, set[str]] | None:
    """The situation that a seeker tells of and the personas it gives cues to.

    `None` unless all it says is one situation, and cues.
    """
    found = sentences(text)
    situations = {_SITUATION_OF[s] for s in found if s in _SITUATION_OF}
    if len(situations) != 1 or any(s not in _SITUATION_OF and s not in _CUE_OF for s in found):
        return None
    return situations.pop(), {_CUE_OF[s] for s in found if s in _CUE_OF}


def reply_kind(text: str) -> str | None:
    """What a seeker's reply is: `thanks`, `refusal`, `puzzled` or `hint` (a cue, after being asked), or `None`."""
    found = sentences(text)
    kinds = {_REPLY_OF[s] for s in found if s in _REPLY_OF}
    if any(s not in _REPLY_OF and s not in _CUE_OF and s not in _WISH_OF for s in found):
        return None
    if len(kinds) == 1:
        return kinds.pop()
    return "hint" if not kinds and found and all(s in _CUE_OF for s in found) else None


def expected_reply(act: str | None, needed: str) -> str:
    """The kind of reply that someone who needs `needed` gives to `act`."""
    if act is None:
        return "puzzled"
    if act == needed:
        return "thanks"
    return "hint" if act == "ask" else "refusal"
