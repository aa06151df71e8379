"""What `goldenrule compare` does, from Python, and its runs as tables: `goldenrule.compare(...)`."""

from __future__ import annotations

import importlib.util
import io
import pkgutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from goldenrule.benchmarks.analysis.summary import findings_of
from goldenrule.benchmarks.cli.progress import progress_for
from goldenrule.benchmarks.engines.base import NoProgress, Progress
from goldenrule.benchmarks.experiments.config import METHODS, SweepOptions, comparison
from goldenrule.benchmarks.experiments.grid import checked_cells
from goldenrule.benchmarks.experiments.run import run_sweep
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.report.terminal import print_comparisons, print_summary
from goldenrule.benchmarks.storage import reader
from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference
from goldenrule.common.errors import UserError
from goldenrule.common.files import fresh_path
from goldenrule.common.parameters import split_list

if TYPE_CHECKING:
    import pandas as pd

LOCAL = "goldenrule_local"
"""A module of this process alone, for agents that no other process could import."""

AgentLike = str | type | Callable[..., Any]


@dataclass(frozen=True)
class Run:
    """A comparison that was run.

    Attributes:
        path: its folder, that of `goldenrule compare`: every command that reads one takes it.
        rows: a dictionary for each method, knobs and seed.
        summary: as `goldenrule compare --json` prints it.
        comparisons: a verdict a method and baseline, likewise.
        interrupted: whether Ctrl-C ended it; the same call with `out=run.path` goes on.
    """

    path: Path
    rows: list[dict[str, Any]] = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    comparisons: Sequence[dict[str, Any]] = field(repr=False)
    interrupted: bool = False

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a method and knobs: means over seeds, and the ends of their 95 % intervals where there are any."""
        import pandas as pd

        flat = []
        for group in self.summary["groups"]:
            line = {"method": group["method"], "scenario": group["scenario"], **group["knobs"]}
            line |= {"seeds": len(group["seeds"]), "failed": group["failed"], "episodes": group["episodes"]}
            for name, metric in group["figures"].items():
                line |= {name: metric["mean"], f"{name}_low": metric["low"], f"{name}_high": metric["high"]}
            flat.append(line)
        return pd.DataFrame(flat)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a method, knobs and seed."""
        return reader.load(self.path)

    @cached_property
    def episodes(self) -> pd.DataFrame:
        """A row an evaluation dialogue, its whole log in `log`."""
        return reader.episodes(self.path, log=True)

    def report(self) -> Path:
        """Write the page, and return where it lies."""
        return write_report(self.path)

    def __str__(self) -> str:
        """The tables of `goldenrule compare`."""
        text = io.StringIO()
        print_summary(self.summary, text)
        print_comparisons(self.comparisons, text)
        return f"{text.getvalue()}Run:    {self.path}\n"

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False, float_format="{:.2f}".format))


def compare(
    scenario: str = "hidden_needs-v0",
    methods: str | Sequence[str] = METHODS,
    *,
    agents: Mapping[str, AgentLike] | None = None,
    seeds: int | Sequence[int] = 8,
    knobs: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    episodes: int = 256,
    partner: str = "lm",
    checkpoint: str | Path | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
    save_weights: bool = False,
    progress: bool = True,
) -> Run:
    """Train and compare methods on a scenario, as `goldenrule compare` does.

    Args:
        scenario: its id, or `package.module:SPEC`.
        methods: in the order of the table: a list, or a text as on the command line.
        agents: your own, by the name they have in the table: a class, a function that makes one, or
            `package.module:Class`. Where it is defined in a notebook or a function, other processes cannot import it:
            then everything runs in this process.
        seeds: how many, or which.
        knobs: a value or a list of values for each.
        training: settings of `goldenrule.training.learner.TrainingConfig` for all methods, such as `updates`.
        episodes: evaluation dialogues of each run.
        partner: `lm` or `scripted`: who sits in the other seats.
        checkpoint: base checkpoint instead of the shipped ones: a folder, or the name of a shipped one.
        device: `auto`, `cpu` or `cuda`.
        out: folder of the run, a new one under `runs/` where not given; one that is there already is gone on with.
        workers: processes side by side, 0 for this one alone; all cores where not given.
        retry_failed: run what failed again.
        save_weights: keep every trained network.
        progress: whether to show it.

    Raises:
        UserError: wrong input, in one line.
    """
    if not isinstance(agents or {}, Mapping):
        raise UserError(f"agents is a {type(agents).__name__}; expected agents by name: {{'mine': Mine}}")
    if isinstance(seeds, int) and seeds < 1:
        raise UserError(f"seeds={seeds} is out of range; expected a count from 1, or a list of seeds")
    named = {name: _name_of(name, agent) for name, agent in (agents or {}).items()}
    here = [name for name, (_, importable) in named.items() if not importable]
    if here and workers != 0:
        warnings.warn(
            f"agents {', '.join(here)} are defined where other processes cannot import them: everything runs in this "
            "process; to use all cores move them into a module",
            stacklevel=2,
        )
    wanted = comparison(
        scenario,
        split_list(methods) if isinstance(methods, str) else list(methods),
        {name: target for name, (target, _) in named.items()},
        {name: value if isinstance(value, list) else [value] for name, value in (knobs or {}).items()},
        seeds=list(range(seeds)) if isinstance(seeds, int) else list(seeds),
        episodes=episodes,
        partner=partner,
        device=device,
        training=dict(training or {}),
        checkpoint=None if checkpoint is None else Path(checkpoint),
    )

    def tell(line: str) -> None:
        warnings.warn(line, stacklevel=4)  # where this function was called

    cells = checked_cells(wanted, tell)
    options = SweepOptions(0 if here else workers, retry_failed=retry_failed, save_weights=save_weights)
    done = run_sweep(
        wanted,
        cells,
        fresh_path(scenario) if out is None else Path(out),
        options,
        progress_for(False) if progress else _no_progress,
        kind="comparison",
        human=human_reference(scenario),
        tell=tell,
    )
    with reader.read_run(done.path) as stored:
        found = findings_of(stored)
    return Run(done.path, done.rows, found.summary, found.verdicts, done.interrupted)


def _no_progress(cells: object) -> AbstractContextManager[Progress]:
    return nullcontext(NoProgress())


def _name_of(name: str, agent: AgentLike) -> tuple[str, bool]:
    """The name under which a plug-in is found, and whether other processes find it too."""
    if isinstance(agent, str):
        return agent, True
    if not callable(agent) or not hasattr(agent, "__qualname__"):
        raise UserError(
            f"agent {name!r} is {agent!r}; expected a class, a function that makes one, or 'package.module:Class'"
        )
    target = f"{agent.__module__}:{agent.__qualname__}"
    if agent.__module__ != "__main__" and importlib.util.find_spec(agent.__module__) is not None:
        try:
            if pkgutil.resolve_name(target) is agent:
                return target, True
        except (AttributeError, ValueError):  # defined in a function
            pass
    local = sys.modules.setdefault(LOCAL, ModuleType(LOCAL, "Agents that only this process knows."))
    setattr(local, name, agent)
    return f"{LOCAL}:{name}", False
