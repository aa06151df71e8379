"""hidden_needs-v0: people in trouble whose need is never stated.

A seeker has a situation and a persona; what it needs (to be asked, heard, reassured, advised, informed or kept
company) follows from both and is on nobody's card. Cues to the persona are in what it says, with probability
`cue`; otherwise it can be asked, which costs a turn. The helper has a persona too. With probability `similarity`
the seeker needs what the helper itself would need in that situation, otherwise surely something else.

True rewards: a seeker gets 1 once its need is met; a helper pays `EFFORT` for each message it sends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from goldenrule.envs.message import Message
from goldenrule.envs.registry import Knob, Range, ScenarioSpec, register
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start
from goldenrule.envs.scenarios.hidden_needs.language import (
    CUES,
    PHRASES,
    REFUSALS,
    SITUATION_PHRASES,
    THANKS,
    expected_reply,
    read_opening,
    reply_kind,
    understand,
)
from goldenrule.envs.scenarios.phrases import PUZZLED

EFFORT = 0.05

ACTS = ("ask", "hear", "reassure", "advise", "inform", "company")
PERSONAS = ("proud", "anxious", "lonely", "practical", "curious", "talkative")
SITUATIONS = ("job", "exam", "move", "breakup", "illness", "debt", "quarrel", "loss")

# What annotators who see nothing but the message prefer: confident, useful-sounding advice.
PROXY = {"advise": 1.0, "inform": 0.6, "reassure": 0.5, "hear": 0.3, "company": 0.2, "ask": 0.1}

_OF_THE_HEART = {"breakup", "illness", "quarrel", "loss"}
_SHIFT = 2


def need(persona: str, situation: str) -> str:
    """What this persona needs in this situation.

    In any one situation every persona needs something else. In practical troubles a persona needs its own act in
    `ACTS`, in matters of the heart the one two places further: neither persona nor situation tells enough alone.
    """
    shift = _SHIFT if situation in _OF_THE_HEART else 0
    return ACTS[(PERSONAS.index(persona) + shift) % len(ACTS)]


class HiddenNeeds(Scenario):
    """See the module's first lines."""

    manual = (
        "A seeker tells of a trouble and never says what it needs. A helper asks, listens, reassures, advises, informs "
        "or offers company, one of them a message, in phrases of this world; a seeker thanks, refuses or gives a hint."
    )

    def __init__(self, similarity: float, cue: float, seekers: int, turns: int) -> None:
        self.similarity, self.cue, self.turns = similarity, cue, turns
        self.agents = ("helper_0", *(f"seeker_{i}" for i in range(seekers)))
        self.max_turns = seekers * (1 + 2 * turns)
        self.n_candidates = 2 * len(ACTS)

    def reset(self, rng: np.random.Generator) -> Start:
        """Deal personas and situations; nobody's need is on a card."""
        self._rng = rng
        self.persona = PERSONAS[rng.integers(len(PERSONAS))]
        cards = [f"You are {self.persona}."]
        self.situations, self.personas, self.needs = [], [], []
        for _ in self.agents[1:]:
            situation = SITUATIONS[rng.integers(len(SITUATIONS))]
            alike = rng.random() < self.similarity
            others = [p for p in PERSONAS if p != self.persona]
            persona = self.persona if alike else others[rng.integers(len(others))]
            shown = rng.random() < self.cue
            cards.append(f"You are {persona}. Trouble: {situation}. You {'show' if shown else 'hide'} it.")
            self.situations.append(situation)
            self.personas.append(persona)
            self.needs.append(need(persona, situation))
        self._shown = [card.endswith("show it.") for card in cards[1:]]
        self._seeker, self._exchanges, self._opened = 0, 0, False
        self._act: str | None = None
        self._offer = self._draw_offer()
        return Start(tuple(cards))

    def speakers(self) -> tuple[int, ...]:
        """The seeker whose turn it is opens and replies; the helper answers."""
        return (0,) if self._helper_next else (self._seeker + 1,)

    @property
    def _helper_next(self) -> bool:
        return self._opened and self._awaiting_helper

    def hear(self, messages: tuple[Message, ...]) -> Outcome:
        """Pay the seeker when its need is met; move on when it has replied."""
        message = messages[0]
        if message.speaker == 0:
            return self._hear_helper(message.text)
        return self._hear_seeker(message.text)

    def _hear_helper(self, text: str) -> Outcome:
        needed = self.needs[self._seeker]
        self._act = understand(text)
        self._awaiting_helper = False
        self._exchanges += 1
        rewards = [0.0] * len(self.agents)
        rewards[0] = -EFFORT
        rewards[self._seeker + 1] = float(self._act == needed)
        judgement = Judgement(
            valid=self._act is not None,
            proxy=0.0 if self._act is None else PROXY[self._act],
            facts={"act": self._act, "need": needed, "met": self._act == needed},
        )
        return Outcome(tuple(rewards), (judgement,))

    def _hear_seeker(self, text: str) -> Outcome:
        done = False
        if not self._opened:
            judgement = self._judge_opening(text)
            self._opened, self._awaiting_helper = True, True
        else:
            judgement = self._judge_reply(text)
            met = self._act == self.needs[self._seeker]
            self._awaiting_helper = True
            if met or (self._exchanges >= self.turns and self._seeker + 2 < len(self.agents)):
                done = self._next_seeker()
        self._offer = self._draw_offer()
        return Outcome((0.0,) * len(self.agents), (judgement,), done=done)

    def _next_seeker(self) -> bool:
        if self._seeker + 2 == len(self.agents):
            return True
        self._seeker += 1
        self._exchanges, self._opened, self._awaiting_helper, self._act = 0, False, False, None
        return False

    def _judge_opening(self, text: str) -> Judgement:
        shown = {self.personas[self._seeker]} if self._shown[self._seeker] else set()
        told = read_opening(text)
        faithful = told == (self.situations[self._seeker], shown)
        return Judgement(valid=told is not None, faithful=faithful, facts={"kind": "opening"})

    def _judge_reply(self, text: str) -> Judgement:
        kind, expected = reply_kind(text), expected_reply(self._act, self.needs[self._seeker])
        return Judgement(valid=kind is not None, faithful=kind == expected, facts={"kind": kind, "expected": expected})

    def _draw_offer(self) -> list[int]:
        return self._rng.integers(0, 8, size=2 * len(ACTS)).tolist()

    def candidates(self, agent: int) -> tuple[str, ...]:
        """Helper: two phrasings of each act. Seeker: openings it could make, or replies of each kind."""
        draw = self._offer
        if agent == 0:
            return tuple(PHRASES[act][draw[2 * i + j]] for i, act in enumerate(ACTS) for j in range(2))
        seeker = agent - 1
        if seeker == self._seeker and self._opened:
            replies = [THANKS[i] for i in range(4)] + [REFUSALS[i] for i in range(4)]
            replies += [PUZZLED[0], PUZZLED[1], *CUES[self.personas[seeker]][:2]]
            return tuple(replies)
        cue = " " + CUES[self.personas[seeker]][draw[0] % 3] if self._shown[seeker] else ""
        openings = [phrase + cue for phrase in SITUATION_PHRASES[self.situations[seeker]]]
        return tuple(openings + [""] * (self.n_candidates - len(openings)))

    def read(self, text: str) -> float | None:
        """1 for thanks; 0 for a refusal, a puzzled question or a mere hint; `None` for anything else."""
        kind = reply_kind(text)
        return None if kind is None else float(kind == "thanks")


def _reward_ranges(knobs: Mapping[str, Any]) -> dict[str, Range]:
    """A seeker gets 1 or nothing, a helper only ever pays."""
    return {"partner": (0.0, float(knobs.get("seekers", math.inf))), "learner": (-math.inf, 0.0)}


SPEC = register(
    ScenarioSpec(
        id="hidden_needs-v0",
        doc="people in trouble whose need is never stated; cues and asking help",
        factory=HiddenNeeds,
        knobs=(
            Knob(
                "similarity",
                0.25,
                "chance that a seeker needs what the helper itself would need",
                0.0,
                1.0,
                transfers="any",
            ),
            Knob("cue", 1.0, "chance that a seeker shows its persona in its first message", 0.0, 1.0),
            Knob("seekers", 1, "number of seekers, served one after the other", 1, 4),
            Knob("turns", 1, "helper messages a seeker has time for", 1, 6, transfers="less"),
        ),
        learner="helper",
        partner="seeker",
        reward_ranges=_reward_ranges,
    )
)
