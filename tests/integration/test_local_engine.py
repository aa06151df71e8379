"""The engine: what a cell does to its process stays with that cell."""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import subprocess
import sys

import torch

from goldenrule.benchmarks.engines.base import Pool
from goldenrule.benchmarks.engines.local import run_cells
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings

FATES = """
import os, signal
class Killed:
    def __init__(self): os.kill(os.getpid(), signal.SIGKILL)
class Leaves:
    def __init__(self): os._exit(3)
class Raises:
    def __init__(self): raise RuntimeError("no")
class Recovers:
    def __init__(self, mark):
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
    def reset(self, seeds): pass
    def act(self, observations):
        from goldenrule.agents import Reply
        return [Reply(os.environ.get("WHAT_TO_SAY", "hm")) for _ in observations]
class Waits(Recovers):
    def __init__(self, pipe):
        signal.alarm(60)
        open(pipe).close()
        signal.alarm(0)
class Stays(Recovers):
    def __init__(self, pipe):
        with open(pipe, "w") as told:
            told.write(str(os.getpid()))
        signal.pause()
class Wakes(Recovers):
    def __init__(self, pipe):
        signal.alarm(60)
        open(pipe, "w").close()
        signal.alarm(0)
"""


ALONE = """
import sys
from pathlib import Path
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.engines.base import NoProgress, Pool
from goldenrule.benchmarks.engines.local import run_cells
settings, params = CellSettings(checkpoint=Path(sys.argv[1])), {"pipe": sys.argv[2]}
cell = Cell("stays", "hidden_needs-v0", {}, 0, settings, agent="fates:Stays", params=params)
if __name__ == "__main__":
    run_cells([cell], None, NoProgress(), Pool(1))
"""


class Told:
    """A store and a progress callback in one."""

    def __init__(self):
        self.events, self.rows, self.traces, self.episodes = [], [], [], []

    def commit(self, *outcomes):
        self.rows += [one.row for one in outcomes]
        self.episodes += [json.loads(row["log"]) for one in outcomes for row in one.episodes]
        self.traces += [one.row.get("trace") for one in outcomes]

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
    assert killed == "its process died 3 times (SIGKILL, perhaps out of memory)"
    assert left == "its process died 3 times (exit code 3)"
    assert "cannot be made (RuntimeError: no)" in raised
    assert "Traceback" in told.traces[2]
    for event in ("started", "finished"):
        assert [one for one in told.events if one.startswith(event)] == [f"{event} {fate}" for fate in fates]
    assert not multiprocessing.active_children()


def test_a_cell_whose_process_was_killed_is_begun_anew_with_the_environment_of_now(tiny, tmp_path, monkeypatch):
    (tmp_path / "cells_that_recover.py").write_text(FATES)
    monkeypatch.syspath_prepend(tmp_path)
    settings = CellSettings(episodes=1, partner="scripted", checkpoint=tiny)
    for word in ("first", "second"):  # the server that forks the workers is the same for both
        monkeypatch.setenv("WHAT_TO_SAY", word)
        params = {"mark": str(tmp_path / word)}
        told = Told()
        cell = Cell("Recovers", "hidden_needs-v0", {}, 0, settings, agent="cells_that_recover:Recovers", params=params)
        run_cells([cell], told, told, Pool(1))
        assert [row["status"] for row in told.rows] == ["done"], told.rows
        assert word in {turn["text"] for one in told.episodes for turn in one["turns"]}
        assert told.events == ["started Recovers", "finished Recovers"]


def test_a_cell_that_was_handed_ahead_does_not_wait_for_a_long_one(tiny, tmp_path, monkeypatch):
    """The first cell ends when the last one has begun, which its worker was to run next."""
    (tmp_path / "cells_that_wait.py").write_text(FATES)
    monkeypatch.syspath_prepend(tmp_path)
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    settings = CellSettings(episodes=1, partner="scripted", checkpoint=tiny)
    waits, wakes = (
        Cell(name, "hidden_needs-v0", {}, 0, settings, agent=f"cells_that_wait:{name}", params={"pipe": pipe})
        for name in ("Waits", "Wakes")
    )
    told = Told()
    run_cells([waits, Cell("scripted", "hidden_needs-v0", {}, 0, settings), wakes], told, told, Pool(2))
    assert {row["method"]: row["error"] for row in told.rows} == {"Waits": None, "scripted": None, "Wakes": None}
    assert len(told.rows) == 3
    assert [one for one in told.events if "started" in one] == ["started Waits", "started scripted", "started Wakes"]


def test_a_worker_ends_with_its_parent_in_the_midst_of_a_cell(tiny, tmp_path):
    (tmp_path / "fates.py").write_text(FATES)
    os.mkfifo(tmp_path / "pipe")
    call = [sys.executable, "-c", ALONE, str(tiny), str(tmp_path / "pipe")]
    with subprocess.Popen(call, cwd=tmp_path) as parent:
        worker = os.pidfd_open(int((tmp_path / "pipe").read_text()))
        parent.kill()
    assert select.select([worker], [], [], 60)[0]
    os.close(worker)


def test_in_this_process_threads_are_given_back(tiny):
    before = torch.get_num_threads()
    told = Told()
    settings = CellSettings(episodes=1, partner="scripted", checkpoint=tiny)
    run_cells([Cell("scripted", "hidden_needs-v0", {}, 0, settings)], told, told, Pool(0))
    assert told.rows[0]["status"] == "done"
    assert torch.get_num_threads() == before
