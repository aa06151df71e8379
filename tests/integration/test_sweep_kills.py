"""SIGKILL at random moments: nothing saved is lost, nothing is there twice, and the end is the same.

Victims are the sweep itself, one of its workers, and a report. GOLDENRULE_KILLS=200 kills 200 times instead of 8.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage import VOLATILE, episodes, load
from goldenrule.benchmarks.storage.reader import NoResultsError, rows
from goldenrule.common.seeding import generator

pytest.importorskip("pandas")
KILLS = int(os.environ.get("GOLDENRULE_KILLS", "8"))
REPORTS = KILLS // 4
COMMAND = [sys.executable, "-m", "goldenrule.benchmarks.cli.main"]
SWEEP = {
    "name": "killed",
    "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 0.5, 1.0]}, "third_party-v0"],
    "methods": ["scripted"],
    "seeds": 10,
    "episodes": 20,
    "partner": "scripted",
}
CELLS = 40
PAGE = "report.html"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    path.write_text(yaml.safe_dump(SWEEP))
    return path


@pytest.fixture(scope="module")
def whole(file):
    assert main(["sweep", str(file), "--out", str(file.parent / "whole"), "--workers", "1"]) == 0
    return told(file.parent / "whole")


def told(out):
    return load(out).drop(columns=list(VOLATILE)), episodes(out, log=True)


def workers_of(sweep: psutil.Process) -> list[psutil.Process]:
    """The processes that the sweep's server has forked."""
    servers = [one for one in sweep.children() if "forkserver" in " ".join(one.cmdline())]
    return [worker for server in servers for worker in server.children()]


def watched(sweep: subprocess.Popen[str], lines: int) -> bool:
    """Read so many of the lines it tells; false where it ended before."""
    return all(sweep.stderr.readline() for _ in range(lines))


def strike(sweep: subprocess.Popen[str], rng) -> str | None:
    """SIGKILL the sweep, or one of its workers if it has any, at a drawn moment; which, or none where it had ended."""
    lines = int(rng.integers(0, CELLS)) if rng.random() < 0.9 else 0
    if not watched(sweep, lines):
        return None
    time.sleep(float(rng.uniform(0, 0.03 if lines else 2.0)))  # the moment, not a wait for something
    parent = psutil.Process(sweep.pid)
    family = parent.children(recursive=True)
    with suppress(psutil.NoSuchProcess):
        staff = workers_of(parent)
        if staff and rng.random() < 0.6:
            staff[rng.integers(len(staff))].kill()
            return "worker"
    if sweep.poll() is not None:
        return None
    sweep.kill()
    sweep.wait()
    assert not psutil.wait_procs(family, timeout=60)[1], "workers outlive a killed sweep"
    return "sweep"


def test_kills_of_sweeps_and_workers_lose_and_double_nothing(file, whole, tmp_path):
    rng = generator(0, "kills")
    killed, sweeps, saved = {"sweep": 0, "worker": 0}, 0, set[str]()
    while sum(killed.values()) < KILLS - REPORTS or saved or not sweeps:
        out, count = tmp_path / f"killed-{sweeps}", str(rng.choice([1, 2, 8]))
        command = [*COMMAND, "sweep", str(file), "--out", str(out), "--workers", count, "--retry-failed"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sweep:
            victim = None
            while sum(killed.values()) < KILLS - REPORTS and (victim := strike(sweep, rng)) is not None:
                killed[victim] += 1
                if victim == "sweep":
                    break
            ended = victim != "sweep"
            if ended:
                errors = sweep.stderr.read()
                assert sweep.wait() in (0, 1), errors
        try:
            found = rows(out)
        except NoResultsError:
            found = []
        names = [row["cell"] for row in found]
        assert len(names) == len(set(names)), killed
        assert saved <= set(names), f"{killed}: lost {saved - set(names)}"
        failed = [row for row in found if row["status"] == "failed"]
        assert all("its process died 3 times" in row["error"] for row in failed), failed
        saved = {row["cell"] for row in found} - {row["cell"] for row in failed}
        if ended and not failed:
            sweeps, saved = sweeps + 1, set()
            for one, other in zip(whole, told(out), strict=True):
                assert one.equals(other), killed
    assert all(killed.values()), killed


def pages(out):
    """What a report has written, by name; what is left of a killed one aside."""
    files = [out / PAGE, *(out / "figures").glob("[!.]*")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.exists()}


def test_a_killed_report_leaves_every_file_old_or_new_and_whole(file, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    for limit in ("12", "40"):
        assert main(["sweep", str(file), "--out", str(before), "--workers", "1", "--limit", limit]) == 0
        if limit == "12":
            write_report(before)
    old = pages(before)
    shutil.copytree(before, after)
    began = time.perf_counter()
    subprocess.run([*COMMAND, "report", str(after)], check=True, capture_output=True)
    takes = time.perf_counter() - began
    new = pages(after)
    assert old[PAGE] != new[PAGE]
    rng = generator(0, "kills of reports")
    for number in range(REPORTS):
        out = tmp_path / f"killed-{number}"
        shutil.copytree(before, out)
        report = subprocess.Popen([*COMMAND, "report", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            report.wait(float(rng.uniform(0.3, 1.0)) * takes)
        report.kill()
        report.wait()
        found = pages(out)
        assert set(old) & set(new) <= set(found)
        for name, content in found.items():
            assert content in (old.get(name), new.get(name)), (number, name)
    write_report(out)
    assert pages(out) == new
    assert not list(out.rglob("*.part"))
