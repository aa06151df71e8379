"""false_belief-v0: things move while someone is out of the room; who was told what is exact.

Anna (`seeker_0`) and Ben (`friend_0`) see things put away, leave, come back and are told. The helper sees all
of it. The narrator's messages are addressed to those in the room, so what anyone can know is what its transcript
holds. Then Ben asks a question, the helper answers, and Anna says where she will look and what the helper has said:

    order 0    "Where is the key?"                         the truth (a control: Anna has just checked, by her card)
    order 1    "Where will Anna look for the key?"         the last place Anna saw or was told of
    order 2    "Where does Anna think I will look for it?" the last place Anna knows Ben to have seen or been told of

A belief is formed by what the narrator shows or tells, never by the quiz that follows. Of what Ben saw while
Anna was out, or was told without her, Anna knows nothing: her picture of his belief stays where it was.

True rewards: Anna gets 1 when the helper's message names the place asked for, in whatever words; a helper pays
`EFFORT` for each message. Nonsense gets a puzzled reply, and Ben asks again while there are turns.

It is always the same two who play: people never met (`people=unseen`) are Anna and Ben in other words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from goldenrule.envs.message import Message
from goldenrule.envs.registry import PEOPLE, Knob, ScenarioSpec, register
from goldenrule.envs.scenarios.base import Fact, Judgement, Outcome, Start
from goldenrule.envs.scenarios.false_belief.language import (
    ANSWER,
    FRIEND,
    PLACES,
    PROXY,
    QUESTION,
    QUESTIONS,
    REPLY,
    SEEKER,
    STYLES,
    THINGS,
    Question,
    Reading,
    read_reply,
    reading_of,
)
from goldenrule.envs.scenarios.false_belief.story import Draws, Story, last_place
from goldenrule.envs.scenarios.move_scenario import Lots, MoveScenario
from goldenrule.envs.scenarios.moves import Made, People, Ways

EFFORT = 0.05
_NEXT = {"question": "answer", "answer": "reply", "reply": "question"}
CONTESTED = 0.75
"""Chance that a question is about a thing on which the three orders disagree, where there is one."""


def answer_to(question: Question, messages: Sequence[Message]) -> str | None:
    """The place that is the right answer, for someone who has seen all of `messages`."""
    return last_place(messages, question.thing, (SEEKER, FRIEND)[: question.order])


class FalseBelief(MoveScenario):
    """See the module's first lines."""

    books: ClassVar = {"question": QUESTION, "answer": ANSWER, "reply": REPLY}

    settled = ("order", "thing")
    roles: ClassVar = {
        "helper": "You have seen where things were put and moved, and who was in the room or told of it. Ben asks "
        "where something is, or where somebody believes it to be: name the place.",
        "seeker": "You are Anna. Things are put away and moved, some while you are out. When your friend has named a "
        "place, say where you believe the thing to be, and which place was named.",
        "friend": "You are Ben. Ask your friend the question on your card.",
    }
    manual = (
        "Things are put away and moved as people come and go. Ben asks where something is, or where someone will look "
        "for it; the helper answers with a place; Anna says where she will look and which place she was told."
    )

    agents = ("helper_0", "seeker_0", "friend_0")

    def __init__(
        self,
        *,
        order: str,
        containers: int,
        objects: int,
        moves: int,
        told: float,
        questions: int,
        turns: int,
        people: People = "seen",
    ) -> None:
        self.people = people
        orders = (0, 1, 2) if order == "mixed" else (int(order),)
        self.places, self.things = PLACES[:containers], THINGS[:objects]
        self._all = [Question(o, thing) for o in orders for thing in self.things]
        self.moves, self.told, self.n_questions = moves, told, questions
        self.max_turns = 3 * questions * turns
        self.n_candidates = len(STYLES) * containers

    def reset(self, rng: np.random.Generator) -> Start:
        """Tell the story and deal the questions. Ben's card holds them; Anna's what she has just checked."""
        draws = Draws(rng)
        story = Story(draws, self.places, self.things)
        for _ in range(self.moves):
            story.move()
        story.gather(self.told)
        self._places = story.places
        self.questions: list[Question] = []
        for _ in range(self.n_questions):
            self.questions.append(self._draw_question(draws))
        self._number, self.phase = 0, "question"
        self._answer: str | None = None
        self._lots = Lots(rng, self.n_candidates)
        checked = dict.fromkeys(q.thing for q in self.questions if q.order == 0)
        seen = [f"You checked: the {t} is in the {self._places[t][0]}." for t in checked]
        asks = [QUESTIONS[q.order][0].format(thing=q.thing) for q in self.questions]
        anna, ben = " ".join(["You are Anna.", *seen]), " ".join(["You are Ben. Ask:", *asks])
        return Start(("You help Anna and Ben.", anna, ben), tuple(story.messages))

    def _draw_question(self, draws: Draws) -> Question:
        """One not asked yet in this talk, as long as there is one; all orders are equally likely."""
        left = [q for q in self._all if q not in self.questions] or self._all
        order = draws.pick(sorted({q.order for q in left}))
        found = [q for q in left if q.order == order]
        if draws.chance() < CONTESTED:
            found = [q for q in found if len({*self._places[q.thing][:3]}) > 1] or found
        return draws.pick(found)

    def expected(self, question: Question) -> str:
        """The right answer to `question` in this story."""
        return self._places[question.thing][question.order]

    @property
    def question(self) -> Question:
        """The question at hand."""
        return self.questions[self._number]

    def take(self, message: Message, made: Made | None) -> Outcome:
        """Pay Anna when the place asked for is named; go on to the next question when she has replied."""
        phase, self.phase = self.phase, _NEXT[self.phase]
        self._lots.redraw()
        if phase == "answer":
            return self._take_answer(made if message.heard_by(SEEKER) else None)
        if phase == "question":
            faithful = made is not None and (made["order"], made["thing"]) == self._asked
            return Outcome((0.0,) * 3, (Judgement(made is not None, faithful=faithful, facts={"kind": "question"}),))
        return Outcome((0.0,) * 3, (self._judge_reply(reading_of(made)),), done=self._next_question())

    @property
    def _asked(self) -> tuple[str, str]:
        return str(self.question.order), self.question.thing

    def _take_answer(self, made: Made | None) -> Outcome:
        self._answer = made["place"] if made else None
        expected = self.expected(self.question)
        correct = self._answer == expected
        facts: dict[str, Fact] = {
            "order": self.question.order,
            "thing": self.question.thing,
            "truth": self._places[self.question.thing][0],
            "belief": expected,
            "answer": self._answer,
            "correct": correct,
        }
        judgement = Judgement(made is not None, PROXY[made["style"]] if made else 0.0, facts=facts)
        return Outcome((-EFFORT, float(correct), 0.0), (judgement,))

    def _next_question(self) -> bool:
        """Whether the talk is over; a question that was not answered stays."""
        if self._answer is None:
            return False
        if self._number + 1 == self.n_questions:
            return True
        self._number += 1
        return False

    def _judge_reply(self, found: Reading | None) -> Judgement:
        question, place = self.question, self.expected(self.question)
        wanted = Reading() if self._answer is None else Reading(question, place, self._answer)
        facts: dict[str, Fact] = {
            "kind": found.kind if found else None,
            "expected": wanted.kind,
            "place": found.place if found else None,
            "belief": place,
            "order": question.order,
        }
        return Judgement(valid=found is not None, faithful=found == wanted, facts=facts)

    def allowed(self, agent: int) -> Mapping[str, tuple[str, ...]]:
        """Ben may ask his question; Anna may name each place, and what she was told; the helper each place."""
        order, thing = self._asked
        heard = self.places if self._answer is None else (self._answer,)
        return {"order": (order,), "thing": (thing,), "place": self.places, "heard": heard}

    def wordings(self, agent: int, ways: Ways, slot: int) -> Sequence[str]:
        """One wording of each answer and of being puzzled, another one after every turn; all of the others."""
        move, chosen, texts = ways
        if move.name == "look" and self._answer is None and chosen["heard"] != chosen["place"]:
            return ()
        drawn = {"answer": slot, "puzzled": 0}.get(move.name)
        return texts if drawn is None else (texts[self._lots.numbers()[drawn] % len(texts)],)

    def read(self, text: str) -> float | None:
        """1 where the place that Anna was told is the one she names; 0 where not, or if puzzled; `None` otherwise."""
        found = read_reply(text)
        return None if found is None else float(found.kind == "yes")


SPEC = register(
    ScenarioSpec(
        id="false_belief-v0",
        doc="things move while someone is out; helping means answering to what the partner believes",
        factory=FalseBelief,
        knobs=(
            Knob("order", "mixed", "order of belief asked about", choices=("0", "1", "2", "mixed"), transfers="any"),
            Knob("containers", 4, "number of places; chance is one in so many", 4, len(PLACES)),
            Knob("objects", 2, "number of things", 1, len(THINGS)),
            Knob("moves", 3, "how often something is moved", 0, 12),
            Knob("told", 0.25, "chance that someone who is wrong about a thing is told", 0.0, 1.0, transfers="any"),
            Knob("questions", 1, "questions asked in a talk", 1, 4),
            Knob("turns", 1, "helper messages a question has time for, on average", 1, 6, transfers="less"),
            PEOPLE,
        ),
        learner="helper",
        partner="seeker",
        reward_ranges=lambda knobs: {"partner": (0.0, math.inf)},
    )
)
