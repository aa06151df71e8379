"""`RewardWrapper`: an environment whose agents are also paid named scores. The only place that touches accounting.

After each turn an agent's reward is `task + sum of weight * score` over the scores that its messages of that turn
got; a score that cannot be had adds nothing and is counted with its reason. Wrappers stack, and none erases what
another has added.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from pettingzoo import AECEnv
from pettingzoo.utils import BaseWrapper
from pettingzoo.utils.env import AECIterable

from goldenrule.agents.episode import SpeakerTurn, Turn
from goldenrule.common.text import kind_of
from goldenrule.envs.dialogue_state import DialogueState
from goldenrule.rewards.base import Reward, Score, ask_about, check_reward_parts, log_score

_PLACE = "{} at turn {}".format


def last_turns(dialogue: DialogueState) -> list[Turn]:
    """The messages of the last complete turn, with what each speaker had seen and what came of it."""
    outcome, names = dialogue.outcome, dialogue.scenario.absent
    absent = {**dict.fromkeys(names, 0.0), **outcome.absent} if names else {}
    return [
        Turn(message, dialogue.view_before(message.speaker), outcome.rewards, absent, outcome.judgements[i])
        for i, message in enumerate(dialogue.heard)
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
        log: this episode's messages, oldest first, with all their scores, privileged ones too.
        turns: those of the last complete turn.
        score_names: names of all scores in the stack, from the inside out.
        shown: per seat the copy of its turn that rewards without privilege were shown last.

    Raises:
        ValueError: a name is taken, a weight or an agent is unknown, or a reward lacks one of its parts.
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
        self.possible_agents = env.possible_agents
        self.dialogue: DialogueState = env.unwrapped.dialogue
        for reward in rewards:
            check_reward_parts(reward, kind_of(reward))
        given, names = weights or {}, [reward.name for reward in rewards]
        self.score_names = (*getattr(env, "score_names", ()), *names)
        _check_names(self.score_names, given, names)
        unknown = set(agents or ()) - set(env.possible_agents)
        if unknown:
            raise ValueError(f"nobody sits as {sorted(unknown)}; expected some of {env.possible_agents}")
        self._asked = [(reward, float(given.get(reward.name, 1.0))) for reward in rewards]
        self._agents = {env.possible_agents.index(name) for name in (env.possible_agents if agents is None else agents)}
        self._stacked = hasattr(env, "score_names")
        self._observe = env.observe
        self.turns: list[Turn] = []
        self.log: list[Turn] = []
        self.shown = np.empty(0, dtype=object)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a new episode with an empty log."""
        self.env.reset(seed=seed, options=options)
        self.turns, self.log = [], []
        self.shown = self.env.shown if self._stacked else np.empty(len(self.possible_agents), dtype=object)
        self._cumulative_rewards = dict.fromkeys(self.env.agents, 0.0)
        self._mirror()

    def _mirror(self) -> dict[str, float]:
        """Take over the state of the environment within; returns the rewards of its last step, to be added to."""
        # Found on the wrapper itself these cost nothing; through PettingZoo's `__getattr__` they take most of a step.
        env = self.env
        self.agents, self.agent_selection, self.infos = env.agents, env.agent_selection, env.infos
        self.terminations, self.truncations = env.terminations, env.truncations
        self.rewards = rewards = env.rewards.copy()
        return rewards

    def observe(self, agent: str) -> Any:
        """What `agent` sees now."""
        return self._observe(agent)

    def agent_iter(self, max_iter: int = 2**63) -> AECIterable[str, Any, Any]:
        """The agents as they come to act, until all are done: those of the environment within."""
        return self.env.agent_iter(max_iter)

    def step(self, action: Any) -> None:
        """Say `action`, then ask the rewards about it once its turn is complete.

        Raises:
            ValueError: not an action of this environment; nothing has changed.
            ScoreError: a reward gave something that is no finite number nor `None` with a reason.
        """
        agent, paid, dialogue = self.agent_selection, self._cumulative_rewards, self.dialogue
        first, over = dialogue.turns, self.terminations[agent] or self.truncations[agent]
        self.env.step(action)
        rewards = self._mirror()
        if over:
            del paid[agent]
            return
        paid[agent] = 0.0
        if dialogue.turns != first:
            self._score(first, rewards)
        for name, reward in rewards.items():
            paid[name] += reward

    def _score(self, first: int, rewards: dict[str, float]) -> None:
        """Score the turn just completed, whose first message is number `first` of the episode, and add to `rewards`."""
        self.turns = turns = self.env.turns if self._stacked else last_turns(self.dialogue)
        self.log += turns
        paid, names = self._agents, self.possible_agents
        for reward, weight in self._asked:
            for turn in turns:
                if (speaker := turn.message.speaker) in paid:
                    agent = names[speaker]
                    # One by one: a batch of what was said at the same time would hold the cards of all who spoke.
                    shown = [turn if reward.privileged else self._copy(turn)]
                    (score,) = ask_about(reward, shown, partial(_PLACE, agent, first))
                    log_score(turn, reward.name, score)
                    if score.value is not None:
                        rewards[agent] += weight * score.value
                    if not reward.privileged:
                        _show(self.infos[agent], reward.name, score)

    def _copy(self, turn: Turn) -> SpeakerTurn:
        """As `speaker_turns`; of what a seat was shown before, only what was said since is copied.

        What each seat was shown last is kept for the whole stack in an array of objects, which the garbage collector
        does not look into: no reference leads from it back to a wrapper.
        """
        message, view, all_shown = turn.message, turn.view, self.shown
        before: SpeakerTurn | None = all_shown[message.speaker]
        if before is not None and len(view.messages) == len(before.view.messages):
            return before  # it was just shown this turn
        shown = SpeakerTurn(message.unshared(), view.unshared(None if before is None else before.view))
        all_shown[message.speaker] = shown
        return shown

    def missing(self) -> dict[str, Counter[str]]:
        """By reward name: how often in this episode each reason stood in for a score."""
        names = [reward.name for reward, _ in self._asked]
        return {name: Counter(turn.reasons[name] for turn in self.log if name in turn.reasons) for name in names}


def _show(info: dict[str, Any], name: str, score: Score) -> None:
    """Put a score into the infos of an agent, or why there is none."""
    if "scores" not in info:
        info |= {"scores": {}, "reasons": {}}
    info["scores"][name] = score.value
    if score.value is None:
        info["reasons"][name] = score.reason
    else:
        info["reasons"].pop(name, None)


def _check_names(names: Sequence[str], weights: Mapping[str, float], own: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the score name {name!r} is taken; give each reward in a stack a name of its own")
    for name in weights:
        if name not in own:
            raise ValueError(f"a weight was given for {name!r}; expected one of {', '.join(sorted(own)) or 'none'}")
        if not math.isfinite(weights[name]):
            raise ValueError(f"the weight of {name!r} is {weights[name]}; expected a finite number")
