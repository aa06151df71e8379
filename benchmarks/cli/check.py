"""`goldenrule check`: whether an agent, reward, method or scenario of one's own keeps to what the others rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule.agents.testing import check_agent
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.cli.options import SCENARIO, Json, pairs
from goldenrule.benchmarks.cli.play import load_seated
from goldenrule.benchmarks.evaluation.plugins import plugin
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import Kind
from goldenrule.common.text import brief, clean
from goldenrule.common.untrusted import foreign
from goldenrule.envs.registry import spec
from goldenrule.envs.testing.checker import check_scenario
from goldenrule.envs.testing.report import Finding
from goldenrule.rewards.testing import check_reward

STATUS = {True: "ok", False: "failed", None: "not tried"}


def check(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    name: Annotated[str, typer.Argument(help="package.module:Name, or one that `goldenrule ls` shows.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="parameter=value; a scenario's knob=value.")] = None,
    scenario: Annotated[str, typer.Option(help="Where an agent, reward or method is tried.")] = SCENARIO,
    checkpoint: Annotated[Path | None, typer.Option(help="Base checkpoint a method starts from.")] = None,
    json_: Json = False,
) -> int:
    """Try what every agent, reward, method or scenario must keep to: one line a property, exit code 1 if one fails."""
    texts = pairs(set_ or [], "--set", "parameter=value")
    with foreign():
        params, findings = _run_checks(kind, name, texts, scenario, checkpoint)
    n_failed = sum(finding.passed is False for finding in findings)
    if json_:
        told = [{"property": one.what, "status": STATUS[one.passed], "why": one.why or None} for one in findings]
        print(json.dumps({"kind": kind, "name": name, "params": params, "ok": not n_failed, "findings": told}))
    else:
        print(f"{kind} {clean(name)}")
        for finding in findings:
            print(f"  {clean(brief(str(finding)))}")
        n_ok = sum(finding.passed is True for finding in findings)
        print(f"{n_ok} ok, {n_failed} failed, {len(findings) - n_ok - n_failed} not tried")
    return int(n_failed > 0)


def _run_checks(
    kind: Kind, name: str, texts: Mapping[str, str], scenario: str, checkpoint: Path | None
) -> tuple[dict[str, Any], list[Finding]]:
    """The parameters, and what was found."""
    if kind != "scenario":
        spec(scenario)
    if kind == "agent" and name in ("lm", "scripted"):
        if texts:
            raise UserError(f"agent {name!r} takes no parameters; {', '.join(texts)} was given")
        seat = seat_name(scenario, "learner")
        return {}, check_agent(lambda: load_seated(scenario, seat, name, checkpoint), scenario=scenario)
    found = plugin(kind, name, texts=texts)
    if kind == "scenario":
        findings = check_scenario(name, knobs=found.given)
    elif kind == "agent":
        findings = check_agent(found, scenario=scenario)
    elif kind == "reward":
        findings = check_reward(found, scenario=scenario)
    else:
        from goldenrule.training.testing import check_method  # with torch

        findings = check_method(found, scenario=scenario, checkpoint=checkpoint)
    return dict(found.resolved), findings
