"""`RewardWrapper`: an environment whose agents are also paid named scores. The only place that touches accounting.

After each turn an agent's reward is `task + sum of weight * score` over the scores that its messages of that turn
got; a score that cannot be had adds nothing and is counted with its reason. Wrappers stack, and none erases what
another has added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils import BaseWrapper

from goldenrule.agents.episode import Turn
from goldenrule.envs.table import Table
from goldenrule.rewards.base import TASK, Reward, Score, ask


@dataclass(frozen=True, slots=True)
class Scored:
    """One message's scores in a wrapper's log.

    Attributes:
        turn: number of the message in its episode, from 0.
        agent: who said it.
        task: the environment's true reward of the speaker for that turn.
        scores: by name: a number or `None`.
        reasons: why a score is `None`, by name.
    """

    turn: int
    agent: str
    task: float
    scores: Mapping[str, float | None]
    reasons: Mapping[str, str]


def last_turns(table: Table) -> list[Turn]:
    """The messages of the last complete turn, with what each speaker had seen and what came of it."""
    outcome = table.outcome
    absent = {name: outcome.absent.get(name, 0.0) for name in table.scenario.absent}
    return [
        Turn(message, table.view_before(message.speaker), outcome.rewards, absent, judgement)
        for message, judgement in zip(table.heard, outcome.judgements, strict=True)
    ]


class RewardWrapper(BaseWrapper[str, Any, Any]):
    """An AEC dialogue with named scores added to its rewards.

    `infos[agent]["scores"]` and `["reasons"]` hold the scores of the agent's own last message, except those of
    privileged rewards, which are in `log` alone: an agent may be paid by the truth but not shown it.

    Args:
        env: a `DialogueEnv`, or wrappers around one.
        rewards: what to ask about each message just said; each name once in a whole stack.
        weights: by reward name, what a score counts; 1 where not given.
        agents: whose messages are scored, by name; everyone's where not given.

    Attributes:
        log: the scores of this episode's messages, oldest first.

    Raises:
        ValueError: a name is taken, a weight or an agent is unknown.
    """

    def __init__(
        self,
        env: AECEnv[str, Any, Any],
        rewards: Sequence[Reward],
        *,
        weights: Mapping[str, float] | None = None,
        agents: Sequence[str] | None = None,
    ) -> None:
        super().__init__(env)
        self.table: Table = env.unwrapped.table  # type: ignore[attr-defined]
        self.score_names = (*getattr(env, "score_names", ()), *(reward.name for reward in rewards))
        _check_names(self.score_names, weights or {}, {reward.name for reward in rewards})
        unknown = set(agents or ()) - set(env.possible_agents)
        if unknown:
            raise ValueError(f"nobody sits as {sorted(unknown)}; expected some of {env.possible_agents}")
        given = weights or {}
        self._asked = [(reward, float(given.get(reward.name, 1.0))) for reward in rewards]
        self._scored = frozenset(
            i for i, name in enumerate(env.possible_agents) if agents is None or name in agents
        )
        self.log: list[Scored] = []

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a new episode with an empty log."""
        super().reset(seed=seed, options=options)
        self.log = []
        self.rewards = dict(self.env.rewards)
        self._cumulative_rewards = dict.fromkeys(self.env.agents, 0.0)

    def step(self, action: Any) -> None:
        """Say `action`, then ask the rewards about it once its turn is complete.

        Raises:
            ValueError: not an action of this environment; nothing has changed.
            ScoreError: a reward gave something that is no finite number nor `None` with a reason.
        """
        agent, before = self.env.agent_selection, self.table.turns
        if self.env.terminations[agent] or self.env.truncations[agent]:
            super().step(action)
            del self._cumulative_rewards[agent]
            self.rewards = dict(self.env.rewards)
            return
        super().step(action)
        self._cumulative_rewards[agent] = 0.0
        self.rewards = dict(self.env.rewards)
        if self.table.turns != before:
            self._score(before)
        for name, reward in self.rewards.items():
            self._cumulative_rewards[name] += reward

    def _score(self, first: int) -> None:
        """Score the turn just completed, whose first message is number `first` of the episode."""
        numbered = [
            (first + offset, turn)
            for offset, turn in enumerate(last_turns(self.table))
            if turn.message.speaker in self._scored
        ]
        names, turns = self.possible_agents, [turn for _, turn in numbered]
        places = [f"{names[turn.message.speaker]} at turn {number}" for number, turn in numbered]
        columns = [ask(reward, turns, places) for reward, _ in self._asked]
        for row, (number, turn) in enumerate(numbered):
            self._pay(number, turn, [column[row] for column in columns])

    def _pay(self, number: int, turn: Turn, scores: Sequence[Score]) -> None:
        agent = self.possible_agents[turn.message.speaker]
        values: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        info = self.env.infos[agent]
        shown, why = info.setdefault("scores", {}), info.setdefault("reasons", {})
        for (reward, weight), score in zip(self._asked, scores, strict=True):
            values[reward.name] = score.value
            if score.value is None:
                reasons[reward.name] = score.reason
            else:
                self.rewards[agent] += weight * score.value
            if not reward.privileged:
                shown[reward.name] = score.value
                why.pop(reward.name, None)
                if score.value is None:
                    why[reward.name] = score.reason
        task = float(turn.rewards[turn.message.speaker])
        self.log.append(Scored(number, agent, task, values, reasons))

    def missing(self) -> dict[str, dict[str, int]]:
        """By reward name: how often in this episode each reason stood in for a score."""
        counts: dict[str, dict[str, int]] = {reward.name: {} for reward, _ in self._asked}
        for entry in self.log:
            for name, reason in entry.reasons.items():
                counts[name][reason] = counts[name].get(reason, 0) + 1
        return counts


def _check_names(names: Sequence[str], weights: Mapping[str, float], own: set[str]) -> None:
    for name in names:
        if name == TASK or names.count(name) > 1:
            raise ValueError(f"the score name {name!r} is taken; give each reward in a stack a name of its own")
    for name in weights:
        if name not in own:
            raise ValueError(f"a weight was given for {name!r}; expected one of {', '.join(sorted(own)) or 'none'}")
