"""What a scenario gives, held against what it promises: a wrong one is told as its own, where it happens."""

from __future__ import annotations

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
        raise ScenarioError(f"{_verb(scenario, 'reset')} gave a {type(start).__name__}; expected a Start(cards)")
    if len(start.cards) != len(scenario.agents):
        raise ScenarioError(
            f"{_verb(scenario, 'reset')} gave {len(start.cards)} cards; "
            f"expected {len(scenario.agents)}, one for each agent"
        )
    return start


def speakers_of(scenario: Scenario, speakers: Any) -> tuple[int, ...]:
    """Who `speakers` says speaks now.

    Raises:
        ScenarioError: nobody, or not indices of agents.
    """
    last = len(scenario.agents) - 1
    if not isinstance(speakers, tuple) or not speakers or not all(0 <= seat <= last for seat in speakers):
        raise ScenarioError(
            f"{_verb(scenario, 'speakers')} gave {speakers!r}; expected a tuple of indices of agents, 0 to {last}"
        )
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
    hear = _verb(scenario, "hear")
    if not isinstance(outcome, Outcome):
        raise ScenarioError(f"{hear} gave a {type(outcome).__name__}; expected an Outcome(rewards, judgements)")
    if len(outcome.rewards) != len(scenario.agents):
        raise ScenarioError(
            f"{hear} gave {len(outcome.rewards)} rewards; expected {len(scenario.agents)}, one for each agent"
        )
    if len(outcome.judgements) != heard:
        raise ScenarioError(f"{hear} gave {len(outcome.judgements)} judgements; expected {heard}, one for each message")
    paid: tuple[tuple[str, Any], ...] = (*zip(scenario.agents, outcome.rewards, strict=True), *outcome.absent.items())
    for name, reward in paid:
        if not isinstance(reward, Real):  # whether it is finite is for `check` to find, and results refuse it
            raise ScenarioError(f"{hear} pays {name} {reward!r}; expected a number")
    if not outcome.absent.keys() <= set(scenario.absent):
        raise ScenarioError(f"{hear} pays {list(outcome.absent)}; expected some of absent={list(scenario.absent)}")
    return outcome


def _verb(scenario: Scenario, verb: str) -> str:
    return f"{type(scenario).__name__}.{verb}"
