"""`goldenrule speed`: how fast environments and sampling are on this machine."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from goldenrule.benchmarks.commands.compare import SCENARIO
from goldenrule.benchmarks.commands.parsing import scenario_spec

_ENVIRONMENT = {
    "bare": "turns/s, turn by turn",
    "wrapped": "turns/s, under two reward wrappers",
    "wrapped_after_resets": "turns/s, the same after many resets",
    "parallel": "turns/s, parallel",
    "resets": "resets",
    "memory_growth_mb": "MB more memory after the resets",
    "peak_memory_mb": "MB peak memory",
}


def speed(
    scenario: Annotated[str, typer.Option(help="Scenario id.")] = SCENARIO,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Measure how fast the environment is on this machine."""
    scenario_spec(scenario)
    from goldenrule.benchmarks.speed import environment_speed

    figures = environment_speed(scenario)
    if json_:
        print(json.dumps({"environment": {"scenario": scenario, **figures}}))
        return 0
    print(f"Environment {scenario}, one process")
    for key, value in figures.items():
        print(f"  {value:>12,.0f}  {_ENVIRONMENT.get(key, key)}")
    return 0
