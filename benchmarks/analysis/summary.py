"""Summary of a run: for each method under each condition, means over seeds with 95% intervals.

Terminal, page and JSON show this one summary. The unit is the seed: training and evaluation under another seed are
independent, the episodes under one are not. The interval of a mean is Student's t over the seeds' means
(`statistics.mean_interval`), here and in cross-play. With three seeds t is 4.30, so intervals are wide; two seeds say
next to nothing of their spread (t is 12.7), so below three there is none. Intervals are clipped to the valid range of
the metric; where all seeds agree, they follow from it, or there is none. Differences and interquartile means have
bootstrap intervals.

Beside it stands how episodes ended (`endings`). One at its turn limit counts with what it paid until then, and so does
one with messages that the scenario did not understand: both sums are exact, and to exclude them would flatter whoever
causes them. The table of endings has the partner's reward without any of these, from the episodes that went well under
every method alike; a method of which none did has no such metric, and excludes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from goldenrule.benchmarks.analysis.common_episodes import LEFT_OUT, setting_key, with_complete_cases
from goldenrule.benchmarks.analysis.verdicts import METRIC, OPTIONS, Line, comparisons_of, widest_range
from goldenrule.benchmarks.evaluation.metrics import METRICS, UNMET, Metric, own_metrics_of, valid_range
from goldenrule.benchmarks.statistics import (
    LEAST_SEEDS,
    SETTING,
    Estimate,
    aggregate,
    mean_interval,
    ratio_interval,
    read_scores,
)
from goldenrule.benchmarks.storage.reader import Run, Setting, StoredCell
from goldenrule.common.text import counted, several
from goldenrule.envs.registry import ANY, SHARE, Range

Row = Mapping[str, Any]
Group = Mapping[str, Any]

ATTAINABLE = "share_of_attainable"
REFERENCE = "scripted"
"""The method whose partner reward counts as attainable: the scenario's own script in the learner's seat."""

IQM = "partner_reward_iqm"

COUNTS = ("episodes", "episodes_failed", LEFT_OUT, "episodes_estimated", "messages_unscored", "tokens")

_OVER_SEEDS = {
    IQM: Metric("IQM", "interquartile mean of the true partner reward: of the middle half of the seeds", ""),
    ATTAINABLE: Metric(
        "of attainable %",
        "true partner reward by that of the scripted helper: the ratio of their means over the same seeds",
        f"{REFERENCE} was not run",
        share=True,
    ),
}
_ORDER = (
    *("partner_reward", ATTAINABLE, IQM, "partner_reward_estimate", "estimate_gap", "estimate_correlation"),
    *(true for true, _ in UNMET.values()),
    *("own_reward", "proxy_reward", "third_party_reward", "valid_share"),
    *("tag_share", "reader_share", "contradiction_share", "reply_accuracy"),
)
COLUMNS: Mapping[str, Metric] = {key: {**METRICS, **_OVER_SEEDS}[key] for key in _ORDER}
"""Columns of the table. How faithful partners were to their cards is told of a condition, for all methods together."""

INTERVAL = f"95%, Student's t over the means of seeds, from {LEAST_SEEDS} on; where all agree, from the metric's range"

UNSCORED_MOST = 0.5
"""Share of training messages without a score, above which a method has a warning."""


def interval(values: Sequence[float | None], within: Range = ANY, reason: str | None = None) -> dict[str, Any]:
    """Mean and 95% interval of independent values, one a seed.

    Returns:
        `mean`, `low`, `high`; `n`, how many values there are, and `no_interval`, why they have none; how many are
        `missing`, and the `reason` where all are.
    """
    known = [value for value in values if value is not None]
    about = {"missing": len(values) - len(known), "reason": None if known else reason}
    return as_dict(mean_interval(known, within)) | about


def as_dict(found: Estimate) -> dict[str, Any]:
    """An estimate as the tables have it."""
    return {"mean": found.value, "low": found.low, "high": found.high, "n": found.units, "no_interval": found.reason}


def over_seeds(cells: Sequence[StoredCell], key: str) -> dict[str, Any]:
    """`interval` of one metric over runs of one method and scenario, and its `values`."""
    values = [value for cell in cells if (value := cell.value(key)) is not None]
    within = widest_range([{"scenario": cell.scenario, "knobs": cell.knobs} for cell in cells], key)
    return {**interval(values, within), "values": values}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run says: the one summary and the one list of verdicts that terminal, page and JSON show.

    Attributes:
        run: with the rows that count (`with_complete_cases`).
        summary: see `summarise`; with what people reached, as `human`.
        verdicts: see `goldenrule.benchmarks.analysis.verdicts.comparisons`.
    """

    run: Run
    summary: Mapping[str, Any]
    verdicts: Sequence[Line]


