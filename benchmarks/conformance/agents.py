"""What an agent must keep to: replies belong to observations, repeat under a seed, and know of nothing else.

An agent that does not promise to repeat says `repeats = False`, and one whose replies may depend on the dialogues
beside them `batch_invariant = False` (see `goldenrule.agents.Agent`); what is not promised is not tried.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from goldenrule.agents.base import Agent, Reply, Seen, needs_candidates
from goldenrule.agents.episode import Episode
from goldenrule.benchmarks.conformance.elsewhere import Request, repeats_elsewhere
from goldenrule.benchmarks.conformance.tables import SCENARIO, Tables, difference
from goldenrule.common.seeding import generator
from goldenrule.envs.testing.report import BrokenError, Finding, NotTried, shown, tried


def check_agent(
    make: Callable[[], Agent],
    *,
    scenario: str = SCENARIO,
    knobs: Mapping[str, Any] | None = None,
    dialogues: int = 6,
    named: tuple[str, Mapping[str, Any]] | None = None,
) -> list[Finding]:
    """Try what every agent must keep to, in the learner's seat of a scenario.

    Args:
        make: makes the agent; called often, and each is to be as the others.
        scenario, knobs: where it sits.
        dialogues: held side by side; at least 3.
        named: a plug-in's name and parameters, by which another process can make it too.

    Returns:
        A finding for each property.

    Raises:
        ValueError: unknown scenario or knob, or too few dialogues.
    """
    if dialogues < 3:
        raise ValueError(f"{dialogues} dialogues were asked for; expected at least 3, so that there is an order to mix")
    case = _Case(make, Tables(scenario, dict(knobs or {}), dialogues))
    case.tables.hold(_Silent(), case.tables.seeds())  # what is wrong with the scenario is not the agent's
    properties = {what: partial(run, case) for what, run in PROPERTIES.items()}
    if named is not None:
        properties["another process gives the same dialogues"] = partial(_repeats_elsewhere, case, named)
    return tried(properties, first=3)


@dataclass(frozen=True, slots=True)
class _Case:
    make: Callable[[], Agent]
    tables: Tables

    def hold(self, agent: Agent | None = None, seeds: Sequence[int] | None = None) -> list[Episode]:
        """Dialogues of a new agent, or this one, under the usual seeds, or these."""
        return self.tables.hold(
            self.make() if agent is None else agent, self.tables.seeds() if seeds is None else seeds
        )

    def same(self, one: Sequence[Episode], other: Sequence[Episode], what: str) -> None:
        different = difference(one, other)
        if different:
            raise BrokenError(f"{different} {what}")

    def promised(self, *names: str) -> None:
        agent = self.make()
        for name in names:
            if getattr(agent, name, True) is False:
                raise NotTried(f"it does not promise that ({name} = False)")


class _Silent:
    """Says one word."""

    def reset(self, seeds: Sequence[int]) -> None:
        pass

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        return [Reply("hm") for _ in observations]


class _Around(_Silent):
    """An agent, asked in another way."""

    def __init__(self, inner: Agent) -> None:
        self.inner = inner
        self.needs_candidates = needs_candidates(inner)

    def reset(self, seeds: Sequence[int]) -> None:
        self.inner.reset(seeds)

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        return list(self.inner.act(observations))


class _Shuffled(_Around):
    """Asked in another order each time."""

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._rng = generator(0, "shuffled")

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        order = [int(i) for i in self._rng.permutation(len(observations))]
        if order == sorted(order):
            order.reverse()
        replies = self.inner.act([observations[i] for i in order])
        return [replies[order.index(i)] for i in range(len(order))]


class _OneByOne(_Around):
    """Asked about one dialogue at a time."""

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        return [self.inner.act([seen])[0] for seen in observations]


class _Beside(_Around):
    """Another agent of its kind is asked first, every time."""

    def __init__(self, inner: Agent, other: Agent) -> None:
        super().__init__(inner)
        self.other = other

    def reset(self, seeds: Sequence[int]) -> None:
        self.inner.reset(seeds)
        self.other.reset([seed + 1 for seed in seeds])

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        self.other.act(observations)
        return list(self.inner.act(observations))


class _Remembering(_Around):
    """Keeps what was seen."""

    def __init__(self, inner: Agent) -> None:
        super().__init__(inner)
        self.seen: list[Seen] = []

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        self.seen += observations
        return super().act(observations)


def _has_its_methods(case: _Case) -> None:
    agent = case.make()
    for verb, argument in (("reset", "seeds"), ("act", "observations")):
        function = getattr(agent, verb, None)
        if not callable(function):
            raise BrokenError(f"a {type(agent).__name__} has no {verb}; expected {verb}({argument})")
        try:
            inspect.signature(function).bind(argument)
        except TypeError:
            raise BrokenError(f"it has {verb}{inspect.signature(function)}; expected {verb}({argument})") from None
        except ValueError:
            continue  # of a compiled one nothing is known


def _replies_well(case: _Case) -> None:
    case.hold()


def _reads_anything(case: _Case) -> None:
    case.tables.hold(case.make(), case.tables.seeds(), odd=True)


def _repeats(case: _Case) -> None:
    case.promised("repeats")
    agent = case.make()
    once = case.hold(agent)
    case.same(once, case.hold(agent), "when the same agent holds the same dialogues again")
    case.same(once, case.hold(), "when another agent, made alike, holds the same dialogues")


def _repeats_elsewhere(case: _Case, named: tuple[str, Mapping[str, Any]]) -> None:
    case.promised("repeats")
    tables = case.tables
    repeats_elsewhere(Request("agent", *named, tables.scenario, tables.knobs, tables.count))


def _forgets(case: _Case) -> None:
    case.promised("repeats")
    agent, seeds = case.make(), case.tables.seeds("others")
    case.hold(agent, seeds)
    agent.reset(seeds[:1])  # begun and left
    case.same(case.hold(), case.hold(agent), "when the agent has held other dialogues before the reset")


def _shares_nothing(case: _Case) -> None:
    case.promised("repeats")
    beside = _Beside(case.make(), case.make())
    case.same(case.hold(), case.hold(beside), "when another agent, made alike, speaks in between")


def _keeps_order(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    case.same(case.hold(), case.hold(_Shuffled(case.make())), "when the batch is in another order")


def _keeps_to_its_dialogue(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    seeds, others = case.tables.seeds(), case.tables.seeds("others")
    kept = len(seeds) // 2
    mixed = [*seeds[:kept], *others[kept:]]
    what = "when only the dialogues beside it are others"
    case.same(case.hold()[:kept], case.hold(seeds=mixed)[:kept], what)


def _any_size(case: _Case) -> None:
    case.promised("repeats", "batch_invariant")
    together = case.hold()
    case.same(together, case.hold(_OneByOne(case.make())), "when it is asked about one dialogue at a time")
    agent = case.make()
    alone = [case.hold(agent, [seed])[0] for seed in case.tables.seeds()]
    case.same(together, alone, "when each dialogue is held alone")


def _simulates(case: _Case) -> None:
    agent = _Remembering(case.make())
    simulate = getattr(agent.inner, "simulate", None)
    if not callable(simulate):
        raise NotTried("it has no simulate(views, as_agent)")
    case.hold(agent)
    views = [seen.view for seen in agent.seen]
    given = simulate(views, [(view.me + 1) % len(view.agents) for view in views])
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(views):
        raise BrokenError(f"simulate gave {shown(given)}; expected a list of {len(views)} texts, one for each view")
    wrong = next((text for text in given if not isinstance(text, str)), None)
    if wrong is not None:
        raise BrokenError(f"simulate gave a {type(wrong).__name__}; expected texts")


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
