"""Base checkpoints that ship with the package: one for each scenario, made by `goldenrule pretrain`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.networks.checkpoint import CheckpointError, load_checkpoint
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer

FOLDER = "checkpoints"


def shipped() -> list[str]:
    """Ids of the scenarios that have a base checkpoint."""
    root = files("goldenrule.agents") / FOLDER
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []


def load_base(
    scenario: str, path: Path | None = None, device: torch.device | str = "cpu"
) -> tuple[ThreeModuleTransformer, DialogueTokenizer, dict[str, Any]]:
    """The pre-trained network, tokenizer and provenance for a scenario.

    Args:
        scenario: scenario id.
        path: a checkpoint folder to use instead of the shipped one.
        device: where to put the weights.

    Raises:
        CheckpointError: none is shipped and none was named, or it is damaged.
    """
    if path is not None:
        return load_checkpoint(path, device)
    if scenario not in shipped():
        raise CheckpointError(
            f"no base checkpoint for {scenario} is shipped; "
            f"make one: goldenrule pretrain --scenario {scenario} --out FOLDER"
        )
    with as_file(files("goldenrule.agents") / FOLDER / scenario) as folder:
        return load_checkpoint(folder, device)
