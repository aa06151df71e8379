"""One variant of an environment under `check`, and what is raised where it breaks its contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.envs.testing.trace import EpisodeError, Step, episode, first_difference


class CheckError(AssertionError):
    """An environment broke its contract: a line that names environment, seed, turn, agent and what is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One variant of an environment, as made."""

    name: str
    make: Callable[[], Any]
    seeds: tuple[int, ...]

    def error(self, what: str, seed: int, turn: int | None = None, agent: str | None = None) -> CheckError:
        """What is wrong, and where, as an error to raise."""
        place = "" if turn is None else f", turn {turn}"
        return CheckError(f"{self.name}, seed {seed}{place}, {agent or 'any agent'}: {what}")

    def play(self, seed: int, env: Any = None, **how: Any) -> list[Step]:
        """The steps of an episode in `env` or a fresh environment."""
        try:
            return list(episode(self.make() if env is None else env, seed, **how))
        except EpisodeError as error:
            raise self.error(str(error), seed, error.turn, error.agent) from error

    def same(self, one: Sequence[Step], other: Sequence[Step], what: str, seed: int) -> None:
        """Raise unless two traces are equal."""
        for turn, (a, b) in enumerate(zip(one, other, strict=False)):
            difference = first_difference(a, b)
            if difference:
                raise self.error(f"{what}: {difference}", seed, turn, a["agent"] or a["next"])
        if len(one) != len(other):
            raise self.error(f"{what}: {len(one) - 1} turns and {len(other) - 1}", seed)
