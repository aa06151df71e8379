"""Metrics of a run, counted from its episode records; every table, page and check of the project uses these.

A record is one evaluation episode as plain data (`as_data`). An episode at
turn limit counts like one that ended by itself: the limit is the scenario's own, and what was paid until then is exact.
So does one with messages that the scenario did not understand. A failed one (an agent broke off, refused, or said
nothing) has no reward: it is counted, and is in no other metric.

Rewards are means over episodes of what an episode paid in all; the rewards of several partners add. The estimate and
the gap are over those episodes in which every message of the learner has an estimate, and the gap compares it with the
true reward of these episodes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenrule.agents.episode import Episode, Turn
from goldenrule.envs.registry import ANY, SHARE, EpisodeMetrics, Range, ScenarioSpec, specs
from goldenrule.rewards.base import TRUTH
from goldenrule.rewards.kindness import addressee, reply_to

Record = Mapping[str, Any]
ESTIMATE, PREDICTED = "estimate", "predicted"
"""Scores of a learner's message: what the agent thinks its partner gets, and what its prediction of the reply tells."""

SAME = 1e-6
"""Rewards closer than this are the same: the predicted reply counts as right."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric without any value of it.

    Attributes:
        title: of a column.
        meaning: in a line.
        missing: why it may be none in every seed; empty where that need not be told.
        share: whether it is a share, shown in percent.
        better: 1 where more is better, -1 where less is, 0 where neither is.
    """

    title: str
    meaning: str
    missing: str
    share: bool = False
    better: int = 1


METRICS: Mapping[str, Metric] = {
    "own_reward": Metric("own", "the agent's own true reward, an episode", "no dialogue was finished"),
    "proxy_reward": Metric(
        "proxy",
        "what annotators who see only the message would give, an episode",
        "the scenario's annotators do not rate these messages",
        better=0,
    ),
    "partner_reward": Metric("true partner", "the partner's true reward, an episode", "no dialogue was finished"),
    "partner_reward_estimate": Metric(
        "estimate",
        "what the agent thought its partner got, an episode",
        "the agent imagines nobody, or its imagined replies do not tell",
        better=0,
    ),
    "unseen_partner_reward": Metric(
        "unseen partner",
        "true reward of scripted partners of whom none like them was met, in words known, an episode",
        "the scenario keeps nobody out of what agents learn from",
    ),
    "unseen_partner_reward_estimate": Metric(
        "unseen estimate",
        "what the agent thought these partners got, an episode",
        "the scenario keeps nobody out of what agents learn from, or the agent imagines nobody",
        better=0,
    ),
    "unheard_partner_reward": Metric(
        "unheard partner",
        "true reward of scripted partners as they were met, in words never heard, an episode",
        "the scenario keeps no words out of what agents learn from",
    ),
    "unheard_partner_reward_estimate": Metric(
        "unheard estimate",
        "what the agent thought these partners got, an episode",
        "the scenario keeps no words out of what agents learn from, or the agent imagines nobody",
        better=0,
    ),
    "estimate_gap": Metric(
        "gap",
        "estimate minus truth; above 0 the agent flatters itself",
        "there is no estimate or no truth to compare",
        better=-1,
    ),
    "estimate_correlation": Metric(
        "r",
        "Pearson's r of estimate and truth over messages",
        "there is no estimate, or it or the truth is the same for all messages",
    ),
    "third_party_reward": Metric(
        "third party", "true reward of those who are absent, an episode", "the scenario has no absent third party"
    ),
    "valid_share": Metric(
        "valid %",
        "messages of the agent that the scenario understands",
        "the scenario does not judge these messages",
        share=True,
    ),
    "tag_share": Metric("tagged %", "messages of the agent understood by their tag", "", share=True, better=0),
    "reader_share": Metric("read %", "messages of the agent understood by the reader", "", share=True, better=0),
    "contradiction_share": Metric(
        "says else %",
        "messages of the agent with a tag whose words make another move",
        "",
        share=True,
        better=-1,
    ),
    "reply_accuracy": Metric(
        "foreseen %",
        "real replies of which the predicted one told the same reward",
        "the agent imagines nobody, or no real reply tells of a reward",
        share=True,
    ),
    "partner_faithfulness": Metric(
        "faithful %",
        "messages of partners that are true to their cards",
        "the scenario does not hold these partners to a card",
        share=True,
    ),
}
"""Metrics of every scenario, in the order of tables."""

