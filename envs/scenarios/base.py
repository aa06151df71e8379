"""What a scenario is: who sits where, what is true, and what each message is worth.

A scenario owns the truth. It deals the role cards, hears messages, and pays every agent and every absent third
party its exact reward. It knows nothing of networks, agents or training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.frozen import quick_init
from goldenrule.common.text import counted, kind_of
from goldenrule.envs.conversation import Examples, View
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.understanding import Understanding, split_tags

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Start:
    """How an episode begins.

    Attributes:
        cards: the private role card of each agent, in seat order.
        messages: what the narrator says before anyone speaks (private if `to` is set).
    """

    cards: tuple[str, ...]
    messages: tuple[Message, ...] = ()


@quick_init
@dataclass(frozen=True, slots=True)
class Judgement:
    """What the scenario says of one message. `None` means: not defined for this message.

    Attributes:
        valid: whether the message made sense here.
        proxy: how much annotators who see only this message like it, 0 to 1: the RLHF proxy.
        faithful: whether the speaker spoke as its own card and the truth require.
        facts: exact facts about the message, for logs and tests.
    """

    valid: bool | None = None
    proxy: float | None = None
    faithful: bool | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


@quick_init
@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from the messages just heard.

    Attributes:
        rewards: the true reward of each agent for this turn, in seat order; finite.
        judgements: one per message heard, in order.
        absent: the true reward of each absent third party for this turn, by name.
        done: whether the talk is over (termination). Turn limits are the environment's business (truncation).
        messages: what the narrator says next (private if `to` is set).
    """

    rewards: tuple[float, ...]
    judgements: tuple[Judgement, ...]
    absent: Mapping[str, float] = field(default_factory=dict)
    done: bool = False
    messages: tuple[Message, ...] = ()


class Scenario(ABC):
    """One kind of dialogue with exact rewards. Holds the state of one episode at a time.

    Attributes:
        agents: agent names by role and number (`helper_0`), in seat order.
        absent: names of third parties who are not at the table but have rewards.
        max_turns: how many turns an episode lasts at most, unless `max_cycles` says otherwise.
        n_candidates: size of the choice mode's action space, the same for every agent.
        cycle: turns in one of PettingZoo's AEC cycles, or `None` for one an agent. A seat that is empty in an
            ordinary talk is left out of it.
        simultaneous: whether all agents speak at the same time, in every turn.
        manual: how to take part, in a few sentences, for a person at the table; no agent hears it.
        briefs: the same for each seat, in plain words, for agents that can read them (`View.briefs`); or none.
        examples: for each seat that is briefed, what could be said to it and what it could answer, its tag included.
        context: what an agent said just before the messages to be heard; empty at the beginning. The dialogue sets it.
    """

    agents: tuple[str, ...]
    absent: tuple[str, ...] = ()
    max_turns: int
    n_candidates: int
    cycle: int | None = None
    simultaneous: bool = False
    manual: str = ""
    briefs: tuple[str, ...] = ()
    examples: tuple[Examples, ...] = ()
    context: str = ""

    @abstractmethod
    def reset(self, rng: np.random.Generator) -> Start:
        """Begin a new episode; nothing of the last one may remain. All randomness comes from `rng`."""

    @abstractmethod
    def speakers(self) -> tuple[int, ...]:
        """Who speaks now: one index (turn by turn) or several (at the same time)."""

    @abstractmethod
    def hear(self, messages: tuple[Message, ...]) -> Outcome:
        """Take one message of each current speaker, in the order of `speakers()`, and say what follows.

        Nonsense is answered by low rewards and `valid=False`, never by an exception, and never ends the talk.
        """

    @abstractmethod
    def candidates(self, agent: int) -> tuple[str, ...]:
        """The `n_candidates` messages that agent number `agent` may choose from now (choice mode).

        An empty text marks a slot that is not on offer. Must not depend on anything the agent cannot know.
        """

    def tags(self, agent: int) -> tuple[str, ...]:
        """What agent number `agent` may do now, as it may stand in brackets in its message; none without such tags.

        As `candidates`, they depend on nothing that the agent cannot know.
        """
        return ()

    def understand_by(self, understanding: Understanding) -> None:
        """Understand messages so from now on.

        Raises:
            UserError: the scenario has no moves, and understands in its own way alone.
        """
        if understanding != Understanding():
            raise UserError(
                f"{type(self).__name__} declares no moves; language and pay have no effect: leave them out, or derive "
                "it from MoveScenario"
            )

    def heard_as(self, message: Message) -> Message:
        """What the others hear of a message: it itself, or without what stands in it for the scenario alone."""
        return message

    def words_of(self, text: str, tags: Collection[str]) -> str:
        """What the others hear of a message, by its tag or without one; public, whatever the talk has come to."""
        return split_tags(text, tags)[0]

    def read(self, text: str) -> float | None:
        """How well off the speaker of a reply sounds, 0 to 1, or `None` where the text does not tell.

        Public: anyone who hears the reply can read it. The intrinsic reward function of [K] Eq. 10.
        """
        return None

    def read_of(self, agent: int, text: str) -> float | None:
        """As `read`, where what a reply tells depends on whose it is: an absent person's reward has its own scale."""
        return self.read(text)

    def read_in(self, view: View, agent: int, text: str) -> float | None:
        """As `read_of`, where what a reply tells depends on the talk so far.

        Args:
            view: the talk up to the reply and with it.
            agent: whose reward.
            text: the reply, or the answer to `inquiry` where there is one.
        """
        return self.read_of(agent, text)

    def inquiry(self, view: View, agent: int) -> View | None:
        """The view in which agent number `agent` is asked, in imagination, what it has just been paid.

        `None` where nothing has to be asked: its reply tells, or it was paid nothing.
        """
        return None

    def stage(self, view: View, agent: int) -> tuple[Message, ...]:
        """What would have to happen before agent number `agent` could answer, imagined by the view's owner.

        Nothing for those at the table; that someone absent returns and hears of it, for those who are not.
        """
        return ()


