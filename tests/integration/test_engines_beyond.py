"""Ray and submitit run the same cells to the same rows; a lost node costs time and nothing else."""

from __future__ import annotations

import builtins
import contextlib

import pytest

from goldenrule.benchmarks.engines.base import NoProgress
from goldenrule.benchmarks.experiments.config import SweepFile, SweepOptions
from goldenrule.benchmarks.experiments.grid import cells_of
from goldenrule.benchmarks.experiments.run import run_sweep
from goldenrule.benchmarks.storage import VOLATILE, episodes, load
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator

pytest.importorskip("pandas")
SWEEP = SweepFile.model_validate(
    {
        "name": "beyond",
        "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 1.0]}],
        "methods": ["scripted"],
        "seeds": 6,
        "episodes": 40,
        "partner": "scripted",
    }
)


class Calls(NoProgress):
    """A progress callback that calls `after` once so many cells are finished."""

    def __init__(self, count, after):
        self.count, self.after = count, after

    def finished(self, cell, row):
        self.count -= 1
        if self.count == 0:
            self.after()


@pytest.fixture(scope="module")
def cells():
    return cells_of(SWEEP, "beyond")


@pytest.fixture(scope="module")
def expected(cells, tmp_path_factory):
    return told(swept(cells, tmp_path_factory.mktemp("here") / "out", SweepOptions(workers=0)))


def swept(cells, out, options, progress=None):
    run_sweep(SWEEP, cells, out, options, lambda todo: contextlib.nullcontext(progress or NoProgress()))
    return out


def told(out):
    return load(out).drop(columns=list(VOLATILE)), episodes(out, log=True)


def same(one, other):
    return all(a.equals(b) for a, b in zip(one, other, strict=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_with_a_node_lost_in_the_middle(cells, expected, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    lost = cluster.add_node(num_cpus=1)
    try:
        options = SweepOptions(engine="ray", address=cluster.address)
        progress = Calls(3, lambda: cluster.remove_node(lost, allow_graceful=False))
        out = swept(cells, tmp_path / "out", options, progress)
        assert progress.count < 0, "the node was lost while cells were running"
        assert same(told(out), expected)
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_ray_gives_the_rows_of_this_machine_in_any_order(cells, expected, tmp_path, workers):
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'goldenrule[ray]'")
    order = list(cells)
    generator(workers, "order").shuffle(order)
    out = tmp_path / "out"
    try:
        half = swept(order, out, SweepOptions(engine="ray", workers=workers, limit=len(order) // 2))
        assert len(load(half)) == len(order) // 2
        swept(cells, out, SweepOptions(engine="ray", workers=workers))
    finally:
        ray.shutdown()
    assert same(told(out), expected)  # in the order of the last file, whatever came first


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_submitit_with_its_local_executor(cells, expected, tmp_path):
    pytest.importorskip("submitit")
    out = swept(cells, tmp_path / "out", SweepOptions(workers=4, engine="slurm", address="local"))
    assert same(told(out), expected)


@pytest.mark.parametrize(("engine", "module"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_is_one_line(cells, tmp_path, monkeypatch, engine, module):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name.split(".")[0] == module:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=rf"--engine {engine} needs .* pip install 'goldenrule\[{engine}\]'"):
        swept(cells, tmp_path / "out", SweepOptions(engine=engine))
    assert not (tmp_path / "out").exists()


def test_no_slurm_is_one_line(cells, tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match="no SLURM here"):
        swept(cells, tmp_path / "out", SweepOptions(engine="slurm"))
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_is_not_there_is_one_line_and_leaves_no_folder(cells, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=r"no Ray cluster at '127\.0\.0\.1:1' .*; start one with `ray start --head`"):
        swept(cells, tmp_path / "out", SweepOptions(engine="ray", address="127.0.0.1:1"))
    assert not (tmp_path / "out").exists()
