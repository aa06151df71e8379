"""A scenario: the seeker says a word, and wants to hear it again.

goldenrule check scenario examples.scenario:ECHO --set words=4
goldenrule play --scenario examples.scenario:ECHO --learner scripted --partner scripted
"""

from __future__ import annotations

import numpy as np

from goldenrule.agents.scripted.base import Scripted, register_people
from goldenrule.envs import Judgement, Knob, Message, Outcome, Scenario, ScenarioSpec, Start, View

WORDS = ("apple", "boat", "cloud", "drum", "earth", "flute", "grass", "house")
HELPER, SEEKER = 0, 1


class Echo(Scenario):
    """The seeker's card names a word. Whoever hears it and says it again does the seeker a favour worth 1."""

    agents = ("helper_0", "seeker_0")
    max_turns = 3  # the seeker, the helper, the seeker
    cycle = 3

    def __init__(self, words: int) -> None:
        self.words = WORDS[:words]
        self.n_candidates = max(words, 2)

    def reset(self, rng: np.random.Generator) -> Start:
        """Begin anew: all randomness comes from `rng`, and nothing of the last episode remains."""
        self.word = self.words[rng.integers(len(self.words))]
        self.turn, self.met = 0, False
        return Start(("Say again what you hear.", f"You like the word {self.word}."))

    def speakers(self) -> tuple[int, ...]:
        """Who speaks now: one after the other."""
        return (HELPER,) if self.turn == 1 else (SEEKER,)

    def hear(self, messages: tuple[Message, ...]) -> Outcome:
        """Pay everyone what this turn is worth to them, exactly. Nonsense earns little and raises nothing."""
        said, turn = messages[0].text, self.turn
        self.turn += 1
        if turn == 1:
            self.met = self.word in said
            judgement = Judgement(valid=said in self.words, proxy=float(said in self.words))
            return Outcome((0.0, float(self.met)), (judgement,))
        honest = self.word in said if turn == 0 else said == _answer(self.met)
        return Outcome((0.0, 0.0), (Judgement(valid=True, faithful=honest),), done=turn == 2)

    def candidates(self, agent: int) -> tuple[str, ...]:
        """What may be chosen, an empty text where there is nothing. It must tell no secret of another's."""
        offered = {0: (f"My word is {self.word}.",) if agent == SEEKER else ("",), 1: self.words, 2: ("Yes!", "No.")}
        return (*offered[min(self.turn, 2)], *[""] * self.n_candidates)[: self.n_candidates]

    def read(self, text: str) -> float | None:
        """The reward that a reply tells of, by which kindness is estimated; `None` where it does not tell."""
        return {"Yes!": 1.0, "No.": 0.0}.get(text)


def _answer(met: bool) -> str:
    return "Yes!" if met else "No."


class Seeker(Scripted):
    """Says its word, and then whether it came back."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What to say, given what was seen."""
        word = view.card.removeprefix("You like the word ").removesuffix(".")
        heard = [message.text for message in view.messages if message.speaker == HELPER]
        return _answer(word in heard[-1]) if heard else f"My word is {word}."


class Helper(Scripted):
    """Says the last word it heard again."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What to say, given what was seen."""
        heard = view.messages[-1].text.strip(".").split() if view.messages else []
        return heard[-1] if heard else WORDS[0]


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
