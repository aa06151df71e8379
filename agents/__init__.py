"""Who speaks: the Agent protocol, scripted people, networks, and play (agents x environments -> episodes)."""

from __future__ import annotations

from goldenrule.agents.base import Agent, AgentError, Reply, Seen, Simulates, decode
from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.play import play

__all__ = ["Agent", "AgentError", "Episode", "Reply", "Seen", "Simulates", "Turn", "decode", "play"]
