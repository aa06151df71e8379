"""Commands do their work whatever their streams, working directory and paths are, and import only what they need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from goldenrule.benchmarks.cli.app import COMMANDS
from goldenrule.benchmarks.cli.main import main

PROGRAM = f"{sys.executable} -m goldenrule.benchmarks.cli.main"
SCRIPTED = "--methods scripted --partner scripted --seeds 1 --episodes 2 --workers 1"
SWEEP = "name: x\nscenarios: [hidden_needs-v0]\nmethods: [scripted]\nseeds: 1\nepisodes: 2\npartner: scripted\n"

# Commands that do different things with processes, files and standard input.
CALLS = {
    "compare": f"compare {SCRIPTED} --out $T/compared",
    "report": "report $T/run",
    "talk": "talk --with scripted",
    "ls": "ls",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("streams")
    (made / "sweep.yaml").write_text(SWEEP)
    (made / "wrong.yaml").write_text(SWEEP.replace("[scripted]", "[nope]"))
    assert main(["compare", *SCRIPTED.split(), "--out", str(made / "run")]) == 0
    return made


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `G` is the program, `T` the folder, and `d` a working directory that is gone."""
    line = f"cd $T && mkdir -p d && cd d && rmdir ../d\n{script}" if "GONE" in script else f"cd $T\n{script}"
    line = line.replace("GONE", "").replace("G ", f"{PROGRAM} ", 1)
    known = os.environ | {"T": str(folder), **environment}
    return subprocess.run(["bash", "-c", f"set -o pipefail\n{line}"], env=known, capture_output=True, timeout=120)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_any_stream_or_working_directory(call, folder):
    done = shell(f"GONE G {call} <&- >&- 2>$T/errors", folder, PYTHONIOENCODING="ascii")
    told = (folder / "errors").read_text()
    assert "Traceback" not in told
    assert done.returncode == 0, told


@pytest.mark.parametrize(
    "stream", ["| head -c 1", "| true", "2>&1 | true", ">&-", "2>&-", "<&-", "</dev/null >/dev/null", "2>/dev/full"]
)
def test_a_stream_that_is_closed_or_loses_its_reader_is_no_failure(stream, folder):
    done = shell(f"G ls --json {stream}", folder)
    assert (done.returncode, done.stderr) == (0, b"")


def test_output_that_cannot_be_written_is_told_once(folder):
    done = shell("G ls > /dev/full", folder)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"standard output cannot be written or read (No space left on device)" in done.stderr


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}]
)
def test_what_an_encoding_lacks_is_escaped(environment, folder):
    typed = "printf 'I am \u4e2d \\xff\\n' | G talk --with scripted --as seeker_0"
    done = shell(typed, folder, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"True rewards" in done.stdout or b"You have left the table" in done.stdout


def test_paths_are_expanded_as_a_shell_would(folder, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("T", str(folder))
    (folder / "home.yaml").write_text(SWEEP + "checkpoint: $T/nowhere\n")
    for call in ("report ~/run", "report $T/run", "validate ~/sweep.yaml"):
        assert main(call.split()) == 0
    assert main(["validate", "~/home.yaml"]) == 2
    assert f"{folder}/nowhere" in capsys.readouterr().err


QUICK = """
import sys
from goldenrule.benchmarks.cli.main import main
for line in sys.argv[2:]:
    assert main(line.split()) == int(sys.argv[1]), line
    assert "torch" not in sys.modules, line
"""
WRONG = [
    "frob",
    "sweep",
    "compare --steps 0",
    "compare --scenario nope",
    "compare --set cue=7",
    "compare --methods nope",
    "compare --agent mine=nowhere:Agent",
    "compare --device tpu",
    "validate T/wrong.yaml",
    "sweep T/wrong.yaml --out x",
    "sweep T/sweep.yaml --out x --address y",
    "crossplay --episodes x",
    "play --seed x",
    "check poem x",
    "pretrain --out x --threads 0",
    "evaluate beliefs --dialogues 0",
    "evaluate partner-reward --folds 1",
]


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        (0, ["ls", "ls --json"]),
        (0, ["--help", *(f"{name} --help" for name in COMMANDS)]),
        (0, ["report T/run", "show T/run", "replay T/run", "diff T/run T/run", "export T/run --to inspect --out T/i"]),
        (0, ["play --learner scripted --partner scripted"]),
        (2, WRONG),
    ],
    ids=["ls", "help", "runs", "play", "wrong"],
)
def test_torch_is_not_imported(code, calls, folder):
    calls = [call.replace("T/", f"{folder}/") for call in calls]
    done = subprocess.run([sys.executable, "-c", QUICK, str(code), *calls], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "call",
    [
        "compare --methods nope",
        "compare --checkpoint nowhere",
        "pretrain --out x --read nobody=1",
        "pretrain --out x --base nope",
        "replay nowhere",
        "evaluate partner-reward --checkpoint nowhere",
        "evaluate partner-reward --train x --folds 9",
    ],
)
def test_wrong_options_are_found_before_data_are_looked_for(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*call.split(), "--data-dir", str(tmp_path / "no-data")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "no-data" not in told
