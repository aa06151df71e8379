"""SIGKILL at random moments: nothing saved is lost, nothing is there twice, and the end is the same.

GOLDENRULE_KILLS=200 does it 200 times instead of 20.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

import psutil
import pytest

from goldenrule.benchmarks.engines.base import Unwatched
from goldenrule.benchmarks.results import VOLATILE, episodes, load
from goldenrule.benchmarks.results.load import begun, rows
from goldenrule.benchmarks.sweep.grid import cells_of
from goldenrule.benchmarks.sweep.run import SweepOptions, run_sweep
from goldenrule.benchmarks.sweep.schema import SweepFile
from goldenrule.envs.seeding import generator

pytest.importorskip("pandas")
KILLS = int(os.environ.get("GOLDENRULE_KILLS", "20"))
SWEEP = SweepFile.model_validate(
    {
        "name": "killed",
        "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 0.5, 1.0]}, "third_party-v0"],
        "methods": ["scripted"],
        "seeds": 6,
        "episodes": 10,
        "partner": "scripted",
    }
)


@pytest.fixture(scope="module")
def cells():
    return cells_of(SWEEP, "killed")


def sweep(cells, out, workers, retry=False):
    options = SweepOptions(workers=workers, retry_failed=retry)
    return run_sweep(SWEEP, cells, out, options, lambda todo: contextlib.nullcontext(Unwatched()))


def told(out):
    return load(out).drop(columns=list(VOLATILE)), episodes(out, log=True)


def in_a_child(cells, out, workers):
    """A sweep in a process of its own, in a group of its own; this one must not have threads yet."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            sweep(cells, out, workers)
            code = 0
        finally:
            os._exit(code)
    return pid


def kill_within(pid: int, seconds: float, worker: bool) -> bool:
    """SIGKILL the process (or one of its children) after a while; false where it had ended by then."""
    time.sleep(seconds)
    victim = pid
    if worker:
        children = [c.pid for c in psutil.Process(pid).children() if "tracker" not in " ".join(c.cmdline())]
        victim = children[0] if children else pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    if worker and victim != pid:
        return True
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_kills_of_the_parent_lose_and_double_nothing(cells, tmp_path):
    whole = tmp_path / "whole"
    began = time.perf_counter()
    sweep(cells, whole, 0)
    takes = time.perf_counter() - began
    rng = generator(0, "kills")
    kills, sweeps, saved = 0, 0, set[str]()
    while kills < KILLS or saved or not sweeps:
        out = tmp_path / f"killed-{sweeps}"
        killed = kill_within(in_a_child(cells, out, 0), float(rng.uniform(0, 0.6)) * takes, worker=False)
        kills += killed
        found = [row["cell"] for row in rows(out)] if begun(out) else []
        assert len(found) == len(set(found)), f"kill {kills}"
        assert saved <= set(found), f"kill {kills} lost {saved - set(found)}"
        saved = set(found)
        if not killed:  # it had ended: that is one whole sweep, compared; then another from the start
            sweeps, saved = sweeps + 1, set()
            for one, other in zip(told(whole), told(out), strict=True):
                assert one.equals(other)
    assert kills >= KILLS
    assert sweeps >= 1


@pytest.mark.slow
def test_a_killed_worker_is_a_failed_row_until_it_is_run_again(cells, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    sweep(cells, whole, 0)
    rng = generator(0, "worker kills")
    for _ in range(max(2, KILLS // 10)):
        pid = in_a_child(cells, out, 2)
        kill_within(pid, float(rng.uniform(2.0, 6.0)), worker=True)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        for row in rows(out):
            assert row["status"] == "done" or "died" in row["error"]
    sweep(cells, out, 0, retry=True)
    for one, other in zip(told(whole), told(out), strict=True):
        assert one.equals(other)
