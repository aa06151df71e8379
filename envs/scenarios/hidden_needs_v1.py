"""hidden_needs-v1: as hidden_needs-v0, in words that people use, and with needs that common sense can tell.

A seeker has a trouble (twelve, ten situations each) and a circumstance (eight for each trouble and need), from which a
sensible friend can tell which of six kinds of help would do: who says "My sister rewrote my CV and Dad rang his mate
about a job. Neither of them checked with me first." wants to be asked. It tells the circumstance with probability
`cue`, otherwise only when asked. What it wants stands on its card in plain words, and it never says so outright. The
helper's card says what it wants itself when in trouble; with chance `similarity` the seeker wants the same.

With chance `tells` thanks and refusals let show what was hoped for. People never met (`people=unseen`) are in the last
situation of each trouble, in the last circumstance, and say what they say in words that nobody else uses.

True rewards are those of hidden_needs-v0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np

from goldenrule.envs.registry import PEOPLE, Knob, ScenarioSpec, register
from goldenrule.envs.scenarios.base import Fact, Judgement, Start
from goldenrule.envs.scenarios.hidden_needs import (
    ACTS,
    OFFER,
    SILENCE,
    HiddenNeeds,
    _reward_ranges,
    expected_reply,
)
from goldenrule.envs.scenarios.hidden_needs import REPLY as PLAIN_REPLY
from goldenrule.envs.scenarios.moves import Argument, Book, Made, Move, Ways

WORDS: dict[str, Any] = json.loads(
    files("goldenrule.envs.scenarios").joinpath("hidden_needs_v1.json").read_text("utf-8")
)
NAMES: tuple[str, ...] = tuple(WORDS["names"])
TROUBLES: tuple[str, ...] = tuple(WORDS["troubles"])
WANTS = {
    "ask": "to be asked what you need",
    "hear": "someone who takes it in, without solutions",
    "reassure": "to hear that it will be all right",
    "advise": "to be told what to do",
    "inform": "to know how such things are",
    "company": "someone's company",
}
"""What each need is called on cards."""
SITUATIONS = {
    f"{trouble} {n}": pair
    for trouble, texts in WORDS["troubles"].items()
    for n, pair in enumerate(zip(texts["told"], texts["card"], strict=True))
}
"""How each situation is told, and how it stands on a card."""
CIRCUMSTANCES = {
    f"{trouble} {act} {n}": tuple(pair)
    for trouble, by_need in WORDS["circumstances"].items()
    for act, pairs in by_need.items()
    for n, pair in enumerate(pairs)
}
"""The same of each circumstance."""
N_SITUATIONS, N_CIRCUMSTANCES = 10, 8
KEPT = "kept"
"""The wish of one who does not let show what it hoped for."""

NEW_OFFER = Book(
    "helper",
    tuple(Move(one.name, one.meaning, tuple(WORDS["offers"][one.name]), pays=one.pays) for one in OFFER.moves),
    when=OFFER.when,
)
TELL = Move(
    "tell",
    "Tell of your trouble.",
    {name: (told,) for name, (told, _) in SITUATIONS.items()},
    (Argument("situation", tuple(SITUATIONS)),),
)
CIRCUMSTANCE = Move(
    "circumstance",
    "Tell what is going on around it.",
    {name: (told,) for name, (told, _) in CIRCUMSTANCES.items()},
    (Argument("circumstance", tuple(CIRCUMSTANCES)),),
)
NEW_OPENING = Book("seeker", (TELL,), asides=(CIRCUMSTANCE,), when="to begin with")


def _of_wish(name: str, meaning: str, tells: float) -> Move:
    texts = {KEPT: tuple(PLAIN_REPLY[name].phrases)} | {act: tuple(WORDS[name][act]) for act in ACTS}
    return Move(name, meaning, texts, (Argument("wish", (KEPT, *ACTS), KEPT),), tells=tells)


NEW_REPLY = Book(
    "seeker",
    (
        _of_wish("thanks", "Say that this was it.", 1.0),
        _of_wish("refusal", "Say that this was not it.", 0.0),
        Move("puzzled", "Say that you did not understand.", tuple(WORDS["puzzled"]), tells=0.0),
        Move(
            "hint",
            "Let show what it is like for you, when asked.",
            {act: tuple(WORDS["answers"][act]) for act in ACTS},
            (Argument("need", ACTS, ACTS[0]),),
            tells=0.0,
        ),
    ),
    when="after the helper",
    parted=True,
)


class HiddenNeedsV1(HiddenNeeds):
    """See the module's first lines."""

    books: ClassVar = {"opening": NEW_OPENING, "offer": NEW_OFFER, "reply": NEW_REPLY}
    manual = ""  # made of the moves

    def reset(self, rng: np.random.Generator) -> Start:
        """Deal wants, situations and circumstances."""
        own = ACTS[rng.integers(len(ACTS))]
        names = rng.permutation(len(NAMES))
        cards = [f"You are {NAMES[names[0]]}. When you are in trouble yourself, you want {WANTS[own]}."]
        self.situations, self.circumstances, self.needs, self._shown, self._telling = [], [], [], [], []
        for seat in range(1, len(self.agents)):
            alike, shown = rng.random() < self.similarity, rng.random() < self.cue
            telling = rng.random() < self.tells
            others = [act for act in ACTS if act != own]
            needed = own if alike else others[rng.integers(len(others))]
            trouble = TROUBLES[rng.integers(len(TROUBLES))]
            situation = f"{trouble} {self._number(N_SITUATIONS, rng)}"
            circumstance = f"{trouble} {needed} {self._number(N_CIRCUMSTANCES, rng)}"
            cards.append(
                f"You are {NAMES[names[seat]]}. {SITUATIONS[situation][1]} {CIRCUMSTANCES[circumstance][1]} "
                f"What you want of a friend now is {WANTS[needed]}. {_HOW[shown, telling]}"
            )
            self.situations.append(situation)
            self.circumstances.append(circumstance)
            self.needs.append(needed)
            self._shown.append(shown)
            self._telling.append(telling)
        return self._start(cards, rng)

    def _number(self, count: int, rng: np.random.Generator) -> int:
        """Of a list of `count` the number of one for people seen, or the last for those never met."""
        drawn = int(rng.integers(count - 1))
        return drawn if self.people == "seen" else count - 1

    def _judge_opening(self, made: Made | None) -> Judgement:
        facts: dict[str, Fact] = {"kind": "opening"}
        if made is None:
            return Judgement(False, None, False, facts)
        own = (CIRCUMSTANCE.name, (("circumstance", self.circumstances[self._seeker]),))
        return Judgement(True, None, self._true_opening(made, {own} if self._shown[self._seeker] else set()), facts)

    def _judge_reply(self, made: Made | None) -> Judgement:
        needed = self.needs[self._seeker]
        kind, expected = made.move if made else None, expected_reply(self._act, needed)
        facts: dict[str, Fact] = {"kind": kind, "expected": expected}
        said = {value for _, value in made.arguments} if made else set()
        own = {needed} if self._telling[self._seeker] or kind == "hint" else set()
        return Judgement(made is not None, None, kind == expected and said <= {KEPT, *own}, facts)

    def allowed(self, agent: int) -> Mapping[str, tuple[str, ...]]:
        """A seeker may speak by its card only."""
        if not agent:
            return {}
        needed = self.needs[agent - 1]
        wish = (needed if self._telling[agent - 1] else KEPT,)
        return {"situation": (self.situations[agent - 1],), "wish": wish, "need": (needed,)}

    def wordings(self, agent: int, ways: Ways, slot: int) -> Sequence[str]:
        """Openings with the circumstance that a seeker shows, or some replies of each kind."""
        move, _, texts = ways
        if move is not TELL:
            return texts[:4] if move.name in ("thanks", "refusal") else texts[:2]
        shown = self._shown[agent - 1]
        return [f"{text} {CIRCUMSTANCES[self.circumstances[agent - 1]][0]}" if shown else text for text in texts]


