"""A message: who said what to whom. Labels are data (an index), never text."""

from __future__ import annotations

from dataclasses import dataclass

from goldenrule.common.frozen import quick_init

NARRATOR = -1
"""Speaker index of the scenario itself: what happens in the room, said by nobody at the table."""


@quick_init
@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Args:
        speaker: index of the speaking agent in `Conversation.agents`, or `NARRATOR`.
        text: what was said; any Unicode text.
        to: indices of the agents it is addressed to; `None` means everyone. The speaker always hears itself.
    """

    speaker: int
    text: str
    to: tuple[int, ...] | None = None

    def heard_by(self, agent: int) -> bool:
        """Whether agent number `agent` saw this message."""
        return self.to is None or agent == self.speaker or agent in self.to

    def unshared(self) -> Message:
        """A copy that shares nothing with this message, see `View.unshared`."""
        return Message(self.speaker, (self.text + ".")[:-1], None if self.to is None else (*self.to,))
