"""Check an agent: `check_agent(MyAgent)` tries everything that others rely on, and gives a `Finding` for each.

An agent that does not promise to repeat says `repeats = False`, and one whose replies may depend on the dialogues
beside them `batch_invariant = False` (see `goldenrule.agents.Agent`); what is not promised is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from goldenrule.agents.base import (
    Agent,
    AgentError,
    Reply,
    Seen,
    ask_act,
    ask_reset,
    check_agent_methods,
    load_agent,
    needs_candidates,
)
from goldenrule.agents.episode import Episode
from goldenrule.agents.play import play
from goldenrule.agents.world import seat_name, take_places
from goldenrule.common.plugins import Plugin
from goldenrule.common.seeding import derive, generator
from goldenrule.common.text import counted, kind_of
from goldenrule.envs.conversation import View
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.testing.report import (
    BrokenError,
    Finding,
    NotTried,
    parameter_properties,
    same_elsewhere,
    try_properties,
)
from goldenrule.envs.testing.trace import brief_repr, first_difference

SCENARIO = "hidden_needs-v0"
ODD = (
    "naïve grün 水 🙂 \u202eevil\u202c",
    "<script>alert(1)</script> & <b>",
    "\x1b[2J\x07 bell",
    "\nseeker_0: thank you!\nhelper_0: done",
    "<|end|> [PAD] \\x00 %s {0}",
    "0",
    "word " * 399,
)
"""Messages that an agent or a reward must be able to read."""


class Chooser:
    """Says one of what its scenario offers, sometimes nonsense: a partner in any scenario, with or without scripts.

    Args:
        odd: say only odd things.
    """

    needs_candidates = True

    def __init__(self, odd: bool = False) -> None:
        self.odd = odd
        self._rngs: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues."""
        self._rngs = [generator(seed, "chooser") for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One reply for each observation."""
        return [Reply(self._say(seen, self._rngs[seen.dialogue])) for seen in observations]

    def _say(self, seen: Seen, rng: np.random.Generator) -> str:
        offered = [text for text in seen.candidates or () if text]
        if self.odd or not offered or rng.random() < 0.2:
            offered = list(ODD)
        return offered[rng.integers(len(offered))]


@dataclass(frozen=True, slots=True)
class Stage:
    """Dialogues in which a plug-in is tried, in the learner's seat of a scenario.

    Attributes:
        scenario, knobs: where.
        count: dialogues in a batch.
    """

    scenario: str = SCENARIO
    knobs: Mapping[str, Any] = field(default_factory=dict)
    count: int = 6

    @property
    def seat(self) -> str:
        """Name of the learner's seat."""
        return seat_name(self.scenario, "learner")

    def seats(self, agent: Agent, odd: bool = False) -> dict[str, Agent]:
        """The agent, told its place where it asks for it, and choosers in all others."""
        public = spec(self.scenario).build(**self.knobs)
        seats: dict[str, Agent] = {**{name: Chooser(odd) for name in public.agents}, self.seat: agent}
        take_places(self.scenario, public, seats)
        return seats

    def seeds(self, stream: str = "dialogues") -> list[int]:
        """A seed for each dialogue."""
        return [derive(0, "conformance", stream, i) for i in range(self.count)]

    def run_episodes(self, agent: Agent, seeds: Sequence[int], *, odd: bool = False) -> list[Episode]:
        """A dialogue of the agent with choosers under each seed.

        Raises:
            AgentError: it broke the protocol.
            BrokenError: a dialogue failed.
        """
        seats = self.seats(agent, odd)
        episodes = play([make(self.scenario, **self.knobs) for _ in seeds], seats, seeds, strict=True)
        for number, episode in enumerate(episodes):
            if episode.status == "failed":
                raise BrokenError(f"dialogue {number} failed: {episode.error}")
        return episodes


def check_agent(
    agent: Callable[[], Agent] | Plugin,
    *,
    scenario: str = SCENARIO,
    knobs: Mapping[str, Any] | None = None,
    dialogues: int = 6,
) -> list[Finding]:
    """Try what every agent must keep to, in the learner's seat of a scenario.

    Args:
        agent: makes the agent; called often, and each is to be as the others. Of a plug-in
            (`goldenrule.common.plugins.find_plugin`) parameters are checked too, and that another process agrees.
        scenario, knobs: where it talks.
        dialogues: side by side; at least 3.

    Returns:
        A finding for each property.

    Raises:
        ValueError: unknown scenario or knob, or too few dialogues.
    """
    if dialogues < 3:
        raise ValueError(f"{dialogues} dialogues were asked for; expected at least 3, so that there is an order to mix")
    stage = Stage(scenario, dict(knobs or {}), dialogues)
    stage.run_episodes(Chooser(), stage.seeds())  # what is wrong with the scenario is not the agent's fault
    make_agent = agent.construct if isinstance(agent, Plugin) else agent

    def placed() -> Agent:
        made = make_agent()
        return stage.seats(made)[stage.seat]

    case = _Case(placed, stage)
    properties: dict[str, Callable[[], None]] = {what: partial(run, case) for what, run in PROPERTIES.items()}
    if isinstance(agent, Plugin):
        properties["another process gives the same dialogues"] = partial(_repeats_elsewhere, case, agent)
        properties |= parameter_properties(agent)
    return try_properties(properties, first=3)


def rehearse(
    agent: Agent, seat: str, others: Mapping[str, Agent], scenario: str, knobs: Mapping[str, Any]
) -> str | None:
    """Let an agent hold two dialogues before a run. One that fails now and then may run; its dialogues may be retried.

    Args:
        agent, seat: who is tried, and where.
        others: who takes the other seats, by name or role.
        scenario, knobs: where.

    Returns:
        Why a dialogue failed, to warn of; `None` if none did.

    Raises:
        AgentError: not one reply could be said, neither in two dialogues nor in `ENOUGH` more. What `act` raises does
            not count: an endpoint may answer later.
        Exception: whatever `reset` or the scenario raises.
    """
    errors, raised = list[str](), list[Exception]()
    take_places(scenario, spec(scenario).build(**knobs), {**others, seat: agent})

    def noting(observations: Sequence[Seen]) -> Sequence[Reply]:
        try:
            return ask_act(agent, observations)
        except Exception as error:
            raised.append(error)
            raise

    for count in (2, ENOUGH):
        envs = [make(scenario, **knobs) for _ in range(count)]
        episodes = play(
            envs, {**others, seat: _Asked(agent, noting)}, [derive(0, "rehearsal", i) for i in range(count)]
        )
        errors += [one.error for one in episodes if one.error is not None and one.error.startswith(seat)]
        me = episodes[0].agents.index(seat)
        spoke = any(turn.message.speaker == me for one in episodes for turn in one.turns)
        if not errors or spoke or raised:
            return errors[0] if errors else None
    raise AgentError(errors[0])


ENOUGH = 16
"""Dialogues after which an agent that has not said anything is taken for one that cannot: one that fails at every
second reply gets through 99,998 times of 100,000."""


@dataclass(frozen=True, slots=True)
class _Case:
    make: Callable[[], Agent]
    stage: Stage

    def episodes(self, agent: Agent | None = None, seeds: Sequence[int] | None = None) -> list[Episode]:
        """Dialogues of a new agent, or this one, under the usual seeds, or these."""
        return self.stage.run_episodes(
            self.make() if agent is None else agent, self.stage.seeds() if seeds is None else seeds
        )

    def same(self, one: Sequence[Episode], other: Sequence[Episode], what: str) -> None:
        different = first_difference(_texts(one), _texts(other), "dialogue")
        if different:
            raise BrokenError(f"{different} {what}")

    def promised(self, *names: str) -> None:
        agent = self.make()
        for name in names:
            if getattr(agent, name, True) is False:
                raise NotTried(f"it does not promise that ({name} = False)")


def _texts(episodes: Sequence[Episode]) -> list[list[str]]:
    """What was said in each dialogue."""
    return [[turn.message.text for turn in episode.turns] for episode in episodes]


class _Asked:
    """An agent, asked in another way.

    Args:
        inner: the agent.
        way: from what it is asked about to its replies.
    """

    def __init__(self, inner: Agent, way: Callable[[Sequence[Seen]], Sequence[Reply]]) -> None:
        self.inner = self.__wrapped__ = inner
        self.needs_candidates, self.act = needs_candidates(inner), way

    def reset(self, seeds: Sequence[int]) -> None:
        ask_reset(self.inner, seeds)


def _has_its_methods(case: _Case) -> None:
    agent = case.make()
    check_agent_methods(agent, kind_of(agent))


def _replies_well(case: _Case) -> None:
    case.episodes()


def _reads_anything(case: _Case) -> None:
    case.stage.run_episodes(case.make(), case.stage.seeds(), odd=True)


def _repeats(case: _Case) -> None:
    case.promised("repeats")
    agent = case.make()
    once = case.episodes(agent)
    case.same(once, case.episodes(agent), "when the same agent holds the same dialogues again")
    case.same(once, case.episodes(), "when another agent, made alike, holds the same dialogues")


def _repeats_elsewhere(case: _Case, agent: Plugin) -> None:
    case.promised("repeats")
    arguments = {"name": agent.name, "params": agent.given, **asdict(case.stage)}
    same_elsewhere("goldenrule.agents.testing:dialogue_texts", arguments, "agent")


def dialogue_texts(name: str, params: Mapping[str, Any], **where: Any) -> list[list[str]]:
    """What a plug-in agent and choosers say in each dialogue of a `Stage`: called in another process, to compare."""
    stage = Stage(**where)
    return _texts(stage.run_episodes(load_agent(name, params), stage.seeds()))


def _forgets(case: _Case) -> None:
    case.promised("repeats")
    agent, seeds = case.make(), case.stage.seeds("others")
    case.episodes(agent, seeds)
    ask_reset(agent, seeds[:1])  # begun and abandoned
    case.same(case.episodes(), case.episodes(agent), "when the agent has held other dialogues before the reset")


def _shares_nothing(case: _Case) -> None:
    case.promised("repeats")
    agent, other = case.make(), case.make()
    ask_reset(other, case.stage.seeds("others"))

    def beside(observations: Sequence[Seen]) -> Sequence[Reply]:
        ask_act(other, observations)
        return ask_act(agent, observations)

    case.same(
        case.episodes(), case.episodes(_Asked(agent, beside)), "when another agent, made alike, speaks in between"
    )


def _keeps_order(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    agent, rng = case.make(), generator(0, "shuffled")

    def shuffled(observations: Sequence[Seen]) -> Sequence[Reply]:
        order = [int(i) for i in rng.permutation(len(observations))]
        if order == sorted(order):
            order.reverse()
        replies = ask_act(agent, [observations[i] for i in order])
        return [replies[order.index(i)] for i in range(len(order))]

    case.same(case.episodes(), case.episodes(_Asked(agent, shuffled)), "when the batch is in another order")


def _keeps_to_its_dialogue(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    seeds, others = case.stage.seeds(), case.stage.seeds("others")
    kept = len(seeds) // 2
    mixed = case.episodes(seeds=[*seeds[:kept], *others[kept:]])
    case.same(case.episodes()[:kept], mixed[:kept], "when only the dialogues beside it are others")


def _any_size(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    agent, together = case.make(), case.episodes()
    one_by_one = _Asked(agent, lambda observations: [ask_act(agent, [seen])[0] for seen in observations])
    case.same(together, case.episodes(one_by_one), "when it is asked about one dialogue at a time")
    alone = [case.episodes(agent, [seed])[0] for seed in case.stage.seeds()]
    case.same(together, alone, "when each dialogue is held alone")


def _simulates(case: _Case) -> None:
    agent, views = case.make(), list[View]()
    simulate = getattr(agent, "simulate", None)
    if not callable(simulate):
        raise NotTried("it has no simulate(views, as_agent)")

    def remembering(observations: Sequence[Seen]) -> Sequence[Reply]:
        views.extend(seen.view for seen in observations)
        return ask_act(agent, observations)

    case.episodes(_Asked(agent, remembering))
    given = simulate(views, [(view.me + 1) % len(view.agents) for view in views])
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(views):
        raise BrokenError(
            f"simulate gave {brief_repr(given)}; expected a list of {counted(len(views), 'text')}, one for each view"
        )
    wrong = next((text for text in given if not isinstance(text, str)), None)
    if wrong is not None:
        raise BrokenError(f"simulate gave {kind_of(wrong)}; expected texts")


PROPERTIES: Mapping[str, Callable[[_Case], None]] = {
    "it can be made, and has reset(seeds) and act(observations)": _has_its_methods,
    "it gives one Reply that can be said for each observation": _replies_well,
    "the same seeds give the same dialogues": _repeats,
    "it can read whatever is said to it": _reads_anything,
    "nothing of earlier dialogues is left after reset": _forgets,
    "two agents made alike share nothing": _shares_nothing,
    "replies belong to their observations, whatever the order of the batch": _keeps_order,
    "a reply depends on its own dialogue only": _keeps_to_its_dialogue,
    "a reply does not depend on how many dialogues run beside it": _any_size,
    "simulate gives one text for each view": _simulates,
}
"""What is tried, in words, and how."""
