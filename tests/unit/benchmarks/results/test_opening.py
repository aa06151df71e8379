"""A results file that is not as it should be: one true line with the next step, the same for all who read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli import main
from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.results import episodes, load
from goldenrule.benchmarks.results.load import rows
from goldenrule.benchmarks.results.schema import FILE

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
        sql("UPDATE meta SET value = '2' WHERE key = 'format'"),
        "has format 2; expected 1: use the version that wrote it, or name another folder",
    ),
    "without format": (sql("DELETE FROM meta"), "has no format; expected 1: use the version that wrote it"),
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
