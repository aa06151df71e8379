"""The head of the page: what was run, in a title and a few lines."""

from __future__ import annotations

from goldenrule.benchmarks.report.crossplay import Crossing
from goldenrule.benchmarks.storage.reader import Run, shown


def facts(run: Run, crossed: Crossing | None) -> list[tuple[str, str]]:
    """What was run, in a few lines; the whole configuration follows at the end of the page."""
    versions, command = run.environment.get("versions"), run.environment.get("command")
    scenarios: dict[str, dict[str, dict[str, None]]] = {}
    for cell in run.cells:
        knobs = scenarios.setdefault(cell.scenario, {})
        for name, value in cell.knobs.items():
            knobs.setdefault(name, {})[shown(value, 40)] = None
    told = {name: ", ".join(f"{knob} {' / '.join(values)}" for knob, values in knobs.items())
            for name, knobs in scenarios.items()}  # fmt: skip
    agents = [] if crossed is None else [member["name"] for member in crossed.summary["members"]]
    whose = {"Agents": ", ".join(agents)} if agents else {"Methods": ", ".join(run.methods)}
    pairs = {
        "Scenarios": "; ".join(f"{name} ({knobs})" if knobs else name for name, knobs in told.items()),
        **whose,
        "Seeds": ", ".join(dict.fromkeys(cell.seed for cell in run.cells)),
        "Command": " ".join(["goldenrule", *map(str, command)]) if isinstance(command, list) else None,
        "Commit": run.environment.get("commit"),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        if isinstance(versions, dict)
        else None,
        "Started": run.environment.get("started"),
    }
    return [(name, shown(value, 400)) for name, value in pairs.items() if value]


def title(run: Run, crossed: Crossing | None) -> str:
    """How many methods, or agents, on what."""
    if crossed is not None:
        return f"cross-play of {len(crossed.summary['members'])} agents on {crossed.summary['scenario']}"
    scenarios = list(dict.fromkeys(cell.scenario for cell in run.cells))
    methods = len(run.methods)
    if not scenarios:
        return "a run without rows"
    return f"{methods} method{'s' * (methods != 1)} on {', '.join(scenarios[:4])}{' …' if len(scenarios) > 4 else ''}"
