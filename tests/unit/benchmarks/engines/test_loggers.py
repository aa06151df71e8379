"""Loggers hear of what is saved, in order, and none of them can lose a result."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from goldenrule.benchmarks.engines.loggers import KINDS, Logged, logger_from
from goldenrule.benchmarks.evaluation.metrics import KEYS
from goldenrule.benchmarks.storage.store import RunRecord
from goldenrule.common.errors import UserError

ROW = {
    **dict.fromkeys(KEYS),
    "cell": "untrained-0-ab",
    "method": "untrained",
    "scenario": "hidden_needs-v0",
    "knobs": {"cue": 1.0},
    "seed": 0,
    "status": "done",
    "error": None,
    "partner_reward": 0.5,
}
CURVE = [{"update": 1, "reward": 0.1, "truth": None, "kl": 0.0}, {"update": 2, "reward": 0.2, "truth": 0.3, "kl": 0.1}]
FINISHED = RunRecord.of(ROW, curve=CURVE)


class Kept:
    """A store and a logger that remember."""

    def __init__(self, broken=False):
        self.saved, self.heard, self.broken = [], [], broken

    def commit(self, *outcomes):
        self.saved += [one.row["cell"] for one in outcomes]

    def log(self, cell):
        if self.broken:
            raise RuntimeError("no \x1b[31mnetwork")
        self.heard.append((cell.name, cell.config["method"], cell.curve, cell.metrics))


def test_a_logger_hears_numbers_only_and_after_they_are_saved():
    both = Kept()
    Logged(both, both.log).commit(FINISHED)
    assert both.saved == ["untrained-0-ab"]
    curve = [(1, {"reward": 0.1, "kl": 0.0}), (2, {"reward": 0.2, "truth": 0.3, "kl": 0.1})]
    assert both.heard == [("untrained-0-ab", "untrained", curve, {"partner_reward": 0.5})]


def test_one_that_breaks_is_told_once_and_the_run_goes_on(capsys):
    store, broken = Kept(), Kept(broken=True)
    logged = Logged(store, broken.log)
    for _ in range(3):
        logged.commit(FINISHED)
    assert len(store.saved) == 3
    error = capsys.readouterr().err
    assert error.count("logging stopped") == 1
    assert "\x1b" not in error


def test_an_unknown_one_is_one_line(tmp_path):
    with pytest.raises(UserError, match="--log 'paper' is unknown; expected one of tensorboard, wandb, trackio"):
        logger_from("paper", tmp_path)


@pytest.mark.parametrize("kind", ["wandb", "trackio"])
def test_one_that_is_not_installed_is_one_line(tmp_path, kind, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(UserError, match=rf"--log {kind} needs {kind}; pip install 'goldenrule\[{kind}\]'"):
        logger_from(kind, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_writes_under_its_folder(tmp_path, kind, monkeypatch):
    if importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, name)  # it reads where to write when it is imported
    Logged(Kept(), logger_from(kind, tmp_path)).commit(FINISHED)
    assert [path for path in (tmp_path / kind).rglob("*") if path.is_file()]
