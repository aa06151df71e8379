"""From rows to the figures of the page: means over seeds with their intervals, and none where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.benchmarks.analysis import summary
from goldenrule.benchmarks.analysis.common_episodes import LEFT_OUT
from goldenrule.benchmarks.analysis.compared import middles
from goldenrule.benchmarks.evaluation.metrics import ANY, Bounds, valid_range
from goldenrule.benchmarks.statistics import Estimate
from goldenrule.benchmarks.storage.reader import Run, Setting, StoredCell, number, shown

MIDDLE = "partner_reward_iqm"
"""Not a figure of rows: an aggregate of `partner_reward` that single seeds move less than its mean."""

COLUMNS: Mapping[str, tuple[str, str]] = {
    "own_reward": ("own", "the agent's own true reward, an episode"),
    "proxy_reward": ("proxy", "what annotators who see only the message would give, an episode"),
    "partner_reward": ("true partner", "what the partner really got, an episode"),
    MIDDLE: ("its IQM", "interquartile mean of what the partner really got: of the middle half of the seeds"),
    "partner_reward_estimate": ("estimate", "what the agent thought its partner got, an episode"),
    "estimate_gap": ("gap", "estimate minus truth; above 0 the agent flatters itself"),
    "estimate_correlation": ("r", "Pearson's r of estimate and truth over messages"),
    "third_party_reward": ("third party", "true reward of those who are absent, an episode"),
    "valid_share": ("valid %", "messages of the agent that the scenario understands"),
    "reply_accuracy": ("foreseen %", "real replies of which the imagined one told the same reward"),
    "oracle_share": (
        "of oracle %",
        "true partner reward by oracle kindness's: the ratio of their means over the same seeds",
    ),
}
"""Figures of the overview: short title and meaning. All but `MIDDLE` and the last are keys of a row."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds.

    Attributes:
        mean: of the values; `None` where there are none.
        low, high: 95% Student interval of the mean, as `analysis.summary` has it; `None` with fewer than
            three values.
        values: one a seed.
    """

    mean: float | None
    low: float | None
    high: float | None
    values: tuple[float, ...]


def interval(values: Sequence[float | None], within: Bounds = ANY) -> Interval:
    """Mean and interval, as the table in the terminal has them, of those values that exist."""
    had = tuple(value for value in values if value is not None)
    found = summary.interval(had, within)
    return Interval(found["mean"], found["low"], found["high"], had)


def over_seeds(cells: Sequence[StoredCell], key: str) -> Interval:
    """The figure `key` of one method's cells, of one scenario."""
    within = [valid_range(key, cell.scenario, cell.knobs) for cell in cells] or [ANY]
    widest = min(low for low, _ in within), max(high for _, high in within)
    return interval([cell.value(key) for cell in cells], widest)


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One line of the overview: a method under one setting.

    Attributes:
        method: its name.
        done, seeds: cells that have an episode that counts, of all cells.
        figures: an interval for each of `COLUMNS`.
    """

    method: str
    done: int
    seeds: int
    figures: Mapping[str, Interval]


def overview(run: Run, setting: Setting) -> list[OverviewRow]:
    """The lines of the overview table, methods in the order of the rows."""
    lines, found = [], middles(setting)
    for method in run.methods:
        cells = setting.of(method)
        if cells:
            figures = {key: over_seeds(cells, key) for key in COLUMNS}
            figures[MIDDLE] = _middle(found.get(method))
            figures["oracle_share"] = _oracle_share(setting, cells)
            lines.append(
                OverviewRow(
                    method, sum(cell.value("partner_reward") is not None for cell in cells), len(cells), figures
                )
            )
    return lines


def remarks(run: Run, setting: Setting) -> list[str]:
    """What is to be said of the overview of a setting: what its columns rest on, and how true its partners were."""
    told = []
    some = []
    for method in run.methods:
        cells = setting.of(method)
        estimated, counted = _sum(cells, "episodes_estimated"), _sum(cells, "episodes") - _sum(cells, LEFT_OUT)
        if 0 < estimated < counted:
            some.append(f"{method} {estimated:,} of {counted:,}")
    if some:
        told.append(
            "Estimate and gap rest on fewer dialogues than the true reward, those in which every message has an "
            f"estimate ({', '.join(some)}): the gap is the estimate less the truth of these, not of the columns."
        )
    if left := _sum(setting.cells, LEFT_OUT):
        told.append(f"{left:,} finished dialogues are left out, because another method failed theirs.")
    faithful = interval(summary.by_seed((cell.seed, cell.value("partner_faithfulness")) for cell in setting.cells)).mean
    if faithful is not None:
        told.append(f"Partners were true to their cards in {100 * faithful:.0f}% of their messages.")
    return told


def _sum(cells: Sequence[StoredCell], key: str) -> int:
    return int(sum(cell.value(key) or 0 for cell in cells))


def _middle(found: Estimate | None) -> Interval:
    return Interval(None, None, None, ()) if found is None else Interval(found.value, found.low, found.high, ())


def _oracle_share(setting: Setting, cells: Sequence[StoredCell]) -> Interval:
    """As `goldenrule.benchmarks.analysis.summary.oracle_share`."""
    best = {cell.seed: cell.value("partner_reward") for cell in setting.of(summary.ORACLE)}
    rewards = [(cell.seed, cell.value("partner_reward")) for cell in cells if cell.done]
    within = valid_range("partner_reward", cells[0].scenario, cells[0].knobs)
    found = summary.oracle_share(rewards, best or None, within)
    return Interval(found["mean"], found["low"], found["high"], ())


def columns_of(run: Run) -> list[str]:
    """Those of `COLUMNS` that some row has; a scenario without third parties has no such column."""
    needed = {"partner_reward", "partner_reward_estimate", "estimate_gap", "estimate_correlation"}
    if not run.is_crossplay:  # its pairs are compared in no verdict
        needed.add(MIDDLE)
    if summary.ORACLE in run.methods:
        needed.add("oracle_share")
    return [key for key in COLUMNS if key in needed or any(cell.value(key) is not None for cell in run.cells)]


PERCENT = ("valid_share", "reply_accuracy", "oracle_share")
"""Those of `COLUMNS` that are shares."""


DEALS: Mapping[str, str] = {
    "own_points": "own points",
    "partner_points": "partner's points",
    "joint_points": "joint points",
    "agreement_share": "agreements %",
    "pareto_share": "efficient %, of deals",
    "pareto_share_of_all": "efficient %, of all",
}
"""Titles of the figures of negotiations; see `goldenrule.benchmarks.evaluation.metrics.NEGOTIATION`."""

DEALS_PERCENT = ("agreement_share", "pareto_share", "pareto_share_of_all")
"""Those of `DEALS` that are shares."""


@dataclass(frozen=True, slots=True)
class Deals:
    """What the negotiations of one setting came to.

    Attributes:
        label: the setting's.
        keys: names of the figures.
        lines: method and its figures.
    """

    label: str
    keys: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Interval]]]


def deals(run: Run) -> list[Deals]:
    """The negotiations of each setting that has some; see `goldenrule.benchmarks.evaluation.metrics.NEGOTIATION`."""
    found = []
    for setting in run.settings:
        of = {cell: stored for cell in setting.cells if (stored := cell.nested("negotiation"))}
        stored_keys = list(dict.fromkeys(key for stored in of.values() for key in stored))
        keys = [key for key in DEALS if key in stored_keys] + [key for key in stored_keys if key not in DEALS]
        if keys:
            lines: list[tuple[str, Sequence[Interval]]] = []
            for method in run.methods:
                mine = [of[cell] for cell in setting.of(method) if cell in of]
                if mine:
                    lines.append(
                        (method, [interval([number(one.get(key)) for one in mine], valid_range(key)) for key in keys])
                    )
            lines += _people(run, keys)
            found.append(Deals(setting.label, [shown(key, 40) for key in keys], lines))
    return found


def _people(run: Run, keys: Sequence[str]) -> list[tuple[str, Sequence[Interval]]]:
    """What people reached in the same negotiation, where the run's summary has it."""
    human = run.summary.get("human")
    human = human if isinstance(human, dict) else {}
    stored = human.get("figures")
    if not isinstance(stored, dict) or not stored:
        return []
    found: list[dict[str, Any]] = [one if isinstance(one := stored.get(key), dict) else {} for key in keys]
    figures = [Interval(number(one.get("mean")), number(one.get("low")), number(one.get("high")), ()) for one in found]
    return [(f"people ({shown(human.get('dialogues', '?'), 20)} dialogues)", figures)]
