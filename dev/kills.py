"""Kill a comparison at random times, go on with it, and hold the results against those of one that was never killed.

    python dev/kills.py --kills 20 --methods rlhf_ppo,empathetic_kindness --steps 6

Each trial is a run of its own: SIGKILL hits all of its processes or one worker, in turn, at a random time, and the same
command runs again until nothing is left to do. Prints a line a trial; exit code 1 where some result differs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from goldenrule.benchmarks.experiments.run import STATES
from goldenrule.benchmarks.storage.reader import read_run, rows
from goldenrule.benchmarks.storage.store import VOLATILE


def started(arguments: Sequence[str], out: Path) -> subprocess.Popen[bytes]:
    """The comparison, in a process group of its own."""
    command = [sys.executable, "-m", "goldenrule.benchmarks.cli.main", "compare", *arguments, "--out", str(out)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def results(out: Path) -> list[Any]:
    """Rows, episodes and curves of a run."""
    stable = [{name: value for name, value in row.items() if name not in VOLATILE} for row in rows(out)]
    with read_run(out) as run:
        return [stable, *[(list(run.episodes(cell)), run.curve(cell)) for cell in run.cells]]


def kill(run: subprocess.Popen[bytes], everything: bool, rng: random.Random) -> str:
    """Kill all processes of a run, or one worker; what was hit."""
    children = psutil.Process(run.pid).children(recursive=True)
    workers = [
        child for child in children if any(child.pid != other.pid and child.ppid() == other.pid for other in children)
    ]
    if everything or not workers:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        psutil.wait_procs(children, timeout=60)
        return "all"
    rng.choice(workers).kill()
    return "a worker"


def main() -> int:
    """Parse the command line, run the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--methods", default="rlhf_ppo,empathetic_kindness")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    arguments = ["--methods", given.methods, "--seeds", "1", "--steps", str(given.steps), "--episodes", "32"]
    rng, wrong, within = random.Random(given.seed), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        began = time.perf_counter()
        assert started(arguments, folder / "whole").wait() == 0
        wall = time.perf_counter() - began
        whole = results(folder / "whole")
        for number in range(given.kills):
            out = folder / str(number)
            run = started(arguments, out)
            time.sleep(rng.uniform(0.3, 0.95) * wall)
            hit = "nothing" if run.poll() is not None else kill(run, number % 2 == 0, rng)
            saved = len(list((out / STATES).glob("*.safetensors")))
            code = run.wait()
            for _ in range(3):
                code = code and started(arguments, out).wait()
            alike = code == 0 and results(out) == whole
            wrong, within = wrong + (not alike), within + bool(saved)
            print(
                f"{number + 1:3d}  killed: {hit:8s}  saved states: {saved}  {'alike' if alike else 'DIFFERS'}",
                flush=True,
            )
    print(f"{given.kills - wrong} of {given.kills} alike; {within} were killed with a saved state")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
