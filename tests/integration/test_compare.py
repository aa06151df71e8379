"""`goldenrule compare` from the command line to the files it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from goldenrule.agents.networks.checkpoint import load_checkpoint, weights_hash
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.progress import Lines
from goldenrule.benchmarks.evaluation.run import CellSettings
from goldenrule.benchmarks.experiments import compare as comparing
from goldenrule.benchmarks.experiments.compare import compare
from goldenrule.benchmarks.experiments.plan import Comparison, plan
from goldenrule.benchmarks.report.terminal import print_summary
from goldenrule.benchmarks.storage import VOLATILE
from goldenrule.benchmarks.storage.rundir import read_rows
from goldenrule.envs.datasets.files import has
from goldenrule.training.learner import TrainingConfig

ROW_KEYS = (
    "method scenario knobs seed status error own_reward proxy_reward partner_reward partner_reward_estimate "
    "third_party_reward valid_share reply_accuracy tokens seconds"
).split()

AGENTS = '''
from goldenrule.agents.base import Reply

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
    monkeypatch.setattr(comparing, "write_report", lambda path: path / "report.html")


def small(tiny, *more):
    return ["compare", "--checkpoint", str(tiny), "--steps", "1", "--dialogues", "2", "--episodes", "4", *more]


def steady(rows):
    return [{key: value for key, value in row.items() if key not in VOLATILE} for row in rows]


def in_process(tiny, out, methods=(), seeds=(0,), **more):
    settings = CellSettings(
        TrainingConfig(updates=1, dialogues=2, minibatches=2), 4, "cpu", tiny, more.pop("partner", "lm")
    )
    wanted = Comparison(more.pop("scenario", "hidden_needs-v0"), methods, seeds, settings=settings, workers=0, **more)
    cells = plan(wanted)
    return compare(wanted, cells, out, lambda: Lines(cells, sys.stderr))


def test_json_prints_one_object_and_the_folder_holds_everything(tiny, tmp_path, capsys):
    out = tmp_path / "run"
    more = ["--methods", "untrained,scripted", "--seeds", "1", "--workers", "1", "--out", str(out), "--json"]
    code = main(small(tiny, *more))
    printed = capsys.readouterr()
    assert code == 0, printed.err
    shown = json.loads(printed.out)
    assert list(shown) == ["run", "rows", "summary", "comparisons"]  # as `sweep` and `report` print it
    assert shown["rows"] == read_rows(out)
    assert [row["method"] for row in shown["rows"]] == ["untrained", "scripted"]
    for row in shown["rows"]:
        assert set(ROW_KEYS) <= set(row)
        assert row["status"] == "done"
        episodes = (out / "episodes" / f"{row['cell']}.jsonl").read_text().split("\n")
        assert len([json.loads(line) for line in episodes if line]) == 4
    assert json.loads((out / "summary.json").read_text()) == shown["summary"]
    assert shown["summary"]["complete"]
    config = json.loads((out / "config.json").read_text())
    assert config["settings"]["training"]["updates"] == 1
    assert config["cells"][0]["knobs"] == {"similarity": 0.25, "cue": 1.0, "seekers": 1, "turns": 1}
    assert json.loads((out / "environment.json").read_text())["versions"]["torch"]
    assert (out / "report.html").read_text().startswith("<!")
    assert "done    untrained, seed 0" in printed.err


def test_rows_do_not_depend_on_workers_and_repeat(tiny, tmp_path, no_page):
    methods = ("untrained", "empathetic_kindness")
    here = in_process(tiny, tmp_path / "here", methods)
    more = ["--methods", ",".join(methods), "--seeds", "0,", "--workers", "2", "--save-weights"]
    assert main(small(tiny, *more, "--out", str(tmp_path / "two"))) == 0
    two = read_rows(tmp_path / "two")
    assert steady(two) == steady(here.rows)
    for row in two:  # not the rows alone: what was said is the same, too
        for name in (f"episodes/{row['cell']}.jsonl", f"curves/{row['cell']}.json"):
            if row["method"] != "untrained" or name.startswith("episodes"):
                assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert two[0]["weights"] != two[1]["weights"]
    saved, _, _ = load_checkpoint(tmp_path / "two" / "weights" / two[1]["cell"])
    assert weights_hash(saved) == two[1]["weights"]
    assert not (tmp_path / "here" / "weights").exists()


def test_another_seed_gives_another_row(tiny, tmp_path, no_page):
    first, second = in_process(tiny, tmp_path / "run", ("untrained",), (0, 1)).rows
    assert first["cell"] != second["cell"]
    names = [tmp_path / "run" / "episodes" / f"{row['cell']}.jsonl" for row in (first, second)]
    assert names[0].read_text() != names[1].read_text()


def test_knobs_with_several_values_make_a_grid(tiny, tmp_path, no_page, capsys):
    done = in_process(tiny, tmp_path / "run", ("scripted",), knobs={"similarity": [0, 1]}, partner="scripted")
    assert [row["knobs"]["similarity"] for row in done.rows] == [0.0, 1.0]
    print_summary(done.summary, sys.stdout)
    assert capsys.readouterr().out.count("hidden_needs-v0 (") == 2


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Short", "returned 0 replies; expected"),
        ("Number", "returned a int; expected a Reply whose text is a str"),
        ("Bare", "returned a str; expected a Reply"),
        ("Empty", "an empty text was given"),
        ("Long", "a text of 2001 characters was given; expected at most 2000"),
        ("NeedsArguments", "x is missing; expected anything"),
        ("Mute", "has no reset and no act"),
        ("Absent", "has no Absent"),
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


def test_an_agent_that_raises_fails_its_own_dialogues_only(tiny, tmp_path, agents, no_page):
    done = in_process(tiny, tmp_path / "run", ("mine",), agents={"mine": f"{agents}:Raises"}, partner="scripted")
    row = done.rows[0]
    assert (row["status"], row["episodes"], row["episodes_failed"]) == ("done", 2, 2)
    lines = (tmp_path / "run" / "episodes" / f"{row['cell']}.jsonl").read_text().split("\n")
    errors = [json.loads(line)["error"] for line in lines if line]
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
    assert "Traceback" in (out / "errors" / f"{mine['cell']}.txt").read_text()
    assert "\x1b" not in printed.err
    assert "\\u{1b}[31m people" in printed.err


def test_hostile_words_stay_words(tiny, tmp_path, agents, no_page, capsys):
    done = in_process(tiny, tmp_path / "run", ("mine",), agents={"mine": f"{agents}:Escape"}, partner="scripted")
    print_summary(done.summary, sys.stdout)
    assert "\x1b" not in capsys.readouterr().out
    row = read_rows(tmp_path / "run")[0]
    lines = (tmp_path / "run" / "episodes" / f"{row['cell']}.jsonl").read_text().split("\n")
    said = [turn["text"] for line in lines if line for turn in json.loads(line)["turns"] if turn["speaker"] == 0]
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
        "1",
        "--out",
        str(out),
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        told = [process.stderr.readline()]
        while told[-1].startswith("begin"):
            told.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        stderr, stdout = "".join(told) + process.stderr.read(), process.stdout.read()
    assert process.returncode == 130, stderr
    shown = json.loads(stdout)
    assert [row["method"] for row in shown["rows"]] == ["untrained"]
    assert shown["rows"] == read_rows(out)
    assert not shown["summary"]["complete"]
    assert f"1 of 2 runs are finished and kept in {out}" in stderr
    assert "Traceback" not in stderr
    assert not list(out.rglob("*.part"))
    assert main(["report", str(out)]) == 0
    assert (out / "report.html").is_file()


@pytest.mark.skipif(not has("casino"), reason="the CaSiNo dialogues are not here; GOLDENRULE_DATA names their folder")
def test_the_campsite_stands_beside_what_people_reached(tiny_campsite, tmp_path, no_page, capsys):
    done = in_process(tiny_campsite, tmp_path / "run", ("scripted",), scenario="campsite-v0", partner="scripted")
    row = done.rows[0]
    assert row["knobs"]["pool"] == "human"
    assert row["negotiation"]["own_points"] == row["own_reward"]
    assert row["negotiation"]["partner_points"] == row["partner_reward"]
    human = done.summary["human"]
    assert 0.9 < human["figures"]["agreement_share"]["mean"] <= 1
    print_summary(done.summary, sys.stdout)
    assert f"people ({human['dialogues']} dialogues)" in capsys.readouterr().out


def test_without_the_human_dialogues_the_campsite_says_so(tiny_campsite, tmp_path, no_page, monkeypatch):
    monkeypatch.setenv("GOLDENRULE_DATA", str(tmp_path / "nowhere"))
    done = in_process(tiny_campsite, tmp_path / "run", ("scripted",), scenario="campsite-v0", partner="scripted")
    assert done.rows[0]["knobs"]["pool"] == "synthetic"
    assert done.summary["human"]["figures"] == {}
    assert "no data folder 'casino'" in done.summary["human"]["reason"]


def test_the_command_installs_and_fails_in_one_line():
    program = [sys.executable, "-m", "goldenrule.benchmarks.cli.main", "compare", "--scenario", "hidden_neds-v0"]
    done = subprocess.run(program, capture_output=True, text=True, env={**os.environ, "TERM": "xterm"}, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "did you mean 'hidden_needs-v0'?" in done.stderr
