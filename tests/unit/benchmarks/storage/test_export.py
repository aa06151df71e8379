"""Parquet files: the same rows; whole files or the old ones."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from goldenrule.benchmarks.storage.export import write_tables
from goldenrule.common.errors import UserError

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def test_tables_come_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"cell": ["a", "b"], "reward": [0.5, None]})
    (path,) = write_tables(tmp_path / "new", {"cells": table})
    assert path == tmp_path / "new" / "cells.parquet"
    assert pd.read_parquet(path).equals(table)


def test_a_full_disk_is_one_line_and_leaves_the_old_file_alone(tmp_path: Path) -> None:
    old, new = pd.DataFrame({"cell": ["old"]}), pd.DataFrame({"cell": [str(number) for number in range(1000)]})
    (path,) = write_tables(tmp_path, {"cells": old})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(UserError) as told:
            write_tables(tmp_path, {"cells": new})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(told.value) == f"cannot write {str(tmp_path)!r}: File too large; name a writable folder"
    assert pd.read_parquet(path).equals(old)
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write '.*file': File exists; name a writable folder"):
        write_tables(tmp_path / "file", {})
