"""Scripted people of false_belief-v0: Ben who asks, Anna who knows what she believes, and helpers of two kinds."""

from __future__ import annotations

import re

import numpy as np

from goldenrule.agents.scripted.base import Scripted, nonsense, phrase, pick, register_people
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.false_belief.language import (
    ANSWER,
    FRIEND,
    HELPER,
    PLACES,
    QUESTION,
    QUESTIONS,
    REPLY,
    STYLES,
    Question,
    read_answer,
    read_question,
    reply_texts,
)
from goldenrule.envs.scenarios.false_belief.scenario import answer_to
from goldenrule.envs.scenarios.moves import ways_of

_CHECKED = re.compile(r"You checked: the (\w+) is in the (\w+)\.")


def _asked(view: View) -> Question | None:
    """The question on the table: the last one that Ben was heard to ask."""
    asked = [read_question(m.text) for m in view.messages if m.speaker == FRIEND]
    return asked[-1] if asked else None


class Friend(Scripted):
    """Asks the questions of his card in order; the same one again after a puzzled reply."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The next question."""
        cards = [q for q in view.card.removeprefix("You are Ben. Ask: ").split("?") if q.strip()]
        questions = [read_question(q) for q in cards]
        if not questions or None in questions:
            raise ValueError(f"card {view.card!r} is not Ben's; expected 'You are Ben. Ask: Where is the key?'")
        answered = sum(m.speaker == HELPER and read_answer(m.text) is not None for m in view.messages)
        question = questions[min(answered, len(questions) - 1)]
        assert question is not None
        return phrase(rng, QUESTION, "ask", self.people, order=str(question.order), thing=question.thing)


class UnseenFriend(Friend):
    """Ben in words of people never met."""

    people = "unseen"


class Seeker(Scripted):
    """Says which place it is, by what she saw, heard and checked, and which one the helper named."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The reply to the helper's last message."""
        question = _asked(view)
        found = read_answer(view.messages[-1].text) if view.messages[-1].speaker == HELPER else None
        place = self._place(question, view)
        if question is None or found is None or place is None:
            return phrase(rng, REPLY, "puzzled", self.people)
        return pick(rng, reply_texts(question, place, found[0], self.people))

    @staticmethod
    def _place(question: Question | None, view: View) -> str | None:
        if question is None:
            return None
        if question.order == 0:
            return dict(_CHECKED.findall(view.card)).get(question.thing)
        return answer_to(question, view.messages)


class UnseenSeeker(Seeker):
    """Anna in words of people never met."""

    people = "unseen"


def answer(place: str, rng: np.random.Generator) -> str:
    """One way to name a place."""
    return phrase(rng, ANSWER, "answer", style=pick(rng, tuple(STYLES)), place=place)


class Helper(Scripted):
    """Answers to the belief that was asked about."""

    def say(self, view: View, rng: np.random.Generator) -> str:
        """The right place, as far as the question was understood."""
        question = _asked(view)
        place = answer_to(question, view.messages) if question else None
        return answer(place or pick(rng, PLACES), rng)


def babble(rng: np.random.Generator) -> str:
    """Words of this world in an order that means nothing."""
    asked = (ways_of("seen", phrases) for phrases in QUESTIONS.values())
    phrases = tuple(text for group in (*STYLES.values(), *asked) for text in group)
    words = " ".join(pick(rng, phrases).format(place=pick(rng, PLACES), thing="key") for _ in range(2)).split()
    return nonsense(rng, words, read_answer)


class CorpusHelper(Scripted):
    """Answers rightly, as if all knew what it knows, at random or in nonsense.

    Shares are chosen so that about a third of the answers that make sense are right, little more than of guesses: were
    it half, "she believes what she is told" would be too good a guess to learn anything else from. Many of the wrong
    ones are the place that another order of belief points to: the tempting mistake must be heard to be one.
    """

    nonsense_share, right_share, tempted_share = 0.1, 0.2, 0.42

    def say(self, view: View, rng: np.random.Generator) -> str:
        """One message of a mixed helper."""
        draw, question = rng.random(), _asked(view)
        if draw < self.nonsense_share:
            return babble(rng)
        places = self._places(view)
        right = answer_to(question, view.messages) if question else None
        draw -= self.nonsense_share
        if right is None or question is None or draw > self.right_share + self.tempted_share:
            return answer(pick(rng, places), rng)
        if draw < self.right_share:
            return answer(right, rng)
        others = {answer_to(Question(o, question.thing), view.messages) for o in (0, 1, 2)} - {right, None}
        return answer(pick(rng, tuple(sorted(p for p in others if p)) or places), rng)

    @staticmethod
    def _places(view: View) -> tuple[str, ...]:
        """The places that were spoken of, one at least."""
        told = " ".join(m.text for m in view.messages if m.speaker == NARRATOR)
        return tuple(p for p in PLACES if re.search(rf"\b{p}\b", told)) or PLACES


register_people("false_belief-v0", "default", {"helper": Helper, "seeker": Seeker, "friend": Friend})
register_people("false_belief-v0", "corpus", {"helper": CorpusHelper})
register_people("false_belief-v0", "unseen", {"seeker": UnseenSeeker, "friend": UnseenFriend})
