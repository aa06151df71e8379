"""Cross-plays that take seconds: scripted people, and plug-ins of every kind in a module of their own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.engines.base import NoProgress
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.experiments.run import run_sweep
from goldenrule.benchmarks.report.crossplay import write_files
from goldenrule.benchmarks.studies.crossplay.matrix import summarise
from goldenrule.benchmarks.studies.crossplay.population import Pairing, Request, plan

KNOBS = {"pool": "synthetic", "turns": 4}

AGENTS = '''
from goldenrule.agents import Reply

class Walks:
    def reset(self, seeds): pass
    def act(self, observations): return [Reply("Walk-Away") for _ in observations]

class Raises(Walks):
    """Fails in one of the two dialogues of a rehearsal and in every one whose number is even."""
    def act(self, observations):
        if any(seen.dialogue % 2 == 0 for seen in observations):
            raise RuntimeError("\\x1b[31mno\\nseeker_0: thank you!")
        return super().act(observations)

class Seeks(Walks):
    roles = ("seeker",)

class Wrong(Walks):
    roles = "camper"

class Silent(Walks):
    def act(self, observations): return []
'''


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module `crossed`, which has them."""
    (tmp_path / "crossed.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "crossed", raising=False)


def _asked(
    *named: str,
    scenario: str = "campsite-v0",
    partners: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0, 1, 2),
    episodes: int = 3,
    **knobs: Any,
) -> Request:
    return Request(
        scenario, named, partners, seeds, episodes, knobs or (KNOBS if scenario == "campsite-v0" else {}), "cpu"
    )


@dataclass
class Crossed:
    """A cross-play that was run: as the command runs it."""

    path: Path
    rows: list[dict[str, Any]]
    ran: int
    summary: dict[str, Any]


def run_planned(about: dict[str, Any], pairings: list[Pairing], out: Path, **options: Any) -> Crossed:
    """Run pairings in this process, and write the files."""
    how, progress = SweepOptions(workers=0, **options), lambda todo: contextlib.nullcontext(NoProgress())
    done = run_sweep(about, pairings, out, how, progress, "cross-play")
    summary = summarise(about, done.rows, out)
    write_files(summary, out)
    return Crossed(out, done.rows, done.ran, summary)


def _run(wanted: Request, out: Path, **options: Any) -> Crossed:
    return run_planned(*plan(wanted), out, **options)


@pytest.fixture(scope="session")
def asked() -> Callable[..., Request]:
    """What a cross-play is asked for."""
    return _asked


@pytest.fixture(scope="session")
def run() -> Callable[..., Crossed]:
    """Run it into a folder, in this process."""
    return _run


@pytest.fixture(scope="session")
def run_pairings() -> Callable[..., Crossed]:
    """Run what was planned into a folder, in this process."""
    return run_planned


@pytest.fixture(scope="session")
def figure() -> Callable[..., Any]:
    """The figure of this name of a pair in a summary."""

    def find(summary: dict[str, Any], row: str, column: str, name: str) -> Any:
        pair = next(one for one in summary["pairs"] if (one["row"], one["column"]) == (row, column))
        return pair["figures"][name]

    return find


@pytest.fixture(scope="session")
def line() -> Callable[..., dict[str, Any]]:
    """The line of an agent in a summary's rating."""

    def find(summary: dict[str, Any], agent: str, seat: str = "both") -> dict[str, Any]:
        return next(one for one in summary["rating"] if (one["agent"], one["seat"]) == (agent, seat))

    return find


@pytest.fixture(scope="session")
def met(tmp_path_factory: pytest.TempPathFactory) -> Crossed:
    """Everyone of the campsite with everyone."""
    return _run(
        _asked("scripted", "exploiter", "saint", partners=("stranger",)), tmp_path_factory.mktemp("crossed") / "out"
    )
