"""`goldenrule pretrain`: make the base checkpoint of a scenario."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenrule.benchmarks.cli.compare import SCENARIO
from goldenrule.benchmarks.cli.options import MAX_SEED, knobs, scenario_spec, shares
from goldenrule.common.errors import UserError
from goldenrule.envs import specs
from goldenrule.envs.datasets.files import DataError, data_at

if TYPE_CHECKING:
    from goldenrule.training.pretraining.base_model import BaseConfig, Gate, Humans

ENOUGH = 0.95
OTHERS = 128
"""Dialogues of the gate under each of several settings."""


def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint; made if absent.")],
    scenario: Annotated[str, typer.Option(help="Scenario id.")] = SCENARIO,
    base: Annotated[str, typer.Option(help="Name of a shipped base's recipe, where the scenario has several.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="knob=value,value: dialogues under each of these to learn from.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of every draw; the shipped checkpoints have 0.")] = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Gradient steps; the scenario's own number if not given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Threads; the same number gives the same bytes.")] = 1,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder that holds casino and the like; GOLDENRULE_DATA otherwise.")
    ] = None,
    human: Annotated[bool, typer.Option("--human/--no-human", help="Learn from human dialogues too.")] = True,
    read: Annotated[
        list[str] | None,
        typer.Option(help="Further human dialogues to read, NAME=SHARE of all views; can be given again."),
    ] = None,
) -> int:
    """Make a base checkpoint: tokenizer and pre-trained network; says whether it passes the gate.

    No reward training should start from one whose imagined partner agrees with the truth less than 0.95.
    """
    settings = _settings(knobs(scenario_spec(scenario).id, set_ or []))
    import torch

    from goldenrule.agents.networks.checkpoint import save_checkpoint
    from goldenrule.agents.scripted import person
    from goldenrule.benchmarks.storage.provenance import empty_folder, environment
    from goldenrule.envs.datasets.corpora import LOADERS
    from goldenrule.training.pretraining.base_model import gate, make_base
    from goldenrule.training.pretraining.human_corpus import digest
    from goldenrule.training.pretraining.recipes import base_config

    empty_folder(out)
    torch.set_num_threads(threads)
    config = base_config(_recipe(base, scenario) if base else scenario, settings)
    for seat in scenario_spec(config.scenario).build(**config.knobs).agents:
        person(config.scenario, seat, "corpus")  # before minutes are spent
    config = config if human else config.without_people()
    # A set that another scenario is modelled on means something to its people alone.
    accounts = {one.human.data for name, one in specs().items() if one.human and name != config.scenario}
    sets = [name for name in LOADERS if name not in accounts | {*config.human}]
    further = shares(read or [], "--read", sets, config.left)
    config = replace(config, human={**config.human, **further})
    if steps is not None:
        config = replace(config, pretraining=replace(config.pretraining, updates=steps))

    def report(step: int, behaviour: float, prediction: float) -> None:
        if (step + 1) % 50 == 0:
            total = config.pretraining.updates
            print(f"step {step + 1}/{total}  behaviour {behaviour:.3f}  prediction {prediction:.3f} nats", flush=True)

    with data_at(data_dir):
        people = _people(config)
        network, tokenizer = make_base(config, seed, report, people)
    passed = gate(network, tokenizer, scenario, config.knobs, seed)
    others = [
        (one, gate(network, tokenizer, scenario, {**config.knobs, **one}, seed, OTHERS)) for one in config.settings
    ]
    made_on = environment()
    command = f"goldenrule pretrain --scenario {scenario}"
    command += f" --base {base}" if base else ""
    command += "".join(f" --set {text}" for text in set_ or ())
    command += f" --seed {seed} --threads {threads}"
    command += f" --steps {steps}" if steps is not None else ""
    command += "".join(f" --read {name}={share:g}" for name, share in further.items())
    provenance = {
        "command": command if human else f"{command} --no-human",
        "config": config.as_dict(),
        "seed": seed,
        "gate": passed.as_dict(),
        **({"gates": [{"knobs": dict(one), **found.as_dict()} for one, found in others]} if others else {}),
        **({"people": {name: digest(dialogues) for name, dialogues in people.items()}} if people else {}),
        **{key: made_on[key] for key in ("python", "versions", "commit")},
    }
    save_checkpoint(out, network, tokenizer, provenance, half=True)
    _say(passed)
    for one, found in others:
        told = ", ".join(
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in one.items()
        )
        print(f"  {found.decisive:.3f} under {told}")
    print(f"Saved in {out}")
    return 0


def _settings(given: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the knobs' values; none where no knob was given."""
    return [dict(zip(given, values, strict=True)) for values in product(*given.values())] if given else []


def _recipe(base: str, scenario: str) -> str:
    """The name of a recipe.

    Raises:
        UserError: there is none of that name for the scenario.
    """
    from goldenrule.training.pretraining.recipes import BASES

    had = sorted(name for name, config in BASES.items() if config.scenario == scenario)
    if base not in had:
        raise UserError(
            f"--base {base!r} is unknown for {scenario}; expected {' or '.join(had) or 'none: leave it out'}"
        )
    return base


def _people(config: BaseConfig) -> Humans:
    """The human dialogues that the configuration asks for.

    Raises:
        DataError: some are missing; the line says which, and what to do.
    """
    from goldenrule.training.pretraining.human_corpus import human_dialogues

    try:
        return human_dialogues([*config.human])
    except DataError as error:
        raise DataError(f"{error}; or name it with --data-dir, or learn from scripts alone with --no-human") from None


def _say(passed: Gate) -> None:
    by_reading = ", ".join(f"{share:.2f} where it told {reading}" for reading, share in passed.by_reading.items())
    print(f"The imagined partner agrees with the real one in {passed.imagined:.3f} of {passed.replies} replies:")
    print(f"  {by_reading}")
    if passed.paid is not None:
        told = ", ".join(f"{share:.3f} where its needs were {kind}" for kind, share in passed.paid.items())
        print(f"Asked at the end, in imagination, it tells the reward that the partner really got: {told}.")
    if passed.decisive < ENOUGH:
        cases = "on balanced cases" if passed.paid is None else "where it can be known"
        print(f"That is below {ENOUGH} {cases} ({passed.decisive:.3f}): reward training from it will mislead.")
