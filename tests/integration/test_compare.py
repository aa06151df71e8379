"""`goldenrule compare` from the command line to the files it leaves."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from goldenrule.agents.networks.checkpoint import load_checkpoint, weights_hash
from goldenrule.benchmarks.analysis.summary import findings_of
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.progress import Lines
from goldenrule.benchmarks.evaluation.run import Cell
from goldenrule.benchmarks.experiments.run import SweepResult
from goldenrule.benchmarks.report.terminal import print_summary
from goldenrule.benchmarks.storage import VOLATILE
from goldenrule.benchmarks.storage.reader import read_run, rows
from goldenrule.benchmarks.storage.store import FILE
from goldenrule.common.data import has


def summary_of(done: SweepResult) -> Mapping[str, Any]:
    """What `report` says of a run."""
    with read_run(done.path) as run:
        return findings_of(run).summary


ROW_KEYS = (
    "method scenario knobs seed status error own_reward proxy_reward partner_reward partner_reward_estimate "
    "third_party_reward valid_share reply_accuracy tokens seconds"
).split()

AGENTS = '''
from pathlib import Path
from goldenrule.agents.base import Reply

OUT = Path(__file__).with_name("out of order")

class Fixed:
    """Says the same thing always."""
    said = "You should make a plan."
    def reset(self, seeds): self.seeds = seeds
    def act(self, observations): return [Reply(self.said) for _ in observations]

class Short(Fixed):
    def act(self, observations): return []

class Number(Fixed):
    said = 7

class Bare(Fixed):
    def act(self, observations): return [self.said for _ in observations]

class Empty(Fixed):
    said = ""

class Long(Fixed):
    said = "x" * 2001

class Escape(Fixed):
    said = "\\x1b[2J" + "\\u2028" + "</script>"

class Raises(Fixed):
    """Raises in every second dialogue."""
    def act(self, observations):
        if any(seen.dialogue % 2 for seen in observations): raise RuntimeError("no words\\nleft")
        return super().act(observations)

class Outage(Fixed):
    """Without words in every second dialogue while its provider is out."""
    def act(self, observations):
        if OUT.exists() and any(int(self.seeds[seen.dialogue]) % 2 for seen in observations): raise RuntimeError("out")
        return super().act(observations)

class Crashes(Fixed):
    """Well until there are more than two dialogues."""
    def reset(self, seeds):
        if len(seeds) > 2: raise RuntimeError("too many \\x1b[31m people")

class NeedsArguments(Fixed):
    def __init__(self, x): pass

class Mute:
    pass
'''


@pytest.fixture
def agents(tmp_path, monkeypatch):
    name = f"agents_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.fixture
def no_page(monkeypatch):
    """The page has tests of its own and takes seconds."""
    monkeypatch.setattr("goldenrule.benchmarks.report.page.write_report", lambda path: path / "report.html")


def small(tiny, *more):
    return ["compare", "--checkpoint", str(tiny), "--steps", "1", "--dialogues", "2", "--episodes", "4", *more]


def steady(rows):
    return [{key: value for key, value in row.items() if key not in VOLATILE} for row in rows]


def logs(out):
    """The episodes of each cell, as they were stored."""
    with read_run(out) as run:
        return {cell.id: list(run.episodes(cell)) for cell in run.cells}


def test_json_prints_one_object_and_the_folder_holds_everything(tiny, tmp_path, capsys):
    out = tmp_path / "run"
    more = ["--methods", "untrained,scripted", "--seeds", "1", "--workers", "1", "--out", str(out), "--json"]
    code = main(small(tiny, *more))
    printed = capsys.readouterr()
    assert code == 0, printed.err
    shown = json.loads(printed.out)
    assert list(shown) == ["run", "rows", "summary", "comparisons"]  # as `sweep` and `report` print it
    assert shown["rows"] == rows(out)
    assert [row["method"] for row in shown["rows"]] == ["untrained", "scripted"]
    for row in shown["rows"]:
        assert set(ROW_KEYS) <= set(row)
        assert row["status"] == "done"
        assert len(logs(out)[row["cell"]]) == 4
    assert shown["summary"]["complete"]
    with read_run(out) as run:
        assert run.config["name"] == "hidden_needs-v0"
        assert run.config["training"]["updates"] == 1
        assert len(run.config["bases"]) == 1
        assert run.cells[0].knobs == {
            "similarity": 0.25,
            "cue": 1.0,
            "tells": 1.0,
            "seekers": 1,
            "silence": 0.0,
            "turns": 1,
            "people": "seen",
        }
        assert run.environment["versions"]["torch"]
    assert (out / "report.html").read_text().startswith("<!")
    assert "done    untrained, seed 0" in printed.err


def test_rows_do_not_depend_on_workers_and_repeat(tiny, tmp_path, no_page, compared):
    methods = ("untrained", "empathetic_kindness")
    here = compared(tmp_path / "here", methods, checkpoint=tiny)
    more = ["--methods", ",".join(methods), "--seeds", "0,", "--workers", "2", "--save-weights"]
    assert main(small(tiny, *more, "--out", str(tmp_path / "two"))) == 1  # its base knows no words: nothing is learnt
    two = rows(tmp_path / "two")
    assert steady(two) == steady(here.rows)
    assert logs(tmp_path / "two") == logs(tmp_path / "here")  # not the rows alone: what was said is the same, too
    curves = [dict(sqlite3.connect(tmp_path / name / FILE).execute("SELECT * FROM curves")) for name in ("two", "here")]
    assert curves[0] == curves[1]
    assert list(curves[0]) == [two[1]["cell"]]
    assert two[0]["weights"] != two[1]["weights"]
    saved, _, _ = load_checkpoint(tmp_path / "two" / "weights" / two[1]["cell"])
    assert weights_hash(saved) == two[1]["weights"]
    assert not (tmp_path / "here" / "weights").exists()


def test_another_seed_gives_another_row(tiny, tmp_path, compared):
    first, second = compared(tmp_path / "run", ("untrained",), checkpoint=tiny, seeds=[0, 1]).rows
    assert first["cell"] != second["cell"]
    told = logs(tmp_path / "run")
    assert told[first["cell"]] != told[second["cell"]]


def test_knobs_with_several_values_make_a_grid(tmp_path, capsys, compared):
    done = compared(tmp_path / "run", ("scripted",), knobs={"similarity": [0, 1]}, partner="scripted")
    assert [row["knobs"]["similarity"] for row in done.rows] == [0.0, 1.0]
    print_summary(summary_of(done), sys.stdout)
    assert capsys.readouterr().out.count("hidden_needs-v0 (") == 2


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Short", "returned 0 replies; expected"),
        ("Number", "returned a Reply of an int; expected a Reply whose text is a str"),
        ("Bare", "returned a str; expected a Reply"),
        ("Empty", "an empty text was given"),
        ("Long", "a text of 2001 characters was given; expected at most 2000"),
        ("NeedsArguments", "x: Field required"),
        ("Mute", "has no reset; expected reset(seeds)"),
        ("Absent", "has no attribute 'Absent'"),
    ],
)
def test_an_agent_that_breaks_the_protocol_is_refused_before_anything_is_written(
    tiny, tmp_path, agents, capsys, agent, told
):
    out = tmp_path / "run"
    code = main(small(tiny, "--methods", "untrained", "--agent", f"mine={agents}:{agent}", "--out", str(out)))
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_an_agent_that_raises_fails_its_own_dialogues_only(tmp_path, agents, compared):
    done = compared(tmp_path / "run", ("mine",), {"mine": f"{agents}:Raises"}, partner="scripted")
    row = done.rows[0]
    assert (row["status"], row["episodes"], row["episodes_failed"]) == ("done", 2, 2)
    errors = [one["error"] for one in logs(tmp_path / "run")[row["cell"]]]
    assert sum("raised RuntimeError: no words" in (error or "") for error in errors) == 2


def test_a_cell_that_raises_is_a_failed_row_and_the_others_go_on(tiny, tmp_path, agents, no_page, capsys):
    out = tmp_path / "run"
    more = [
        "--methods",
        "mine,untrained",
        "--seeds",
        "1",
        "--agent",
        f"mine={agents}:Crashes",
        "--json",
        "--workers",
        "1",
    ]
    code = main(small(tiny, *more, "--out", str(out)))
    printed = capsys.readouterr()
    assert code == 1
    mine, untrained = json.loads(printed.out)["rows"]
    assert (mine["status"], mine["partner_reward"]) == ("failed", None)
    assert mine["error"] == "RuntimeError: too many \x1b[31m people"
    assert untrained["status"] == "done"
    assert "Traceback" in rows(out)[0]["trace"]
    assert "\x1b" not in printed.err
    assert "\\u{1b}[31m people" in printed.err


def test_retry_failed_holds_the_failed_dialogues_again_with_their_own_seeds(tmp_path, agents, no_page, capsys):
    asked = ["--methods", "scripted", "--agent", f"mine={agents}:Outage", "--partner", "scripted", "--seeds", "2"]
    asked += ["--episodes", "12", "--workers", "1", "--out"]
    out, clean = tmp_path / "run", tmp_path / "clean"
    (tmp_path / "out of order").touch()
    assert main(["compare", *asked, str(out)]) == 0
    before = {row["cell"]: row for row in rows(out)}
    lost = [row for row in before.values() if row["episodes_failed"]]
    assert [row["method"] for row in lost] == ["mine", "mine"]
    assert all(0 < row["episodes"] < 12 for row in lost)
    total = sum(row["episodes_failed"] for row in lost)
    again = f"the same command with --out {out} --retry-failed holds them again"
    assert f"{total} dialogues of 2 runs failed; {again}" in capsys.readouterr().err
    assert main(["compare", *asked, str(out)]) == 0  # nothing is run again that nobody asked for
    assert {row["cell"]: row for row in rows(out)} == before
    assert main(["compare", *asked, str(out), "--retry-failed"]) == 0  # still out of order
    assert steady(rows(out)) == steady(before.values())
    (tmp_path / "out of order").unlink()
    assert main(["compare", *asked, str(out), "--retry-failed"]) == 0
    assert "failed" not in capsys.readouterr().err.splitlines()[-1]
    assert main(["compare", *asked, str(clean)]) == 0
    assert steady(rows(out)) == steady(rows(clean))
    assert logs(out) == logs(clean)
    kept = [row for row in rows(out) if row["method"] == "scripted"]
    assert kept == [before[row["cell"]] for row in kept]
    assert main(["replay", str(out)]) == 0


def test_what_was_trained_runs_again_as_a_whole(tmp_path):
    cell = Cell("oracle_kindness", "hidden_needs-v0", {}, 0)
    assert cell.trains
    assert not Cell("untrained", "hidden_needs-v0", {}, 0).trains
    assert not Cell("mine", "hidden_needs-v0", {}, 0, agent="package.module:Class").trains


@pytest.mark.parametrize("more", [["--seeds", "1"], ["--seeds", "3"], ["--methods", "scripted"], ["--episodes", "3"]])
def test_another_comparison_of_the_scenario_into_the_same_folder_extends_it(tmp_path, no_page, capsys, more):
    asked = ["compare", "--methods", "scripted,untrained", "--partner", "scripted", "--seeds", "2", "--episodes", "2"]
    asked += ["--workers", "1", "--out", str(tmp_path / "run"), "--json"]
    assert main(asked) == 0
    first = {row["cell"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert main([*asked, *more]) == 0
    told = capsys.readouterr()
    second = {row["cell"]: row for row in json.loads(told.out)["rows"]}
    both = first.keys() & second.keys()
    assert all({**first[name], "place": second[name]["place"]} == second[name] for name in both)
    left = first.keys() - second.keys()
    assert f"{len(left)} row" in told.err if left else "not of what was asked for now" not in told.err
    assert first.keys() | second.keys() == {row["cell"] for row in rows(tmp_path / "run")}


def test_a_comparison_of_another_scenario_into_the_same_folder_is_refused(tmp_path, no_page, capsys):
    asked = ["--methods", "scripted", "--partner", "scripted", "--seeds", "1", "--episodes", "2", "--workers", "1"]
    out = str(tmp_path / "run")
    assert main(["compare", *asked, "--out", out]) == 0
    before = rows(out)
    assert main(["compare", "--scenario", "third_party-v0", *asked, "--out", out]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "holds the comparison 'hidden_needs-v0'; this is the comparison 'third_party-v0': name another" in told
    assert rows(out) == before


def test_hostile_words_stay_words(tmp_path, agents, capsys, compared):
    done = compared(tmp_path / "run", ("mine",), {"mine": f"{agents}:Escape"}, partner="scripted")
    print_summary(summary_of(done), sys.stdout)
    assert "\x1b" not in capsys.readouterr().out
    (told,) = logs(tmp_path / "run").values()
    said = [turn["text"] for one in told for turn in one["turns"] if turn["speaker"] == 0]
    assert set(said) == {"\x1b[2J\u2028</script>"}


def test_ctrl_c_keeps_what_is_finished(tiny, tmp_path):
    out = tmp_path / "run"
    # SIGINT is set anew, since a test run in the background inherits a deaf ear to it.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from goldenrule.benchmarks.cli.main import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["compare", "--checkpoint", str(tiny), "--steps", "100000", "--dialogues", "2", "--episodes", "4"]
    arguments += [
        "--methods",
        "untrained,oracle_kindness",
        "--seeds",
        "1",
        "--workers",
        "2",
        "--out",
        str(out),
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        told = [process.stderr.readline()]
        while not told[-1].startswith("done"):
            told.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        stderr, stdout = "".join(told) + process.stderr.read(), process.stdout.read()
    assert process.returncode == 130, stderr
    shown = json.loads(stdout)
    assert [row["method"] for row in shown["rows"]] == ["untrained"]
    assert not shown["summary"]["complete"]
    assert f"1 of 2 runs finished and kept; the same command with --out {out} goes on" in stderr
    assert "Traceback" not in stderr
    assert not list(out.rglob("*.part"))
    assert main(["report", str(out)]) == 0
    assert (out / "report.html").is_file()


def test_a_killed_comparison_goes_on_to_the_rows_of_an_unkilled_one(tmp_path, no_page):
    asked = ["compare", "--methods", "scripted", "--partner", "scripted", "--seeds", "8", "--episodes", "50"]
    asked += ["--workers", "1", "--out"]
    command = [sys.executable, "-m", "goldenrule.benchmarks.cli.main", *asked, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert any(line.startswith("done") for line in process.stderr)
        process.kill()
    kept = rows(tmp_path / "killed")
    assert 1 <= len(kept) < 8
    assert main([*asked, str(tmp_path / "killed")]) == 0
    assert main([*asked, str(tmp_path / "whole")]) == 0
    found = rows(tmp_path / "killed")
    assert found[: len(kept)] == kept
    assert steady(found) == steady(rows(tmp_path / "whole"))
    assert logs(tmp_path / "killed") == logs(tmp_path / "whole")


def test_the_same_command_goes_on_where_it_was_interrupted(tmp_path, no_page, monkeypatch, capsys):
    asked = ["compare", "--methods", "scripted,untrained", "--partner", "scripted", "--seeds", "2", "--episodes", "2"]
    command, kept = [*asked, "--workers", "1", "--out", str(tmp_path / "run")], []

    def interrupted(lines, cell, row):
        kept.append(row["cell"])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "finished", interrupted)
        assert main(command) == 130
    (first,) = rows(tmp_path / "run")
    assert kept == [first["cell"]]
    again = f"the same command with --out {tmp_path / 'run'} goes on"
    assert f"interrupted: 1 of 4 runs finished and kept; {again}" in capsys.readouterr().err
    assert main(command) == 0
    found = rows(tmp_path / "run")
    assert [row["status"] for row in found] == ["done"] * 4
    assert first in found
    assert main([*asked, "--workers", "1", "--out", str(tmp_path / "clean")]) == 0
    assert steady(found) == steady(rows(tmp_path / "clean"))


@pytest.mark.skipif(not has("casino"), reason="the CaSiNo dialogues are not here; GOLDENRULE_DATA names their folder")
def test_the_campsite_stands_beside_what_people_reached(tmp_path, capsys, compared):
    done = compared(tmp_path / "run", ("scripted",), scenario="campsite-v0", partner="scripted")
    row = done.rows[0]
    assert row["knobs"]["pool"] == "human"
    assert row["negotiation"]["own_points"] == row["own_reward"]
    assert row["negotiation"]["partner_points"] == row["partner_reward"]
    human = summary_of(done)["human"]
    assert 0.9 < human["figures"]["agreement_share"]["mean"] <= 1
    print_summary(summary_of(done), sys.stdout)
    assert f"people ({human['dialogues']} dialogues)" in capsys.readouterr().out


def test_without_the_human_dialogues_the_campsite_says_so(tmp_path, monkeypatch, compared):
    monkeypatch.setenv("GOLDENRULE_DATA", str(tmp_path / "nowhere"))
    done = compared(tmp_path / "run", ("scripted",), scenario="campsite-v0", partner="scripted")
    assert done.rows[0]["knobs"]["pool"] == "synthetic"
    assert summary_of(done)["human"]["figures"] == {}
    assert "no data folder 'casino'" in summary_of(done)["human"]["reason"]


def test_the_command_installs_and_fails_in_one_line():
    program = [sys.executable, "-m", "goldenrule.benchmarks.cli.main", "compare", "--scenario", "hidden_neds-v0"]
    done = subprocess.run(program, capture_output=True, text=True, env={**os.environ, "TERM": "xterm"}, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "did you mean 'hidden_needs-v0'?" in done.stderr
