"""A results file that is not as it should be: one true line with the next step, the same for all who read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.storage import VOLATILE, episodes, load
from goldenrule.benchmarks.storage.load import rows
from goldenrule.benchmarks.storage.schema import FIGURES, FILE
from goldenrule.benchmarks.storage.store import SweepStore
from goldenrule.common.errors import UserError

SWEEP: dict[str, Any] = {
    "name": "damaged",
    "scenarios": ["hidden_needs-v0"],
    "methods": ["scripted"],
    "seeds": 2,
    "episodes": 5,
    "partner": "scripted",
}
RESTORE = "restore it from a copy, or name another folder"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    (folder / "sweep.yaml").write_text(yaml.safe_dump(SWEEP))
    assert main(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out"), "--workers", "1"]) == 0
    return folder


def sql(*statements: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        db = sqlite3.connect(file)
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()

    return change


def cut(count: int) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(file.read_bytes()[:-count]) and None


def overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(range(1, 251)) * 80
    file.write_bytes(content)


def folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a byte short of a page": (cut(1000), "is cut short"),
    "a page short": (cut(4096), "is damaged"),
    "written over": (overwritten, "is damaged"),
    "no database": (lambda file: file.write_text("x" * 5000), "is no results file"),
    "of another format": (
        sql("UPDATE meta SET value = '3' WHERE key = 'format'"),
        "has format 3; expected 2: use the version that wrote it, or name another folder",
    ),
    "without format": (sql("DELETE FROM meta"), "has no format; expected 2: use the version that wrote it"),
    "without a table": (sql("DROP TABLE episodes"), "is damaged (its table episodes is missing)"),
    "without a column": (
        sql("ALTER TABLE cells DROP COLUMN tokens"),
        "is damaged (its table cells lacks the column tokens)",
    ),
    "with a column more": (
        sql("ALTER TABLE cells ADD COLUMN mine TEXT"),
        "is damaged (its table cells has a column mine too many)",
    ),
    "without an episode": (
        sql("DELETE FROM episodes WHERE episode = 4 AND cell LIKE 'scripted-1-%'"),
        "is damaged (4 of 5 episodes of cell scripted-1-",
    ),
    "without episodes of two cells": (
        sql("DELETE FROM episodes WHERE episode = 4"),
        "are there; cells that lack some: 2); run its sweep again with --rerun-damaged, restore it from a copy",
    ),
    "with knobs of no kind": (sql("UPDATE cells SET knobs = '{'"), "knobs of cell scripted-0-"),
    "with knobs that are a list": (sql("UPDATE cells SET knobs = '[]'"), "is array; it should be an object"),
    "with a plan of no kind": (sql("UPDATE meta SET value = '{' WHERE key = 'sweep'"), "sweep in its table meta is no"),
    "a folder": (folder_instead, "is no file; expected the results of a sweep"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_the_same_for_all_who_read_it(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    change, told = FAULTS[fault]
    out = tmp_path / "out"
    out.mkdir()
    (out / FILE).write_bytes((whole / "out" / FILE).read_bytes())
    change(out / FILE)
    before = None if fault == "a folder" else (out / FILE).read_bytes()
    file = str(whole / "sweep.yaml")
    commands = [
        ["sweep", file, "--out", str(out), "--workers", "1"],
        ["sweep", file, "--out", str(out), "--dry-run"],
        ["report", str(out)],
        ["show", str(out)],
        ["replay", str(out)],
        ["diff", str(out), str(whole / "out")],
    ]
    lines = set()
    for command in commands:
        capsys.readouterr()
        assert main(command) == 2, command
        lines.add(capsys.readouterr().err)
    (line,) = lines
    assert told in line
    assert line.count("\n") == 1
    assert line.count(FILE) == 1
    assert ("damaged" not in told and "cut short" not in told) or RESTORE in line
    assert before is None or (out / FILE).read_bytes() == before
    for read in (load, rows, episodes):
        with pytest.raises(UserError, match=FILE) as raised:
            read(out)
        assert str(raised.value) in line


def test_cells_that_lack_episodes_are_run_again_when_asked_and_all_else_is_kept(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = tmp_path / "out", ["sweep", str(whole / "sweep.yaml"), "--workers", "1", "--out"]
    out.mkdir()
    (out / FILE).write_bytes((whole / "out" / FILE).read_bytes())
    sql("DELETE FROM episodes WHERE episode = 4 AND cell LIKE 'scripted-1-%'")(out / FILE)
    before = (out / FILE).read_bytes()
    assert main([*command, str(out), "--rerun-damaged", "--dry-run"]) == 0
    assert "1 of 2 cells would run." in capsys.readouterr().out
    assert (out / FILE).read_bytes() == before
    assert main([*command, str(out), "--rerun-damaged"]) == 0
    assert "1 were run now" in capsys.readouterr().out
    kept, found = rows(whole / "out"), rows(out)
    assert [row["started"] == old["started"] for row, old in zip(found, kept, strict=True)] == [True, False]
    assert [{k: v for k, v in row.items() if k not in VOLATILE} for row in found] == [
        {k: v for k, v in row.items() if k not in VOLATILE} for row in kept
    ]
    assert episodes(out, log=True).equals(episodes(whole / "out", log=True))


def test_a_cell_that_lacks_episodes_and_is_not_run_again_is_a_failed_row_with_that_as_its_reason(
    whole: Path, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_bytes((whole / "out" / FILE).read_bytes())
    sql("DELETE FROM episodes WHERE cell LIKE 'scripted-1-%'")(tmp_path / FILE)
    with SweepStore(tmp_path, {}, {}, mending=True) as store:
        (lacking,) = store.mend()
        assert store.mend() == []
    found = {row["cell"]: row for row in rows(tmp_path)}
    assert found[lacking]["error"] == "only 0 of its 5 episodes were there"
    assert [row["status"] for row in found.values()] == ["done", "failed"]
    assert {found[lacking][name] for name in FIGURES} == {None}
    assert len(episodes(tmp_path)) == 5


def test_what_sqlite_calls_malformed_stays_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE).write_bytes((whole / "out" / FILE).read_bytes())
    overwritten(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    command = ["sweep", str(whole / "sweep.yaml"), "--out", str(tmp_path), "--workers", "1", "--rerun-damaged"]
    assert main(command) == 2
    assert "is damaged (" in capsys.readouterr().err
    assert (tmp_path / FILE).read_bytes() == before


def test_an_empty_file_is_told_as_one_by_readers_and_filled_by_a_sweep(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / FILE).touch()
    for command in ("report", "show", "replay"):
        assert main([command, str(out)]) == 2
        line = capsys.readouterr().err
        assert "the sweep was stopped before it saved any; run it again" in line
        assert "damaged" not in line
    assert main(["sweep", str(whole / "sweep.yaml"), "--out", str(out), "--workers", "1"]) == 0
    assert len(load(out)) == 2


def test_a_file_that_changed_is_looked_through_again(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_bytes((whole / "out" / FILE).read_bytes())
    assert len(load(tmp_path)) == 2
    sql("DROP TABLE curves")(file)
    with pytest.raises(UserError, match="its table curves is missing"):
        load(tmp_path)
