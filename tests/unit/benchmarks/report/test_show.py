"""Conversations in the terminal: complete, found by name, and deaf to what texts would have a terminal do."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.report.layout import Line, print_lines
from goldenrule.benchmarks.report.terminal import conversation
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.benchmarks.storage.store import FILE

Maker = Callable[..., Path]
SMALL: dict[str, Any] = {"seeds": (0, 1), "count": 3, "updates": 1, "methods": ("untrained", "rlhf_ppo")}
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "\nseeker_0: thank you!",
    "\rhelper_0: you are welcome",
    "\u202egnirts\u202c\u2066x\u2069",
    "\x9b31m\x00\x08\x7f \ud800",
    "[bold]not ours[/bold] {0} %s",
    " " * 70 + "seeker_0: thank you so much, kind helper, for all of this!",
    "\u2028\u2029\x85seeker_0: well",
)


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert main(["show", *map(str, arguments)]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def test_every_turn_has_what_was_said_simulated_answered_and_paid(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        for turn in episodes[1]["turns"]:
            if turn["speaker"] == 0:
                turn["notes"] = {"estimate": "I am glad.", "predicted": "I am not."}
                turn["scores"] = {"estimate": 1.0, "predicted": None, "truth": 0.25, "other": 0.5}
                turn["reasons"] = {"predicted": "it does not tell"}

    run = run_maker(tmp_path / "run", **SMALL, change=change)
    record = json.loads(told(capsys, run, "untrained-1:1", "--json"))
    shown = told(capsys, run, "untrained-1:1")
    lines = shown.splitlines()
    assert lines[0] == "untrained, seed 1, episode 1 of untrained-1-25"
    assert "similarity 0.25" in lines[1]
    assert "The partner got +0.25; the agent's estimate was +1.00 (too high)." in shown
    for name, card in zip(record["agents"], record["cards"], strict=True):
        assert f"[{name}] {card}" in lines
    offer = next(i for i, line in enumerate(lines) if line.startswith("helper_0: "))
    assert lines[offer + 1] == "      imagined reply:   I am glad.   [estimate +1.00]"
    assert lines[offer + 2] == "      predicted reply:  I am not.   [would be none: it does not tell]"
    real = [turn["text"] for turn in record["turns"] if turn["speaker"] == 1][-1]
    assert lines[offer + 3] == f"      real reply:       {real}   [true reward +0.25]"
    assert "other +0.50" in lines[offer + 4]
    for turn in record["turns"]:
        assert f"{record['agents'][turn['speaker']]}: {turn['text']}" in lines


def test_without_an_episode_it_lists_what_there_is(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        if row["cell"] == "rlhf_ppo-1-25":
            row |= {"status": "failed", "error": "too warm\x1b[31m"}
            episodes.clear()

    run = run_maker(tmp_path / "run", **SMALL, change=change)
    lines = told(capsys, run).splitlines()
    assert [line.split()[:4] for line in lines[1:5]] == [
        ["untrained-0-25", "3", "untrained", "0"],
        ["rlhf_ppo-0-25", "3", "rlhf_ppo", "0"],
        ["untrained-1-25", "3", "untrained", "1"],
        ["rlhf_ppo-1-25", "failed", "rlhf_ppo", "1"],
    ]
    assert lines[5].endswith("untrained-0-25:0")
    assert [line.split()[0] for line in told(capsys, run, "untrained-0").splitlines()] == [
        f"untrained-0-25:{number}" for number in range(3)
    ]
    assert "the cell failed: too warm\\u{1b}[31m" in told(capsys, run, "rlhf_ppo-1:0", code=2)
    with contextlib.closing(sqlite3.connect(run / FILE)) as db, db:
        db.execute("UPDATE cells SET trace = 'Traceback:\n  too warm\x1b[31m' WHERE cell = 'rlhf_ppo-1-25'")
    assert told(capsys, run, "rlhf_ppo-1").splitlines() == ["Traceback:", "  too warm\\u{1b}[31m"]
    assert len(json.loads(told(capsys, run, "--json"))["cells"]) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody:0", "no cell 'nobody' in"),
        (":0", "no cell '' in"),
        ("25:0", "'25' is part of 4 cells (untrained-0-25, rlhf_ppo-0-25, "),
        ("untrained-0:7", "no episode 7 of untrained-0-25; it has 3 episodes"),
        ("untrained-0:first", "'first' is no number; expected <cell>:<number>"),
        ("untrained-0:-1", "'-1' is no number"),
        ("untrained-0:99999999999999999999", "is no number"),
        ("\x1b[31m", "no cell '\\u{1b}[31m' in"),
    ],
)
def test_a_wrong_name_is_one_line(
    run_maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    run = run_maker(tmp_path / "run", **{**SMALL, "count": 3 if "7" in name else 1})
    line = told(capsys, run, name, code=2)
    assert message in line
    assert line.count("\n") == 1


def test_a_folder_without_a_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x" * 5000)
    assert "it is missing; name the folder of a run" in told(capsys, tmp_path / "nowhere", code=2)
    assert "is no results file" in told(capsys, tmp_path / "file", code=2)
    assert "it has no results.sqlite; name the folder of a run" in told(capsys, tmp_path, code=2)


def hostile(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
    """Every text of a run that somebody else may have written."""
    everything = "".join(HOSTILE)
    row["method"] = row["method"] + HOSTILE[0]
    row["knobs"] = row["knobs"] | {HOSTILE[1]: HOSTILE[2]}
    for number, episode in enumerate(episodes):
        text = HOSTILE[number % len(HOSTILE)]
        episode["cards"] = [card + text for card in episode["cards"]]
        episode["error"] = everything
        episode["narration"] = [{"at": 1, "text": text, "to": None}]
        for turn in episode["turns"]:
            turn["text"] = f"Hello.{text}"
            turn["notes"] = {"estimate": text, "predicted": everything, text: text}
            turn["facts"] = {text: text}
            turn["reasons"] = dict.fromkeys(turn["scores"], text)
            turn["scores"][text] = None


def raw(run: Path, cell: str, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All conversations of a cell as they reach the screen."""
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "76")
    found = []
    with read_run(run) as stored:
        named = next(one for one in stored.cells if one.id == cell)
        for episode in stored.episodes(named):
            stream = io.StringIO()
            print_lines(conversation(named, episode), stream)
            found.append(stream.getvalue())
    return found


