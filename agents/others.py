"""Agents of this project in the other seats of a `SingleAgentEnv`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from goldenrule.agents.base import Agent, AgentError, decode, needs_candidates
from goldenrule.agents.play import ask
from goldenrule.common.seeding import derive
from goldenrule.envs.dialogue import DialogueEnv


class SeatedAgents:
    """Takes every other seat of one dialogue at a time.

    Args:
        agents: who sits where, by agent name or role.
    """

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self.agents = agents
        self._distinct = list({id(agent): agent for agent in agents.values()}.values())

    def reset(self, seed: int) -> None:
        """A new dialogue begins."""
        for number, agent in enumerate(self._distinct):
            agent.reset([derive(seed, "agent", number)])

    def act(self, env: DialogueEnv, agent: str) -> Any:
        """The action of `agent`: its text, or in choice mode the number of the candidate it chose.

        Raises:
            ValueError: nobody sits there, or who sits there broke the protocol.
        """
        sitting = self.agents.get(agent, self.agents.get(agent.rsplit("_", 1)[0]))
        if sitting is None:
            raise ValueError(f"nobody sits as {agent}; expected an agent for it, got {sorted(self.agents)}")
        seen = decode(env.observe(agent), tuple(env.possible_agents))
        offered = env.scenario.candidates(seen.view.me)
        if needs_candidates(sitting) and seen.candidates is None:
            seen = replace(seen, candidates=offered)
        reply = ask(sitting, [seen])[0]
        if isinstance(reply, Exception):
            raise reply
        if env.mode == "text":
            return reply.text
        if not reply.text or reply.text not in offered:
            raise AgentError(f"{agent}: {reply.text!r} is not a candidate; expected one of those on offer")
        return offered.index(reply.text)