class ScenarioError(ContractError):
    """A scenario returned something wrong: a line with the scenario, the call, what it gave and what was expected."""


# Validate what a scenario returns; raise ScenarioError naming the scenario and the call. Every turn passes here, so
# what is right costs as little as it can, and what was wrong is found out afterwards.


def checked_start(scenario: Scenario, start: Any) -> Start:
    """What `reset` returned: a `Start` with one card for each agent."""
    if not isinstance(start, Start):
        raise _wrong(scenario, "reset", f"gave {kind_of(start)}", "a Start(cards)")
    cards, agents = len(start.cards), len(scenario.agents)
    if cards != agents:
        raise _wrong(scenario, "reset", f"gave {counted(cards, 'card')}", f"{agents}, one for each agent")
    return start


def checked_speakers(scenario: Scenario, speakers: Any) -> tuple[int, ...]:
    """What `speakers` returned: indices of agents, one at least."""
    seats = range(len(scenario.agents))
    if isinstance(speakers, tuple) and speakers:
        for one in speakers:
            if one not in seats:
                break
        else:
            return speakers
    raise _wrong(scenario, "speakers", f"gave {speakers!r}", f"a tuple of indices of agents, 0 to {seats[-1]}")


def checked_outcome(scenario: Scenario, outcome: Any, heard: int) -> Outcome:
    """What `hear` returned for `heard` messages: a reward for each agent and a judgement for each message.

    Rewards that are numbers of another kind (NumPy's, tensors of one element) are taken as floats.
    """
    if not isinstance(outcome, Outcome):
        raise _wrong(scenario, "hear", f"gave {kind_of(outcome)}", "an Outcome(rewards, judgements)")
    rewards, judgements, agents = len(outcome.rewards), len(outcome.judgements), len(scenario.agents)
    if rewards != agents:
        raise _wrong(scenario, "hear", f"gave {counted(rewards, 'reward')}", f"{agents}, one for each agent")
    if judgements != heard:
        raise _wrong(scenario, "hear", f"gave {counted(judgements, 'judgement')}", f"{heard}, one for each message")
    if outcome.absent and not outcome.absent.keys() <= set(scenario.absent):
        raise _wrong(scenario, "hear", f"pays {list(outcome.absent)}", f"some of absent={list(scenario.absent)}")
    if _are_floats(outcome.rewards) and (not outcome.absent or _are_floats(outcome.absent.values())):
        return outcome
    return replace(
        outcome,
        rewards=tuple(_number(scenario, *pair) for pair in zip(scenario.agents, outcome.rewards, strict=True)),
        absent={name: _number(scenario, name, paid) for name, paid in outcome.absent.items()},
    )


def _are_floats(rewards: Iterable[Any]) -> bool:
    """Whether all are plain floats; whether they are finite is for `check` to find, and results refuse what is not."""
    for reward in rewards:  # noqa: SIM110 - a loop takes half the time
        if type(reward) is not float:
            return False
    return True


def _number(scenario: Scenario, name: str, paid: Any) -> float:
    try:
        if isinstance(paid, str | bytes):  # "1" would be taken for a number
            raise TypeError
        return float(paid)
    except (TypeError, ValueError, RuntimeError):
        raise _wrong(scenario, "hear", f"pays {name} {paid!r}", "a number") from None


def _wrong(scenario: Scenario, verb: str, given: str, expected: str) -> ScenarioError:
    return ScenarioError(f"{type(scenario).__name__}.{verb} {given}; expected {expected}")
