"""What finished is saved, in one go, however the work goes on."""

from __future__ import annotations

from typing import Any

import pytest

from goldenrule.benchmarks.engines.base import Settling, Unwatched
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.schema import RunRecord

CELLS = [Cell("scripted", "hidden_needs-v0", {}, seed) for seed in range(2)]


class Kept(Unwatched):
    """A store and a watch that keep what they are told, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def commit(self, *outcomes: RunRecord) -> None:
        self.told.append([one.row["seed"] for one in outcomes])

    def finished(self, cell: Cell, row: dict[str, Any]) -> None:
        self.told.append(f"finished {row['seed']}")


def test_cells_that_finish_together_are_saved_together_before_the_watch_knows() -> None:
    kept = Kept()
    with Settling(kept, kept) as settling:
        assert settling.left is None
        for cell in CELLS:
            settling.add(cell, RunRecord({"seed": cell.seed, "seconds": 0.02}))
        assert settling.left is not None
        assert settling.left <= Settling.LINGER
        assert kept.told == []
        settling.settle()
        assert settling.left is None
        assert kept.told == [[0, 1], "finished 0", "finished 1"]
    assert len(kept.told) == 3


def test_none_waits_long_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    kept = Kept()
    settling = Settling(kept, kept)
    settling.add(CELLS[0], RunRecord({"seed": 0, "seconds": 0.02}))
    now[0] += 0.75 * Settling.LINGER
    settling.add(CELLS[1], RunRecord({"seed": 1, "seconds": 0.02}))
    assert settling.left == pytest.approx(0.25 * Settling.LINGER)
    now[0] += Settling.LINGER
    assert settling.left == 0


def test_what_took_long_waits_for_none() -> None:
    kept = Kept()
    with Settling(kept, kept) as settling:
        settling.add(CELLS[0], RunRecord({"seed": 0, "seconds": 0.02}))
        settling.add(CELLS[1], RunRecord({"seed": 1, "seconds": 60.0}))
        assert settling.left == 0


def test_what_finished_before_something_broke_is_saved() -> None:
    kept = Kept()

    def interrupted() -> None:
        with Settling(kept, kept) as settling:
            settling.add(CELLS[1], RunRecord({"seed": 1, "seconds": 0.02}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert kept.told == [[1], "finished 1"]
