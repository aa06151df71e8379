"""Results of claims, as they are kept and shown."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldenrule.benchmarks.claims.claim import FOLDER, Claim, Expectation, Finding, judge
from goldenrule.benchmarks.storage.provenance import commit
from goldenrule.common.errors import UserError

OPEN = "not run"


def record(claim: Claim, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the rows of a claim's experiment came to, as plain data; the first comparison is its `effect`.

    Raises:
        UserError: the rule is not committed as it stands, so that it could have been written after its result.
    """
    verdict, findings = judge(claim.rule, rows)
    return described(claim) | {
        "rule_commit": rule_commit(claim),
        "code": commit(),
        "seeds": len({row["seed"] for row in rows}),
        "effect": findings[0].line.effect,
        "interval": [findings[0].line.low, findings[0].line.high],
        "verdict": verdict,
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
        "comparisons": [_comparison(one) for one in findings],
    }


def described(claim: Claim) -> dict[str, Any]:
    """A claim that has no result yet."""
    rule = claim.rule
    return {
        "id": claim.id,
        "sentence": rule.sentence,
        "place": rule.place,
        "experiment": claim.file.name,
        "measure": rule.measure,
        "rule": [in_words(one, rule.measure) for one in rule.expect],
        "verdict": OPEN,
        "command": f"goldenrule claims --run {claim.id}",
    }


def in_words(one: Expectation, measure: str) -> str:
    """An expectation as a line: `naive_kindness less than empathetic_kindness (partner_reward, similarity 0)`."""
    where = ", ".join([one.measure or measure, *(f"{name} {value}" for name, value in one.where.items())])
    relation = f"within {one.margin:g} of" if one.relation == "alike" else f"{one.relation} than"
    return f"{one.method} {relation} {one.than} ({where})"


def _comparison(one: Finding) -> dict[str, Any]:
    line, asked = one.line, one.expectation
    return {
        "method": asked.method,
        "than": asked.than,
        "expected": asked.relation,
        "where": asked.where,
        "margin": asked.margin,
        "holds": one.holds,
        "method_mean": line.method_mean,
        "than_mean": line.baseline_mean,
        "effect": line.effect,
        "interval": [line.low, line.high],
        "p": line.p_holm,
        "detectable": line.detectable,
        "because": line.because,
    }


def rule_commit(claim: Claim) -> str:
    """The commit that last changed a claim's file.

    Raises:
        UserError: the file differs from it, or stands in no checkout.
    """
    git = ["git", "-C", str(claim.file.parent)]
    try:
        changed = subprocess.run(
            [*git, "status", "--porcelain", claim.file.name], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        found = subprocess.run(
            [*git, "log", "-1", "--format=%H", "--", claim.file.name],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        changed, found = "", ""
    if changed or not found:
        raise UserError(
            f"the rule of {claim.id} is not committed as it stands in {claim.file}; commit it first: a rule that could "
            "have been written after its result decides nothing"
        )
    return found


def result_file(claim: Claim) -> Path:
    """Where the result of a claim is kept."""
    return FOLDER / "results" / f"{claim.id}.json"


def stored(claim: Claim) -> dict[str, Any]:
    """The committed result of a claim, or what it says where it has none."""
    file = result_file(claim)
    return described(claim) | (json.loads(file.read_text("utf-8")) if file.is_file() else {})


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The page of all claims."""
    lines = [
        "# Claims",
        "",
        "Written by `goldenrule claims --markdown`. Each sentence has an experiment that could have refuted it, and a",
        "rule that was committed before its run (`benchmarks/claims`).",
    ]
    for one in results:
        lines += ["", f"## {one['id']}: {one['verdict']}", "", f"{one['sentence']} ({one['place']})", ""]
        if one["verdict"] == OPEN:
            lines += [f"Rule: {rule}." for rule in one["rule"]]
            continue
        lines += [
            f"{one['seeds']} seeds, {one['minutes']:g} CPU minutes, `{one['command']}`; the rule is of commit "
            f"{one['rule_commit'][:12]}, the run of {str(one['code'])[:12]}.",
            "",
            "| expected | mean | of the other | difference | 95 % interval | p (Holm) | could be found | holds |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for rule, found in zip(one["rule"], one["comparisons"], strict=True):
            numbers = [found[key] for key in ("method_mean", "than_mean", "effect")]
            low, high = found["interval"]
            interval = "" if low is None else f"{low:+.2f} to {high:+.2f}"
            holds = {True: "yes", False: "no", None: "open"}[found["holds"]]
            cells = [rule, *("" if value is None else f"{value:.2f}" for value in numbers), interval]
            cells += ["" if found[key] is None else f"{found[key]:.3f}" for key in ("p", "detectable")]
            lines.append(f"| {' | '.join([*cells, holds])} |")
    return "\n".join(lines) + "\n"
