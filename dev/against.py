"""Measure this checkout against another commit: wall time of a comparison, and the true partner reward by seed.

    python dev/against.py f739d1d
    python dev/against.py f739d1d --methods empathetic_kindness,oracle_kindness --seeds 8 --repeats 2

The other commit is checked out beside and installed into an environment of its own; both then run in turn, each method
by itself. Both need the machine for themselves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scipy import stats

ROOT = Path(__file__).resolve().parents[1]


def install(commit: str, folder: Path) -> Path:
    """Check out a commit and install it; the folder of its commands."""
    subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", str(folder), commit], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    commands = folder / ".venv" / "bin"
    options = ["--quiet", "--editable", ".[test]", "--constraint", "constraints.txt"]
    subprocess.run([str(commands / "python"), "-m", "pip", "install", *options], cwd=folder, check=True)
    return commands


def compare(commands: Path, method: str, seeds: int, steps: int, out: Path) -> tuple[float, dict[int, float]]:
    """Seconds of a comparison of one method, and its true partner reward by seed."""
    began = time.perf_counter()
    options = ["--methods", method, "--seeds", str(seeds), "--steps", str(steps), "--out", str(out), "--json"]
    done = subprocess.run([str(commands / "goldenrule"), "compare", *options], stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - began
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return seconds, {row["seed"]: row["partner_reward"] for row in rows}


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--methods", default="empathetic_kindness,oracle_kindness")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60, help="updates of either")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        commands = {"old": install(options.commit, folder / "old"), "new": Path(sys.executable).parent}
        try:
            for method in options.methods.split(","):
                seconds: dict[str, list[float]] = {"old": [], "new": []}
                rewards: dict[str, dict[int, float]] = {}
                for repeat in range(options.repeats):
                    for which, where in commands.items():
                        out = folder / f"{method}{which}{repeat}"
                        took, rewards[which] = compare(where, method, options.seeds, options.steps, out)
                        seconds[which].append(took)
                differences = [rewards["new"][seed] - old for seed, old in rewards["old"].items()]
                low, high = stats.ttest_1samp(differences, 0.0).confidence_interval()
                old, new = (min(seconds[which]) for which in ("old", "new"))
                means = " -> ".join(f"{sum(one.values()) / len(one):.3f}" for one in (rewards["old"], rewards["new"]))
                print(
                    f"{method}: {old:.0f} s -> {new:.0f} s, {old / new:.2f} times as fast; partner reward {means}, "
                    f"paired difference {sum(differences) / len(differences):+.3f} [{low:+.3f}, {high:+.3f}]"
                )
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(folder / "old")], check=True)


if __name__ == "__main__":
    main()
