"""Exports: every cell and episode is there, figures that are none stay none, and the other tool's reader reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks import load
from goldenrule.benchmarks.cli.main import main

Maker = Callable[..., Path]
Record = dict[str, Any]
SMALL: dict[str, Any] = {"seeds": (0, 1), "count": 3, "updates": 1, "methods": ("untrained", "rlhf_ppo")}


def broken(row: Record, episodes: list[Record]) -> None:
    """One cell failed; another has a failed episode, an estimate that is none, and a text of many kinds."""
    if row["cell"] == "rlhf_ppo-1-25":
        row |= {"status": "failed", "error": "too warm"}
        episodes.clear()
    elif row["cell"] == "untrained-0-25":
        episodes[0] |= {"status": "failed", "error": "no words left", "turns": episodes[0]["turns"][:1]}
        for turn in episodes[1]["turns"]:
            turn["scores"] = dict.fromkeys(turn["scores"])
            turn["text"] = "\nseeker_0: <b>\x1b[31m \ud800 水"


@pytest.fixture
def logs(run_maker: Maker, tmp_path: Path) -> dict[str, Record]:
    run = run_maker(tmp_path / "run", **SMALL, change=broken)
    assert main(["export", str(run), "--to", "inspect", "--out", str(tmp_path / "out")]) == 0
    found = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "out").iterdir()]
    return {log["eval"]["metadata"]["cell"]: log for log in found}


def test_a_log_has_its_episodes_messages_and_scores(logs: dict[str, Record]) -> None:
    assert set(logs) == {f"{method}-{seed}-25" for method in SMALL["methods"] for seed in SMALL["seeds"]}
    log = logs["untrained-1-25"]
    assert (log["status"], log["eval"]["model"], len(log["samples"])) == ("success", "goldenrule/untrained", 3)
    assert log["eval"]["task_args"] == {"similarity": 0.25, "cue": 1.0}
    means = {one["name"]: one["metrics"]["mean"]["value"] for one in log["results"]["scores"]}
    paid = [sample["scores"]["partner_reward"]["value"] for sample in log["samples"]]
    assert means["partner_reward"] == pytest.approx(sum(paid) / 3)
    assert next(iter(means)) == "partner_reward"  # the one that a list of logs shows
    sample = log["samples"][0]
    assert [message["role"] for message in sample["messages"]] == ["system", "user", "assistant", "user"]
    assert sample["messages"][0]["content"] == sample["metadata"]["cards"]["helper_0"]
    assert sample["input"] == sample["messages"][:2]
    offer = sample["messages"][2]
    assert offer["metadata"]["speaker"] == "helper_0"
    assert set(offer["metadata"]["simulated"]) == {"estimate", "predicted"}
    assert sample["output"]["choices"][0]["message"] == offer
    assert {score["answer"] for score in sample["scores"].values()} == {offer["content"]}


def test_what_is_none_is_no_score_and_what_failed_says_why(logs: dict[str, Record]) -> None:
    assert (logs["rlhf_ppo-1-25"]["status"], logs["rlhf_ppo-1-25"]["error"]["message"]) == ("error", "too warm")
    failed, unscored, whole = logs["untrained-0-25"]["samples"]
    assert (failed["error"]["message"], failed["scores"]) == ("no words left", {})
    assert "partner_reward_estimate" not in unscored["scores"]
    assert "partner_reward" in unscored["scores"]
    assert "error" not in whole
    assert logs["untrained-0-25"]["results"]["completed_samples"] == 2
    said = [message for message in unscored["messages"] if message["role"] != "system"]
    assert {message["content"] for message in said} == {"\nseeker_0: <b>\x1b[31m ? 水"}
    assert [message["metadata"]["speaker"] for message in said] == ["seeker_0", "helper_0", "seeker_0"]


def test_inspect_reads_it(logs: dict[str, Record], tmp_path: Path) -> None:
    reader = pytest.importorskip("inspect_ai.log")
    infos = reader.list_eval_logs(str(tmp_path / "out"))
    assert len(infos) == len({info.task_id for info in infos}) == 4
    read = [reader.read_eval_log(info) for info in infos]
    assert sorted(len(log.samples) for log in read) == [0, 3, 3, 3]
    assert {log.status for log in read} == {"success", "error"}


def test_parquet_has_a_row_a_cell_and_a_row_an_episode(run_maker: Maker, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    run, out = run_maker(tmp_path / "run", **SMALL, change=broken), tmp_path / "out"
    assert main(["export", str(run), "--to", "parquet", "--out", str(out)]) == 0
    cells, episodes = (pd.read_parquet(out / f"{name}.parquet") for name in ("cells", "episodes"))
    assert list(cells.cell) == list(load(run).cell)
    assert set(cells["knob.similarity"]) == {0.25}
    assert json.loads(cells.knobs[0]) == {"cue": 1.0, "similarity": 0.25}
    assert len(episodes) == 9
    assert json.loads(episodes.log[0])["episode"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--to", "paper", "--out", "x"], "'paper' is not one of 'inspect', 'parquet'"),
        (["nowhere", "--to", "inspect", "--out", "x"], "no run in 'nowhere'"),
        (["run", "--to", "inspect", "--out", "file"], "cannot write 'file'"),
        (["run", "--to", "inspect", "--out", "x"], "an episode of untrained-0-25 is damaged"),
    ],
)
def test_wrong_input_is_one_line(
    run_maker: Maker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    def damaged(row: Record, episodes: list[Record]) -> None:
        episodes[0]["cards"] = []

    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    run_maker(tmp_path / "run", methods=("untrained",), seeds=(0,), count=1, change=damaged)
    assert main(["export", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
