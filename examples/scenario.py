"""A scenario: the seeker says a word, and wants to hear it again.

goldenrule check scenario examples.scenario:ECHO --set words=4
goldenrule play --scenario examples.scenario:ECHO --learner scripted --partner scripted
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from goldenrule.agents.scripted.base import Scripted, register_people
from goldenrule.envs import (
    Argument,
    Book,
    Judgement,
    Knob,
    Made,
    Message,
    Move,
    MoveScenario,
    Outcome,
    ScenarioSpec,
    Start,
    View,
)

WORDS = ("apple", "boat", "cloud", "drum", "earth", "flute", "grass", "house")
WORD = Argument("word", WORDS)

# What can be done, phase by phase: each book holds the moves of one role. Words are turned into these moves, and these
# into candidates and into the reward that a reply tells of, by common code.
TELL = Book("seeker", (Move("tell", "Name your word.", ("My word is {word}.",), (WORD,)),), when="to begin with")
SAY = Book(
    "helper",
    (Move("say", "Say a word.", ("{word}!", "I say {word}."), (WORD,), pays="1 to the seeker whose word it is"),),
    when="once the seeker has spoken",
)
ANSWER = Book(
    "seeker",
    (Move("yes", "It was your word.", ("Yes!",), tells=1.0), Move("no", "It was not.", ("No.",), tells=0.0)),
    when="after the helper",
)


class Echo(MoveScenario):
    """The seeker's card names a word. Whoever hears it and says it again does the seeker a favour worth 1."""

    agents = ("helper_0", "seeker_0")
    books: ClassVar = {"tell": TELL, "say": SAY, "answer": ANSWER}
    max_turns = cycle = 3  # the seeker, the helper, the seeker

    def __init__(self, words: int) -> None:
        self.words = WORDS[:words]
        self.n_candidates = 2 * words

    def reset(self, rng: np.random.Generator) -> Start:
        """Begin anew: all randomness comes from `rng`, and nothing of the last episode remains."""
        self.word = self.words[rng.integers(len(self.words))]
        self.phase, self.met = "tell", False
        return Start(("Say again what you hear.", f"You like the word {self.word}."))

    def take(self, message: Message, made: Made | None) -> Outcome:
        """Pay everyone what this turn is worth to them, exactly. Nonsense (`None`) earns little and raises nothing."""
        understood = made is not None
        if self.phase == "answer":
            faithful = made is not None and made.move == ("yes" if self.met else "no")
            return Outcome((0.0, 0.0), (Judgement(understood, faithful=faithful),), done=True)
        right = made is not None and made["word"] == self.word
        if self.phase == "tell":
            self.phase = "say"
            return Outcome((0.0, 0.0), (Judgement(understood, faithful=right),))
        self.phase, self.met = "answer", right
        return Outcome((0.0, float(right)), (Judgement(understood, proxy=float(understood)),))

    def allowed(self, agent: int) -> Mapping[str, tuple[str, ...]]:
        """The seeker may name its own word, the helper any; candidates must tell no secret of another's."""
        return {"word": self.words if agent == 0 else (self.word,)}


class Seeker(Scripted):
    """Says its word, and then whether it came back."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What to say, given what was seen."""
        word = view.card.removeprefix("You like the word ").removesuffix(".")
        if not view.messages:
            return TELL.texts("tell", word=word)[0]
        made = SAY.understand(view.messages[-1].text)
        return ANSWER.texts("yes" if made and made["word"] == word else "no")[0]


class Helper(Scripted):
    """Says the word it heard again."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What to say, given what was seen."""
        made = TELL.understand(view.messages[-1].text)
        return SAY.texts("say", word=made["word"] if made else WORDS[0])[0]


# The name stands for the spec. It is registered when it is first asked for; people in the other seats are optional.
ECHO = ScenarioSpec(
    "echo-v0",
    "a seeker wants to hear its word again",
    Echo,
    (Knob("words", 4, "how many words there are", low=2, high=len(WORDS)),),
    learner="helper",
    partner="seeker",
)
register_people("echo-v0", "default", {"helper": Helper, "seeker": Seeker})
