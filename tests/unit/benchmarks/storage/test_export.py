"""Parquet files: the same rows; whole files or the old ones."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenrule.benchmarks.storage.export import to_parquet
from goldenrule.common.errors import UserError

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


@pytest.fixture
def run(run_maker: Callable[..., Path], tmp_path: Path) -> Path:
    return run_maker(tmp_path / "run", ("untrained",), (0,), count=2)


def test_a_full_disk_is_one_line_and_leaves_the_old_files_alone(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "tables"
    written = to_parquet(run, out)
    assert written == [out / "cells.parquet", out / "episodes.parquet"]
    old = [path.read_bytes() for path in written]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(UserError) as told:
            to_parquet(run, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(told.value) == f"cannot write {str(out)!r}: File too large; name a writable folder"
    assert [path.read_bytes() for path in written] == old
    assert sorted(out.iterdir()) == written


def test_what_is_no_folder_is_one_line(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write '.*file': File exists; name a writable folder"):
        to_parquet(run, tmp_path / "file")
