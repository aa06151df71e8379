"""Check that a change of the code changes no result: rows of every method on every scenario, weights of every base.

    python dev/identity.py write dev/identity.json    # before a change
    python dev/identity.py check dev/identity.json    # after it: names each value that differs; exit code 1 if any does
    python dev/identity.py check dev/identity.json hidden_needs-v0 'long talks'    # these comparisons alone

Rows hold a hash of the trained weights. Bytes are only comparable on one kind of machine; a few updates of each method
take about five minutes on two cores.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDENRULE = str(Path(sys.executable).with_name("goldenrule"))
ROOT = Path(__file__).resolve().parent.parent
VOLATILE = {"cell", "seconds", "run", "process", "started", "host", "code", "versions", "trace"}
"""Keys that say nothing of a result."""

METHODS = (
    "untrained,scripted,rlhf_ppo,naive_kindness,empathetic_kindness,feedback_kindness,oracle_kindness,"
    "shuffled_kindness,unsplit_kindness,universal_kindness,rlhf_sb3,examples.method:brief_kindness"
)
SHORT = ("--steps", "2", "--dialogues", "16", "--episodes", "16", "--workers", "2")
COMPARISONS: dict[str, tuple[str, ...]] = {
    **{
        scenario: ("--scenario", scenario, "--methods", METHODS, "--seeds", "0,3", *SHORT)
        for scenario in ("hidden_needs-v0", "third_party-v0", "false_belief-v0")
    },
    # The cards are drawn where data of people may be absent.
    "campsite-v0": (
        "--scenario",
        "campsite-v0",
        "--methods",
        METHODS,
        "--seeds",
        "0,3",
        *SHORT,
        "--set",
        "pool=synthetic",
    ),
    "own agent, own reward": (
        "--methods",
        "ppo_on(reward=examples.reward:Warmth)",
        "--agent",
        "listener=examples.agent:Listener",
        "--seeds",
        "2",
        *SHORT,
    ),
    "long talks": (
        "--methods",
        "untrained,empathetic_kindness,rlhf_ppo",
        "--seeds",
        "1",
        *SHORT,
        "--set",
        "turns=2",
        "--set",
        "seekers=2",
        "--set",
        "cue=0",
    ),
    "scripted partners": (
        "--methods",
        "untrained,empathetic_kindness",
        "--seeds",
        "1",
        *SHORT,
        "--partner",
        "scripted",
    ),
}
BASES = ("hidden_needs-v0", "hidden_needs-v0-talks", "third_party-v0", "false_belief-v0", "campsite-v0")


def goldenrule(*arguments: str) -> str:
    """What the command prints on standard output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [GOLDENRULE, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"goldenrule {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def results(folder: Path, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A name and its values: every row of every comparison, then the weights of every base."""
    for number, (name, arguments) in enumerate(COMPARISONS.items()):
        if names and name not in names:
            continue
        told = json.loads(goldenrule("compare", *arguments, "--json", "--out", str(folder / f"run-{number}")))
        for row in told["rows"]:
            values = {key: value for key, value in row.items() if key not in VOLATILE}
            yield f"{name} / {row['method']} / seed {row['seed']}", values
    for base in [] if names else BASES:
        scenario = base.removesuffix("-talks")
        recipe = ("--base", base) if base != scenario else ()
        out = folder / f"base-{base}"
        goldenrule("pretrain", "--scenario", scenario, *recipe, "--steps", "3", "--no-human", "--out", str(out))
        weights = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.safetensors")}
        yield f"base {base}", weights


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """A line for each value that was there before and is now another; new keys of rows are no difference."""
    lines = [f"{name}: missing now" for name in before if name not in after]
    for name in before.keys() & after.keys():
        for key, value in before[name].items():
            if key not in VOLATILE and after[name].get(key, "missing") != value:
                lines.append(f"{name}: {key} was {value}, is {after[name].get(key, 'missing')}")
    return sorted(lines)


def main(verb: str, file: Path, *names: str) -> int:
    """Write or check, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        now = dict(results(Path(folder), list(names)))
    if verb == "write":
        file.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{len(now)} results written to {file}")
        return 0
    before = json.loads(file.read_text(encoding="utf-8"))
    if names:
        before = {name: values for name, values in before.items() if name.partition(" / ")[0] in names}
    lines = differences(before, now)
    print("\n".join(lines) or f"{len(before)} results, all identical")
    return int(bool(lines))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("write", "check"):
        sys.exit("usage: python dev/identity.py write|check FILE [NAME ...]")
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
