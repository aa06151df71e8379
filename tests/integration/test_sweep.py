"""Sweeps end to end: resumed, filtered, retried; the same rows whatever ran them."""

from __future__ import annotations

import json
import multiprocessing
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.engines import local
from goldenrule.benchmarks.engines.base import NoProgress, Pool
from goldenrule.benchmarks.evaluation.run import failed_row
from goldenrule.benchmarks.experiments.config import read_sweep
from goldenrule.benchmarks.experiments.grid import cells_of
from goldenrule.benchmarks.storage import VOLATILE, episodes, load
from goldenrule.benchmarks.storage.store import ResultStore, RunRecord, folder_lock

pytest.importorskip("pandas")
SWEEP: dict[str, Any] = {
    "name": "smoke",
    "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 1.0]}, "third_party-v0"],
    "methods": ["scripted"],
    "seeds": 2,
    "episodes": 3,
    "partner": "scripted",
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(SWEEP))
    return path


def told(out: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All that two runs of one sweep must share."""
    cells = load(out).drop(columns=list(VOLATILE))
    return json.loads(cells.to_json(orient="records")), json.loads(episodes(out, log=True).to_json(orient="records"))


def run(file: Path, out: Path, *more: str) -> int:
    return main(["sweep", str(file), "--out", str(out), "--workers", "1", *more])


def test_in_parts_or_in_one_go_the_rows_are_the_same(file, tmp_path, capsys):
    out, whole = tmp_path / "parts", tmp_path / "whole"
    assert main(["sweep", str(file), "--out", str(out), "--dry-run", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["to_run"]) == 6
    assert not out.exists()
    assert run(file, out, "--limit", "2") == 0
    first = load(out)
    assert len(first) == 2
    assert run(file, out, "--only", "third_party") == 0
    assert set(load(out).scenario) == {"hidden_needs-v0", "third_party-v0"}
    assert run(file, out, "--json") == 0
    assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]) == 6
    assert run(file, whole) == 0
    assert told(out) == told(whole)
    kept = load(out).set_index("cell").started
    assert all(kept[cell] == started for cell, started in zip(first.cell, first.started, strict=True))


def test_only_names_cells_by_a_part_of_their_names_or_by_a_knob(file, tmp_path, capsys):
    def chosen(only):
        assert run(file, tmp_path / "out", "--dry-run", "--only", only) == 0
        return capsys.readouterr().out.splitlines()[:-1]

    zero, both = chosen("similarity=0"), chosen("similarity=0.0,third")
    assert zero
    assert all("(similarity 0.0)" in line for line in zero)
    assert set(zero) < set(both)
    assert {line for line in both if "third_party-v0" in line} == set(both) - set(zero)
    assert run(file, tmp_path / "out", "--dry-run", "--only", "similarity=0.") == 0
    assert run(file, tmp_path / "out", "--dry-run", "--only", "similarity=1.5") == 2


def test_workers_and_order_do_not_show(file, tmp_path):
    cells = cells_of(read_sweep(file), str(file))
    places = {cell.id: place for place, cell in enumerate(cells)}
    results = []
    for name, workers, seed in (("here", 0, None), ("two", 2, 1)):
        out = tmp_path / name
        out.mkdir()
        order = list(cells)
        if seed is not None:
            random.Random(seed).shuffle(order)
        with ResultStore(out, places, {}) as store:
            local.run_cells(order, store, NoProgress(), Pool(workers))
        results.append(told(out))
    assert results[0] == results[1]


def test_failed_cells_are_rows_with_a_reason_and_run_again_when_asked(file, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(file, out) == 0
    whole = told(out)
    with ResultStore(out, {}, {}) as store:
        lost = cells_of(read_sweep(file), str(file))[3]
        store.commit(RunRecord(failed_row(lost, "its process died (SIGKILL)", 0.1)))
    capsys.readouterr()
    assert run(file, out) == 1
    assert "its process died" in capsys.readouterr().err
    assert list(load(out).status).count("failed") == 1
    assert run(file, out, "--retry-failed") == 0
    assert told(out) == whole


def test_a_folder_in_use_and_a_folder_of_other_things_are_refused(file, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    with folder_lock(out):
        assert run(file, out) == 2
    assert "is in use by process" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    assert run(file, other) == 2
    assert "holds files and no results.sqlite" in capsys.readouterr().err
    assert [one.name for one in other.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--engine", "cloud"], "'cloud' is not one of 'local', 'ray', 'slurm'"),
        (["--workers", "0"], "--workers"),
        (["--limit", "x"], "--limit"),
        (["--only", "nothing_like_it"], "matches no cell"),
        (
            ["--address", "auto"],
            "--address 'auto' has no effect with --engine local; leave it out, or use --engine ray",
        ),
        (["--engine", "slurm", "--address", "foo"], "--address 'foo' means nothing to --engine slurm; expected local"),
        (["--engine", "ray", "--address", "auto", "--workers", "2"], "--workers has no effect with --address 'auto'"),
        (["--log", "paper"], "'paper' is not one of 'tensorboard', 'wandb', 'trackio'"),
    ],
)
def test_wrong_options_are_one_line(file, tmp_path, capsys, arguments, line):
    assert main(["sweep", str(file), "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_folder_whose_name_is_too_long_is_one_line(file, tmp_path, capsys, more):
    assert run(file, tmp_path / ("x" * 300), *more) == 2
    error = capsys.readouterr().err
    assert "cannot be used (File name too long); name a new or empty folder with --out" in error
    assert error.count("\n") == 1


def test_an_error_of_the_system_that_is_not_the_folder_s_is_told_as_what_it_is(file, tmp_path, capsys, monkeypatch):
    class Full(multiprocessing.context.SpawnContext):
        def Process(self, *arguments, **options):  # noqa: N802 - as the standard library calls it
            raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(local, "_context", Full)
    assert run(file, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "no more worker processes can be started" in error
    assert "name fewer with" in error
    assert "cannot write" not in error


def test_validate_shows_the_grid(file, capsys):
    assert main(["validate", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cells"] == 6
    assert [line["cells"] for line in found["grid"]] == [2, 2, 2]
    assert main(["validate", str(file)]) == 0
    assert "smoke: 6 cells, 18 dialogues." in capsys.readouterr().out
