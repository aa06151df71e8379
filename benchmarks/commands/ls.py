"""`goldenrule ls`: what there is."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from goldenrule.envs import specs


def ls(json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> int:
    """List scenarios with their knobs, methods, agents, base checkpoints and human data."""
    found = inventory()
    print(json.dumps(found) if json_ else _lines(found))
    return 0


def inventory() -> dict[str, Any]:
    """Everything that can be named on the command line, as plain data."""
    from goldenrule.agents.pretrained import shipped
    from goldenrule.agents.scripted import people
    from goldenrule.benchmarks.datasets import LOADERS, available
    from goldenrule.benchmarks.methods import methods

    here = available()
    return {
        "scenarios": {
            name: {
                "about": one.doc,
                "learner": one.learner,
                "partner": one.partner,
                "knobs": {k.name: {"default": k.default, "range": k.range, "about": k.doc} for k in one.knobs},
                "scripted": sorted(people(name)),
            }
            for name, one in specs().items()
        },
        "methods": {name: one.doc for name, one in methods().items()},
        "agents": {
            "lm": "the language model of a base checkpoint",
            "scripted": "the scenario's scripted people",
            "package.module:Class": "your own; see --agent of `goldenrule compare`",
        },
        "checkpoints": shipped(),
        "data": {name: name in here for name in LOADERS},
    }


def _lines(found: dict[str, Any]) -> str:
    lines = ["Scenarios"]
    for name, one in found["scenarios"].items():
        lines += [f"  {name}: {one['about']}", f"    learner {one['learner']}, partner {one['partner']}"]
        lines += [
            f"    {knob} = {_word(about['default'])}   {about['range']}: {about['about']}"
            for knob, about in one["knobs"].items()
        ]
    for title in ("methods", "agents"):
        width = max(map(len, found[title]))
        lines += ["", title.capitalize(), *(f"  {name:<{width}}  {about}" for name, about in found[title].items())]
    lines += ["", "Base checkpoints", f"  {', '.join(found['checkpoints']) or 'none; see goldenrule pretrain'}"]
    lines += ["", "Human data"]
    lines += [f"  {name:<16}  {'here' if there else 'not here'}" for name, there in found["data"].items()]
    return "\n".join(lines)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
