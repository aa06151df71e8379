"""Where a learner trains: a scenario and the agents in its other seats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.agents.base import Agent, TakesPlace
from goldenrule.agents.episode import Episode
from goldenrule.agents.play import play, seat
from goldenrule.common.seeding import derive
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.make import make
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.base import Scenario


def seat_name(scenario: str, which: str) -> str:
    """The agent name of the scenario's `learner` or `partner`: its first seat of that role."""
    known = spec(scenario)
    return known.learner_seat if which == "learner" else known.partner_seat


def partner_seats(scenario: str, names: Sequence[str]) -> tuple[int, ...]:
    """Seats of all partners among `names`: everyone of that role, or the one seat that the scenario names."""
    return spec(scenario).partner_seats(names)


def take_places(scenario: str, public: Scenario, agents: Mapping[str, Agent]) -> None:
    """Tell those agents who must know it where they sit and whose reward they are to estimate.

    Args:
        scenario: scenario id.
        public: an instance of it that is in no dialogue, see `World.public_scenario`.
        agents: who sits in each seat, by name or role.
    """
    learner, seats = seat_name(scenario, "learner"), seat(public.agents, agents)
    for one in seats.values():
        if isinstance(one, TakesPlace):
            mine = one is seats[learner]
            one.sit(public, partner_seats(scenario, public.agents) if mine else (public.agents.index(learner),))


@dataclass(slots=True)
class World:
    """A scenario with its other seats taken: runs episodes of the learner with the others.

    Attributes:
        scenario: scenario id.
        knobs: knobs of the scenario.
        others: who sits in every seat but the learner's, by name or role.
        seed: all its episodes' seeds derive from it.
    """

    scenario: str
    knobs: Mapping[str, Any]
    others: Mapping[str, Agent]
    seed: int
    _envs: list[DialogueEnv] = field(default_factory=list)
    _public: Scenario | None = None

    @property
    def learner(self) -> int:
        """Seat of the learner."""
        return self.names.index(seat_name(self.scenario, "learner"))

    @property
    def partner(self) -> int:
        """Seat of the partner whose reward kindness is about; of several, the first."""
        return self.names.index(seat_name(self.scenario, "partner"))

    @property
    def partners(self) -> tuple[int, ...]:
        """Seats of all partners, whose rewards add."""
        return partner_seats(self.scenario, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Agent names, in seat order."""
        return tuple(self.env(0).possible_agents)

    def env(self, index: int) -> DialogueEnv:
        """Environment number `index`, made when first asked for."""
        while len(self._envs) <= index:
            self._envs.append(make(self.scenario, **self.knobs))
        return self._envs[index]

    @property
    def public_scenario(self) -> Scenario:
        """The scenario's public functions: `read`, `read_in`, `stage`, `inquiry`.

        An instance of its own that is never reset, so that it holds no card and no truth of any dialogue: this is what
        estimates are made with, not the live scenario of an environment.
        """
        if self._public is None:
            self._public = spec(self.scenario).build(**self.knobs)
        return self._public

    def run_episodes(self, agent: Agent, count: int | Sequence[int], *stream: str | int) -> list[Episode]:
        """Dialogues of the learner's `agent` with the others, under the seeds of `stream`.

        Args:
            agent: who sits in the learner's seat.
            count: how many, or the numbers of those to hold: a dialogue's number decides its seed.
            stream: what they are for.
        """
        numbers = range(count) if isinstance(count, int) else count
        envs = [self.env(place) for place in range(len(numbers))]
        seats = {**self.others, seat_name(self.scenario, "learner"): agent}
        take_places(self.scenario, self.public_scenario, seats)
        return play(envs, seats, [derive(self.seed, *stream, number) for number in numbers])

    @property
    def read(self) -> Callable[[str], float | None]:
        """The public reading of a reply: the reward that it tells of. Bound to `public_scenario`, not to this world."""
        return self.public_scenario.read
