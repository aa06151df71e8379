"""What a scenario gives, held against what it promises: a wrong one is told as its own, where it happens.

Every turn passes here, so what is right costs as little as it can; what was wrong is found out afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

from goldenrule.envs.scenarios.base import Outcome, Scenario, Start


class ScenarioError(ValueError):
    """A scenario broke its promises: a line that says which, what it gave and what was expected."""


def start_of(scenario: Scenario, start: Any) -> Start:
    """What `reset` gave.

    Raises:
        ScenarioError: it is no `Start`, or has not one card for each agent.
    """
    if not isinstance(start, Start):
        raise _broken(scenario, "reset", f"gave a {type(start).__name__}", "a Start(cards)")
    cards, agents = len(start.cards), len(scenario.agents)
    if cards != agents:
        raise _broken(scenario, "reset", f"gave {cards} cards", f"{agents}, one for each agent")
    return start


def speakers_of(scenario: Scenario, speakers: Any) -> tuple[int, ...]:
    """Who `speakers` says speaks now.

    Raises:
        ScenarioError: nobody, or not indices of agents.
    """
    seats = range(len(scenario.agents))
    if not isinstance(speakers, tuple) or not speakers or not all(map(seats.__contains__, speakers)):
        expected = f"a tuple of indices of agents, 0 to {seats[-1]}"
        raise _broken(scenario, "speakers", f"gave {speakers!r}", expected)
    return speakers


def outcome_of(scenario: Scenario, outcome: Any, heard: int) -> Outcome:
    """What `hear` gave.

    Args:
        scenario: whose.
        outcome: what it gave.
        heard: how many messages it was given.

    Raises:
        ScenarioError: it is no `Outcome`, has not one reward for each agent or one judgement for each message, pays
            somebody who is not there, or pays what is no number.
    """
    if not isinstance(outcome, Outcome):
        raise _broken(scenario, "hear", f"gave a {type(outcome).__name__}", "an Outcome(rewards, judgements)")
    rewards, judgements, agents = len(outcome.rewards), len(outcome.judgements), len(scenario.agents)
    if rewards != agents:
        raise _broken(scenario, "hear", f"gave {rewards} rewards", f"{agents}, one for each agent")
    if judgements != heard:
        raise _broken(scenario, "hear", f"gave {judgements} judgements", f"{heard}, one for each message")
    if not _numbers(outcome.rewards) or (outcome.absent and not _numbers(outcome.absent.values())):
        paid = (*zip(scenario.agents, outcome.rewards, strict=True), *outcome.absent.items())
        name, reward = next(pair for pair in paid if not _numbers(pair[1:]))
        raise _broken(scenario, "hear", f"pays {name} {reward!r}", "a number")
    if outcome.absent and not outcome.absent.keys() <= set(scenario.absent):
        raise _broken(scenario, "hear", f"pays {list(outcome.absent)}", f"some of absent={list(scenario.absent)}")
    return outcome


def _numbers(rewards: Iterable[Any]) -> bool:
    """Whether all are numbers; whether they are finite is for `check` to find, and results refuse what is not."""
    kinds = set(map(type, rewards))
    return kinds <= {float} or all(issubclass(kind, Real) for kind in kinds)


def _broken(scenario: Scenario, verb: str, given: str, expected: str) -> ScenarioError:
    return ScenarioError(f"{type(scenario).__name__}.{verb} {given}; expected {expected}")
