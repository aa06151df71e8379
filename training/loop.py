"""What every reward-driven algorithm does around its reward: hold dialogues, score them, learn, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goldenrule.agents.episode import Episode
from goldenrule.rewards.truth import TRUTH, record_everyone, record_truth
from goldenrule.training.learner import Learner, Progress, Report
from goldenrule.training.policy_update import update_from
from goldenrule.training.rollout import tokenise

ScoreEpisodes = Callable[[Sequence[Episode]], object]


def train(learner: Learner, score: ScoreEpisodes, reward: str, report: Report) -> None:
    """Run all updates of a learner.

    Args:
        learner: changed in place.
        score: writes the score called `reward` into the learner's turns of a rollout.
        reward: name of the score to maximise.
        report: told of each update.
    """
    for update in range(learner.config.updates):
        learner.schedule(update)
        failed = learner.failed
        episodes = learner.collect(update)
        if not episodes:
            raise RuntimeError(
                f"update {update + 1}: all {learner.config.dialogues} dialogues failed; nothing to learn from"
            )
        record_truth(episodes, learner.me, learner.world.partners)
        record_everyone(episodes, learner.me)
        score(episodes)
        rollout = tokenise(episodes, learner.me, learner.tokenizer, learner.agent.limit)
        stats = update_from(learner, rollout, reward)
        report(
            Progress(
                update + 1,
                learner.config.updates,
                mean_total(episodes, learner.me, reward),
                mean_total(episodes, learner.me, TRUTH),
                stats.kl,
                stats.prediction_loss,
                learner.failed - failed,
                stats.unscored,
            )
        )


def mean_total(episodes: Sequence[Episode], me: int, name: str) -> float | None:
    """Mean over episodes of the sum of a score; an episode in which some message has none is left out.

    `None` if no episode has it.
    """
    totals = []
    for episode in episodes:
        scores = [turn.scores.get(name) for turn in episode.turns if turn.message.speaker == me]
        if scores and all(score is not None for score in scores):
            totals.append(sum(score for score in scores if score is not None))
    return sum(totals) / len(totals) if totals else None
