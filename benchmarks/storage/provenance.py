"""Where results come from: commit, versions and machine; and whether rows were made by the code that runs now.

A cell's id says nothing of commit and versions, so a run that goes on under other code is told so.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.common.cores import available_cores
from goldenrule.common.plugins import DIGEST_PREFIX, code_digests
from goldenrule.common.text import counted

PACKAGES = ("goldenrule", "torch", "numpy", "scipy", "pettingzoo", "gymnasium", "tokenizers", "stable-baselines3")
MOST = 3
"""Packages that are named in a warning."""


def environment() -> dict[str, Any]:
    """Versions, commit and machine; of the plug-ins that were imported so far, what tells their code apart."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": available_cores(),
        "versions": {name: _version(name) for name in PACKAGES} | code_digests(),
        "commit": commit(),
        "command": sys.argv[1:],
    }


@functools.cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The commit of the checkout this code runs from, `-dirty` where files differ; `None` outside a checkout."""
    checkout = Path(__file__).resolve().parent.parent.parent
    if not (checkout / "src" / "goldenrule").is_dir():
        return None
    try:
        command = ["git", "-C", str(checkout), "status", "--porcelain=v2", "--branch"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    changed = any(not line.startswith("#") for line in told)
    head = next((line.split()[2] for line in told if line.startswith("# branch.oid ")), "(initial)")
    return None if head == "(initial)" else head + ("-dirty" if changed else "")


def other_code(rows: Sequence[Mapping[str, Any]], code: str | None, versions: Mapping[str, Any]) -> str | None:
    """That some rows were made by another commit, other versions or other code of plug-ins; `None` if none was.

    Args:
        rows: of cells, with `code` and `versions`.
        code: the commit that runs now, if this is a checkout.
        versions: of packages, now.
    """
    others = [row for row in rows if row["code"] != code or _changed(row["versions"], versions)]
    if not others:
        return None
    then = others[0]["versions"]
    differ = _changed(then, versions)
    changes = [f"{name} {then.get(name)}, now {versions.get(name)}" for name in differ[:MOST]]
    if others[0]["code"] != code:
        changes.insert(0, f"commit {_short(others[0]['code'])}, now {_short(code)}")
    if len(differ) > MOST:
        changes.append(f"and {counted(len(differ) - MOST, 'package')} more")
    return (
        f"{len(others)} of {counted(len(rows), 'row')} made by other code ({'; '.join(changes)}) and kept; "
        "name a new folder to have all from one"
    )


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of packages that differ. A plug-in that only one of the two runs had has changed nothing in the other."""
    return [
        name
        for name in {**then, **now}
        if then.get(name) != now.get(name) and (not name.startswith(DIGEST_PREFIX) or (name in then and name in now))
    ]


def _short(code: str | None) -> str:
    return "none" if code is None else code[:12] + ("-dirty" if code.endswith("-dirty") else "")
