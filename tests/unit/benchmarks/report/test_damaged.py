"""What is missing or damaged in a run's folder is told by every command that reads it, and never on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.messages import SHOWN

LOST = "episodes/untrained-0-25.jsonl: 2 lines cut short or damaged, left out"


@pytest.fixture
def damaged(run_maker: Callable[..., Path], tmp_path: Path) -> Path:
    """A run of three episodes, of which one can be read still."""
    run = run_maker(tmp_path / "run", ("untrained",), (0,), count=3)
    log = run / "episodes" / "untrained-0-25.jsonl"
    first, second, third = log.read_text("utf-8").splitlines()
    log.write_text(f"{first}\n{second[:100]}\n{third[:50]}")
    return run


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("report", "RUN"), 0),
        (("report", "RUN", "--json"), 0),
        (("export", "RUN", "--to", "parquet", "--out", "OUT"), 0),
        (("export", "RUN", "--to", "inspect", "--out", "OUT"), 0),
        (("replay", "RUN"), 1),
        (("replay", "RUN", "--json"), 1),
    ],
)
def test_every_command_that_reads_episodes_says_which_were_lost(
    damaged: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    code: int,
) -> None:
    if "parquet" in command:
        pytest.importorskip("pyarrow")
    places = {"RUN": str(damaged), "OUT": str(tmp_path / "out")}
    assert main([places.get(word, word) for word in command]) == code
    printed = capsys.readouterr()
    assert f"goldenrule: {LOST}\n" in printed.err
    assert LOST not in printed.out
    if "--json" in command:
        json.loads(printed.out)


@pytest.mark.parametrize("which", [0, 1])
def test_rows_that_were_lost_are_told_of_the_run_that_lost_them(
    run_maker: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], which: int
) -> None:
    runs = [run_maker(tmp_path / name, ("untrained",), (0, 1), count=1) for name in ("one", "two")]
    rows = runs[which] / "rows.jsonl"
    rows.write_text(rows.read_text("utf-8")[:-40])
    assert main(["diff", *map(str, runs), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["paired"] == 1
    name = "AB"[which]
    assert printed.err.splitlines() == [
        f"goldenrule: {name}: rows.jsonl: 1 line cut short or damaged, left out",
        f"goldenrule: {name}: 1 of 2 cells had not finished when this was read",
    ]


def test_an_episode_that_was_lost_is_not_called_out_of_range(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(damaged), "untrained-0:1"]) == 2
    assert capsys.readouterr().err == (
        "goldenrule: no episode 1 of untrained-0-25; it was one of 3; what is left of them in episodes/ is damaged or "
        "incomplete\n"
    )


def test_of_many_problems_the_first_are_told(
    run_maker: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_maker(tmp_path / "run", ("untrained",), tuple(range(SHOWN + 2)), count=1)
    for log in (run / "episodes").iterdir():
        log.unlink()
    assert main(["report", str(run)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if ".jsonl is missing" in line] == lines[:SHOWN]
    assert lines[SHOWN] == "goldenrule: and 2 more; the page of `goldenrule report` lists them"


def test_a_configuration_that_cannot_be_read_is_told(
    run_maker: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_maker(tmp_path / "run", ("untrained",), (0,), count=1)
    (run / "config.json").write_text('{"scenario": "hid')
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().err.startswith("goldenrule: config.json cannot be read: ")
