"""Conversations, what one agent has seen of them, and the perspective switch.

[K] arXiv 2411.04126, Eq. 5-7: the state is the sequence of earlier messages, and the partner's state is mine
with my message appended. Taking the partner's perspective exchanges the labels and nothing else: private
cards do not travel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from goldenrule.common.frozen import quick_init
from goldenrule.common.text import clean
from goldenrule.envs.message import NARRATOR, Message

BEGIN, GO_ON = "You speak first.", "Nobody answers. Go on."
"""What a chat has in place of others' messages, where its owner speaks without one before."""


Examples: TypeAlias = tuple[tuple[str, str], ...]
"""What could be said to someone, and an answer to it."""


@quick_init
@dataclass(frozen=True, slots=True)
class View:
    """What one agent knows of a conversation: the state `s` of the papers.

    Attributes:
        agents: names of everyone at the table; a message's speaker indexes this tuple.
        me: index of the agent whose place this is.
        card: the private role card held while sitting there (its own, also after a perspective switch).
        messages: what the holder has seen, oldest first.
        briefs: for each seat, in plain words, who sits there and what it may do: known to all, and empty where agents
            are not told (`Scenario.briefs`).
        examples: for each seat, what could be said to it and what it could answer, where there are briefs.
    """

    agents: tuple[str, ...]
    me: int
    card: str
    messages: tuple[Message, ...] = ()
    briefs: tuple[str, ...] = ()
    examples: tuple[Examples, ...] = ()

    def append(self, *messages: Message) -> View:
        """The same view with `messages` added: `s_j = s_i + a_i` ([K] Eq. 7)."""
        return replace(self, messages=self.messages + messages)

    def say(self, text: str, to: tuple[int, ...] | None = None) -> View:
        """The same view after its owner has said `text`."""
        return self.append(Message(self.me, text, to))

    def in_the_shoes_of(self, agent: int) -> View:
        """The perspective switch `S`: the same conversation read as agent number `agent`.

        I know only what I have seen, so the card stays mine and messages the other could not see are left out
        of its place; messages only the other saw are not known to me and so are absent as well.

        Raises:
            ValueError: `agent` is not an index into `agents`.
        """
        if not 0 <= agent < len(self.agents):
            raise ValueError(
                f"agent index {agent} is not at the table; "
                f"expected 0 to {len(self.agents) - 1} ({', '.join(self.agents)})"
            )
        return replace(self, me=agent, messages=tuple(m for m in self.messages if m.heard_by(agent)))

    def place_of(self, agent: int) -> View:
        """The place of agent number `agent` as the view's owner can imagine it: what both have heard, and no card."""
        return replace(self.in_the_shoes_of(agent), card="")

    def prompted(self, prompt: str) -> View:
        """The same view with a `prompt` after the brief of its owner's seat."""
        if not prompt:
            return self
        briefs = [*(self.briefs or ("",) * len(self.agents))]
        briefs[self.me] = f"{briefs[self.me]}\n{prompt}".lstrip()
        return replace(self, briefs=tuple(briefs))

    def unshared(self, before: View | None = None) -> View:
        """A copy that has no object in common with this view, not even a text, for whom the truth must not reach.

        From a shared one the garbage collector's back references would lead to whatever else holds it, such as all
        cards of the table. Made by hand: `copy.deepcopy` shares texts, and `pickle` takes several times as long. A text
        put together anew is another object (but for one character, of which Python has one each).

        Args:
            before: such a copy of what the same seat had seen earlier in this talk, so that only what is new has to be
                copied. For the one who was given that: this copy shares its parts.
        """
        if before is None:
            names = tuple([(name + ".")[:-1] for name in self.agents])
            briefs = tuple([(brief + ".")[:-1] for brief in self.briefs])
            messages = tuple([m.unshared() for m in self.messages])
            examples = tuple([tuple([((a + ".")[:-1], (b + ".")[:-1]) for a, b in own]) for own in self.examples])
            return View(names, self.me, (self.card + ".")[:-1], messages, briefs, examples)
        new = [m.unshared() for m in self.messages[len(before.messages) :]]
        return View(before.agents, self.me, before.card, (*before.messages, *new), before.briefs, before.examples)

    def chat(self) -> list[dict[str, str]]:
        """The view as messages of a chat: `role` (system, user, assistant in turn, a user last) and `content`.

        The system message holds the brief of the seat and the card; then come the examples of the seat. The narrator's
        words stand in brackets; where others than one speak, their names stand before theirs. What others say stands on
        one line, so that no message can pass for several.
        """
        told = [text for text in ((self.briefs[self.me] if self.briefs else ""), self.card) if text]
        turns = [("system", "\n\n".join(told))] if told else []
        for said, answer in self.examples[self.me] if self.examples else ():
            turns += [("user", said), ("assistant", answer)]
        first = len(turns)
        others = {m.speaker for m in self.messages if m.speaker not in (self.me, NARRATOR)}
        for message in self.messages:
            mine = message.speaker == self.me
            text = message.text if mine else " ".join(message.text.splitlines())
            if message.speaker == NARRATOR:
                text = f"({text})"
            elif not mine and (len(others) > 1 or len(self.agents) > 2):
                text = f"{self.agents[message.speaker]}: {text}"
            role = "assistant" if mine else "user"
            if role == "assistant" and len(turns) == first:
                turns.append(("user", BEGIN))
            if len(turns) > first and turns[-1][0] == role:
                turns[-1] = (role, f"{turns[-1][1]}\n{text}")
            else:
                turns.append((role, text))
        if len(turns) == first or turns[-1][0] != "user":
            turns.append(("user", GO_ON if len(turns) > first else BEGIN))
        return [{"role": role, "content": content} for role, content in turns]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that was said at a table, immutable. Only the environment and the log hold one.

    Attributes:
        agents: agent names, in seat order.
        cards: private role card of each agent.
        messages: all messages, oldest first.
    """

    agents: tuple[str, ...]
    cards: tuple[str, ...]
    messages: tuple[Message, ...] = ()

    def append(self, *messages: Message) -> Conversation:
        """A new conversation with `messages` added."""
        return replace(self, messages=self.messages + messages)

    def seen_by(self, agent: int) -> View:
        """What agent number `agent` has seen: its own card and the messages addressed to it."""
        return View(self.agents, agent, self.cards[agent], tuple(m for m in self.messages if m.heard_by(agent)))


def render_ansi(agents: Sequence[str], messages: Iterable[Message]) -> str:
    """The messages as terminal text, a line each: `speaker -> addressees: text`. No text can pass for a label."""
    lines = []
    for message in messages:
        label = "*" if message.speaker == NARRATOR else agents[message.speaker]
        if message.to is not None:
            label += " -> " + ", ".join(agents[i] for i in message.to)
        lines.append(f"{label}: {clean(message.text)}")
    return "\n".join(lines)
