"""The page of a sweep: what the page of the same cells in a run directory tells, from a file that may be large."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.summary import read_ends
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.report import conversations, page
from goldenrule.benchmarks.report.conversations import MAX_CONVERSATIONS, PER_CELL, shares
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage.reader import AT_ONCE, read_run
from goldenrule.benchmarks.storage.store import FILE, ResultStore, RunRecord
from goldenrule.common.errors import UserError

Maker = Callable[..., Path]
SMALL: dict[str, Any] = {"seeds": (0, 1), "count": 4, "updates": 2, "methods": ("untrained", "rlhf_ppo")}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, run_maker: Maker) -> Path:
    return run_maker(tmp_path_factory.mktemp("swept") / "run", **SMALL)


@pytest.fixture(scope="module")
def html(swept: Path) -> str:
    return write_report(swept).read_text("utf-8")


def altered(swept: Path, folder: Path, *statements: str) -> Path:
    """A copy of the sweep whose results were tampered with."""
    folder.mkdir()
    (folder / FILE).write_bytes((swept / FILE).read_bytes())
    db = sqlite3.connect(folder / FILE)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return folder


def test_cells_saved_in_another_order_give_the_same_bytes(html: str, run_maker: Maker, tmp_path: Path) -> None:
    again = run_maker(tmp_path / "run", **SMALL, backwards=True)
    assert write_report(again).read_text("utf-8") == html


@pytest.mark.parametrize("cells", [0, 1, 29, 31, 899, 901, 5000])
def test_conversations_are_shared_evenly_and_bounded(cells: int) -> None:
    found = shares(cells)
    assert len(found) == cells
    assert sum(found) == min(MAX_CONVERSATIONS, PER_CELL * cells)
    assert not cells or max(found) - min(found) <= 1


def test_with_more_cells_than_conversations_some_have_one(
    swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(conversations, "MAX_CONVERSATIONS", 2)
    found = embedded(write_report(altered(swept, tmp_path / "run")).read_text("utf-8"))
    assert len(found["talks"]) == len(found["cells"]) == 2
    assert [talk["cell"] for talk in found["talks"]] == [0, 1]
    assert {cell["seed"] for cell in found["cells"]} == {"0", "1"}


def test_what_is_missing_is_said(swept: Path, tmp_path: Path) -> None:
    run = altered(
        swept,
        tmp_path / "run",
        "UPDATE meta SET value = '7' WHERE key = 'cells'",
        "UPDATE episodes SET log = '[1' WHERE cell = 'untrained-1-25' AND episode = 0",
        "UPDATE curves SET curve = 'nonsense' WHERE cell = 'rlhf_ppo-0-25'",
    )
    with read_run(run) as stored:
        for cell in stored.cells:
            assert stored.curve(cell) == [] or cell.method == "rlhf_ppo"
        logs = conversations.read_logs(stored, read_ends(stored))
        told = Counter(logs.cells[talk["cell"]].id for talk in logs.conversations)
        assert told == {cell.id: 3 if cell.id == "untrained-1-25" else 4 for cell in stored.cells}
        text = "; ".join(stored.problems)
    assert "3 of 7 cells had not finished" in text
    assert "1 damaged episode of untrained-1-25, left out" in text
    assert "the curve of rlhf_ppo-0-25 cannot be read" in text


def test_cells_that_the_file_no_longer_has_are_left_out_and_told(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = altered(swept, tmp_path / "run", "UPDATE meta SET value = '3' WHERE key = 'cells'")
    with read_run(run) as stored:
        assert stored.problems == [f"1 cell of an earlier configuration left out; {FILE} keeps them"]
        assert len(stored.cells) == 3
    with read_run(run, everything=True) as stored:
        assert (len(stored.cells), stored.problems) == (4, [])
    assert main(["report", str(run), "--json"]) == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)["rows"]) == 3
    assert "goldenrule: 1 cell of an earlier configuration left out" in told.err


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("PRAGMA user_version = 99", "has format 99; expected format 4"),
        ("PRAGMA user_version = 0", "is of version 0.1 of goldenrule"),
        ("DROP TABLE episodes", "no such table: episodes"),
        ("UPDATE cells SET knobs = '{'", "is damaged"),
    ],
)
def test_results_of_another_form_are_one_line(swept: Path, tmp_path: Path, statement: str, told: str) -> None:
    run = altered(swept, tmp_path / "run", statement)
    with pytest.raises(UserError, match=told) as raised:
        write_report(run)
    assert "\n" not in str(raised.value)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_file_cut_short_is_one_line(swept: Path, tmp_path: Path, kept: float) -> None:
    whole = (swept / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UserError, match=r"damaged|cannot be written or read"):
        write_report(tmp_path)


def test_figures_of_an_earlier_page_that_this_one_has_not_are_removed(swept: Path, tmp_path: Path) -> None:
    run = altered(swept, tmp_path / "run")
    figures = run / "figures"
    figures.mkdir()
    stale = [figures / f"learning_1.{kind}" for kind in ("png", "svg", "csv")]
    own = [figures / "learning_2.png", figures / "mine.csv", figures / "mine.svg", figures / "mine.png"]
    for path in (*stale, *own):
        path.write_bytes(b"old")
    write_report(run)
    assert not any(path.exists() for path in stale)
    assert all(path.read_bytes() == b"old" for path in own)
    assert (figures / "learning.png").stat().st_size > 1000


def test_a_full_disk_leaves_the_old_page_whole(swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = altered(swept, tmp_path / "run")
    before = b"an earlier page"
    (run / "report.html").write_bytes(before)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(page, "write_whole", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_report(run)
    assert (run / "report.html").read_bytes() == before


def test_a_sweep_that_is_read_can_go_on(swept: Path, tmp_path: Path, run_maker: Maker) -> None:
    """Rows can be saved while episodes are read: no lock is held between pieces."""
    run = run_maker(tmp_path / "run", methods=("untrained",), seeds=(0,), count=2 * AT_ONCE + 3)
    with read_run(run) as stored:
        episodes = stored.episodes(stored.cells[0])
        assert next(episodes)["episode"] == 0
        with ResultStore(run, {}, {}) as store:
            store._db.execute("PRAGMA busy_timeout = 0")
            row = {key: stored.cells[0].row[key] for key in ("method", "scenario", "knobs", "seed", "seconds")}
            store.commit(RunRecord({**row, "cell": "new", "status": "failed", "error": "no"}))
        assert [one["episode"] for one in episodes] == list(range(1, 2 * AT_ONCE + 3))
