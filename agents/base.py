"""The Agent protocol: observe and act, over a batch of dialogues.

Whatever has `reset` and `act` can take part: a script, a person, a network, an endpoint. An agent answers for all
dialogues that wait for it in one call, so that a network can run them as one batch.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import threading
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from goldenrule.common.errors import ContractError
from goldenrule.common.plugins import check_callable, find_plugin
from goldenrule.common.untrusted import ForeignError, one_line
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Scenario


class AgentError(ContractError):
    """An agent broke the protocol: a line that says which agent, what it gave and what was expected."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, decoded.

    Attributes:
        dialogue: number of the dialogue in the batch begun by the last `reset`.
        view: the agent's card and what it has seen.
        candidates: the messages on offer in choice mode, an empty text where none is; `None` in text mode.
        tags: what may be done now, as it may stand in brackets in the message (`Scenario.tags`); none in phrases.
    """

    dialogue: int
    view: View
    candidates: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()

    def unshared(self, before: View | None = None) -> Seen:
        """A copy that shares nothing with this one (see `View.unshared`)."""
        offered = None if self.candidates is None else tuple([text[:1] + text[1:] for text in self.candidates])
        return Seen(self.dialogue, self.view.unshared(before), offered, tuple([tag[:1] + tag[1:] for tag in self.tags]))


@dataclass(frozen=True, slots=True)
class Reply:
    """An agent's answer. The text alone (with its addressees) is the action; `record` stays with the rollout.

    Attributes:
        text: what to say.
        to: indices of the agents it is for; `None` means everyone.
        record: whatever the agent's trainer wants back: token ids, logprobs, masks.
    """

    text: str
    to: tuple[int, ...] | None = None
    record: Any = None


@runtime_checkable
class Agent(Protocol):
    """A participant in dialogues.

    An agent may say of itself, as attributes: `needs_candidates = True` (it can only choose), `repeats = False` (the
    same seeds do not promise the same replies), `batch_invariant = False` (what it says in a dialogue may depend on
    those beside it). `goldenrule check agent` asks for no more than is promised.

    `reset` and `act` may be `async def`; whoever asks an agent does so by `ask_reset` and `ask_act`, which await them.
    """

    def reset(self, seeds: Sequence[int]) -> Awaitable[None] | None:
        """Begin `len(seeds)` new dialogues; all randomness of dialogue `i` comes from `seeds[i]`."""

    def act(
        self, observations: Sequence[Seen]
    ) -> Sequence[Reply | AgentError] | Awaitable[Sequence[Reply | AgentError]]:
        """One reply for each observation, in order; an `AgentError` for one that could not be had ends its dialogue."""


@runtime_checkable
class Simulates(Protocol):
    """An agent that can imagine what another would say."""

    def simulate(self, views: Sequence[View], as_agent: Sequence[int]) -> Sequence[str | AgentError]:
        """For each view, what agent number `as_agent[i]` would say next, given only what the view's owner knows.

        An `AgentError` stands for words that could not be had: what they would have told is none, with that reason.
        """


@runtime_checkable
class Completes(Protocol):
    """An agent that writes on in any chat, as language models do."""

    def complete(self, chats: Sequence[list[dict[str, str]]]) -> Sequence[str | AgentError]:
        """What it writes next in each chat (`View.chat` makes such); an error for one that could not be had."""


@runtime_checkable
class TakesPlace(Protocol):
    """An agent that wants to know what is public of the scenario it plays in."""

    def sit(self, scenario: Scenario, partners: Sequence[int]) -> None:
        """Before the first dialogue: an instance that holds no dialogue, and the seats of the partners."""


def load_agent(name: str, params: Mapping[str, Any] | None = None) -> Agent:
    """An agent of the user's own from its class or factory.

    Args:
        name: `package.module:Class` or an entry point of `goldenrule.agents`, perhaps with parameters in brackets.
        params: its parameters as plain data, where the name has none.

    Raises:
        UserError: it cannot be imported or made, a parameter is wrong, or it lacks `reset` or `act`.
    """
    agent: Agent = find_plugin("agent", name, params).make()
    check_agent_methods(agent, f"agent {name!r}")
    return agent


def check_agent_methods(agent: Any, whose: str) -> None:
    """See that an agent has `reset(seeds)` and `act(observations)`.

    Raises:
        UserError: one is missing or takes other arguments.
    """
    check_callable(agent, whose, "reset", "seeds")
    check_callable(agent, whose, "act", "observations")


def ask_reset(agent: Agent, seeds: Sequence[int]) -> None:
    """Call `agent.reset`; an `async def` is awaited."""
    wait_for(agent.reset(seeds))


def ask_act(agent: Agent, observations: Sequence[Seen]) -> Sequence[Reply]:
    """Call `agent.act`; an `async def` is awaited. What it gives is not checked, see `goldenrule.agents.play.ask`."""
    replies: Sequence[Reply] = wait_for(agent.act(observations))
    return replies


def wait_for(value: Any) -> Any:
    """`value`, or what it gives where it can be awaited.

    Coroutines run on an event loop in a thread of its own: one that runs here already, as in a notebook, could not wait
    for them. It stays for all calls of a process, as clients keep connections that belong to their loop.
    """
    if not inspect.isawaitable(value):
        return value
    return asyncio.run_coroutine_threadsafe(_contained(value), _event_loop(os.getpid())).result()


async def _contained(value: Awaitable[Any]) -> Any:
    """What ends a thread, such as `SystemExit`, would leave whoever waits for the result waiting."""
    try:
        return await value
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise ForeignError(one_line(error)) from error


@functools.lru_cache(maxsize=1)
def _event_loop(process: int) -> asyncio.AbstractEventLoop:
    """The loop of this process: the thread of one that was made before a fork does not run after it."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="goldenrule agents", daemon=True).start()
    return loop


def needs_candidates(agent: Agent) -> bool:
    """Whether an agent can only choose: with the attribute `needs_candidates = True` it is shown candidates always."""
    return bool(getattr(agent, "needs_candidates", False))


def decode(observation: dict[str, Any], agents: tuple[str, ...], dialogue: int = 0) -> Seen:
    """An environment's observation as `Seen`.

    Args:
        observation: a dictionary of the space in `goldenrule.envs.dialogue`.
        agents: all agents' names, in seat order.
        dialogue: number of the dialogue in its batch.
    """
    n = len(agents)
    messages = tuple(
        Message(
            NARRATOR if entry["speaker"] == n else int(entry["speaker"]),
            entry["text"],
            None if entry["audience"].all() else tuple(int(i) for i in entry["audience"].nonzero()[0]),
        )
        for entry in observation["transcript"]
    )
    view = View(agents, int(observation["me"]), observation["role_card"], messages)
    return Seen(dialogue, view, observation.get("candidates"))
