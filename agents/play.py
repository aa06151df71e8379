"""Agents x environments -> episodes. Dialogues advance in lock step; each agent answers them as one batch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from goldenrule.agents.base import Agent, AgentError, Reply, Seen, ask_act, ask_reset, decode, needs_candidates
from goldenrule.agents.episode import Episode, Turn
from goldenrule.common.seeding import derive
from goldenrule.common.text import counted, kind_of, shortened
from goldenrule.common.untrusted import contained, one_line
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.base import Judgement, Outcome

LONGEST = 2000
"""Characters of a reason for failing that an episode keeps."""


def play(
    envs: Sequence[DialogueEnv], agents: Mapping[str, Agent], seeds: Sequence[int], *, strict: bool = False
) -> list[Episode]:
    """Play one episode in each environment.

    Args:
        envs: environments of one scenario with the same seats, in text or choice mode.
        agents: who sits in each seat, by agent name or by role (`seeker` means every `seeker_N`). One object may
            take several seats; it then answers for all of them in one batch.
        seeds: the seed of each episode.
        strict: raise `AgentError` when an agent breaks the protocol, instead of failing that episode alone.

    Returns:
        The episodes, in the order of `envs`. One whose agent raised is `failed`, with the reason; others go on.

    Raises:
        ValueError: a seat has no agent.
        AgentError: with `strict`, an agent broke the protocol.
    """
    seats = seat(envs[0].possible_agents, agents)
    distinct = list({id(a): a for a in seats.values()}.values())
    for number, agent in enumerate(distinct):
        with contained():
            ask_reset(agent, [derive(seed, "agent", number) for seed in seeds])
    episodes = []
    for env, seed in zip(envs, seeds, strict=True):
        env.reset(seed=seed)
        episodes.append(Episode(seed, tuple(env.possible_agents), env.dialogue.cards))
    running = list(range(len(envs)))
    while running:
        for agent in distinct:
            waiting = [i for i in running if seats[envs[i].agent_selection] is agent]
            if waiting:
                _advance(envs, episodes, agent, waiting, strict)
        running = [i for i in running if episodes[i].status == "running"]
    return episodes


def seat(names: Sequence[str], agents: Mapping[str, Agent]) -> dict[str, Agent]:
    """Who sits where: by full name first, by role otherwise.

    Raises:
        ValueError: nobody was given for a seat.
    """
    seats = {}
    for name in names:
        role = name.rsplit("_", 1)[0]
        if name not in agents and role not in agents:
            raise ValueError(f"nobody sits as {name}; expected an agent for {name!r} or {role!r}, got {sorted(agents)}")
        seats[name] = agents.get(name, agents.get(role))
    return seats  # type: ignore[return-value]  # every name was found above


def _advance(
    envs: Sequence[DialogueEnv], episodes: list[Episode], agent: Agent, waiting: list[int], strict: bool
) -> None:
    seen = [_see(envs[i], envs[i].agent_selection, agent, i) for i in waiting]
    for index, observation, reply in zip(waiting, seen, ask(agent, seen, strict), strict=True):
        if isinstance(reply, Exception):
            _fail(episodes[index], envs[index], reply)
            continue
        try:
            _take(envs[index], episodes[index], observation, reply)
        except AgentError as error:
            if strict:
                raise
            _fail(episodes[index], envs[index], error)


def _see(env: DialogueEnv, name: str, agent: Agent, dialogue: int) -> Seen:
    """What the agent in the seat `name` sees; one that can only choose is always shown candidates."""
    seen = decode(env.observe(name), tuple(env.possible_agents), dialogue)
    if seen.candidates is None and needs_candidates(agent):
        return replace(seen, candidates=env.scenario.candidates(seen.view.me))
    return seen


def ask(agent: Agent, seen: list[Seen], strict: bool = False) -> Sequence[Reply | Exception]:
    """The agent's replies, an error in the place of those that are none.

    Where the batch raises, each dialogue is asked alone so that only the bad ones fail. A batch with too few replies or
    too many fails whole: nobody can tell which reply is for whom.

    Raises:
        AgentError: with `strict`, the agent broke the protocol.
    """
    try:
        with contained():
            found = _checked(agent, seen, ask_act(agent, [one.unshared() for one in seen]))
    except Exception as error:  # an agent is foreign code: whatever it raises ends its own episode only
        if len(seen) > 1:
            return [reply for one in seen for reply in ask(agent, [one], strict)]
        if isinstance(error, AgentError):
            if strict:
                raise
            return [error]
        return [AgentError(f"{_name(agent, seen[0])} raised {one_line(error, LONGEST)}")]
    wrong = next((reply for reply in found if isinstance(reply, AgentError)), None)
    if strict and wrong is not None:
        raise wrong
    return found


def _name(agent: Agent, seen: Seen) -> str:
    kind = type(inspect.unwrap(agent))  # type: ignore[arg-type]  # of one that is asked in another way, as by its check
    return f"{seen.view.agents[seen.view.me]} ({kind.__name__})"


def _checked(agent: Agent, seen: list[Seen], replies: Any) -> Sequence[Reply | Exception]:
    name = _name(agent, seen[0])
    if not isinstance(replies, Sequence) or isinstance(replies, str):
        expected = counted(len(seen), "reply", "replies")
        wrong = AgentError(f"{name} returned {kind_of(replies)}; expected a list of {expected}")
        return [wrong] * len(seen)
    if len(replies) != len(seen):
        count = counted(len(replies), "reply", "replies")
        wrong = AgentError(f"{name} returned {count}; expected {len(seen)}, one for each observation")
        return [wrong] * len(seen)
    return [_reply(name, reply) for reply in replies]


def _reply(name: str, reply: Any) -> Reply | AgentError:
    if isinstance(reply, Reply) and isinstance(reply.text, str):
        return reply
    given = f"a Reply of {kind_of(reply.text)}" if isinstance(reply, Reply) else kind_of(reply)
    return AgentError(f"{name} returned {given}; expected a Reply whose text is a str")


def _take(env: DialogueEnv, episode: Episode, seen: Seen, reply: Reply) -> None:
    agent = env.agent_selection
    action = _action(env, agent, seen, reply)
    pending = len(env.dialogue.waiting) > 1
    env.step(action)
    outcome = env.dialogue.outcome
    _record(env, episode, seen, reply, None if pending else outcome)
    if not pending and (env.terminations[agent] or env.truncations[agent]):
        episode.status = "terminated" if env.terminations[agent] else "truncated"
        episode.conversation = env.dialogue.conversation()


def _action(env: DialogueEnv, agent: str, seen: Seen, reply: Reply) -> Any:
    """A reply as the environment takes it: a text, perhaps with a flag for each addressee, or a candidate's number."""
    if reply.to is not None and (env.mode == "choice" or not env.private):
        raise AgentError(f"{agent}: addressees were named in a public talk; make the environment with private=True")
    if env.mode == "choice":
        if seen.candidates is None or not reply.text or reply.text not in seen.candidates:
            raise AgentError(f"{agent}: {reply.text!r} is not a candidate; expected one of those on offer")
        return seen.candidates.index(reply.text)
    if problem := env.utterance.problem(reply.text):
        raise AgentError(f"{agent}: {problem}")
    if not env.private:
        return reply.text
    to, n = () if reply.to is None else reply.to, len(env.possible_agents)
    if not isinstance(to, Sequence) or not all(isinstance(i, int) and 0 <= i < n for i in to):
        raise AgentError(f"{agent}: addressees {to!r} were given; expected indices of agents, 0 to {n - 1}")
    flags = np.zeros(n, dtype=np.int8)  # none set: everyone
    flags[list(to)] = 1
    return {"text": reply.text, "to": flags}


