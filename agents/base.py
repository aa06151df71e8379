"""The Agent protocol: observe and act, over a batch of dialogues.

Anything with `act` can sit at the table: a script, a person, a network, an endpoint. An agent answers for all
dialogues that wait for it in one call, so that a network can run them as one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from goldenrule.common.errors import ContractError
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message


class AgentError(ContractError):
    """An agent broke the protocol: a line that says which agent, what it gave and what was expected."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, decoded.

    Attributes:
        dialogue: number of the dialogue in the batch begun by the last `reset`.
        view: the agent's card and what it has seen.
        candidates: the messages on offer in choice mode, an empty text where none is; `None` in text mode.
    """

    dialogue: int
    view: View
    candidates: tuple[str, ...] | None = None


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
    """Who sits at the table.

    An agent may say of itself, as attributes: `needs_candidates = True` (it can only choose), `repeats = False` (the
    same seeds do not promise the same replies), `batch_invariant = False` (what it says in a dialogue may depend on
    those beside it). `goldenrule check agent` asks for no more than is promised.
    """

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` new dialogues; all randomness of dialogue `i` comes from `seeds[i]`."""

    def act(self, observations: Sequence[Seen]) -> Sequence[Reply]:
        """One reply for each observation, in order."""


@runtime_checkable
class Simulates(Protocol):
    """An agent that can imagine what another would say."""

    def simulate(self, views: Sequence[View], as_agent: Sequence[int]) -> Sequence[str]:
        """For each view, what agent number `as_agent[i]` would say next, given only what the view's owner knows."""


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
