"""What a folder has been through does not show: tables are those of the present file, in its order."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.storage import VOLATILE, load
from goldenrule.benchmarks.storage.store import FILE

pytest.importorskip("pandas")
SHOUTING = {"agent": "tests_of_history:Shouting", "name": "shouting"}
AGENT = """
from goldenrule.agents import Reply
class Shouting:
    def reset(self, seeds): pass
    def act(self, observations): return [Reply("HM!") for _ in observations]
"""
SWEEP: dict[str, Any] = {
    "name": "history",
    "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.5]}],
    "methods": ["scripted"],
    "seeds": 3,
    "episodes": 4,
    "partner": "scripted",
}
LATER = SWEEP | {
    "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 0.5]}],
    "methods": [SHOUTING, "scripted"],
    "seeds": 2,
}


@pytest.fixture(autouse=True)
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests_of_history.py").write_text(AGENT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tests_of_history", raising=False)


def swept(content: dict[str, Any], out: Path, *more: str) -> int:
    file = out.parent / "sweep.yaml"
    file.write_text(yaml.safe_dump(content))
    return main(["sweep", str(file), "--out", str(out), "--workers", "1", *more])


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_a_file_that_was_extended_gives_the_tables_of_a_clean_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grown, clean = tmp_path / "grown", tmp_path / "clean"
    assert swept(SWEEP, grown) == 0
    assert swept(LATER, grown, "--limit", "1") == 0
    capsys.readouterr()
    assert swept(LATER, grown) == 0
    one = capsys.readouterr().out
    assert swept(LATER, clean) == 0
    other = capsys.readouterr().out
    assert "against shouting" in other
    assert one.split(" finished")[0] == other.split(" finished")[0]
    reports = [json.loads(told(capsys, "report", str(out), "--json")) for out in (grown, clean)]
    assert reports[0]["summary"] == reports[1]["summary"]
    assert [row["cell"] for row in reports[0]["rows"]] == [row["cell"] for row in reports[1]["rows"]]

    found, expected = load(grown), load(clean)
    assert list(found.cell[:8]) == list(expected.cell)
    assert list(found.planned) == [True] * 8 + [False]  # the third seed of what the first file named
    assert expected.planned.all()
    assert main(["report", str(grown)]) == 0
    assert "1 cell of an earlier configuration left out" in capsys.readouterr().err
    assert "54 of 54 episodes" in told(capsys, "replay", str(grown))  # all that is stored, left out or not


def test_a_folder_of_another_sweep_or_of_a_cross_play_is_refused_and_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, crossed = tmp_path / "mine", tmp_path / "crossed"
    cross = ["crossplay", "--agents", "scripted", "--seeds", "1", "--episodes", "2", "--workers", "1", "--out"]
    assert swept(SWEEP, mine) == 0
    assert main([*cross, str(crossed)]) == 0
    for out in (mine, crossed):
        before = (out / FILE).read_bytes()
        for more in ((), ("--dry-run",)):
            capsys.readouterr()
            assert swept(SWEEP | {"name": "other"}, out, *more) == 2
            line = capsys.readouterr().err
            assert f"'{out}' holds the {'sweep' if out == mine else 'cross-play'} '" in line
            assert "this is the sweep 'other': name another folder" in line
            assert line.count("\n") == 1
        assert (out / FILE).read_bytes() == before
    assert main([*cross, str(mine)]) == 2
    assert "holds the sweep 'history'; this is the cross-play" in capsys.readouterr().err
    assert main([*cross, str(crossed)]) == 0


def test_going_on_under_another_commit_or_with_other_versions_is_told_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(*command: str) -> list[str]:
        capsys.readouterr()
        assert main([*command, "--out", str(out)]) == 0
        return [line for line in capsys.readouterr().err.splitlines() if "other code" in line or "begin" in line]

    def under(commit: str, **versions: str) -> None:
        about = {"commit": commit, "versions": versions}
        monkeypatch.setattr("goldenrule.benchmarks.experiments.run.environment", lambda: about)

    out, file = tmp_path / "out", tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(SWEEP))
    sweep = ("sweep", str(file), "--workers", "1")
    under("a" * 40, numpy="1.0")
    for seed in (0, 1):
        assert lines(*sweep, "--limit", "1") == [f"begin   scripted, seed {seed}"]
    under("b" * 40 + "-dirty", numpy="2.0")
    changed = "rows made by other code (commit aaaaaaaaaaaa, now bbbbbbbbbbbb-dirty; numpy 1.0, now 2.0)"
    for look in (("sweep", str(file), "--dry-run"), ("validate", str(file))):
        (line,) = lines(*look)
        assert f"2 of 2 {changed}" in line
        assert "name a new folder" in line
    first, begin, last = lines(*sweep)
    assert f"2 of 2 {changed}" in first
    assert begin == "begin   scripted, seed 2"
    assert f"2 of 3 {changed}" in last
    assert len(lines(*sweep)) == 1  # nothing was left to run: told beside the table alone
    assert list(load(out).code) == ["a" * 40] * 2 + ["b" * 40 + "-dirty"]
    assert {"code", "versions"} <= set(VOLATILE)


def test_going_on_with_another_state_of_a_plug_in_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lines() -> list[str]:
        assert swept(SWEEP | {"methods": [SHOUTING]}, tmp_path / "out", "--limit", "1") == 0
        return [line for line in capsys.readouterr().err.splitlines() if "other code" in line]

    assert not lines()
    assert not lines()
    (tmp_path / "tests_of_history.py").write_text(AGENT.replace("HM!", "HO!"))
    before, after = lines()
    assert "2 of 2 rows made by other code (plug-in tests_of_history " in before
    assert "2 of 3 rows" in after


def test_a_cross_play_that_goes_on_under_another_commit_is_told_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cross = ["crossplay", "--agents", "scripted", "--episodes", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    for commit in ("a", "b"):
        about = {"commit": commit * 40, "versions": {}}
        monkeypatch.setattr("goldenrule.benchmarks.experiments.run.environment", lambda about=about: about)
        capsys.readouterr()
        assert main([*cross, "--seeds", "1" if commit == "a" else "2"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert "1 of 1 row made by other code (commit aaaaaaaaaaaa, now bbbbbbbbbbbb)" in told[0]
