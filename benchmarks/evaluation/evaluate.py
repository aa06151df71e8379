"""Evaluate an agent: run dialogues with it, score its estimates against the true rewards, compute the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.agents.base import Agent, AgentError, Simulates
from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.metrics import ESTIMATE, PREDICTED, run_metrics
from goldenrule.common.numbers import as_float
from goldenrule.common.seeding import generator
from goldenrule.envs.registry import EpisodeMetrics, spec
from goldenrule.rewards.base import Score, log_score, log_scores, record_truth, score_episodes
from goldenrule.rewards.kindness import Estimator, Kindness, addressee, reply_to


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gives.

    Attributes:
        metrics: as `run_metrics` counts them, and `tokens`, which the agent spoke and imagined; none where it does not
            count them.
        episodes: a record an episode, see `as_data`.
    """

    metrics: dict[str, Any]
    episodes: list[dict[str, Any]]


NO_ESTIMATE = Score(None, "the agent does not imagine others")


def evaluate(
    world: World, agent: Agent, simulator: Simulates | None, estimator: Estimator, count: int | Sequence[int]
) -> Evaluation:
    """Run dialogues and measure.

    Args:
        world: scenario and the other seats.
        agent: who sits in the learner's seat.
        simulator: who imagines: the agent itself where it can, its network where it only chooses; `None` where there
            is nobody to ask what the agent thinks, and then there are no estimates.
        estimator: whose estimate of the partner's reward is reported. `oracle` and `shuffled` train with that
            control, but what they *think* is what their prediction output says.
        count: how many episodes, or the numbers of those to run, each under its own seed.
    """
    tokens_before = _tokens(simulator)
    episodes = world.run_episodes(agent, count, "evaluation")
    finished = [episode for episode in episodes if episode.status != "failed"]
    record_truth(finished, world.learner, world.partners)
    rng = generator(world.seed, "estimates")
    shown: Estimator = "naive" if estimator == "naive" else "prediction"
    scenario = world.public_scenario
    if simulator is None:
        for turn in (turn for episode in finished for turn in episode.turns):
            if turn.message.speaker == world.learner:
                log_score(turn, ESTIMATE, NO_ESTIMATE)
    else:
        for reward in (
            Kindness(shown, simulator, world.read, world.partners, scenario=scenario, rng=rng, name=ESTIMATE),
            Kindness("prediction", simulator, world.read, world.partners, rng=rng, name=PREDICTED),
        ):
            log_scores(finished, world.learner, reward.name, score_episodes(reward, finished, world.learner))
    seats = world.learner, world.partners
    own = spec(world.scenario).metrics
    numbers = range(count) if isinstance(count, int) else count
    records = [as_data(one, number, *seats, world.read, own) for number, one in zip(numbers, episodes, strict=True)]
    tokens_after = _tokens(simulator)
    tokens = None if tokens_before is None or tokens_after is None else tokens_after - tokens_before
    return Evaluation({**run_metrics(records), "tokens": tokens}, records)


def _tokens(agent: Any) -> int | None:
    """Tokens that an agent has sampled so far, as it says itself; `None` of one that does not count them."""
    given = getattr(agent, "tokens", None)
    try:
        return None if given is None else int(as_float(given))
    except (ValueError, OverflowError) as wrong:
        raise AgentError(f"{type(agent).__name__} counts tokens as {wrong}; expected a whole number") from None


def as_data(
    episode: Episode,
    number: int,
    learner: int,
    partners: Sequence[int],
    read: Callable[[str], float | None] = lambda text: None,
    own: EpisodeMetrics | None = None,
) -> dict[str, Any]:
    """An episode as a record: plain data, from which all metrics are counted.

    Args:
        episode: once it is over and scored.
        number: its place in the run.
        learner, partners: seats.
        read: the reward that a reply tells of.
        own: the scenario's own metrics.
    """
    narration = []
    if episode.conversation is not None:
        narration = [
            {"at": k, "text": m.text, "to": m.to} for k, m in enumerate(episode.conversation.messages) if m.speaker < 0
        ]
    turns = [_turn_data(turn) for turn in episode.turns]
    for place, turn in enumerate(episode.turns):
        if turn.message.speaker == learner:
            reply = reply_to(episode.turns, place, addressee(turn, partners))
            turns[place]["reply"] = reply
            turns[place]["reply_reward"] = None if reply is None else read(episode.turns[reply].message.text)
    record = {
        "episode": number,
        "seed": episode.seed,
        "status": episode.status,
        "error": episode.error,
        "agents": list(episode.agents),
        "learner": learner,
        "partners": list(partners),
        "cards": list(episode.cards),
        "narration": narration,
        "turns": turns,
        "own_metrics": None,
    }
    if own is not None and episode.status != "failed":
        record["own_metrics"] = dict(own.of_episode(record, learner, partners[0]))
    return record


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