def _record(env: DialogueEnv, episode: Episode, seen: Seen, reply: Reply, outcome: Outcome | None) -> None:
    """Add the turn. Rewards of simultaneous speakers come with the last of them; judgements go to each."""
    message = Message(seen.view.me, reply.text, reply.to or None)  # addressed to nobody means to everyone
    nothing = (0.0,) * len(env.possible_agents)
    turn = Turn(message, seen.view, nothing, dict.fromkeys(env.scenario.absent, 0.0), Judgement(), reply.record)
    episode.turns.append(turn)
    if outcome is None:
        return
    turn.rewards, turn.absent = outcome.rewards, env.absent_rewards
    for earlier, judgement in zip(episode.turns[-len(outcome.judgements) :], outcome.judgements, strict=True):
        earlier.judgement = judgement


def _fail(episode: Episode, env: DialogueEnv, error: Exception) -> None:
    episode.status, episode.error = "failed", shortened(str(error), LONGEST)
    episode.conversation = env.dialogue.conversation()


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
            ask_reset(agent, [derive(seed, "agent", number)])

    def act(self, env: DialogueEnv, agent: str) -> Any:
        """The action of `agent`: its text, or in choice mode the number of the candidate it chose.

        Raises:
            ValueError: nobody sits there, or who sits there broke the protocol.
        """
        sitting = self.agents.get(agent, self.agents.get(agent.rsplit("_", 1)[0]))
        if sitting is None:
            raise ValueError(f"nobody sits as {agent}; expected an agent for it, got {sorted(self.agents)}")
        seen = _see(env, agent, sitting, 0)
        reply = ask(sitting, [seen])[0]
        if isinstance(reply, Exception):
            raise reply
        return _action(env, agent, seen, reply)
