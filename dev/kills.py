"""Kill a comparison at random times, go on with it, and hold the results against those of one that was never killed.

    python dev/kills.py --kills 20 --methods rlhf_ppo,empathetic_kindness --steps 6

Each trial is a run of its own: SIGKILL hits all of its processes or one worker, in turn, at a random time of its
training, and the same command runs again until nothing is left to do. Prints a line a trial; exit code 1 where some
result differs.
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
    servers = {child.pid for child in children}
    workers = [child for child in children if child.ppid() in servers]
    if everything or not workers:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        psutil.wait_procs(children, timeout=60)
        return "all"
    rng.choice(workers).kill()
    return "a worker"


def training_begins(run: subprocess.Popen[bytes], out: Path) -> None:
    """Wait for the first saved state, or the end."""
    while run.poll() is None and not list((out / STATES).glob("*.safetensors")):
        time.sleep(0.02)


def main() -> int:
    """Parse the command line, run the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--methods", default="rlhf_ppo,empathetic_kindness")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    arguments = ["--methods", given.methods, "--seeds", "1", "--steps", str(given.steps), "--episodes", "32"]
    rng, kills, wrong, trials = random.Random(given.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = started(arguments, folder / "whole")
        training_begins(run, folder / "whole")
        began = time.perf_counter()
        assert run.wait() == 0
        wall, whole = time.perf_counter() - began, results(folder / "whole")
        while kills < given.kills:
            trials += 1
            out = folder / str(trials)
            run = started(arguments, out)
            training_begins(run, out)
            time.sleep(rng.uniform(0.0, 0.7) * wall)
            saved = len(list((out / STATES).glob("*.safetensors")))
            if run.poll() is not None or not saved:  # too late
                run.wait()
                continue
            hit = kill(run, kills % 2 == 0, rng)
            code = run.wait()
            for _ in range(3):
                code = code and started(arguments, out).wait()
            alike = code == 0 and results(out) == whole
            kills, wrong = kills + 1, wrong + (not alike)
            print(f"{kills:3d}  {hit} killed, {saved} states saved: {'alike' if alike else 'DIFFERS'}", flush=True)
    print(f"{kills - wrong} of {kills} alike")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