def findings_of(run: Run) -> Findings:
    """Summary, over complete cases, and verdicts of a stored run; the pairs of a cross-play stand each by itself."""
    counted = with_complete_cases(run)
    rows = [cell.row for cell in counted.cells]
    summary = summarise(rows, max(len(rows), counted.planned or 0), with_iqm=not counted.is_crossplay)
    return Findings(counted, {**summary, "human": counted.human}, comparisons_of(run))


def summarise(rows: Sequence[Row], planned: int | None = None, with_iqm: bool = True) -> dict[str, Any]:
    """The summary of rows.

    Args:
        rows: of finished runs, failed ones included; as `complete_cases` gives them, where the metrics of all methods
            are to rest on the same episodes.
        planned: how many runs there were to be.
        with_iqm: whether interquartile means are estimated.

    Returns:
        `complete`, `cells`, `finished`, `failed`, `interval` (what the intervals are), `groups` (a method under one
        scenario and knobs, in the order of the rows), `settings` (a scenario and knobs: how faithful the partners were
        to their cards, and `notes` on its table) and `warnings` (what makes the whole run doubtful, a line each).
    """
    planned = len(rows) if planned is None else planned
    settings: dict[str, list[Row]] = {}
    of_methods: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        key = setting_key(row)
        settings.setdefault(key, []).append(row)
        of_methods.setdefault((key, row["method"]), []).append(row)
    groups = [_group(of, settings[key], with_iqm) for (key, _), of in of_methods.items()]
    found = by_setting(groups)
    return {
        "complete": len(rows) == planned,
        "cells": planned,
        "finished": len(rows),
        "failed": sum(row["status"] != "done" for row in rows),
        "interval": INTERVAL,
        "groups": groups,
        "settings": [_setting(same, found[key]) for key, same in settings.items()],
        "warnings": training_warnings(rows),
    }


def by_setting(groups: Sequence[Group]) -> dict[str, list[Group]]:
    """The groups of a summary by condition (`setting_key`), each one a method."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(setting_key(group), []).append(group)
    return found


def columns_of(groups: Sequence[Group]) -> dict[str, Metric]:
    """Those of `COLUMNS` that some group has; a scenario without third parties has no such column."""
    return {key: metric for key, metric in COLUMNS.items() if any(one["figures"][key]["n"] for one in groups)}


def deals_of(
    groups: Sequence[Group], human: Mapping[str, Any] | None
) -> tuple[dict[str, Metric], list[tuple[str, Mapping[str, Any]]]] | None:
    """The table of the scenario's own metrics: its columns, and name and metrics of each line, people the last.

    `None` where no group has any.

    Args:
        groups: of one condition.
        human: what people reached in the same dialogues, where that is known.
    """
    lines = [(group["method"], group["negotiation"]) for group in groups if group["negotiation"]]
    known = own_metrics_of(groups[0]["scenario"])
    columns = {key: metric for key, metric in known.items() if any(key in values for _, values in lines)}
    if not columns:
        return None
    if human and human["figures"]:
        lines.append((f"people ({counted(human['dialogues'], 'dialogue')})", human["figures"]))
    return columns, lines


def _group(group: Sequence[Row], setting: Sequence[Row], with_iqm: bool) -> dict[str, Any]:
    """One method under the condition of `setting`, which has the rows of all its methods."""
    first, done = group[0], [row for row in group if row["status"] == "done"]
    failed = None if done else "every run of this method failed; see its rows"
    figures = {
        key: interval(
            [row[key] for row in done], valid_range(key, first["scenario"], first["knobs"]), failed or metric.missing
        )
        for key, metric in METRICS.items()
    }
    return {
        "method": first["method"],
        "scenario": first["scenario"],
        "knobs": first["knobs"],
        "seeds": [row["seed"] for row in group],
        "failed": len(group) - len(done),
        **{key: _sum([row.get(key) for row in done]) for key in COUNTS},
        "figures": figures
        | {
            IQM: _iqm(done) if with_iqm else interval([], reason="not estimated"),
            ATTAINABLE: interval([], reason=failed) if failed else share_of_attainable(done, setting),
        },
        "negotiation": _own_metrics(done),
    }


def _own_metrics(done: Sequence[Row]) -> dict[str, Any] | None:
    found = [row["negotiation"] for row in done if row["negotiation"]]
    if not found:
        return None
    scenario = done[0]["scenario"]
    return {
        key: interval([one[key] for one in found], valid_range(key, scenario), "no dialogue has it") for key in found[0]
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum of what was counted; `None` where nothing was (agents that are no network have no tokens)."""
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def _iqm(done: Sequence[Row]) -> dict[str, Any]:
    """Interquartile mean of the true partner reward over seeds, with its bootstrap interval."""
    known = [row for row in done if row[METRIC] is not None]
    if not known:
        return interval([], reason="no dialogue was finished")
    scores = read_scores(known, METRIC, strata=SETTING, bounds=widest_range(known, METRIC))
    (found,) = aggregate(scores, OPTIONS).values()
    return {**as_dict(found), "n": len(known), "missing": 0, "reason": None}


