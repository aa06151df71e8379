"""How many processors this process may use, which is not how many the machine has."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path


def available_cores() -> int:
    """How many processors this process may use: of this machine, its CPU affinity, its SLURM job and its cgroup."""
    counts = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    with contextlib.suppress(KeyError, ValueError):
        counts.append(int(os.environ["SLURM_CPUS_PER_TASK"]))
    quota = cgroup_quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    if quota is not None:
        counts.append(math.ceil(quota))
    return max(1, min(counts))


def cgroup_quota(membership: Path, root: Path) -> float | None:
    """Processors that a Linux control group grants, of its own and of all groups around it; `None` where unlimited.

    Args:
        membership: the process's `/proc/PID/cgroup`, lines `hierarchy:controllers:/path`.
        root: where control groups are mounted.
    """
    quotas = []
    try:
        lines = membership.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    for _, controllers, inside in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "cpu" if controllers else root  # version 1 has a mount for each controller
        path = mount / inside.lstrip("/")
        quotas += [
            quota for folder in (path, *path.parents) if folder.is_relative_to(mount) for quota in _quota(folder)
        ]
    return min(quotas, default=None)


def _quota(folder: Path) -> list[float]:
    """The quota of one group, if it has one: `cpu.max` (version 2) or `cpu.cfs_*` (version 1)."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return [] if quota == "max" else [int(quota) / int(period)]
    with contextlib.suppress(OSError, ValueError):
        quota, period = ((folder / f"cpu.cfs_{one}_us").read_text(encoding="ascii") for one in ("quota", "period"))
        return [] if int(quota) < 0 else [int(quota) / int(period)]
    return []