_HOW = {
    (True, True): "Tell both at once, and let show what you hoped for when something was offered.",
    (True, False): "Tell both at once, and keep your wish to yourself.",
    (False, True): "Tell only what happened, the rest when you are asked; let show what you hoped for when something "
    "was offered.",
    (False, False): "Tell only what happened, the rest when you are asked, and keep your wish to yourself.",
}
"""The end of a seeker's card, by whether it shows its circumstance and lets show its wish."""

SPEC = register(
    ScenarioSpec(
        id="hidden_needs-v1",
        doc="people in trouble whose need common sense can tell, in words that people use",
        factory=HiddenNeedsV1,
        knobs=(
            Knob("similarity", 0.25, "chance that a seeker wants what the helper itself would want", 0.0, 1.0),
            Knob("cue", 1.0, "chance that a seeker tells its circumstance in its first message", 0.0, 1.0),
            Knob("tells", 1.0, "chance that a seeker lets show what it hoped for", 0.0, 1.0),
            Knob("seekers", 1, "number of seekers, served one after the other", 1, 4),
            Knob("turns", 1, "helper messages a seeker has time for", 1, 6),
            SILENCE,
            PEOPLE,
        ),
        learner="helper",
        partner="seeker",
        reward_ranges=_reward_ranges,
        keeps_people=lambda knobs: True,
    )
)
