"""Scripted people of hidden_needs-v0: a seeker that speaks by its card, and helpers of three kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from goldenrule.agents.scripted.base import Scripted, nonsense, phrase, pick, register_people, with_opening
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.hidden_needs import (
    ACTS,
    CUE,
    OFFER,
    OPENING,
    PHRASES,
    REPLY,
    SECRETIVE,
    TELL,
    WISH,
    expected_reply,
    need,
    understand,
)
from goldenrule.envs.scenarios.moves import sentences

_CARD = re.compile(r"You are (\w+)\.")
_SITUATION_OF, _CUE_OF, _WISH_OF = (
    {sentences(text)[0]: values[0][1] for text, values in move.ways()} for move in (TELL, CUE, WISH)
)
"""The situation, persona or act that a sentence tells of."""
_SEEKER_CARD = re.compile(rf"You are (\w+)\. Trouble: (\w+)\. You (show|hide) it\.({re.escape(SECRETIVE)})?")


class Seeker(Scripted):
    """Says its trouble; then thanks or refuses, as a rule with what it wished for, or a hint, or is puzzled."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """Open, or answer the helper's last message."""
        match = _SEEKER_CARD.fullmatch(view.card)
        if match is None:
            raise ValueError(f"card {view.card!r} is not a seeker's; expected 'You are ... Trouble: ... You show it.'")
        persona, situation, shown, secretive = match.groups()
        spoken = any(m.speaker == view.me for m in view.messages)
        if not spoken:
            return self.opening(persona, situation, shown == "show", rng)
        return self.reply(persona, situation, view.messages[-1].text, rng, tells=secretive is None)

    def in_my_place(self, view: View, rng: np.random.Generator) -> str:
        """What someone with the view's card answers in the trouble that was told in its place."""
        match = _CARD.match(view.card)
        told = {s for m in view.messages if m.speaker == view.me for s in sentences(m.text)}
        situation = next((kind for sentence, kind in _SITUATION_OF.items() if sentence in told), None)
        if match is None or situation is None:
            return phrase(rng, REPLY, "puzzled", self.people)
        return self.reply(match[1], situation, view.messages[-1].text, rng)

    def opening(self, persona: str, situation: str, shown: bool, rng: np.random.Generator) -> str:
        """How this persona tells of its trouble, with a cue if it shows how it is."""
        text = phrase(rng, OPENING, "tell", self.people, situation=situation)
        return f"{text} {phrase(rng, OPENING, 'cue', self.people, persona=persona)}" if shown else text

    def reply(self, persona: str, situation: str, offered: str, rng: np.random.Generator, *, tells: bool = True) -> str:
        """What this persona answers to `offered` in this situation; what it hoped for only if it `tells`."""
        needed = need(persona, situation)
        kind = expected_reply(understand(offered), needed)
        text = phrase(rng, REPLY, kind, self.people, persona=persona)
        if kind in ("hint", "puzzled") or not tells:
            return text
        return f"{phrase(rng, REPLY, 'wish', self.people, act=needed)} {text}"


class UnseenSeeker(Seeker):
    """A seeker in words of people never met."""

    people = "unseen"


def read_opening(view: View) -> tuple[str | None, str | None]:
    """The situation and persona that the words of who spoke last give away, each `None` if they do not."""
    return _told(view, _SITUATION_OF), _told(view, _CUE_OF)


def known_need(view: View) -> str | None:
    """What the one who spoke last needs: the wish it told, or what follows from its trouble and its cues."""
    situation, persona = read_opening(view)
    return _told(view, _WISH_OF) or (need(persona, situation) if situation and persona else None)


def _told(view: View, labels: Mapping[str, str]) -> str | None:
    """The last of these labels in the words of who spoke last; seekers are served one after the other."""
    for message in reversed(view.messages):
        if message.speaker == view.messages[-1].speaker:
            found = [labels[sentence] for sentence in sentences(message.text) if sentence in labels]
            if found:
                return found[-1]
    return None


class Helper(Scripted):
    """Does what was wished for, infers the need from the cues, and asks where it cannot."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The act that the seeker seems to need."""
        return with_opening(rng, OFFER, known_need(view) or "ask")


def babble(rng: np.random.Generator) -> str:
    """Words of this world in an order that means nothing."""
    return nonsense(rng, " ".join(pick(rng, PHRASES[pick(rng, ACTS)]) for _ in range(2)).split())


class CorpusHelper(Scripted):
    """Helps well, as it would want to be helped, at random, or talks nonsense: all kinds of reply are heard.

    Shares are chosen so that about half of the offers that make sense are met with thanks: what decides (does the
    offer fit the need) must not be drowned by its base rate. Some give what they themselves would want, as people do:
    a policy that never reads its own card takes long to learn that it can.
    """

    kind_share, own_share, nonsense_share = 0.34, 0.2, 0.12

    def say(self, view: View, rng: np.random.Generator) -> str:
        """One message of a mixed helper."""
        draw = rng.random()
        if draw < self.nonsense_share:
            return babble(rng)
        situation, needed = read_opening(view)[0], known_need(view)
        draw -= self.nonsense_share
        if draw < self.kind_share and needed:
            return with_opening(rng, OFFER, needed)
        draw -= self.kind_share
        mine = _CARD.match(view.card)
        if 0 <= draw < self.own_share and situation and mine:
            return with_opening(rng, OFFER, need(mine[1], situation))
        return with_opening(rng, OFFER, pick(rng, ACTS))


register_people("hidden_needs-v0", "default", {"helper": Helper, "seeker": Seeker})
register_people("hidden_needs-v0", "corpus", {"helper": CorpusHelper})
register_people("hidden_needs-v0", "unseen", {"seeker": UnseenSeeker})
