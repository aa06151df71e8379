"""Claims: the rule that decides, what ships, and that no rule is written after its result."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from goldenrule.benchmarks.claims import results
from goldenrule.benchmarks.claims.claim import FOLDER, Rule, claims, judge, read_claim
from goldenrule.benchmarks.claims.results import OPEN, markdown, record, result_file, stored
from goldenrule.benchmarks.cli.main import main
from goldenrule.common.errors import UserError

KINDER = {"method": "kind", "than": "plain", "where": {"similarity": 0.0}}
FILE = """
claim:
  sentence: Kind is kinder.
  place: "[K] 1"
  expect:
    - {method: scripted, is: more, than: untrained}
scenarios: [hidden_needs-v0]
methods: [scripted, untrained]
seeds: 8
episodes: 8
"""


def rows(difference, spread=0.02, seeds=8, similarity=0.0):
    noise = np.random.default_rng(0).normal(0, spread, seeds)
    return [
        {
            "method": method,
            "scenario": "hidden_needs-v0",
            "knobs": {"similarity": similarity},
            "seed": seed,
            "status": "done",
            "seconds": 30.0,
            "partner_reward": 0.5 + (difference + noise[seed] if method == "kind" else 0.0),
        }
        for method in ("plain", "kind")
        for seed in range(seeds)
    ]


def rule(*expect):
    return Rule(sentence="Kind is kinder.", place="[K] 1", expect=list(expect))


@pytest.mark.parametrize(
    ("relation", "difference", "spread", "verdict"),
    [
        ("more", 0.2, 0.02, "supported"),
        ("more", -0.2, 0.02, "refuted"),
        ("more", 0.0, 0.02, "refuted"),  # no difference that matters is left
        ("more", 0.0, 0.4, "inconclusive"),
        ("less", -0.2, 0.02, "supported"),
        ("less", 0.2, 0.02, "refuted"),
        ("alike", 0.0, 0.02, "supported"),
        ("alike", 0.2, 0.02, "refuted"),
        ("alike", 0.0, 0.4, "inconclusive"),
    ],
)
def test_one_comparison_decides(relation, difference, spread, verdict):
    found, (one,) = judge(rule({**KINDER, "is": relation}), rows(difference, spread))
    assert found == verdict
    assert one.holds is {"supported": True, "refuted": False, "inconclusive": None}[verdict]


def test_all_must_hold_one_can_refute_and_few_seeds_decide_nothing():
    apart = rows(0.2) + rows(-0.2, similarity=1.0)
    both = [{**KINDER, "is": "more", "where": {"similarity": s}} for s in (0.0, 1.0)]
    assert judge(rule(*both), apart)[0] == "refuted"
    assert judge(rule(both[0]), apart)[0] == "supported"
    assert judge(rule(both[0]), rows(0.2, seeds=2))[0] == "inconclusive"


def test_all_comparisons_of_a_claim_are_corrected_together():
    alone = judge(rule({**KINDER, "is": "more"}), rows(0.2))[1][0].line
    many = [{**KINDER, "is": "more", "where": {"similarity": s}} for s in (0.0, 0.5, 1.0)]
    several = [row for s in (0.0, 0.5, 1.0) for row in rows(0.2, similarity=s)]
    assert judge(rule(*many), several)[1][0].line.p_holm == pytest.approx(3 * alone.p_holm)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A claim in a checkout of its own."""
    monkeypatch.setattr("goldenrule.benchmarks.claims.claim.FOLDER", tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "C1.yaml").write_text(FILE, "utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    return tmp_path, lambda: [subprocess.run([*git, *do], check=True) for do in (["add", "."], ["commit", "-qm", "x"])]


def test_a_rule_is_committed_before_its_run(written, capsys):
    folder, commit = written
    assert main(["claims", "--run", "C1"]) == 2
    assert "not committed" in capsys.readouterr().err
    commit()
    claim = read_claim(folder / "C1.yaml")
    made = [{**row, "method": {"plain": "untrained", "kind": "scripted"}[row["method"]]} for row in rows(0.2)]
    assert record(claim, made)["verdict"] == "supported"
    (folder / "C1.yaml").write_text(FILE.replace("is: more", "is: less"), "utf-8")
    with pytest.raises(UserError, match="not committed"):
        record(read_claim(folder / "C1.yaml"), made)


def test_a_claim_is_run_kept_and_shown(written, tmp_path, capsys):
    folder, commit = written
    commit()
    options = ["claims", "--run", "C1", "--out", str(tmp_path / "runs"), "--workers", "1", "--json"]
    assert main(options) == 0
    (found,) = json.loads(capsys.readouterr().out)["claims"]
    keys = {"id", "sentence", "place", "experiment", "measure", "rule", "rule_commit", "seeds", "effect", "interval"}
    assert keys | {"verdict", "command", "minutes"} <= found.keys()
    assert (found["id"], found["verdict"], found["seeds"]) == ("C1", "supported", 8)
    assert json.loads(result_file(read_claim(folder / "C1.yaml")).read_text("utf-8")) == found
    assert main(["claims"]) == 0
    assert "supported" in capsys.readouterr().out
    assert "## C1: supported" in markdown([found])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (FILE.replace("than: untrained", "than: nobody"), "nobody"),
        (FILE.replace("is: more", "is: nicer"), "nicer"),
        (FILE.replace("  sentence: Kind is kinder.\n", ""), "sentence"),
        ("scenarios: [hidden_needs-v0]\nmethods: [scripted]\n", "sentence"),
    ],
)
def test_a_wrong_claim_is_one_line(tmp_path, given, message):
    (tmp_path / "C1.yaml").write_text(given, "utf-8")
    with pytest.raises(UserError, match=message) as error:
        read_claim(tmp_path / "C1.yaml")
    assert "\n" not in str(error.value)


def test_what_ships_is_right_and_its_results_are_of_its_rules():
    for claim in claims():
        found = stored(claim)
        assert claim.file.parent == FOLDER
        if found["verdict"] != OPEN:
            assert found["rule"] == results.described(claim)["rule"]
            assert len(found["comparisons"]) == len(claim.rule.expect)


def test_an_unknown_claim_is_told():
    with pytest.raises(UserError, match="no claim 'C99'"):
        claims(["C99"])
