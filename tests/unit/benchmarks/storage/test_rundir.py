"""A run's folder: what is committed is there, whole, in the table's order."""

from __future__ import annotations

import json

import pytest

from goldenrule.benchmarks.storage import rundir
from goldenrule.benchmarks.storage.provenance import RunDirectory, fresh_path, read_json, read_rows
from goldenrule.benchmarks.storage.schema import EPISODE_COLUMNS, RunRecord, dumps
from goldenrule.common.errors import UserError


def logged(log):
    """The values of an episode of which only the log is known."""
    return tuple((dict.fromkeys(EPISODE_COLUMNS) | {"log": log}).values())


def row(cell, **more):
    return {"cell": cell, "status": "done", **more}


def test_rows_stand_in_the_order_of_the_table_whatever_finished_first(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"cells": []}, ["a", "b", "c"])
    for cell in ("c", "a"):
        run.commit(RunRecord(row(cell), [logged('{"episode": 0}')]))
    assert [one["cell"] for one in read_rows(run.path)] == ["a", "c"] == [one["cell"] for one in run.rows]


def test_any_text_survives(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"cells": []}, ["a"])
    text = "line\u2028separator\nnew line \x1b[2J 水 \U0001f642 \ud800 lone"
    logs = [logged(dumps({"text": text}))]
    run.commit(RunRecord(row("a", error=text), logs, curve=dumps([{"kl": 0.1}]), trace=text))
    assert read_rows(run.path)[0]["error"] == text
    (line,) = (run.path / "episodes" / "a.jsonl").read_bytes().splitlines()
    assert json.loads(line)["text"] == text
    assert read_json(run.path / "curves" / "a.json") == [{"kl": 0.1}]
    assert "\\ud800 lone" in (run.path / "errors" / "a.txt").read_text()


def test_a_number_that_is_none_is_refused_and_the_old_rows_stay(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"cells": []}, ["a", "b"])
    run.commit(RunRecord(row("a")))
    with pytest.raises(ValueError, match="Out of range float"):
        run.commit(RunRecord(row("b", reward=float("nan"))))
    run.commit(RunRecord(row("b", reward=None)))
    assert [one["cell"] for one in read_rows(run.path)] == ["a", "b"]


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    run = RunDirectory.create(tmp_path / "run", {"cells": []}, ["a", "b"])
    run.commit(RunRecord(row("a")))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            run.commit(RunRecord(row("b")))
    assert [one["cell"] for one in read_rows(run.path)] == ["a"]
    assert not list(run.path.rglob("*.part"))


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    RunDirectory.create(tmp_path / "run", {"cells": []}, [])
    with pytest.raises(UserError, match="holds files already"):
        RunDirectory.create(tmp_path / "run", {"cells": []}, [])
    (tmp_path / "empty").mkdir()
    RunDirectory.create(tmp_path / "empty", {"cells": []}, [])


def test_what_is_no_run_or_damaged_is_said(tmp_path):
    with pytest.raises(UserError, match=r"config\.json is missing; name the folder of a run"):
        read_json(tmp_path / "config.json")
    assert read_rows(tmp_path) == []
    (tmp_path / "rows.jsonl").write_text('{"cell": "a"}\n{"cell"')
    with pytest.raises(UserError, match="the run is damaged"):
        read_rows(tmp_path)


def test_two_runs_in_one_second_get_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(rundir.time, "strftime", lambda form: "20260102-030405")
    first = fresh_path(tmp_path, "x-v0")
    first.mkdir()
    assert (first.name, fresh_path(tmp_path, "x-v0").name) == ("20260102-030405-x-v0", "20260102-030405-x-v0-2")


def test_environment_names_versions_and_machine():
    found = rundir.environment()
    assert found["versions"]["goldenrule"] is not None
    assert found["cores"] >= 1
    json.dumps(found)
