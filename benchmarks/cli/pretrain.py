"""`goldenrule pretrain`: make the base checkpoint of a scenario."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goldenrule.agents.networks.pretrained import GATE
from goldenrule.agents.scripted import person
from goldenrule.benchmarks.cli.options import SCENARIO, DataDir, Scenario, Seed, knobs, pairs
from goldenrule.benchmarks.experiments.config import choices
from goldenrule.benchmarks.report.layout import print_indented
from goldenrule.benchmarks.storage.provenance import environment
from goldenrule.common.data import DataError, data_at
from goldenrule.common.errors import UserError
from goldenrule.common.files import empty_folder
from goldenrule.envs.datasets.corpora import NAMES
from goldenrule.envs.registry import PEOPLE, spec, specs

if TYPE_CHECKING:
    from goldenrule.training.pretraining.base_model import BaseConfig, Gate

GATE_DIALOGUES = 128
"""Dialogues of the gate under each of several settings."""


def pretrain(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint; made if absent.")],
    scenario: Scenario = SCENARIO,
    base: Annotated[str, typer.Option(help="Name of a shipped base's recipe, where the scenario has several.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="knob=value,value: dialogues under each of these to learn from.")
    ] = None,
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Gradient steps; the scenario's own number if not given.")
    ] = None,
    imitation: Annotated[
        Literal["observed", "reenacted"] | None,
        typer.Option(help="What is imitated in a partner's place; as the recipe has it if not given."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Threads; the same number gives the same bytes.")] = 1,
    data_dir: DataDir = None,
    human: Annotated[bool, typer.Option("--human/--no-human", help="Learn from human dialogues too.")] = True,
    read: Annotated[
        list[str] | None,
        typer.Option(help="Further human dialogues to read, NAME=SHARE of all views; can be given again."),
    ] = None,
) -> int:
    """Make a base checkpoint: tokenizer and pre-trained network; says whether it passes the gate.

    No reward training should start from one whose imagined partner agrees with the truth less than 0.95.
    """
    given = knobs(scenario, set_)
    if "unseen" in (given or {}).get(PEOPLE.name, ()):
        raise UserError("--set people=unseen: these are kept out of all that agents learn from; leave it out")
    empty_folder(out)

    import torch

    from goldenrule.agents.networks.checkpoint import save_checkpoint
    from goldenrule.training.pretraining import base_model, human_corpus

    if base:
        _check_recipe(base, scenario, base_model.BASES)
    config = base_model.base_config(base or scenario, choices(given, "knob") if given else (), imitation)
    for seat in spec(config.scenario).build(**config.knobs).agents:
        person(scenario, seat, "corpus")  # before minutes are spent
    config = config if human else config.without_people()
    config = replace(config, human={**config.human, **_parse_shares(read or [], config)})
    if steps is not None:
        config = replace(config, pretraining=replace(config.pretraining, updates=steps))

    torch.set_num_threads(threads)
    with data_at(data_dir):
        try:
            people = human_corpus.human_dialogues([*config.human])
        except DataError as error:
            raise DataError(
                f"{error}; or name it with --data-dir, or learn from scripts alone with --no-human"
            ) from None
        network, tokenizer = base_model.make_base(
            config, seed, partial(_print_step, config.pretraining.updates), people
        )
    known = spec(config.scenario)
    passed = base_model.gate(network, tokenizer, scenario, config.knobs, seed)
    others = [
        (one, base_model.gate(network, tokenizer, scenario, {**config.knobs, **one}, seed, GATE_DIALOGUES))
        for one in config.settings
        if known.resolve({**config.knobs, **one}) != known.resolve(config.knobs)
    ]
    made_on = environment()
    provenance = {
        "command": _command(context.params),
        "config": config.as_dict(),
        "seed": seed,
        "gate": passed.as_dict(),
        **({"gates": [{"knobs": dict(one), **found.as_dict()} for one, found in others]} if others else {}),
        **({"people": {name: human_corpus.digest(dialogues) for name, dialogues in people.items()}} if people else {}),
        **{key: made_on[key] for key in ("python", "versions", "commit")},
    }
    save_checkpoint(out, network, tokenizer, provenance, half=True)
    _print_gate(passed, others)
    print(f"Saved in {out}")
    return 0


def _print_step(total: int, step: int, behaviour: float | None, prediction: float | None) -> None:
    if (step + 1) % 50 == 0:
        losses = ["none" if loss is None else f"{loss:.3f}" for loss in (behaviour, prediction)]
        print(f"step {step + 1}/{total}  behaviour {losses[0]}  prediction {losses[1]} nats", flush=True)


def _command(options: Mapping[str, Any]) -> str:
    """What has to be typed to make the same checkpoint, wherever it and the data lie."""
    words = ["goldenrule pretrain"]
    for name, given in sorted(options.items()):
        values = given if isinstance(given, list | tuple) else [given]
        if name not in ("out", "data_dir", "human"):
            words += [f"--{name.rstrip('_')} {value}" for value in values if value not in (None, "")]
    return " ".join(words if options["human"] else [*words, "--no-human"])


def _check_recipe(base: str, scenario: str, recipes: Mapping[str, BaseConfig]) -> None:
    known = sorted(name for name, config in recipes.items() if config.scenario == scenario)
    if base not in known:
        expected = " or ".join(known) or "none: leave it out"
        raise UserError(f"--base {base!r} is unknown for {scenario}; expected {expected}")


def _parse_shares(given: Sequence[str], config: BaseConfig) -> dict[str, float]:
    """`--read NAME=SHARE` as shares by name, of all views of which the recipe leaves `config.left` free.

    Raises:
        UserError: not of that form, an unknown or taken name, one given twice, or more than is left.
    """
    # A set that another scenario is modelled on means something to its people alone.
    accounts = {one.human.data for name, one in specs().items() if one.human and name != config.scenario}
    known = [name for name in NAMES if name not in accounts | {*config.human}]
    found: dict[str, float] = {}
    for name, text in pairs(given, "--read", f"NAME=SHARE of {', '.join(known)}, like topical_chat=0.1").items():
        if name not in known:
            raise UserError(f"--read {name!r} is not to be read here; expected one of {', '.join(known)}")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = 0.0
        if not 0.0 < found[name] < 1.0:
            raise UserError(f"--read '{name}={text}' has no share between 0 and 1; expected one like {name}=0.1")
    if (total := sum(found.values())) >= config.left:
        raise UserError(f"--read: shares of {total:g} in all were given; expected less than {config.left:g}")
    return found


def _print_gate(passed: Gate, others: Sequence[tuple[Mapping[str, Any], Gate]]) -> None:
    by_reading = ", ".join(f"{share:.2f} where it told {reading}" for reading, share in passed.by_reading.items())
    lines = [f"The imagined partner agrees with the real one in {passed.imagined:.3f} of {passed.replies} replies:"]
    lines += [f"  {by_reading}"]
    if passed.paid is not None:
        told = ", ".join(f"{share:.3f} where its needs were {kind}" for kind, share in passed.paid.items())
        lines += [f"Asked at the end, in imagination, it tells the reward that the partner really got: {told}."]
    if passed.decisive < GATE:
        cases = "on balanced cases" if passed.paid is None else "where it can be known"
        lines += [f"That is below {GATE} {cases} ({passed.decisive:.3f}): reward training from it will mislead."]
    for setting, found in others:
        under = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in setting.items())
        lines += [f"  {found.decisive:.3f} under {', '.join(under)}"]
    print_indented("\n".join(lines), sys.stdout)
