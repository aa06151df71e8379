"""The cores that a process may use: affinity, SLURM, control groups."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from goldenrule.common.cores import available_cores, cgroup_quota


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_affinity_counts():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from goldenrule.common.cores import available_cores; print(available_cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_a_slurm_job_has_what_it_was_given(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert available_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "many")
    assert available_cores() >= 1


@pytest.mark.parametrize(
    ("files", "membership", "quota"),
    [
        ({"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b\n", 1.5),
        ({"a/cpu.max": "max 100000"}, "0::/a\n", None),
        ({"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/a\n", 0.5),
        ({"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu:/a\n0::/\n", None),
        ({}, "nonsense\n", None),
    ],
)
def test_control_groups_of_both_versions(tmp_path, files, membership, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "membership").write_text(membership)
    assert cgroup_quota(tmp_path / "membership", tmp_path) == quota
    assert cgroup_quota(tmp_path / "absent", tmp_path) is None
