"""What the AEC and the Parallel environment share: spaces, observations, actions, seeding and rendering."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from gymnasium.spaces import Dict, Discrete, MultiBinary, Sequence, Space

from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import render_ansi
from goldenrule.envs.dialogue_state import DialogueState
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.envs.spaces import Utterance

MODES = ("text", "choice")
RENDER_MODES = ("human", "ansi")
LONGEST_SHOWN = 2000
"""Characters that a card, a candidate or a narrator's message may have, however short messages must be."""
Observation = dict[str, Any]
_METADATA: dict[str, Any] = {"render_modes": list(RENDER_MODES), "is_parallelizable": False}


def at_least(name: str, value: Any, low: int) -> int:
    """`value`, if it is a whole number from `low` on.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < low:
        raise ValueError(f"{name}={value!r} is not allowed; expected a whole number from {low}")
    return int(value)


class BaseDialogueEnv:
    """Base of both environments; it knows no order of calls."""

    metadata: dict[str, Any] = _METADATA
    scenario: Scenario
    dialogue: DialogueState
    agents: list[str]

    def __init__(
        self,
        scenario: Scenario,
        name: str = "dialogue",
        *,
        max_cycles: int | None = None,
        mode: str = "text",
        private: bool = False,
        max_length: int = 2000,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is unknown; expected one of {', '.join(MODES)}")
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(
                f"render_mode {render_mode!r} is unknown; expected one of {', '.join(RENDER_MODES)} or None"
            )
        if not isinstance(private, bool):
            raise ValueError(f"private={private!r} is not allowed; expected True or False")
        at_least("max_length", max_length, 1)
        # PettingZoo's own conversion to Parallel needs a message of every agent in every turn.
        self.metadata = {**_METADATA, "name": name, "is_parallelizable": scenario.simultaneous}
        self.max_cycles = None if max_cycles is None else at_least("max_cycles", max_cycles, 1)
        cycle = scenario.cycle or len(scenario.agents)
        self.max_turns = scenario.max_turns if self.max_cycles is None else self.max_cycles * cycle
        self.scenario, self.dialogue = scenario, DialogueState(scenario, self.max_turns)
        self.mode, self.private, self.render_mode = mode, private, render_mode
        self.possible_agents = list(scenario.agents)
        self._index = {agent: i for i, agent in enumerate(scenario.agents)}
        self.utterance = Utterance(max_length)
        self._rng: np.random.Generator | None = None
        self._rendered = 0
        self._spaces = dict[str, tuple[Space[Any], Space[Any]]]()

    def _make_spaces(self) -> tuple[Space[Any], Space[Any]]:
        n, k = len(self.scenario.agents), self.scenario.n_candidates
        length = self.utterance.max_length
        shown = Utterance(max(length, LONGEST_SHOWN), 0)
        entry = Dict(speaker=Discrete(n + 1), text=shown, audience=MultiBinary(n))
        observation: dict[str, Space[Any]] = {
            "me": Discrete(n),
            "speaks": Discrete(2),
            "role_card": shown,
            "transcript": Sequence(entry),
        }
        action: Space[Any] = Utterance(length)
        if self.mode == "choice":
            observation["candidates"] = Sequence(shown)
            observation["action_mask"] = MultiBinary(k)
            action = Discrete(k)
        elif self.private:
            action = Dict(text=action, to=MultiBinary(n))
        return Dict(observation), action

    def observation_space(self, agent: str) -> Space[Any]:
        """The observation space of `agent`; the same object each time."""
        return self._spaces_of(agent)[0]

    def action_space(self, agent: str) -> Space[Any]:
        """The action space of `agent`; the same object each time."""
        return self._spaces_of(agent)[1]

    def _spaces_of(self, agent: str) -> tuple[Space[Any], Space[Any]]:
        """They are made when first asked for: dialogues that agents play among themselves never do, and have many."""
        if agent not in self._spaces and agent in self._index:
            self._spaces[agent] = self._make_spaces()
        return self._spaces[agent]

    def deal(self, seed: int | None = None) -> DialogueState:
        """Begin a new episode of `dialogue` alone, for who goes on with that in PettingZoo's place.

        Before PettingZoo's own calls there must be a `reset` again.
        """
        if seed is not None:
            self._rng = generator(at_least("seed", seed, 0), "episodes")
        elif self._rng is None:
            self._rng = generator(np.random.SeedSequence().generate_state(1)[0], "episodes")
        self.agents = []
        self._rendered = 0
        self._offers: dict[int, tuple[str, ...]] = {}
        self.dialogue.reset(self._rng)
        return self.dialogue

    def _candidates(self, index: int) -> tuple[str, ...]:
        """What an agent may choose from; the scenario is asked once, until something is said."""
        if index not in self._offers:
            self._offers[index] = self.scenario.candidates(index)
        return self._offers[index]

    def _observe(self, agent: str) -> Observation:
        index, dialogue = self._index[agent], self.dialogue
        observation = {
            "me": index,
            "speaks": int(index in dialogue.waiting),
            "role_card": dialogue.cards[index],
            "transcript": dialogue.transcript(index),
        }
        if self.mode == "choice":
            offered = self._candidates(index)
            observation["candidates"] = offered
            observation["action_mask"] = np.frombuffer(bytearray(map(bool, offered)), np.int8)  # quick and writable
        return observation

    def _read_action(self, agent: str, action: Any) -> tuple[str, tuple[int, ...] | None]:
        """The text and addressees of an action.

        Raises:
            ValueError: not an action of this environment; the message names the agent and what was expected.
        """
        text, to = action, None
        if self.mode == "choice":
            offered = self._candidates(self._index[agent])
            if isinstance(action, bool) or not isinstance(action, int | np.integer):
                raise ValueError(
                    f"{agent}: action {action!r} is not a candidate's number; expected 0 to {len(offered) - 1}"
                )
            if not 0 <= action < len(offered) or not offered[action]:
                raise ValueError(f"{agent}: candidate {action} is not on offer; see action_mask")
            return offered[action], None
        if self.private and isinstance(action, Mapping):
            text = action.get("text")
            flags = np.asarray(action.get("to", ())).astype(bool)
            if flags.shape not in ((0,), (len(self.possible_agents),)):
                raise ValueError(f"{agent}: 'to' has shape {flags.shape}; expected a flag for each agent")
            to = tuple(int(i) for i in np.flatnonzero(flags)) or None
        problem = self.utterance.problem(text)
        if problem:
            raise ValueError(f"{agent}: {problem}")
        return text, to

    @property
    def absent_rewards(self) -> dict[str, float]:
        """What the last turn paid each absent third party."""
        paid = self.dialogue.outcome.absent
        return {name: paid.get(name, 0.0) for name in self.scenario.absent}

    def render(self) -> str | None:
        """`ansi`: the conversation as text. `human`: print what was said since the last call."""
        if self.render_mode is None:
            return None
        dialogue = self.dialogue
        if self.render_mode == "ansi":
            return render_ansi(self.scenario.agents, dialogue.messages)
        if dialogue.messages[self._rendered :]:
            print(render_ansi(self.scenario.agents, dialogue.messages[self._rendered :]), flush=True)
        self._rendered = len(dialogue.messages)
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def __str__(self) -> str:
        return str(self.metadata["name"])
