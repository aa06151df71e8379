"""Engines beyond this machine, with clusters that are made up: what is lost is begun anew, and told as what it was."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from goldenrule.benchmarks.engines import ray, slurm
from goldenrule.benchmarks.engines.base import NoProgress, Pool
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError

CELLS = [Cell("scripted", "hidden_needs-v0", {}, seed) for seed in range(7)]


class Saved(NoProgress):
    """A store and a progress callback in one."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.begun: list[int] = []

    def commit(self, *outcomes: RunRecord) -> None:
        self.rows += [one.row for one in outcomes]

    def started(self, cell: Cell) -> None:
        self.begun.append(cell.seed)


class Cluster:
    """An executor whose jobs end at once; those of a seed in `lost` leave nothing behind so many times."""

    cluster = "slurm"

    def __init__(self, lost: dict[int, int] | None = None) -> None:
        self.lost, self.arrays, self.parallel = lost or {}, list[int](), 0

    def update_parameters(self, slurm_array_parallelism: int) -> None:
        self.parallel = slurm_array_parallelism

    def map_array(self, what: Any, cells: Sequence[Cell], *further: Sequence[Any]) -> list[Any]:
        self.arrays.append(len(cells))
        return [_Job(self, cell) for cell in cells]


class _Job:
    job_id = "7_1"

    def __init__(self, cluster: Cluster, cell: Cell) -> None:
        self._cluster, self._cell = cluster, cell

    def done(self) -> bool:
        return True

    def cancel(self) -> None:
        raise AssertionError("nothing is left to cancel")

    def result(self) -> Any:
        from submitit.core.utils import UncompletedJobError

        seed = self._cell.seed
        if self._cluster.lost.get(seed, 0):
            self._cluster.lost[seed] -= 1
            raise UncompletedJobError("no output\nwas found")
        return RunRecord({"cell": self._cell.id, "seed": seed, "status": "done", "seconds": 0.0})


class TestSlurm:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("submitit")

    def test_a_lost_job_is_begun_anew_and_after_so_many_times_a_failed_row(self) -> None:
        saved, cluster = Saved(), Cluster({2: slurm.RETRIES, 3: slurm.RETRIES + 1})
        slurm.run_cells(CELLS, saved, saved, Pool(4), cluster)
        found = {row["seed"]: row for row in saved.rows}
        assert len(saved.rows) == len(found) == len(CELLS)
        assert [seed for seed, row in found.items() if row["status"] == "failed"] == [3]
        assert (
            found[3]["error"]
            == f"its job was lost {slurm.RETRIES + 1} times (UncompletedJobError: no output was found)"
        )
        assert saved.begun == list(range(7))  # told once each
        assert cluster.parallel == 4

    def test_an_array_is_no_larger_than_the_cluster_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = SimpleNamespace(stdout="Configuration\nMaxArraySize            = 3\nMaxJobCount = 9\n")
        monkeypatch.setattr(subprocess, "run", lambda *command, **how: told)
        saved, cluster = Saved(), Cluster()
        slurm.run_cells(CELLS, saved, saved, Pool(2), cluster)
        assert cluster.arrays == [3, 3, 1]
        assert len(saved.rows) == len(CELLS)

    def test_a_refused_submission_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from submitit.core.utils import FailedSubmissionError

        def refuse(*arguments: Any) -> None:
            raise FailedSubmissionError("sbatch: error:\nno such partition")

        cluster = Cluster()
        monkeypatch.setattr(cluster, "map_array", refuse)
        with pytest.raises(
            UserError, match=r"jobs cannot be submitted \(FailedSubmissionError: sbatch: error: no such partition\)"
        ):
            slurm.run_cells(CELLS, Saved(), Saved(), Pool(2), cluster)


class TestRay:
    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            ("WorkerCrashedError", "Ray lost its process or node 4 times (WorkerCrashedError: "),
            ("RaySystemError", "Ray could not run it (RaySystemError: "),
        ],
    )
    def test_what_ray_raises_is_told_as_what_it_is(self, kind: str, told: str) -> None:
        exceptions = pytest.importorskip("ray.exceptions")
        raised = getattr(exceptions, kind)(*["gone\nfor good"] * (kind == "RaySystemError"))

        def get(reference: Any) -> None:
            raise raised

        row = ray._outcome(SimpleNamespace(get=get, exceptions=exceptions), None, CELLS[0], 0.0).row
        assert row["status"] == "failed"
        assert row["error"].startswith(told)
        assert "\n" not in row["error"]

    def test_a_lost_connection_is_not_told_as_a_folder_that_cannot_be_written(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("ray")

        def drive(*arguments: Any) -> None:
            raise ConnectionError("the head is gone")

        monkeypatch.setattr(ray, "_drive", drive)
        with pytest.raises(
            UserError, match=r"the connection to Ray was lost \(ConnectionError: the head is gone\); what is finished"
        ):
            ray.run_cells(CELLS, Saved(), Saved(), Pool(1))
