"""Wrong input: one line that says what was given and what was expected, exit code 2, and nothing written."""

from __future__ import annotations

import pytest
import torch

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.storage.reader import rows
from goldenrule.benchmarks.storage.store import ResultStore
from goldenrule.common.errors import UserError


def one_line(capsys, arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("goldenrule: ")
    assert "Traceback" not in printed.err
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario", "nope"], "no scenario 'nope'; expected one of campsite-v0"),
        (["--methods", "naive_kindnes"], "did you mean 'naive_kindness'?"),
        (["--methods", "untrained,,x"], "has an empty name"),
        (["--methods", "untrained,untrained"], "--methods names 'untrained' twice; name each once"),
        (["--set", "similarty=0.5"], "did you mean 'similarity'?"),
        (["--set", "similarity=1.5"], "expected float in [0, 1]"),
        (["--set", "similarity=nan"], "expected float in [0, 1]"),
        (["--set", "similarity"], "expected knob=value"),
        (["--set", "cue=1", "--set", "cue=0"], "given twice"),
        (["--seeds", "0"], "expected a count from 1 to 1000"),
        (["--seeds", "many"], "expected a count like 3"),
        (["--seeds", "1,1"], "--seeds names 1 twice; name each once"),
        (["--seeds", "-1,2"], "out of range"),
        (["--steps", "0"], "Invalid value for '--steps': Input should be greater than or equal to 1; see"),
        (["--steps", "few"], "Invalid value for '--steps': Input should be a valid integer"),
        (["--episodes", "-3"], "Invalid value for '--episodes'"),
        (["--dialogues", "0"], "Invalid value for '--dialogues'"),
        (["--workers", "-1"], "Invalid value for '--workers': Input should be greater than or equal to 0"),
        (["--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
        (
            ["--partner", "nobody"],
            "partner: expected lm, scripted, hf:MODEL, openai:MODEL@URL or package.module:Class, given 'nobody'",
        ),
        (["--agent", "mine"], "expected NAME=package.module:Class"),
        (["--agent", "mine=somewhere"], "expected package.module:Class"),
        (["--agent", "mine=no.such.module:Agent"], "cannot be imported (ModuleNotFoundError"),
        (["--agent", "a/b=x:Y"], "agent name 'a/b' is not allowed"),
        (["--agent", "untrained=x:Y"], "'untrained' is the name of a built-in method; give this one another name"),
        (["--frobnicate"], "--frobnicate"),
    ],
)
def test_compare(tiny, tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert told in one_line(capsys, ["compare", "--checkpoint", str(tiny), *arguments])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_no_cuda(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = one_line(capsys, ["compare", "--checkpoint", str(tiny), "--device", "cuda"])
    assert "no CUDA device is here; use cpu or auto" in line


def test_a_checkpoint_that_is_missing_or_damaged(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "no checkpoint in nowhere" in one_line(capsys, ["compare", "--checkpoint", "nowhere"])
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "card.json").write_bytes((tiny / "card.json").read_bytes())
    weights = bytearray((tiny / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (bad / "weights.safetensors").write_bytes(weights)
    assert "is damaged" in one_line(capsys, ["compare", "--checkpoint", str(bad)])
    assert "is damaged" in one_line(capsys, ["play", "--checkpoint", str(bad)])
    assert not (tmp_path / "runs").exists()


def test_an_output_folder_that_is_taken_or_cannot_be_written(tiny, tmp_path, capsys):
    given = ["compare", "--checkpoint", str(tiny), "--methods", "untrained", "--out"]
    (tmp_path / "file").write_text("mine")
    assert "is a file" in one_line(capsys, [*given, str(tmp_path / "file")])
    assert "cannot write '" in one_line(capsys, [*given, str(tmp_path / "file" / "below")])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rows.jsonl").write_text("an earlier result")
    assert "holds files and no results.sqlite" in one_line(capsys, [*given, str(tmp_path / "run")])
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["rows.jsonl"]


def test_human_cards_without_their_data(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GOLDENRULE_DATA", str(tmp_path / "nowhere"))
    given = ["compare", "--scenario", "campsite-v0", "--set", "pool=human", "--checkpoint", str(tiny)]
    assert "no data folder 'casino'" in one_line(capsys, given)


def test_other_commands(tmp_path, capsys):
    assert "no run in" in one_line(capsys, ["report", str(tmp_path)])
    assert "expected lm, scripted or package.module:Class" in one_line(capsys, ["play", "--learner", "someone"])
    assert "is no seat of hidden_needs-v0; expected one of helper_0, seeker_0" in one_line(
        capsys, ["talk", "--as", "me"]
    )
    for seat in ("", "helper_9"):
        assert f"--as '{seat}' is no seat" in one_line(capsys, ["talk", "--as", seat])
    assert "agent 'someone' is unknown" in one_line(capsys, ["talk", "--with", "someone"])
    assert "cannot be imported (ModuleNotFoundError" in one_line(capsys, ["talk", "--scenario", "no_such_file:SPEC"])
    assert "knob max_length=0 is not allowed" in one_line(capsys, ["talk", "--set", "max_length=0"])
    assert "expected one here" in one_line(capsys, ["play", "--set", "cue=0,1"])
    out = str(tmp_path / "base")
    assert "Invalid value for '--threads': Input should be a valid integer" in one_line(
        capsys, ["pretrain", "--out", out, "--threads", "x"]
    )
    assert list(tmp_path.iterdir()) == []
    assert "Invalid value for '--seed': Input should be a valid integer" in one_line(capsys, ["play", "--seed", "x"])
    assert "No such command 'frob'; expected one of compare, report, " in one_line(capsys, ["frob"])
    assert "No such command 'swep'. Did you mean 'sweep'?\n" in one_line(capsys, ["swep"])
    assert "'frob'; expected one of partner-reward, beliefs, reading\n" in one_line(capsys, ["evaluate", "frob"])
    assert "Missing argument 'file'; see `goldenrule sweep --help`" in one_line(capsys, ["sweep"])
    assert "(b); see `goldenrule replay --help`" in one_line(capsys, ["replay", "a", "b"])
    assert "--sed (Possible options: --seeds, --set, --steps)\n" in one_line(capsys, ["compare", "--sed", "1"])


def test_a_comparison_goes_on_after_a_full_disk(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    asked = ["--methods", "scripted", "--partner", "scripted", "--seeds", "2", "--episodes", "2", "--workers", "1"]
    command = ["compare", *asked, "--out", str(out)]
    commit, saved = ResultStore.commit, []

    def full(store, *records):
        if saved:
            raise UserError(
                f"'{store.path}' cannot be written or read (database or disk is full); what was saved is kept"
            )
        saved.extend(records)
        commit(store, *records)

    with monkeypatch.context() as patch:
        patch.setattr(ResultStore, "commit", full)
        assert main(command) == 2
    assert "disk is full" in capsys.readouterr().err
    (first,) = rows(out)
    assert main(command) == 0
    both = rows(out)
    assert both[0] == first
    assert [row["status"] for row in both] == ["done", "done"]


@pytest.mark.parametrize("given", [[], ["evaluate"]])
def test_who_asks_for_nothing_is_shown_what_there_is(given, capsys):
    assert main(given) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: goldenrule")
    assert "\\u{a}" not in shown
    assert len(shown.splitlines()) > 5
