"""An agent: it greets once, then says back what it heard last.

goldenrule check agent examples.agent:Listener
goldenrule play --learner 'examples.agent:Listener(greeting=Hi.)' --partner scripted
goldenrule compare --agent listener=examples.agent:Listener --methods untrained
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from goldenrule.agents import Reply, Seen


class Listener:
    """Greets, and then says back what it heard last."""

    # Parameters are annotated keyword arguments. Pydantic checks them, and `goldenrule ls` shows what they are about.
    def __init__(
        self,
        greeting: Annotated[str, Field(min_length=1, description="what it may open with")] = "I am listening.",
        silent: Annotated[float, Field(ge=0, le=1, description="chance that it says no more than a hum")] = 0.2,
    ) -> None:
        self.greeting, self.silent = greeting, silent
        self._generators: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin `len(seeds)` dialogues. All randomness of dialogue `i` comes from `seeds[i]`."""
        self._generators = [np.random.default_rng(seed) for seed in seeds]

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """One reply for each observation, in order. A batch may hold any of the dialogues, in any order."""
        return [Reply(self._say(seen)) for seen in observations]

    def _say(self, seen: Seen) -> str:
        view = seen.view  # my card, and the messages I have seen; `view.me` is my seat
        if all(message.speaker != view.me for message in view.messages):
            return self.greeting
        # `seen.dialogue` says which dialogue this is. Its place in the batch says nothing.
        if self._generators[seen.dialogue].random() < self.silent:
            return "Hm."
        heard = [message.text for message in view.messages if message.speaker not in (view.me, -1)]  # -1 narrates
        return f"You said: {heard[-1]}"[:2000] if heard else self.greeting
