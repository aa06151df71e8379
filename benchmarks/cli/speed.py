"""`goldenrule speed`: how fast environments, sweeps, reports and sampling are on this machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from goldenrule.benchmarks.cli.compare import SCENARIO
from goldenrule.benchmarks.cli.options import scenario_spec, whole, words
from goldenrule.common.errors import UserError

_ENVIRONMENT = {
    "bare": "turns/s, turn by turn",
    "wrapped": "turns/s, under two reward wrappers",
    "wrapped_after_resets": "turns/s, the same after many resets",
    "parallel": "turns/s, parallel",
    "resets": "resets",
    "memory_growth_mb": "MB more memory after the resets",
    "peak_memory_mb": "MB peak memory",
}
_SWEEP = {
    "start_seconds": "s for a sweep of one cell, which starts what forks the workers",
    "one_worker_seconds": "s with one worker",
    "two_workers_seconds": "s with two",
    "speed_up": "times as fast with two",
    "bare_speed_up": "times as fast by two bare processes that save nothing",
    "cell_ms": "ms a cell's own work",
    "overhead_ms": "ms overhead a cell",
    "parent_ms": "ms of that processor time of the parent",
}
_REPORT = {
    "load_seconds": "s to load them as a table",
    "report_seconds": "s to report them",
    "peak_memory_mb": "MB peak memory of both",
}


def speed(
    scenario: Annotated[str, typer.Option(help="Scenario id.")] = SCENARIO,
    batch: Annotated[str, typer.Option(help="Rows of the sampling benchmark, with commas between several.")] = "256",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    size: Annotated[
        str, typer.Option(help="Of the sampled model: small (2.2 M parameters) or large (100 M).")
    ] = "small",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Measure how fast environments, sweeps, their reports and sampling are on this machine.

    Sampling is timed beside Hugging Face `generate` on a GPT-2-config model of the same size, batch and lengths.
    """
    scenario_spec(scenario)
    batches = [whole(word, "--batch") for word in words(batch, "--batch")]
    if size not in ("small", "large"):
        raise UserError(f"--size {size!r} is unknown; expected small or large")
    from goldenrule.benchmarks.experiments.grid import device as resolve_device
    from goldenrule.benchmarks.generation_speed import generation_speed, setup
    from goldenrule.benchmarks.report_speed import report_speed
    from goldenrule.benchmarks.speed import environment_speed
    from goldenrule.benchmarks.sweep_speed import sweep_speed

    resolved = resolve_device(device)
    setups = [setup(size, rows, resolved) for rows in batches]
    figures = environment_speed(scenario)
    sweeps = sweep_speed(scenario)
    reports = report_speed()
    sampling = [generation_speed(one) for one in setups]
    if json_:
        environment = {"scenario": scenario, **figures}
        print(json.dumps({"environment": environment, "sweep": sweeps, "report": reports, "sampling": sampling}))
        return 0
    print(f"Environment {scenario}, one process")
    for key, value in figures.items():
        print(f"  {value:>12,.0f}  {_ENVIRONMENT.get(key, key)}")
    print(f"Sweep of {sweeps['cells']:.0f} cells of scripted people, {sweeps['episodes']:.0f} dialogues each")
    for key, told in _SWEEP.items():
        print(f"  {sweeps[key]:>12,.2f}  {told}")
    print(f"Results of {reports['rows']:,.0f} rows, {reports['cells']:,.0f} of them cells")
    for key, told in _REPORT.items():
        print(f"  {reports[key]:>12,.2f}  {told}")
    for one in sampling:
        _say_sampling(one)
    return 0


def _say_sampling(figures: dict[str, Any]) -> None:
    made = figures["setup"]
    print(
        f"Sampling, {made['parameters'] / 1e6:.1f} M parameters, batch {made['batch']}, prompt {made['prompt']}, "
        f"{made['new']} new tokens, {made['dtype']} on {made['device']}, {made['threads']} threads"
    )
    print(f"  {figures['tokens_per_second']:>12,.0f}  tokens/s")
    if figures["ratio"] is None:
        print(f"  {'-':>12}  tokens/s of Hugging Face generate: {figures['hugging_face_reason']}")
    else:
        print(f"  {figures['hugging_face_tokens_per_second']:>12,.0f}  tokens/s of Hugging Face generate")
        print(f"  {figures['ratio']:>12.2f}  times as fast")
    print(f"  {figures['matmul_gflops']:>12,.0f}  GFLOP/s of a large matrix product here")
    print(f"  {figures['matmul_share']:>12.0%}  of that rate, by the tokens' own work")
