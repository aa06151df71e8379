"""The engine: what a cell does to its process stays with that cell."""

from __future__ import annotations

import multiprocessing

import torch

from goldenrule.benchmarks.cell import Cell, CellSettings
from goldenrule.benchmarks.engines.base import Pool
from goldenrule.benchmarks.engines.local import run_cells

FATES = """
import os, signal
class Killed:
    def __init__(self): os.kill(os.getpid(), signal.SIGKILL)
class Leaves:
    def __init__(self): os._exit(3)
class Raises:
    def __init__(self): raise RuntimeError("no")
"""


class Told:
    """A store and a watch in one."""

    def __init__(self):
        self.events, self.rows, self.traces = [], [], []

    def commit(self, row, episodes, curve, trace=None):
        self.rows.append(row)
        self.traces.append(trace)

    def started(self, cell):
        self.events.append(f"started {cell.method}")

    def advanced(self, cell, done, total):
        raise AssertionError("nothing is trained here")

    def finished(self, cell, row):
        self.events.append(f"finished {cell.method}")


def test_a_process_that_dies_is_a_failed_row_and_the_others_go_on(tiny, tmp_path, monkeypatch):
    (tmp_path / "fates_of_cells.py").write_text(FATES)
    monkeypatch.syspath_prepend(tmp_path)
    settings = CellSettings(episodes=1, partner="scripted", checkpoint=tiny)
    fates = ("Killed", "Leaves", "Raises")
    work = [Cell(fate, "hidden_needs-v0", {}, 0, settings, f"fates_of_cells:{fate}") for fate in fates]
    told = Told()
    run_cells(work, told, told, Pool(1))
    assert [(row["method"], row["status"]) for row in told.rows] == [(fate, "failed") for fate in fates]
    killed, left, raised = (row["error"] for row in told.rows)
    assert killed == "its process died (SIGKILL, perhaps out of memory)"
    assert left == "its process died (exit code 3)"
    assert "cannot be made (RuntimeError: no)" in raised
    assert "Traceback" in told.traces[2]
    assert told.events == [f"{event} {fate}" for fate in fates for event in ("started", "finished")]
    assert not multiprocessing.active_children()


def test_in_this_process_threads_are_given_back(tiny):
    before = torch.get_num_threads()
    told = Told()
    settings = CellSettings(episodes=1, partner="scripted", checkpoint=tiny)
    run_cells([Cell("scripted", "hidden_needs-v0", {}, 0, settings)], told, told, Pool(0))
    assert told.rows[0]["status"] == "done"
    assert torch.get_num_threads() == before
