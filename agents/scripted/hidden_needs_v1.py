"""Scripted people of hidden_needs-v1: a seeker that speaks by its card, and a helper with common sense."""

from __future__ import annotations

import numpy as np

from goldenrule.agents.scripted.base import Scripted, phrase, register_people
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.hidden_needs import expected_reply
from goldenrule.envs.scenarios.hidden_needs_v1 import (
    CIRCUMSTANCES,
    KEPT,
    NEW_OFFER,
    NEW_OPENING,
    NEW_REPLY,
    SITUATIONS,
)

_SITUATION_OF = {card: name for name, (_, card) in SITUATIONS.items()}
_CIRCUMSTANCE_OF = {card: name for name, (_, card) in CIRCUMSTANCES.items()}


def _on_card(names: dict[str, str], card: str) -> str:
    found = [name for text, name in names.items() if text in card]
    if len(found) != 1:
        raise ValueError(f"card {card!r} is not a seeker's; expected one situation and one circumstance")
    return found[0]


class Seeker(Scripted):
    """Says its trouble; then thanks or refuses, tells what it is like when asked, or is puzzled."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """Open, or answer the helper's last message."""
        circumstance = _on_card(_CIRCUMSTANCE_OF, view.card)
        if not any(m.speaker == view.me for m in view.messages):
            told = SITUATIONS[_on_card(_SITUATION_OF, view.card)][0]
            return f"{told} {CIRCUMSTANCES[circumstance][0]}" if "Tell both" in view.card else told
        needed = circumstance.split()[1]
        kind = expected_reply(NEW_OFFER.move_in(view.messages[-1].text), needed)
        wish = KEPT if "keep your wish" in view.card else needed
        return phrase(rng, NEW_REPLY, kind, self.people, wish=wish, need=needed)


class UnseenSeeker(Seeker):
    """A seeker in words of people never met."""

    people = "unseen"


def known_need(view: View) -> str | None:
    """What the one who spoke last needs, by the circumstance it told or what it let show."""
    for message in reversed(view.messages):
        if message.speaker != view.messages[-1].speaker:
            continue
        opening, reply = NEW_OPENING.understand(message.text), NEW_REPLY.understand(message.text)
        told = {value for _, values in (opening.asides if opening else ()) for _, value in values}
        told |= {value for _, value in reply.arguments} - {KEPT} if reply and reply.move != "thanks" else set()
        for one in told:
            return one.split()[1] if " " in one else one
    return None


class Helper(Scripted):
    """Gives what the circumstance calls for, and asks where none was told."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The act that the seeker seems to need."""
        return phrase(rng, NEW_OFFER, known_need(view) or "ask")


register_people("hidden_needs-v1", "default", {"helper": Helper, "seeker": Seeker})
register_people("hidden_needs-v1", "unseen", {"seeker": UnseenSeeker})
