"""The record of an episode: every turn with its true rewards, and how the episode ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenrule.common.frozen import quick_init
from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.base import Judgement


@quick_init
@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """A turn as its speaker knows it, and nothing more: what rewards without privilege are shown.

    Attributes:
        message: who said what to whom.
        view: what the speaker had seen when it spoke: its own card, and the messages it heard.
    """

    message: Message
    view: View

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a SpeakerTurn has no {name!r}; only rewards with privileged = True see whole turns")


@dataclass(slots=True)
class Turn:
    """One message and what came of it. Holds the truth, so that only logs and privileged rewards may see it.

    Attributes:
        message: who said what to whom.
        view: what the speaker had seen when it spoke.
        rewards: true reward of each agent for this turn, in seat order.
        absent: true reward of each absent third party.
        judgement: the scenario's judgement of the message.
        record: what the speaking agent's `Reply` carried for its trainer.
        scores: log of named scores: a number, or `None` with its reason in `reasons`.
        reasons: why a score is `None`, by its name.
        notes: what to show beside the turn, such as the simulated reply.
    """

    message: Message
    view: View
    rewards: tuple[float, ...]
    absent: Mapping[str, float]
    judgement: Judgement
    record: Any = None
    scores: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def speaker_turns(turns: Sequence[Turn]) -> list[SpeakerTurn]:
    """The turns as their speakers know them, as copies that share nothing with them (see `View.unshared`)."""
    return [SpeakerTurn(turn.message.unshared(), turn.view.unshared()) for turn in turns]


@dataclass(slots=True)
class Episode:
    """One dialogue from beginning to end.

    Attributes:
        seed: what the environment was reset with.
        agents: names in seat order.
        cards: each agent's private card.
        status: `terminated` (the talk is over), `truncated` (turn limit) or `failed` (see `error`).
        turns: every message of an agent, in order.
        conversation: everything said, the narrator included, once the episode is over.
        error: why the episode failed.
    """

    seed: int
    agents: tuple[str, ...]
    cards: tuple[str, ...]
    status: str = "running"
    turns: list[Turn] = field(default_factory=list)
    conversation: Conversation | None = None
    error: str | None = None

    def turns_of(self, agent: int) -> list[Turn]:
        """The turns of agent number `agent`, in order."""
        return [turn for turn in self.turns if turn.message.speaker == agent]

    def total(self, agent: int) -> float:
        """Undiscounted true reward of agent number `agent`."""
        return sum(turn.rewards[agent] for turn in self.turns)

    def absent_total(self) -> float | None:
        """Mean over absent third parties of their true reward; `None` where the scenario has none."""
        names = {name for turn in self.turns for name in turn.absent}
        if not names:
            return None
        return sum(sum(turn.absent.values()) for turn in self.turns) / len(names)
