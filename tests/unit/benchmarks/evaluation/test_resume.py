"""Cells that are stopped in training and run again, against cells that never stopped."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from goldenrule.benchmarks.engines.base import NoProgress, Progress
from goldenrule.benchmarks.evaluation import resume
from goldenrule.benchmarks.evaluation.resume import StateFile
from goldenrule.benchmarks.evaluation.run import Cell, CellResult, CellSettings
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.experiments.run import STATES, run_sweep
from goldenrule.benchmarks.storage.store import VOLATILE
from goldenrule.training.learner import TrainingConfig
from goldenrule.training.methods import rlhf
from goldenrule.training.methods.registry import METHODS

UPDATES = 4
SMALL = TrainingConfig(updates=UPDATES, dialogues=8, minibatches=2, interleave=8, replies=4)
TRAINED = [name for name, method in METHODS.items() if method.train is not None]


class Stopped(BaseException):
    """Stands for a signal that nobody can catch."""


def cell(method: str = "empathetic_kindness", seed: int = 0) -> Cell:
    return Cell(method, "hidden_needs-v0", {}, seed, CellSettings(training=SMALL, episodes=4))


def content(result: CellResult) -> tuple[Any, ...]:
    row = {name: value for name, value in result.row.items() if name not in VOLATILE}
    return row, result.episodes, result.curve


def stop(one: Cell, path: Path, after: int) -> None:
    """Run a cell until it has made `after` updates in all."""

    def report(done: int, total: int) -> None:
        if done == after:
            raise Stopped

    with pytest.raises(Stopped):
        one.run(report, path)


@pytest.fixture(autouse=True)
def at_every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "SHARE", math.inf)
    fit = functools.partial(rlhf.fit_preferences, dialogues=16, pairs=100)
    monkeypatch.setattr(rlhf, "fit_preferences", fit)


@pytest.mark.parametrize("method", TRAINED)
def test_a_cell_that_was_stopped_gives_what_one_gives_that_was_not(method: str, tmp_path: Path) -> None:
    one, path = cell(method), tmp_path / "state"
    whole = one.run()
    for cut in (1, UPDATES - 1) if method == "empathetic_kindness" else (2,):
        stop(one, path, cut)
    updates: list[int] = []
    resumed = one.run(lambda done, total: updates.append(done), path)
    assert updates == [*range(cut + 1, UPDATES + 1)]
    assert content(resumed) == content(whole)


def test_a_state_is_of_its_cell_code_and_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    stop(cell(), path, 2)
    assert StateFile(path, cell().id).difference() == ""
    assert StateFile(path, cell(seed=1).id).difference() == "another cell"
    now = resume.maker()
    for name in now:
        with monkeypatch.context() as changed:
            changed.setattr(resume, "maker", functools.partial(dict, now, **{name: "other"}))
            assert StateFile(path, cell().id).difference() == f"another {name}"
            assert StateFile(path, cell().id).load() is None


@pytest.mark.parametrize("length", [0, 5, 3000])
def test_a_damaged_state_is_not_used(length: int, tmp_path: Path) -> None:
    path = tmp_path / "state"
    stop(cell(), path, 2)
    path.write_bytes(path.read_bytes()[:length])
    assert str(StateFile(path, cell().id).difference()).startswith("it is damaged")
    stop(cell(), path, 1)  # which a cell that went on from the second update would never come to


def test_saving_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "SHARE", 1e-9)  # the next one would be due in years
    path = tmp_path / "state"
    stop(cell(), path, 3)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["about"])["updates"] == 1


@contextmanager
def stopping(cells: Sequence[Cell]) -> Iterator[Progress]:
    class Stops(NoProgress):
        def advanced(self, cell: Cell, done: int, total: int) -> None:
            if done == 2 and cell.seed == 1:
                raise KeyboardInterrupt

    yield Stops()


@contextmanager
def hearing(heard: list[int], cells: Sequence[Cell]) -> Iterator[Progress]:
    class Hears(NoProgress):
        def advanced(self, cell: Cell, done: int, total: int) -> None:
            heard.append(done)

    yield Hears()


@pytest.mark.parametrize("fits", [True, False])
def test_a_run_goes_on_within_a_cell_and_leaves_no_states(fits: bool, tmp_path: Path) -> None:
    cells, sweep, options = [cell(seed=0), cell(seed=1)], {"name": "resumed"}, SweepOptions(workers=0)
    assert run_sweep(sweep, cells, tmp_path, options, stopping).interrupted
    (left,) = (tmp_path / STATES).iterdir()
    assert left.stem == cells[1].id
    if not fits:
        about = {"about": json.dumps({"maker": {}})}
        save_file(load_file(left), left, about)
    heard, told = list[int](), list[str]()
    done = run_sweep(sweep, cells, tmp_path, options, functools.partial(hearing, heard), tell=told.append)
    assert heard == ([3, 4] if fits else [1, 2, 3, 4])
    assert len([line for line in told if "saved training of 1 cell" in line]) == (not fits)
    assert not (tmp_path / STATES).exists()
    assert [row["weights"] for row in done.rows] == [one.run().row["weights"] for one in cells]