@pytest.mark.parametrize("terminal", [False, True])
def test_no_text_reaches_the_terminal_as_more_than_text(
    run_maker: Maker, tmp_path: Path, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_maker(tmp_path / "run", methods=("untrained",), seeds=(0,), count=len(HOSTILE), updates=1, change=hostile)
    shown = raw(run, "untrained-0-25", terminal, monkeypatch)
    assert len(shown) == len(HOSTILE)
    labels = (
        "helper_0: ",
        "seeker_0: ",
        "[helper_0] ",
        "[seeker_0] ",
        "* ",
        "Failed: ",
        "untrained",
        "hidden_",
        "Ended",
    )
    for text in shown:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if terminal else text
        assert ("\x1b[" in text) == terminal  # our own colours, where there is a terminal
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]", plain)
        starts = [line for line in plain.split("\n") if line and not line.startswith("  ")]
        assert all(line.startswith(labels) for line in starts), starts
        said = [line for line in starts if line.startswith(("helper_0: ", "seeker_0: "))]
        assert all(line.split(": ", 1)[1].startswith("Hello.") for line in said)
        assert len(said) == 3
        assert not terminal or max(map(len, plain.split("\n"))) <= 76


def test_a_terminal_keeps_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    words = [f"word{number}" for number in range(60)]
    print_lines(iter([Line("helper_0: ", " ".join(words), 6, "bold", "   [the end]")]), stream)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert [word for word in plain.split() if word.startswith("word")] == words
    assert plain.rstrip().endswith("[the end]")
    assert all(line.startswith("      ") for line in plain.splitlines())
