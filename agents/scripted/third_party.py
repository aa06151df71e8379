"""Scripted people of third_party-v0: an asker, the one who was away, and helpers of two kinds."""

from __future__ import annotations

import re

import numpy as np

from goldenrule.agents.scripted.base import Scripted, nonsense, phrase, pick, register_people, with_opening
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.third_party import (
    ACT,
    ASKER,
    EXPECTED,
    HELPER,
    REACTION,
    REPLY,
    REQUEST,
    Request,
    reaction,
    read_request,
    understand,
)

_ASKER_CARD = re.compile(r"You are the asker\. You want: (\w+), (\w+)\. Away: .*")


def _request(view: View) -> Request | None:
    """What the asker was heard to ask for."""
    asked = [read_request(m.text) for m in view.messages if m.speaker == ASKER]
    return asked[0] if asked else None


def _act(view: View) -> str | None:
    """What the helper did in the end."""
    done = [understand(m.text) for m in view.messages if m.speaker == HELPER]
    return done[-1] if done else None


class Asker(Scripted):
    """Asks for what is on its card; thanks, takes what it gets, complains or is puzzled."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The request, or the reply to the helper's last message."""
        match = _ASKER_CARD.fullmatch(view.card)
        if match is None:
            raise ValueError(f"card {view.card!r} is not an asker's; expected 'You are the asker. You want: ...'")
        kind, name = match.groups()
        if not any(m.speaker == view.me for m in view.messages):
            return phrase(rng, REQUEST, "request", self.people, kind=self.wanted(kind), name=name)
        last = view.messages[-1]
        return self.reply(understand(last.text) if last.speaker == HELPER else None, rng)

    def wanted(self, kind: str) -> str:
        """The request it makes, given the one on its card."""
        return kind

    def reply(self, act: str | None, rng: np.random.Generator) -> str:
        """How it answers what the helper did."""
        return phrase(rng, REPLY, EXPECTED[act], self.people)


class UnseenAsker(Asker):
    """An asker in words of people never met."""

    people = "unseen"


class Other(Scripted):
    """The one it was about, back again: hurt if a harmful request was granted."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """How it feels about what it heard."""
        request = _request(view)
        return phrase(rng, REACTION, reaction(request, _act(view)) if request else "fine", self.people)


class UnseenOther(Other):
    """The one who was away, in words of people never met."""

    people = "unseen"


class Helper(Scripted):
    """Grants what harms nobody and offers a kind alternative to what does."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """What is best for everyone, the absent included."""
        request = _request(view)
        return with_opening(rng, ACT, "comply" if request is not None and not request.harms else "offer")


def babble(rng: np.random.Generator) -> str:
    """Words of this world in an order that means nothing."""
    phrases = [text for move in ACT.moves for text in move.texts()]
    return nonsense(rng, " ".join(pick(rng, phrases) for _ in range(2)).split(), understand)


class CorpusHelper(Scripted):
    """Complies, offers, refuses or talks nonsense.

    Harmful requests are granted more often than others, so that the one who returns is hurt about as often as not,
    while each kind of the asker's replies is heard.
    """

    nonsense_share = 0.1

    def say(self, view: View, rng: np.random.Generator) -> str:
        """One message of a mixed helper."""
        if rng.random() < self.nonsense_share:
            return babble(rng)
        request = _request(view)
        comply = 0.7 if request is not None and request.harms else 0.3
        draw = rng.random()
        if draw < comply:
            return with_opening(rng, ACT, "comply")
        return with_opening(rng, ACT, "offer" if draw < (1 + comply) / 2 else "refuse")


register_people("third_party-v0", "default", {"helper": Helper, "asker": Asker, "other": Other})
register_people("third_party-v0", "corpus", {"helper": CorpusHelper})
register_people("third_party-v0", "unseen", {"asker": UnseenAsker, "other": UnseenOther})
