"""Strangers mean well, in other words and another order of moves than anyone whom agents learn from.

All they say is valid under the scenario's own reader, and true to their cards.
"""

from __future__ import annotations

import numpy as np

from goldenrule.agents.scripted import hidden_needs, third_party
from goldenrule.agents.scripted.base import Scripted, register_people
from goldenrule.agents.scripted.campsite import Situation, propose, take_in
from goldenrule.agents.scripted.words import pick
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.dialogue_acts import acts, sense
from goldenrule.envs.scenarios.campsite.language import ACCEPT, ISSUES, Packages, grade
from goldenrule.envs.scenarios.hidden_needs import (
    CUES,
    PHRASES,
    REFUSALS,
    SITUATION_PHRASES,
    THANKS,
    WISHES,
    expected_reply,
    need,
    understand,
)
from goldenrule.envs.scenarios.moves import PUZZLED

SATISFIED = (
    "I am very dissatisfied with this.",
    "I am somewhat dissatisfied with this.",
    "So far I am undecided.",
    "I am quite satisfied with this.",
    "I am very satisfied with this.",
)
FIRST, LAST, STEP = 22, 16, 1
"""Points it asks for in its first offer, the least it ever asks for, and what it lets go of with each offer."""


class Camper(Scripted):
    """Opens with a deal, explains afterwards, never greets and never asks."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The next message."""
        now = take_in(view)
        asked = acts(now.last or "")
        if "ask_need" in asked:
            return needs(now)
        if "ask_happy" in asked and now.mine is not None:
            return SATISFIED[grade(now.worth)]
        if now.last is not None and sense(now.last) is False:
            return "I am not sure what you mean by that."
        least = max(LAST, FIRST - STEP * now.spoken)
        if now.open and now.theirs and now.worth >= least:
            return f"{pick(rng, ('Sounds good to me', 'Fair enough', 'I agree'))}! {ACCEPT.upper()}"
        counter = asks_for(now.me.order, propose(now, least, rng))
        return counter if now.spoken == 0 or now.stated_mine else f"{counter}. {needs(now)}"


def needs(now: Situation) -> str:
    """What it needs, the least first."""
    most, _, least = now.me.order
    return f"{least.capitalize()} is my lowest priority. {most.capitalize()} matters most to me."


def asks_for(order: tuple[str, ...], mine: Packages) -> str:
    """A deal message, the issues in the order of its needs from the last."""
    last, between, first = (f"{mine[ISSUES.index(issue)]} {issue}" for issue in reversed(order))
    return f"SUBMIT-DEAL: I get {last}, {between}, and {first}"


def reworded(text: str) -> str:
    """The same words to every reader here: in lower case, with other stops."""
    return text.lower().replace(".", "!")


def twice(phrases: tuple[str, ...], rng: np.random.Generator) -> str:
    """Two ways to say one thing, one after the other."""
    first, second = rng.choice(len(phrases), size=2, replace=False)
    return reworded(f"{phrases[first]} {phrases[second]}")


class Seeker(hidden_needs.Seeker):
    """Shows how it is before it says what happened, and says everything twice."""

    @staticmethod
    def opening(persona: str, situation: str, shown: bool, rng: np.random.Generator) -> str:
        """Cues first, then the trouble."""
        trouble = twice(SITUATION_PHRASES[situation], rng)
        return f"{twice(CUES[persona], rng)} {trouble}" if shown else trouble

    @staticmethod
    def reply(persona: str, situation: str, offered: str, rng: np.random.Generator) -> str:
        """Thanks or refusals first, the wish after them."""
        needed = need(persona, situation)
        kind = expected_reply(understand(offered), needed)
        if kind in ("hint", "puzzled"):
            return twice(CUES[persona] if kind == "hint" else PUZZLED, rng)
        return f"{twice(THANKS if kind == 'thanks' else REFUSALS, rng)} {reworded(pick(rng, WISHES[needed]))}"


class SupportHelper(hidden_needs.Helper):
    """Gives what seems to be needed, said twice."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """Two phrasings of the act that the seeker seems to need."""
        situation, persona = hidden_needs.read_opening(view)
        known = situation is not None and persona is not None
        return twice(PHRASES[need(str(persona), str(situation)) if known else "ask"], rng)


class Asker(third_party.Asker):
    """Asks and answers as its card says, in lower case and with other stops."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What any asker says, reworded."""
        return reworded(super().say(view, rng))


class RequestHelper(third_party.Helper):
    """Does what is best for everyone, in lower case and with other stops."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What a kind helper says, reworded."""
        return reworded(super().say(view, rng))


register_people("campsite-v0", "stranger", {"camper": Camper})
register_people("hidden_needs-v0", "stranger", {"helper": SupportHelper, "seeker": Seeker})
register_people("third_party-v0", "stranger", {"helper": RequestHelper, "asker": Asker})
