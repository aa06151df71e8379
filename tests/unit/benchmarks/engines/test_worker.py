"""What a worker makes of a cell: an outcome that is ready to be stored, or the reason why there is none."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from goldenrule.benchmarks.engines.base import attempt
from goldenrule.benchmarks.evaluation.run import Cell, CellResult, CellSettings
from goldenrule.benchmarks.storage.reader import episodes
from goldenrule.benchmarks.storage.store import ResultStore

CELL = Cell("scripted", "hidden_needs-v0", {"similarity": 0.5}, 3, CellSettings(episodes=4, partner="scripted"))


def unheard(done: int, total: int) -> None:
    raise AssertionError("nothing is trained here")


class Given(Cell):
    """A cell that gives what it is told to."""

    result: CellResult

    def run(self, report: Any, state: Any = None) -> CellResult:
        return self.result


def given(change: Any) -> Given:
    result = CELL.run(unheard)
    cell = Given(CELL.method, CELL.scenario, CELL.knobs, CELL.seed, CELL.settings)
    object.__setattr__(cell, "result", change(result))
    return cell


@pytest.mark.parametrize(
    "broken",
    [
        lambda found: CellResult(found.row | {"own_reward": math.nan}, found.episodes, []),
        lambda found: CellResult(found.row, [found.episodes[0] | {"cards": [math.inf]}], []),
        lambda found: CellResult(found.row, found.episodes, [{"update": 1, "reward": math.nan}]),
        lambda found: CellResult(found.row, [found.episodes[0] | {"cards": [object()]}], []),
    ],
)
def test_results_that_cannot_be_saved_are_a_failed_row_and_nothing_else(broken: Any) -> None:
    found = attempt(given(broken), None, unheard)
    assert found.row["status"] == "failed"
    assert found.row["error"].startswith("the results cannot be saved: ")
    assert found.row["own_reward"] is None
    assert (list(found.episodes), found.curve) == ([], None)


def test_the_store_keeps_the_dialogues_as_they_were(tmp_path: Any) -> None:
    pytest.importorskip("pandas")
    found = attempt(given(lambda result: result), None, unheard)
    with ResultStore(tmp_path, {}, {}) as store:
        store.commit(found)
    kept = [json.loads(log) for log in episodes(tmp_path, log=True).log]
    assert kept == json.loads(json.dumps(CELL.run(unheard).episodes))