UNMET = {
    "people": ("unseen_partner_reward", "unseen_partner_reward_estimate"),
    "words": ("unheard_partner_reward", "unheard_partner_reward_estimate"),
}
"""Metrics of dialogues with what was kept from all learning, by what that is: of episodes apart from all others."""
UNSEEN = tuple(key for keys in UNMET.values() for key in keys)

COUNTS = ("episodes", "episodes_failed", "episodes_estimated", "messages_unscored", "tokens")
KEYS = (*METRICS, *COUNTS, "negotiation")
"""Keys of a run's metrics. `run_metrics` counts all but `UNSEEN`, and `tokens`, which only the agent knows.

The scenario's own metrics (`goldenrule.envs.registry.EpisodeMetrics`) lie together under `negotiation`, which the first
of them were of; none where it has none.
"""


TRAINING = ("training_unscored_share", "training_unscored_reason")
"""Keys of a row: the share of training messages that the reward gave no score for, and the commonest reason."""


def run_metrics(records: Sequence[Record]) -> dict[str, Any]:
    """All metrics of a run.

    Args:
        records: of its episodes, failed ones included.

    Returns:
        A value for each of `KEYS` but `tokens` and `UNSEEN`: a number, or none where it cannot be had.
    """
    finished = [record for record in records if record["status"] != "failed"]
    each = [episode_metrics(record) for record in finished]
    estimated = [(e, one["partner_reward"]) for one in each if (e := one["partner_reward_estimate"]) is not None]
    mine = [turn for record in finished for turn in record["turns"] if turn["speaker"] == record["learner"]]
    others = [turn for record in finished for turn in record["turns"] if turn["speaker"] != record["learner"]]
    scores = [(turn["scores"].get(ESTIMATE), turn["scores"].get(TRUTH)) for turn in mine]
    return {
        **{key: _mean([one[key] for one in each]) for key in ("own_reward", "proxy_reward", "partner_reward")},
        "partner_reward_estimate": _mean([estimate for estimate, _ in estimated]),
        "estimate_gap": _mean([estimate - truth for estimate, truth in estimated]),
        "estimate_correlation": correlation([(e, t) for e, t in scores if e is not None and t is not None]),
        "third_party_reward": _mean([one["third_party_reward"] for one in each]),
        "valid_share": _mean([turn["valid"] for turn in mine]),
        **_understanding([turn["facts"] for turn in mine]),
        "reply_accuracy": _mean(list(_hits(mine))),
        "partner_faithfulness": _mean([turn["faithful"] for turn in others]),
        "episodes": len(finished),
        "episodes_failed": len(records) - len(finished),
        "episodes_estimated": len(estimated),
        "messages_unscored": sum(estimate is None for estimate, _ in scores),
        "negotiation": _own_metrics(finished),
    }


