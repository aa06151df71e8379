"""results.sqlite: whole rows or none, one writer, old files kept when something goes wrong."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from goldenrule.benchmarks.engines.base import attempt
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.storage.export import to_parquet
from goldenrule.benchmarks.storage.reader import earlier_rows, episodes, load, read_run, rows
from goldenrule.benchmarks.storage.store import FILE, VOLATILE, ResultStore, RunRecord, folder_lock
from goldenrule.common.errors import UserError


@pytest.fixture(scope="module")
def outcome():
    cell = Cell("scripted", "hidden_needs-v0", {"similarity": 0.5}, 3, CellSettings(episodes=4, partner="scripted"))
    return attempt(cell, None, lambda done, total: None)


def opened(folder, places=()):
    return ResultStore(folder, {cell: k for k, cell in enumerate(places)}, {"goldenrule": "0"}, "abc")


def named(outcome, cell, **columns):
    """The same as of another cell, with some columns of its episodes changed."""
    rows, unseen = ([one | {"cell": cell} | columns for one in some] for some in (outcome.episodes, outcome.unseen))
    return replace(outcome, row=outcome.row | {"cell": cell}, episodes=rows, unseen=unseen)


def test_a_row_comes_back_as_the_engine_gave_it(tmp_path, outcome):
    row = outcome.row
    with opened(tmp_path, [row["cell"]]) as store:
        store.commit(replace(outcome, curve='[{"update": 1}]'))
        assert store.settled() == {row["cell"]: "done"}
    assert [path.name for path in tmp_path.iterdir()] == ["results.sqlite"]
    (found,) = rows(tmp_path)
    assert {key: found[key] for key in row} == row
    assert list(found["knobs"]) == list(row["knobs"])  # in the scenario's order, as `compare` has them
    assert found["code"] == "abc"
    assert found["versions"] == {"goldenrule": "0"}
    table = load(tmp_path)
    assert table.loc[0, "knob.similarity"] == 0.5
    assert [name for name in table.columns if name.startswith("knob.")] == [f"knob.{name}" for name in row["knobs"]]
    assert set(VOLATILE) <= set(table.columns)


def test_episodes_add_up_to_the_cell(tmp_path, outcome):
    row = outcome.row
    with opened(tmp_path) as store:
        store.commit(outcome)
    table = episodes(tmp_path)
    assert len(table) == row["episodes"] == 4
    for name in ("own_reward", "partner_reward", "proxy_reward"):
        assert table[name].mean() == pytest.approx(row[name])
    assert table["partner_reward_estimate"].isna().all()  # a script imagines nobody: none, not 0


def test_a_second_attempt_takes_the_place_of_the_first(tmp_path, outcome):
    row = outcome.row
    failed = {**dict.fromkeys(row), **{k: row[k] for k in ("cell", "method", "scenario", "knobs", "params", "seed")}}
    failed |= {"status": "failed", "error": "lost\ud800\0", "seconds": 0.0}
    with opened(tmp_path) as store:
        store.commit(RunRecord(failed | {"trace": "Traceback"}))
        assert rows(tmp_path)[0]["error"] == "lost\\ud800\\x00"
        store.commit(outcome)
    assert [one["status"] for one in rows(tmp_path)] == ["done"]
    assert len(episodes(tmp_path)) == 4


def test_cells_saved_together_are_all_there_or_none(tmp_path, outcome):
    one, other = named(outcome, "a"), named(outcome, "b")
    with opened(tmp_path) as store:
        with pytest.raises(UserError, match="damaged"):
            store.commit(one, replace(other, episodes=named(outcome, "c").episodes))
        assert store.settled() == {}
        store.commit(one, other)
    assert [one["cell"] for one in rows(tmp_path)] == ["a", "b"]
    assert len(episodes(tmp_path)) == 8
    with read_run(tmp_path) as run:  # dialogues with people never met lie apart
        assert [len(list(run.episodes(cell, "unseen"))) for cell in run.cells] == [2, 2]


def test_parquet_holds_the_same_rows(tmp_path, outcome):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    row = outcome.row
    with opened(tmp_path) as store:
        store.commit(outcome)
    cells, told = to_parquet(tmp_path, tmp_path / "out")
    assert pd.read_parquet(cells)["cell"].tolist() == [row["cell"]]
    assert len(pd.read_parquet(told)) == 4


def test_one_writer_at_a_time_and_the_second_learns_who(tmp_path):
    told = pytest.raises(UserError, match=f"process {os.getpid()} on ")
    with folder_lock(tmp_path), told, folder_lock(tmp_path):
        pytest.fail("two processes hold one folder")
    with folder_lock(tmp_path):
        pass


def overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(range(1, 251)) * 80
    file.write_bytes(content)


def sql(statement: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with contextlib.closing(sqlite3.connect(file)) as db, db:
            db.execute(statement)

    return change


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte short of a page": (lambda file: file.write_bytes(file.read_bytes()[:-1000]), "is damaged"),
    "a page short": (lambda file: file.write_bytes(file.read_bytes()[:-4096]), "is damaged"),
    "a third of it": (lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 3]), "is damaged"),
    "written over": (overwritten, "is damaged"),
    "no database": (lambda file: file.write_text("x" * 5000), "is no results file"),
    "of another format": (sql("PRAGMA user_version = 99"), "has format 99; expected format 4: use the version that"),
    "of version 0.1": (sql("PRAGMA user_version = 0"), "is of version 0.1 of goldenrule; expected format 4"),
    "with knobs of no kind": (sql("UPDATE cells SET knobs = '{'"), "is damaged"),
    "with a plan of no kind": (sql("INSERT OR REPLACE INTO meta VALUES ('sweep', '{')"), "is damaged"),
}


class TestDamage:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_it_is_one_line_that_says_what_to_do_and_the_file_stays_as_it_is(self, tmp_path, outcome, fault):
        change, told = FAULTS[fault]
        with opened(tmp_path) as store:
            store.commit(outcome)
        change(tmp_path / FILE)
        before = (tmp_path / FILE).read_bytes()

        def write() -> None:
            with opened(tmp_path) as store:
                store.describe(kind="sweep", sweep={"name": "s"})

        reads = [
            lambda: read_run(tmp_path),
            lambda: load(tmp_path),
            lambda: earlier_rows(tmp_path, "sweep", "s"),
            write,
        ]
        if fault.startswith("with"):
            reads = reads[:1]
        for read in reads:
            with pytest.raises(UserError, match=r"results\.sqlite") as raised:
                read()
            assert told in str(raised.value)
            assert "new folder" in str(raised.value)
            assert "\n" not in str(raised.value)
        assert (tmp_path / FILE).read_bytes() == before

    def test_killed_at_birth(self, tmp_path):
        sqlite3.connect(tmp_path / FILE).close()
        (tmp_path / FILE).touch()
        assert earlier_rows(tmp_path, "sweep", "s") == []
        with pytest.raises(UserError, match="stopped before it saved any; run it again"):
            rows(tmp_path)
        with opened(tmp_path) as store:
            assert store.settled() == {}

    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match=r"has no results\.sqlite; name the folder of a run"):
            load(tmp_path)
        assert earlier_rows(tmp_path, "sweep", "s") == []

    def test_a_full_disk_is_one_line_and_what_was_there_is_whole(self, tmp_path, outcome):
        row = outcome.row
        with opened(tmp_path) as store:
            store.commit(outcome)
        pid = os.fork()
        if pid == 0:  # the child's files may not grow
            code = 3
            try:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                size = (tmp_path / FILE).stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
                with opened(tmp_path) as store:
                    store.commit(named(outcome, "other", log="x" * 100_000))
            except UserError as error:
                code = 0 if "\n" not in str(error) and "kept" in str(error) else 4
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert [one["cell"] for one in rows(tmp_path)] == [row["cell"]]
        assert len(episodes(tmp_path)) == 4
