"""Agents x environments -> episodes. Dialogues advance in lock step; each agent answers them as one batch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenrule.agents.base import Agent, AgentError, Reply, Seen, ask_act, ask_reset, needs_candidates
from goldenrule.agents.episode import Episode, Turn
from goldenrule.common.seeding import derive
from goldenrule.common.text import counted, kind_of, shortened
from goldenrule.common.untrusted import contained, one_line
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.scenarios.base import Judgement

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
    names = tuple(envs[0].possible_agents)
    seats = seat(names, agents)
    distinct = list({id(a): a for a in seats.values()}.values())
    for number, agent in enumerate(distinct):
        with contained():
            ask_reset(agent, [derive(seed, "agent", number) for seed in seeds])
    talks = []
    for env, seed in zip(envs, seeds, strict=True):
        cards = env.deal(seed).cards  # PettingZoo's books would take as long again as the dialogue
        talks.append(_Talk(env, Episode(seed, names, cards), np.empty(len(names), dtype=object)))
    running = [*range(len(talks))]
    sitting = list(seats.values())
    while running:
        for agent in distinct:
            waiting = [i for i in running if (to_speak := envs[i].dialogue.waiting) and sitting[to_speak[0]] is agent]
            if waiting:
                _advance(talks, agent, waiting, strict)
        running = [i for i in running if talks[i].episode.status == "running"]
    return [talk.episode for talk in talks]


@dataclass(frozen=True, slots=True)
class _Talk:
    """A dialogue being played.

    Attributes:
        env: whose dialogue it is.
        episode: what was said so far.
        shown: by seat, the copy of its view that an agent was handed last. In an array of objects, which the garbage
            collector does not look into: no reference leads from one copy to another seat's, nor to the dialogue.
    """

    env: DialogueEnv
    episode: Episode
    shown: NDArray[np.object_]

    def fail(self, error: Exception) -> None:
        """End it here."""
        self.episode.status, self.episode.error = "failed", shortened(str(error), LONGEST)
        self.episode.conversation = self.env.dialogue.conversation()


def seat(names: Sequence[str], agents: Mapping[str, Agent]) -> dict[str, Agent]:
    """Who sits where, in the order of `names`: by full name first, by role otherwise.

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


def _advance(talks: Sequence[_Talk], agent: Agent, waiting: list[int], strict: bool) -> None:
    choosing = needs_candidates(agent)
    seen, shown = list[Seen](), list[Seen]()
    for i in waiting:
        one = _see(talks[i].env, talks[i].env.dialogue.waiting[0], choosing, i)
        copies = talks[i].shown
        copy = one.unshared(copies[one.view.me])
        copies[one.view.me] = copy.view
        seen.append(one)
        shown.append(copy)
    for i, one, reply in zip(waiting, seen, ask(agent, seen, strict, shown), strict=True):
        try:
            if isinstance(reply, AgentError):
                raise reply
            _take(talks[i].env, talks[i].episode, one, reply)
        except AgentError as error:
            if strict and error is not reply:
                raise
            talks[i].fail(error)


def _see(env: DialogueEnv, index: int, choosing: bool, number: int = 0) -> Seen:
    """What agent number `index` sees; one that can only choose is shown candidates in text mode too."""
    offered = env.scenario.candidates(index) if choosing or env.mode == "choice" else None
    return Seen(number, env.dialogue.view(index), offered, env.scenario.tags(index))


def ask(
    agent: Agent, seen: list[Seen], strict: bool = False, shown: list[Seen] | None = None
) -> Sequence[Reply | AgentError]:
    """The agent's replies, an error in the place of those that are none.

    Where the batch raises, each dialogue is asked alone so that only the bad ones fail. A batch with too few replies or
    too many fails whole: nobody can tell which reply is for whom.

    Args:
        agent: who is asked.
        seen: what about.
        strict: raise what breaks the protocol.
        shown: copies of `seen`, which the agent is handed; made here where not given.

    Raises:
        AgentError: with `strict`, the agent broke the protocol.
    """
    try:
        with contained():
            found = _checked(agent, seen, ask_act(agent, shown or [one.unshared() for one in seen]))
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


def _checked(agent: Agent, seen: list[Seen], replies: Any) -> Sequence[Reply | AgentError]:
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
    if isinstance(reply, AgentError) or (isinstance(reply, Reply) and isinstance(reply.text, str)):
        return reply
    given = f"a Reply of {kind_of(reply.text)}" if isinstance(reply, Reply) else kind_of(reply)
    return AgentError(f"{name} returned {given}; expected a Reply whose text is a str")


def _take(env: DialogueEnv, episode: Episode, seen: Seen, reply: Reply) -> None:
    """Say the reply and add its turn. Rewards of simultaneous speakers come with the last; judgements go to each."""
    dialogue, absent = env.dialogue, env.scenario.absent
    complete = dialogue.say(seen.view.me, *_message(env, seen, reply))
    message, outcome = (dialogue.heard if complete else dialogue.said)[-1], dialogue.outcome
    turn = Turn(message, seen.view, (0.0,) * len(episode.agents), dict.fromkeys(absent, 0.0), Judgement(), reply.record)
    episode.turns.append(turn)
    if complete:
        turn.rewards, turn.absent = outcome.rewards, env.absent_rewards
        for earlier, judgement in zip(episode.turns[-len(outcome.judgements) :], outcome.judgements, strict=True):
            earlier.judgement = judgement
        if not dialogue.waiting:
            episode.status, episode.conversation = dialogue.status, dialogue.conversation()


def _message(env: DialogueEnv, seen: Seen, reply: Reply) -> tuple[str, tuple[int, ...] | None]:
    """The text and the addressees of a reply.

    Raises:
        AgentError: it cannot be said here; the message names the agent.
    """
    text, to = reply.text, reply.to
    if to is not None and (env.mode == "choice" or not env.private):
        problem: str | None = "addressees were named in a public talk; make the environment with private=True"
    elif env.mode == "choice":
        on_offer = text and seen.candidates is not None and text in seen.candidates
        problem = None if on_offer else f"{text!r} is not a candidate; expected one of those on offer"
    else:
        problem = env.utterance.problem(text)
    if problem is None and to is not None:
        n = len(env.possible_agents)
        if isinstance(to, Sequence) and all(isinstance(i, int) and 0 <= i < n for i in to):
            return text, tuple(sorted({*map(int, to)})) or None  # addressed to nobody means to everyone
        problem = f"addressees {to!r} were given; expected indices of agents, 0 to {n - 1}"
    if problem is not None:
        raise AgentError(f"{env.possible_agents[seen.view.me]}: {problem}")
    return text, None


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
        seen = _see(env, env.possible_agents.index(agent), needs_candidates(sitting))
        reply = ask(sitting, [seen])[0]
        if isinstance(reply, AgentError):
            raise reply
        text, to = _message(env, seen, reply)
        if seen.candidates is not None and env.mode == "choice":
            return seen.candidates.index(text)
        if not env.private:
            return text
        return {"text": text, "to": np.isin(np.arange(len(env.possible_agents)), to or ()).astype(np.int8)}
