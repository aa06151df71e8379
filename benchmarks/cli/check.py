"""`goldenrule check`: whether an agent, reward, method or scenario of one's own keeps to what the others rely on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenrule.benchmarks.cli.compare import SCENARIO
from goldenrule.benchmarks.cli.options import scenario_spec
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import KINDS, Kind
from goldenrule.common.text import brief, clean
from goldenrule.common.untrusted import foreign

if TYPE_CHECKING:
    from goldenrule.envs.testing.report import Finding


def check(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="agent, reward, method or scenario.")],
    name: Annotated[str, typer.Argument(help="package.module:Name, or one that `goldenrule ls` shows.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="parameter=value; a scenario's knob=value.")] = None,
    scenario: Annotated[str, typer.Option(help="Where an agent, reward or method is tried.")] = SCENARIO,
    checkpoint: Annotated[Path | None, typer.Option(help="Base checkpoint a method starts from.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Try what every agent, reward, method or scenario must keep to: one line a property, exit code 1 if one fails."""
    which = next((one for one in KINDS if one == kind), None)
    if which is None:
        raise UserError(f"there is no check of a {kind!r}; expected one of {', '.join(KINDS)}")
    pairs = _pairs(set_ or [])
    with foreign():
        params, findings = _run_checks(which, name, pairs, scenario, checkpoint)
    failed = sum(finding.passed is False for finding in findings)
    if json_:
        told = [{"property": one.what, "status": _STATUS[one.passed], "why": one.why or None} for one in findings]
        print(json.dumps({"kind": which, "name": name, "params": params, "ok": not failed, "findings": told}))
    else:
        print(f"{which} {clean(name)}")
        for finding in findings:
            print(f"  {clean(brief(str(finding)))}")
        held = sum(finding.passed is True for finding in findings)
        print(f"{held} ok, {failed} failed, {len(findings) - held - failed} not tried")
    return int(failed > 0)


_STATUS = {True: "ok", False: "failed", None: "not tried"}


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """`key=value` as texts by key.

    Raises:
        UserError: no `=`, or a key twice.
    """
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {text!r} has no '='; expected parameter=value")
        if key.strip() in found:
            raise UserError(f"--set {key.strip()} was given twice; expected once")
        found[key.strip()] = value.strip()
    return found


def _run_checks(
    kind: Kind, name: str, texts: dict[str, str], scenario: str, checkpoint: Path | None
) -> tuple[dict[str, Any], list[Finding]]:
    """The parameters, and what was found."""
    from goldenrule.agents.testing import check_agent
    from goldenrule.benchmarks.evaluation.plugins import plugin
    from goldenrule.envs.testing.checker import check_scenario
    from goldenrule.rewards.testing import check_reward
    from goldenrule.training.testing import check_method

    if kind == "agent" and name in ("lm", "scripted"):
        return {}, check_agent(_built_in(name, texts, scenario, checkpoint), scenario=scenario)
    if kind != "scenario":
        scenario_spec(scenario)
    found = plugin(kind, name, texts=texts)
    if kind == "scenario":
        findings = check_scenario(name, knobs=found.given)
    elif kind == "agent":
        findings = check_agent(found, scenario=scenario)
    elif kind == "reward":
        findings = check_reward(found, scenario=scenario)
    else:
        findings = check_method(found, scenario=scenario, checkpoint=checkpoint)
    return dict(found.resolved), findings


def _built_in(name: str, texts: dict[str, str], scenario: str, checkpoint: Path | None) -> Callable[[], Any]:
    from goldenrule.benchmarks.cli.play import sitting

    if texts:
        raise UserError(f"agent {name!r} takes no parameters; {', '.join(texts)} was given")
    known = scenario_spec(scenario)
    seat = next(one for one in known.build().agents if one.startswith(known.learner))
    return lambda: sitting(scenario, seat, name, checkpoint)
