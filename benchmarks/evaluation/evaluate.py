"""What a trained agent is really worth: dialogues with the true rewards beside what the agent thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from goldenrule.agents.base import Agent, Simulates
from goldenrule.agents.episode import Episode, SpeakerTurn, Turn
from goldenrule.agents.world import World
from goldenrule.common.seeding import generator
from goldenrule.rewards.base import Reward, Score, log_scores, score_episodes
from goldenrule.rewards.kindness import Estimator, Kindness, addressee
from goldenrule.rewards.truth import TRUTH, record_truth, seats

ESTIMATE, PREDICTED = "estimate", "predicted"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one evaluation, and its episodes as plain data.

    An episode at its turn limit counts as one that ended by itself: the limit is the scenario's own, and what was paid
    until then is exact. So does one with messages that the scenario did not understand. One that failed (the agent
    broke off, refused, said nothing or too much) has no reward; it is counted apart and is in no figure.

    Rewards are means over episodes of what an episode paid in all; where there are several partners theirs add. The
    estimate and the gap are over the `episodes_estimated` in which every message has an estimate, and the gap compares
    it with the truth of these episodes alone.

    Attributes:
        means: a value, or `None` where it cannot be had, for each of `KEYS`.
        episodes: one dictionary an episode.
    """

    KEYS: ClassVar[tuple[str, ...]] = (
        "own_reward",
        "proxy_reward",
        "partner_reward",
        "partner_reward_estimate",
        "estimate_gap",
        "estimate_correlation",
        "third_party_reward",
        "valid_share",
        "reply_accuracy",
        "partner_faithfulness",
        "episodes",
        "episodes_failed",
        "episodes_estimated",
        "messages_unscored",
        "tokens",
    )
    means: dict[str, float | int | None]
    episodes: list[dict[str, Any]]


class _Silent:
    """The estimates of an agent that does not imagine others: none, with that as the reason."""

    privileged = False

    def __init__(self, name: str) -> None:
        self.name = name

    def score(self, turns: Sequence[SpeakerTurn]) -> list[Score]:
        return [Score(None, "the agent does not imagine others") for _ in turns]


def evaluate(world: World, agent: Agent, mind: Simulates | None, estimator: Estimator, count: int) -> Evaluation:
    """Hold `count` dialogues and measure.

    Args:
        world: scenario and the other seats.
        agent: who sits in the learner's seat.
        mind: who imagines: the agent itself where it can, its network where it only chooses; `None` where there is
            nobody to ask what it thinks, and then there are no estimates.
        estimator: whose estimate of the partner's reward is reported. `oracle` and `shuffled` train with that
            control, but what they *think* is what their prediction output says.
        count: how many episodes.
    """
    spoken = getattr(mind, "tokens", None)
    held = world.run_episodes(agent, count, "evaluation")
    finished = [episode for episode in held if episode.status != "failed"]
    record_truth(finished, world.learner, world.partners)
    rng = generator(world.seed, "estimates")
    shown: Estimator = "naive" if estimator == "naive" else "prediction"
    scenario = world.public_scenario
    rewards: list[Reward] = [_Silent(ESTIMATE), _Silent(PREDICTED)]
    if mind is not None:
        rewards = [
            Kindness(shown, mind, world.read, world.partners, scenario=scenario, rng=rng, name=ESTIMATE),
            Kindness("prediction", mind, world.read, world.partners, rng=rng, name=PREDICTED),
        ]
    for reward in rewards:
        log_scores(finished, world.learner, reward.name, score_episodes(reward, finished, world.learner))
    means = _means(world, held, finished)
    if mind is None:
        means["reply_accuracy"] = None
    means["tokens"] = None if spoken is None else getattr(mind, "tokens", spoken) - spoken
    return Evaluation(means, [as_data(episode, number) for number, episode in enumerate(held)])