def share_of_attainable(done: Sequence[Row], setting: Sequence[Row]) -> dict[str, Any]:
    """Partner reward as a share of what the scripted helper attains for the partner under the same seeds
    (`ratio_interval`).

    Args:
        done: rows of a method.
        setting: rows of all methods of the same condition.
    """
    attained = {
        row["seed"]: row["partner_reward"] for row in setting if row["method"] == REFERENCE and row["status"] == "done"
    }
    if not attained:
        return interval([None] * len(done), reason=COLUMNS[ATTAINABLE].missing)
    pairs = [
        (row["partner_reward"], most)
        for row in done
        if row["partner_reward"] is not None and (most := attained.get(row["seed"])) is not None
    ]
    if sum(most for _, most in pairs) <= 0:
        reason = f"{REFERENCE} has no positive partner reward under these seeds"
        return interval([None] * len(done), reason=reason)
    least, _ = valid_range("partner_reward", done[0]["scenario"], done[0]["knobs"])
    found = ratio_interval(pairs, (0.0, math.inf) if least >= 0 else ANY)
    return {**as_dict(found), "missing": len(done) - len(pairs), "reason": None}


def _setting(rows: Sequence[Row], groups: Sequence[Group]) -> dict[str, Any]:
    # Of all methods together: those under one seed meet the same dialogues, and are no further seeds.
    by_seed: dict[Any, list[float]] = {}
    for row in rows:
        if row["status"] == "done":
            value = row["partner_faithfulness"]
            by_seed.setdefault(row["seed"], []).extend([] if value is None else [value])
    means = [float(np.mean(values)) if values else None for values in by_seed.values()]
    faithful = interval(means, SHARE, METRICS["partner_faithfulness"].missing)
    return {
        "scenario": rows[0]["scenario"],
        "knobs": rows[0]["knobs"],
        "partner_faithfulness": faithful,
        "notes": list(_notes(groups, faithful["mean"])),
    }


def _notes(groups: Sequence[Group], faithful: float | None) -> Iterator[str]:
    """What the table of a condition rests on."""
    episodes, failed, excluded, runs = (
        sum(group[key] or 0 for group in groups) for key in ("episodes", "episodes_failed", LEFT_OUT, "failed")
    )
    text = counted(episodes + failed, "dialogue")
    text += f"; {failed:,} failed and excluded" if failed else ""
    text += f"; {excluded:,} more excluded because another method failed them" if excluded else ""
    yield f"{text}; {counted(runs, 'run')} failed." if runs else f"{text}."
    fewer = []
    for group in groups:
        estimated, used = group["episodes_estimated"] or 0, (group["episodes"] or 0) - (group[LEFT_OUT] or 0)
        if 0 < estimated < used:
            fewer.append(f"{group['method']} {estimated:,} of {used:,}")
    unscored = sum(group["messages_unscored"] or 0 for group in groups if group["episodes_estimated"])
    if unscored:
        yield f"{counted(unscored, 'message')} without an estimate."
    if fewer:
        yield (
            "Estimate and gap rest on fewer dialogues than the true reward, those in which every message has an "
            f"estimate ({several(fewer)}); the gap is the estimate less the true reward of these."
        )
    if faithful is not None:
        yield f"Partners were true to their cards in {100 * faithful:.0f}% of their messages."