def unmet_parts(known: ScenarioSpec, knobs: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What of a scenario is kept from all learning (`UNMET`): whom one meets then, and how they speak."""
    if not known.parts_people:
        return {}
    words = {"words": ("seen", "unseen")}
    return {"people": ("unseen", "default"), **words} if known.keeps_people(knobs) else words


def unseen_metrics(records: Sequence[Record]) -> dict[str, float | None]:
    """`UNSEEN` from the records of a run's dialogues with what was kept from it; none where there are none."""
    found: dict[str, float | None] = {}
    for part, keys in UNMET.items():
        counted = run_metrics([record for record in records if record["unmet"] == part])
        found |= zip(keys, (counted["partner_reward"], counted["partner_reward_estimate"]), strict=True)
    return found


def episode_metrics(record: Record) -> dict[str, Any]:
    """Metrics of one episode: columns of the table `episodes`.

    Returns:
        `messages`, `invalid_messages` (of the learner, not understood), and sums over the episode: `own_reward`,
        `partner_reward`, `partner_reward_estimate`, `third_party_reward` (the mean over those who are absent) and
        `proxy_reward`. A sum is none where the episode failed or a summand is missing.
    """
    turns, learner = record["turns"], record["learner"]
    mine = [turn for turn in turns if turn["speaker"] == learner]
    absent = {name for turn in turns for name in turn["absent"]}
    proxies = [turn["proxy"] for turn in mine if turn["proxy"] is not None]
    estimates = [turn["scores"].get(ESTIMATE) for turn in mine]

    def paid(seat: int) -> float:
        return sum(turn["rewards"][seat] for turn in turns)

    # The order of summation is part of the result: sums of other orders differ in the last bits.
    sums: dict[str, float | None] = {
        "own_reward": paid(learner),
        "partner_reward": sum(paid(partner) for partner in record["partners"]),
        "partner_reward_estimate": None if not estimates or None in estimates else sum(estimates),
        "third_party_reward": sum(sum(turn["absent"].values()) for turn in turns) / len(absent) if absent else None,
        "proxy_reward": sum(proxies) if proxies else None,
    }
    failed = record["status"] == "failed"
    return {
        "messages": len(turns),
        "invalid_messages": sum(turn["valid"] is False for turn in mine),
        **{key: None if failed or value is None else float(value) for key, value in sums.items()},
    }


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r of estimate and truth over messages; none of fewer than three, or where either does not vary."""
    if len(pairs) < 3:
        return None
    a, b = np.asarray(pairs, dtype=float).T
    return None if a.std() < 1e-9 or b.std() < 1e-9 else float(np.corrcoef(a, b)[0, 1])


def _mean(values: Sequence[float | bool | None]) -> float | None:
    """The mean of those that there are."""
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _hits(mine: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """For each real reply that tells of a reward, whether the predicted one tells of the same.

    A prediction that tells of none is a miss; an agent that predicts nothing is not asked.
    """
    for turn in mine:
        real, scores = turn["reply_reward"], turn["scores"]
        if real is not None and PREDICTED in scores:
            predicted = scores[PREDICTED]
            yield float(predicted is not None and abs(predicted - real) < SAME)


def _understanding(facts: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Who understood messages in free words, and how many of them say one thing and do another."""
    free = [one for one in facts if "understood_by" in one]
    return {
        "tag_share": _mean([one["understood_by"] == "tag" for one in free]),
        "reader_share": _mean([one["understood_by"] == "reader" for one in free]),
        "contradiction_share": _mean([one["says_else"] for one in free]),
    }


def _own_metrics(finished: Sequence[Record]) -> dict[str, float | None] | None:
    """Means of the scenario's own metrics, each over the episodes for which it is defined."""
    own = [record["own_metrics"] for record in finished if record["own_metrics"] is not None]
    if not own:
        return None
    known = {key: [one[key] for one in own if one[key] is not None] for key in own[0]}
    return {key: sum(values) / len(values) if values else None for key, values in known.items()}


def valid_range(metric: str, scenario: str | None = None, knobs: Mapping[str, Any] | None = None) -> Range:
    """Lowest and highest value that a metric, and its mean, can have. Confidence intervals are clipped to it.

    Shares lie in [0, 1], correlations in [-1, 1], true rewards and the scenario's own metrics where its spec says.
    Estimates, and rewards of a scenario that is not installed, may be anything.

    Args:
        metric: a key of a row, or one of the scenario's own metrics.
        scenario, knobs: of the row.
    """
    if metric in METRICS and METRICS[metric].share:
        return SHARE
    if metric == "estimate_correlation":
        return -1.0, 1.0
    spec = specs().get(scenario or "")
    if spec is None:
        return ANY
    if spec.metrics is not None and metric in spec.metrics.ranges:
        return spec.metrics.ranges[metric]
    seat = {
        "own_reward": "learner",
        "partner_reward": "partner",
        "unseen_partner_reward": "partner",
        "unheard_partner_reward": "partner",
    }.get(metric, "")
    return spec.reward_ranges(knobs or {}).get(seat, ANY)


def own_metrics_of(scenario: str) -> dict[str, Metric]:
    """What is known of a scenario's own metrics, in the order in which it declares them; shares end in `_share`."""
    spec = specs().get(scenario)
    ranges = {} if spec is None or spec.metrics is None else spec.metrics.ranges
    found = {}
    for name, within in ranges.items():
        words = name.replace("_share", " %").replace("_", " ") if within == SHARE else name.replace("_", " ")
        found[name] = Metric(words, f"{words}, as {scenario} counts it", "no dialogue has it", within == SHARE)
    return found


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
