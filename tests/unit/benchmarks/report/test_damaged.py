"""What is missing or damaged in a run's folder is told by every command that reads it, and never on standard output."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.messages import SHOWN

LOST = "results.sqlite: 2 damaged episodes of untrained-0-25, left out"


@pytest.fixture
def damaged(run_maker: Callable[..., Path], tmp_path: Path) -> Path:
    """A run of three episodes, of which one can be read still."""
    run = run_maker(tmp_path / "run", ("untrained",), (0,), count=3)
    tampered(run, "UPDATE episodes SET log = substr(log, 1, 100) WHERE episode > 0")
    return run


def tampered(run: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as db, db:
        db.execute(statement)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("report", "RUN"), 0),
        (("report", "RUN", "--json"), 0),
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
    places = {"RUN": str(damaged), "OUT": str(tmp_path / "out")}
    assert main([places.get(word, word) for word in command]) == code
    printed = capsys.readouterr()
    assert f"goldenrule: {LOST}\n" in printed.err
    assert LOST not in printed.out
    if "--json" in command:
        json.loads(printed.out)


def test_an_episode_that_was_lost_is_not_called_out_of_range(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(damaged), "untrained-0:1"]) == 2
    assert capsys.readouterr().err == (
        "goldenrule: no episode 1 of untrained-0-25; it has 3 episodes, but this one is damaged "
        "or missing in results.sqlite\n"
    )


def test_of_many_problems_the_first_are_told(
    run_maker: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_maker(tmp_path / "run", ("rlhf_ppo",), tuple(range(SHOWN + 2)), count=1)
    tampered(run, "UPDATE curves SET curve = '{'")
    assert main(["report", str(run)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "cannot be read" in line] == lines[:SHOWN]
    assert lines[SHOWN] == "goldenrule: and 2 more; the page of `goldenrule report` lists them"


def test_a_run_of_version_0_1_is_refused_by_all_who_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    for name in ("rows.jsonl", "config.json"):
        (old / name).write_text("{}")
    run = [str(old)]
    for command in (
        ["report", *run],
        ["show", *run],
        ["replay", *run],
        ["diff", *run, *run],
        ["export", *run, "--to", "inspect", "--out", str(new)],
    ):
        assert main(command) == 2
        assert capsys.readouterr().err == (
            f"goldenrule: '{old}' holds a run of version 0.1 (rows.jsonl and no results.sqlite); read it with "
            "goldenrule 0.1, or run it again into a new folder\n"
        )
    assert not new.exists()