def training_warnings(rows: Sequence[Row]) -> list[str]:
    """A line for each method whose reward gave no score for most of the messages that it was trained on."""
    trained: dict[str, list[Row]] = {}
    for row in rows:
        if row.get("training_unscored_share") is not None:
            trained.setdefault(row["method"], []).append(row)
    found = []
    for method, of in trained.items():
        worst = max(of, key=lambda row: float(row["training_unscored_share"]))
        share = float(worst["training_unscored_share"])
        if share > UNSCORED_MOST:
            reasons = Counter(row["training_unscored_reason"] for row in of if row["training_unscored_reason"])
            reason = f": {reasons.most_common(1)[0][0]}" if reasons else ""
            found.append(
                f"{method}: the reward gave no score for {100 * share:.0f}% of the training messages "
                f"(seed {worst['seed']} on {worst['scenario']}){reason}; it has learnt little or nothing from it"
            )
    return found


class End(NamedTuple):
    """How one episode ended: columns of the table `episodes`, counted as the episode was stored."""

    episode: int
    status: str
    invalid_messages: int
    partner_reward: float | None

    @property
    def well(self) -> bool:
        """Whether it ended by itself and every message of the learner was understood."""
        return self.status == "terminated" and not self.invalid_messages


Ends = Mapping[str | None, Sequence[End]]
"""How the episodes of each cell ended, by the cell's id."""


def read_ends(run: Run) -> Ends:
    """How all episodes of a run ended; no log is read."""
    return {cell: [End(*one) for one in of] for cell, of in run.columns(*End._fields).items()}


def endings(setting: Setting, ends: Ends, together: bool = True) -> list[dict[str, Any]]:
    """The table of one condition, a line a method in the order of the rows; empty where every episode went well.

    Args:
        setting: its cells, with the rows that count (`complete_cases`).
        ends: of the episodes of each cell.
        together: whether the episodes that went well are the same for all; pairs of a cross-play stand each by itself.

    Returns:
        `setting` and `method`; the numbers of `episodes` and of those `truncated` (at the turn limit), `failed` and
        `invalid` (some message was not understood); the partner reward as it counts (`paid`) and over those episodes
        that went `well` under every method that had one go well, both with intervals over seeds; how many of its
        episodes are `left` for that.
    """
    methods = dict.fromkeys(cell.method for cell in setting.cells)
    cells = {method: [one for one in setting.of(method) if ends.get(one.id)] for method in methods}
    if all(end.well for of in cells.values() for cell in of for end in ends[cell.id]):
        return []
    well = {
        method: {(cell.seed, end.episode) for cell in of for end in ends[cell.id] if end.well}
        for method, of in cells.items()
    }
    common = set.intersection(*filter(None, well.values())) if together and any(well.values()) else None
    lines = []
    for method, of in cells.items():
        if not of:
            continue
        kept = well[method] if common is None else well[method] & common
        paid = [[end.partner_reward or 0.0 for end in ends[cell.id] if (cell.seed, end.episode) in kept] for cell in of]
        means = [sum(values) / len(values) if values else None for values in paid]
        mine = [end for cell in of for end in ends[cell.id]]
        statuses = Counter(end.status for end in mine)
        within = valid_range("partner_reward", of[0].scenario, of[0].knobs)
        lines.append(
            {
                "setting": setting.label,
                "method": method,
                "episodes": len(mine),
                "truncated": statuses["truncated"],
                "failed": statuses["failed"],
                "invalid": sum(end.invalid_messages > 0 for end in mine),
                "paid": over_seeds(of, "partner_reward"),
                "well": interval(means, within, "no episode went well under every method"),
                "left": len(kept),
            }
        )
    return lines
