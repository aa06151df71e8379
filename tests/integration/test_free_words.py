"""Language models that know no phrase book, from the command line to the table."""

from __future__ import annotations

import json

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.experiments.config import comparison
from goldenrule.benchmarks.experiments.grid import cells_of

SMALL = "dtype=float32, max_new=6"


@pytest.fixture
def model(tiny_chat_model):
    return f"hf:{tiny_chat_model}({SMALL})"


def test_a_comparison_with_a_language_model_is_in_free_words(model):
    sweep = comparison("hidden_needs-v1", ["scripted"], {"tiny": model}, {}, seeds=1, partner="scripted")
    assert {cell.knobs["language"] for cell in cells_of(sweep)} == {"open"}
    given = comparison(
        "hidden_needs-v1", ["scripted"], {"tiny": model}, {"language": ["phrases"]}, seeds=1, partner="scripted"
    )
    assert {cell.knobs["language"] for cell in cells_of(given)} == {"phrases"}
    without = comparison("hidden_needs-v0", ["scripted"], {}, {}, seeds=1)
    assert all("language" not in cell.knobs for cell in cells_of(without))


def test_compare_takes_a_language_model_in_any_seat(model, tmp_path, capsys):
    options = ["--scenario", "hidden_needs-v1", "--methods", "scripted", "--agent", f"tiny={model}"]
    options += ["--agent", f"best=choose(agent={model}, n=2)", "--partner", model, "--seeds", "1", "--episodes", "3"]
    assert main(["compare", *options, "--workers", "0", "--out", str(tmp_path / "run"), "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(("scripted", "tiny", "best"), "done")
    for name in ("tiny", "best"):
        assert rows[name]["tag_share"] == 1.0
        assert rows[name]["valid_share"] == 1.0
        assert rows[name]["tokens"] > 0
    assert rows["scripted"]["tag_share"] == 0.0
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "tagged" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "run")]) == 0


@pytest.mark.slow
def test_play_and_crossplay_take_one_too(model, tmp_path, capsys):
    assert main(["play", "--scenario", "third_party-v0", "--learner", model, "--partner", model]) == 0
    assert "True rewards" in capsys.readouterr().out
    options = ["--scenario", "hidden_needs-v1", "--agents", f"tiny={model}", "--partners", "scripted"]
    options += ["--seeds", "1", "--episodes", "2", "--workers", "1", "--out", str(tmp_path / "cross"), "--json"]
    assert main(["crossplay", *options]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"]


@pytest.mark.parametrize("name", ["hf:/nowhere/at/all", "hf:smollm2(temp=1)"])
def test_a_model_that_cannot_be_had_ends_in_one_line(name, capsys):
    assert main(["play", "--scenario", "hidden_needs-v1", "--learner", name, "--partner", "scripted"]) == 2
    error = capsys.readouterr().err
    assert name.partition("(")[0] in error
    assert "Traceback" not in error
