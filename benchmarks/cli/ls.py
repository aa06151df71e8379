"""`goldenrule ls`: what there is. Without torch, which takes seconds to import."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from goldenrule.agents.networks.pretrained import shipped_bases
from goldenrule.agents.scripted import people, population
from goldenrule.benchmarks.cli.options import Json
from goldenrule.benchmarks.evaluation.plugins import installed_plugins
from goldenrule.benchmarks.report.layout import print_indented
from goldenrule.common.text import clean, typed
from goldenrule.envs.datasets.corpora import NAMES, available
from goldenrule.envs.registry import COMMON_KNOBS, Knob, specs
from goldenrule.training.methods.registry import FACTORIES, METHODS


def ls(json_: Json = False) -> int:
    """List scenarios with their knobs, methods, agents, plug-ins, base checkpoints and human data."""
    found = inventory()
    if json_:
        print(json.dumps(found))
    else:
        print_indented(_text(found), sys.stdout)
    return 0


def inventory() -> dict[str, Any]:
    """Everything that can be named on the command line, as plain data."""
    here = available()
    plugins = installed_plugins()  # before the scenarios, which some of them are
    return {
        "scenarios": {
            name: {
                "about": one.doc,
                "learner": one.learner,
                "partner": one.partner,
                "knobs": _knobs(one.knobs),
                "scripted": sorted(people(name, "corpus")),  # a plug-in may have none
                "population": {style: sorted(roles) for style, roles in population(name).items()},
            }
            for name, one in specs().items()
        },
        "common_knobs": _knobs(COMMON_KNOBS),
        "methods": {
            **{name: one.doc for name, one in METHODS.items()},
            **{name: (one.__doc__ or "").strip() for name, one in FACTORIES.items()},
        },
        "agents": {
            "lm": "the language model of a base checkpoint",
            "scripted": "the scenario's scripted people",
            "package.module:Class": "your own; see --agent of `goldenrule compare`",
        },
        "plugins": plugins,
        "checkpoints": shipped_bases(),
        "data": {name: name in here for name in NAMES},
    }


def _knobs(knobs: Sequence[Knob]) -> dict[str, Any]:
    return {knob.name: {"default": knob.default, "range": knob.range, "about": knob.doc} for knob in knobs}


def _text(found: dict[str, Any]) -> str:
    lines = ["Scenarios"]
    for name, one in found["scenarios"].items():
        lines += [f"  {clean(name)}: {clean(one['about'])}", f"    learner {one['learner']}, partner {one['partner']}"]
        lines += _knob_lines(one["knobs"])
        tempers = [style for style in one["population"] if style != "default"]
        lines += [f"    people of a temper: {', '.join(map(clean, tempers))}"] if tempers else []
    lines += ["  every scenario:", *_knob_lines(found["common_knobs"])]
    for title in ("methods", "agents"):
        width = max(map(len, found[title]))
        lines += ["", title.capitalize(), *(f"  {name:<{width}}  {about}" for name, about in found[title].items())]
    lines += ["", "Plug-ins", *(line for one in found["plugins"] for line in _plugin(one))]
    lines += [] if found["plugins"] else ["  none installed; package.module:Name names one that is not"]
    lines += ["", "Base checkpoints", f"  {', '.join(found['checkpoints']) or 'none; see goldenrule pretrain'}"]
    lines += ["", "Human data"]
    lines += [f"  {name:<16}  {'here' if there else 'not here'}" for name, there in found["data"].items()]
    return "\n".join(lines)


def _knob_lines(knobs: Mapping[str, Any]) -> list[str]:
    return [
        f"    {clean(knob)} = {typed(about['default'])}   {about['range']}: {clean(about['about'])}"
        for knob, about in knobs.items()
    ]


def _plugin(one: Mapping[str, Any]) -> list[str]:
    """What it is, where it comes from and what it takes; or why it cannot be had."""
    origin = f"from {one['package']}, {one['source']}" if one["package"] else f"from {one['source']}"
    if one["broken"] is not None:
        return [clean(f"  {one['kind']} {one['name']}: broken: {one['broken']}"), clean(f"    {origin}")]
    lines = [f"  {one['kind']} {one['name']}: {one['about'] or 'it says nothing of itself'}", f"    {origin}"]
    if one["kind"] != "scenario":  # its knobs stand with it above
        for name, about in one["parameters"].items():
            default = "must be given" if about["required"] else typed(about["default"])
            ending = f": {about['about']}" if about["about"] else ""
            lines.append(f"    {name} = {default}   {about['type']}{ending}")
    return [clean(line) for line in lines]
