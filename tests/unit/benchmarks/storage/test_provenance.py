"""Where results come from, and the folders they go to."""

from __future__ import annotations

import json

import pytest

from goldenrule.benchmarks.storage import provenance
from goldenrule.benchmarks.storage.provenance import environment
from goldenrule.common.errors import UserError
from goldenrule.common.files import empty_folder, fresh_path, write_json


def test_two_runs_in_one_second_get_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance.time, "strftime", lambda form: "20260102-030405")
    first = fresh_path("x-v0", tmp_path)
    first.mkdir()
    assert (first.name, fresh_path("x-v0", tmp_path).name) == ("20260102-030405-x-v0", "20260102-030405-x-v0-2")


def test_environment_names_versions_and_machine():
    found = environment()
    assert found["versions"]["goldenrule"] is not None
    assert found["cores"] >= 1
    json.dumps(found)


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    empty_folder(tmp_path / "new")
    empty_folder(tmp_path)
    write_json(tmp_path / "run" / "one.json", {"text": "\ud800 lone \u2028"})
    assert json.loads((tmp_path / "run" / "one.json").read_text())["text"].endswith(" lone \u2028")
    with pytest.raises(UserError, match="holds files already"):
        empty_folder(tmp_path / "run")
    with pytest.raises(UserError, match="is a file"):
        empty_folder(tmp_path / "run" / "one.json")


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "one.json"
    write_json(path, {"reward": None})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"reward": float("nan")})
    assert json.loads(path.read_text()) == {"reward": None}
    with pytest.raises(UserError, match=r"cannot write .*: (Not a directory|File exists); name a writable folder"):
        write_json(path / "below.json", {})
