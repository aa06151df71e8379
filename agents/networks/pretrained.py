"""Base checkpoints that ship with the package, one or more a scenario, made by `goldenrule pretrain`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenrule.agents.scripted.base import people
from goldenrule.common.text import typed
from goldenrule.envs.registry import spec

if TYPE_CHECKING:
    import torch

    from goldenrule.agents.networks.three_module import ThreeModuleTransformer
    from goldenrule.agents.networks.tokenizer import DialogueTokenizer

    Loaded = tuple[ThreeModuleTransformer, DialogueTokenizer, dict[str, Any]]
    """Network, tokenizer and provenance."""

FOLDER = "checkpoints"
GATE = 0.95
"""Agreement of the imagined partner with the real one that reward training needs."""


def shipped_bases() -> list[str]:
    """Names of the base checkpoints: a scenario's first is called by its id, those of other recipes `ID-NAME`.

    What a recipe makes of another seed is called `ID-seed1` and so on.
    """
    root = files("goldenrule.agents") / FOLDER
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []


def base_folder(checkpoint: Path) -> Path:
    """The folder of a checkpoint: the one named, or of the shipped base of that name where there is none such."""
    shipped = str(checkpoint) in shipped_bases() and not checkpoint.exists()
    return _folder(str(checkpoint)) if shipped else checkpoint


def bases_for(scenario: str, knobs: Mapping[str, Any] | None = None) -> list[Path]:
    """Folders of the shipped bases from which runs of a scenario start: those that one recipe made, by their seeds.

    Of several recipes it is the first that has learnt what talks under `knobs` are like, else the scenario's first;
    `knobs_not_learnt` tells what a base has not learnt.

    Args:
        scenario: scenario id.
        knobs: of the scenario; those not given have their defaults.

    Raises:
        CheckpointError: none is shipped, or one is damaged.
    """
    from goldenrule.agents.networks.checkpoint import CheckpointError, read_card  # with torch

    shipped = shipped_bases()
    names = [name for name in shipped if name == scenario or re.match(f"{re.escape(scenario)}-(?!seed)", name)]
    if not names:
        make_one = f"make one: goldenrule pretrain --scenario {scenario} --out FOLDER"
        if people(scenario, "corpus"):
            remedy = f"{make_one}; --partner scripted, with agents that are no networks, does without one"
        else:
            remedy = f"register scripted people first, as examples/scenario.py does, then {make_one}"
        raise CheckpointError(f"no base checkpoint for {scenario} is shipped; {remedy}")
    provenances = ((name, read_card(_folder(name)).get("provenance") or {}) for name in names)
    learnt = (name for name, made in provenances if knobs_not_learnt(scenario, knobs or {}, made) is None)
    chosen = next(learnt, names[0])
    return [_folder(name) for name in shipped if re.fullmatch(f"{re.escape(chosen)}(-seed[0-9]+)?", name)]


def load_base(
    scenario: str,
    path: Path | None = None,
    device: torch.device | str = "cpu",
    knobs: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Loaded:
    """The pre-trained network, tokenizer and provenance for a scenario.

    Args:
        scenario: scenario id.
        path: a checkpoint to use instead of a shipped one, see `base_folder`.
        device: where to put the weights.
        knobs: of the scenario, see `bases_for`.
        seed: of the run: runs take the bases that one recipe made in turn, so that what is found is not of one base.

    Raises:
        CheckpointError: none is shipped and none was named, or it is damaged, or of another scenario.
    """
    from goldenrule.agents.networks.checkpoint import CheckpointError, load_checkpoint  # with torch

    if path is None:
        folders = bases_for(scenario, knobs)
        return load_checkpoint(folders[seed % len(folders)], device)
    loaded = load_checkpoint(base_folder(path), device)
    made_for = _config(loaded[2]).get("scenario", scenario)
    if made_for not in (scenario, _id(scenario)):
        raise CheckpointError(
            f"checkpoint {path} has learnt {made_for}; expected one of {scenario}: "
            "name another, or leave it out for the shipped one"
        )
    return loaded


def _folder(name: str) -> Path:
    """Of a shipped base."""
    return Path(str(files("goldenrule.agents") / FOLDER / name))


def knobs_not_learnt(scenario: str, knobs: Mapping[str, Any], provenance: Mapping[str, Any]) -> str | None:
    """Which knobs have values under which a base has not learnt how people talk, in words; `None` if there are none.

    Args:
        scenario: scenario id.
        knobs: those of a talk; those not given have their defaults.
        provenance: of the checkpoint. Where it does not say how it was made, nothing is known and nothing is told.
    """
    config = _config(provenance)
    if config.get("scenario") != _id(scenario):
        return None
    known = spec(scenario)
    base = known.resolve(config.get("knobs", {}))
    further = [*config.get("settings", ()), *(lesson for _, lesson in config.get("lessons", ()))]
    under = [base | dict(one) for one in further]
    under += [] if config.get("settings") else [base]
    given = known.resolve(dict(knobs))
    missing = []
    for knob in known.knobs:
        learnt = {one[knob.name] for one in under}
        if not knob.known(given[knob.name], learnt):
            values = ", ".join(f"{value:g}" if isinstance(value, float) else typed(value) for value in sorted(learnt))
            missing.append(f"{knob.name}={typed(given[knob.name])} (learnt: {values})")
    return ", ".join(missing) or None


def decisive(gate: Mapping[str, Any]) -> float:
    """What of a gate must reach `GATE`: rewards told where the scenario asks for them, else replies."""
    return float(gate["paid"].get("told", 0.0) if "paid" in gate else gate["balanced"])


def failed_gate(provenance: Mapping[str, Any], knobs: Mapping[str, Any]) -> float | None:
    """What a base reached at its gate, where that was too little; `None` where it passed or there was none.

    Args:
        provenance: of the checkpoint.
        knobs: of a talk: of several gates, those under knobs of these count.
    """
    gates = [gate for gate in provenance.get("gates", ()) if gate["knobs"].items() <= knobs.items()]
    reached = min(map(decisive, gates or filter(None, [provenance.get("gate")])), default=1.0)
    return reached if reached < GATE else None


def _id(scenario: str) -> str:
    """The id of a scenario that is named as a plug-in; other names, also those of bases of none, as they are."""
    return spec(scenario).id if ":" in scenario else scenario


def _config(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    found = provenance.get("config")
    return found if isinstance(found, Mapping) else {}
