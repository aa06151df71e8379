"""results.sqlite: whole rows or none, one writer, old files kept when something goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from dataclasses import replace

import pytest

from goldenrule.benchmarks.engines.worker import attempt
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.storage import VOLATILE, episodes, load, opening, to_parquet
from goldenrule.benchmarks.storage.load import rows, standing
from goldenrule.benchmarks.storage.lock import locked
from goldenrule.benchmarks.storage.outcome import Outcome
from goldenrule.benchmarks.storage.schema import EPISODE_COLUMNS, FILE
from goldenrule.benchmarks.storage.store import SweepStore
from goldenrule.common.errors import UserError


@pytest.fixture(scope="module")
def outcome():
    cell = Cell("scripted", "hidden_needs-v0", {"similarity": 0.5}, 3, CellSettings(episodes=4, partner="scripted"))
    return attempt(cell, None, lambda done, total: None)


def opened(folder, places=()):
    return SweepStore(folder, {cell: k for k, cell in enumerate(places)}, {"goldenrule": "0"}, "abc")


def named(outcome, cell, **columns):
    """The same as of another cell, with some columns of its episodes changed."""
    rows = [dict(zip(EPISODE_COLUMNS, one, strict=True)) | {"cell": cell} | columns for one in outcome.episodes]
    return replace(outcome, row=outcome.row | {"cell": cell}, episodes=[tuple(one.values()) for one in rows])


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
        store.commit(Outcome(failed, trace="Traceback"))
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


def test_what_this_process_has_written_is_not_looked_through_again(tmp_path, outcome, monkeypatch):
    with monkeypatch.context() as patch:
        with opened(tmp_path) as store:
            store.commit(outcome)
            patch.setattr(opening, "_look_through", lambda *file: pytest.fail("looked through"))
        assert len(rows(tmp_path)) == 1
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("DELETE FROM episodes WHERE episode = 0")
    db.commit()
    db.close()
    with pytest.raises(UserError, match="3 of 4 episodes"):
        rows(tmp_path)


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
    with locked(tmp_path), pytest.raises(UserError, match=f"process {os.getpid()} on "), locked(tmp_path):
        pytest.fail("two processes hold one folder")
    with locked(tmp_path):
        pass


class TestDamage:
    def test_of_another_format(self, tmp_path):
        db = sqlite3.connect(tmp_path / FILE)
        db.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        db.execute("INSERT INTO meta VALUES ('format', '99')")
        db.commit()
        db.close()
        with pytest.raises(UserError, match="format 99; expected 2"):
            opened(tmp_path)
        with pytest.raises(UserError, match="format 99; expected 2"):
            rows(tmp_path)

    @pytest.mark.parametrize(
        "content", [b"no database at all, but long enough to be looked at" * 9, b"SQLite format 3\0"]
    )
    def test_no_results_file(self, tmp_path, content):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(UserError, match=r"results\.sqlite"):
            opened(tmp_path)

    def test_cut_short(self, tmp_path, outcome):
        with opened(tmp_path) as store:
            store.commit(outcome)
        whole = (tmp_path / FILE).read_bytes()
        (tmp_path / FILE).write_bytes(whole[: len(whole) // 3])
        with pytest.raises(UserError, match=r"results\.sqlite"):
            rows(tmp_path)

    def test_killed_at_birth(self, tmp_path):
        sqlite3.connect(tmp_path / FILE).close()
        (tmp_path / FILE).touch()
        assert standing(tmp_path, "sweep", "s") == []
        with pytest.raises(UserError, match="stopped before it saved any; run it again"):
            rows(tmp_path)
        with opened(tmp_path) as store:
            assert store.settled() == {}

    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match="is missing; name the folder of a sweep"):
            load(tmp_path)
        assert standing(tmp_path, "sweep", "s") == []

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