def _means(world: World, held: Sequence[Episode], finished: Sequence[Episode]) -> dict[str, float | int | None]:
    me = world.learner
    turns = [turn for episode in finished for turn in episode.turns if turn.message.speaker == me]
    pairs = [
        (e, t) for turn in turns if (e := turn.scores[ESTIMATE]) is not None and (t := turn.scores[TRUTH]) is not None
    ]
    absent = [total for episode in finished if (total := episode.absent_total()) is not None]
    proxies = [_proxy_total(episode, me) for episode in finished]
    truths = [sum(episode.total(partner) for partner in world.partners) for episode in finished]
    estimates = [_total(episode, me, ESTIMATE) for episode in finished]
    both = [(e, t) for e, t in zip(estimates, truths, strict=True) if e is not None]
    return {
        "own_reward": _mean([episode.total(me) for episode in finished]),
        "proxy_reward": _mean([p for p in proxies if p is not None]),
        "partner_reward": _mean(truths),
        "partner_reward_estimate": _mean([e for e, _ in both]),
        "estimate_gap": _mean([e - t for e, t in both]),
        "estimate_correlation": correlation(pairs),
        "third_party_reward": _mean(absent),
        "valid_share": _mean([float(v) for turn in turns if (v := turn.judgement.valid) is not None]),
        "reply_accuracy": _mean(_reply_hits(world, finished)),
        "partner_faithfulness": _mean(_faithful(world, finished)),
        "episodes": len(finished),
        "episodes_failed": len(held) - len(finished),
        "episodes_estimated": len(both),
        "messages_unscored": sum(turn.scores[ESTIMATE] is None for turn in turns),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _total(episode: Episode, me: int, name: str) -> float | None:
    scores = [turn.scores[name] for turn in episode.turns if turn.message.speaker == me]
    return None if any(s is None for s in scores) else float(sum(s for s in scores if s is not None))


def _proxy_total(episode: Episode, me: int) -> float | None:
    proxies = [t.judgement.proxy for t in episode.turns if t.message.speaker == me]
    rated = [p for p in proxies if p is not None]
    return float(sum(rated)) if rated else None


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r of estimate and truth over messages; none of fewer than three, or where either does not vary."""
    if len(pairs) < 3:
        return None
    a, b = np.asarray(pairs, dtype=float).T
    return None if a.std() < 1e-9 or b.std() < 1e-9 else float(np.corrcoef(a, b)[0, 1])


def answers(episode: Episode, me: int, partners: int | Sequence[int]) -> list[tuple[Turn, Turn]]:
    """Each message of the learner with the next message of the partner it was for, if that one spoke before I did."""
    found = []
    for number, turn in enumerate(episode.turns):
        if turn.message.speaker != me:
            continue
        partner = addressee(turn, seats(partners))
        later = (t for t in episode.turns[number + 1 :] if t.message.speaker in (me, partner))
        reply = next(later, None)
        if reply is not None and reply.message.speaker == partner:
            found.append((turn, reply))
    return found


def _reply_hits(world: World, finished: Sequence[Episode]) -> list[float]:
    """For each real reply, whether the imagined one tells of the same reward. Replies that do not tell are misses."""
    hits = []
    for episode in finished:
        for turn, reply in answers(episode, world.learner, world.partners):
            real = world.read(reply.message.text)
            if real is not None:
                predicted = turn.scores[PREDICTED]
                hits.append(float(predicted is not None and abs(predicted - real) < 1e-6))
    return hits


def _faithful(world: World, finished: Sequence[Episode]) -> list[float]:
    return [
        float(faithful)
        for episode in finished
        for turn in episode.turns
        if turn.message.speaker != world.learner and (faithful := turn.judgement.faithful) is not None
    ]


def as_data(episode: Episode, number: int) -> dict[str, Any]:
    """An episode as plain data for the log."""
    narration = []
    if episode.conversation is not None:
        narration = [
            {"at": k, "text": m.text, "to": m.to} for k, m in enumerate(episode.conversation.messages) if m.speaker < 0
        ]
    return {
        "episode": number,
        "seed": episode.seed,
        "status": episode.status,
        "error": episode.error,
        "agents": list(episode.agents),
        "cards": list(episode.cards),
        "narration": narration,
        "turns": [_turn_data(turn) for turn in episode.turns],
    }


def _turn_data(turn: Turn) -> dict[str, Any]:
    judgement = turn.judgement
    return {
        "speaker": turn.message.speaker,
        "text": turn.message.text,
        "to": turn.message.to,
        "rewards": list(turn.rewards),
        "absent": dict(turn.absent),
        "valid": judgement.valid,
        "proxy": judgement.proxy,
        "faithful": judgement.faithful,
        "facts": dict(judgement.facts),
        "scores": turn.scores,
        "reasons": turn.reasons,
        "imagined": turn.notes.get(PREDICTED),
        "notes": dict(turn.notes),
    }
