"""Checkpoints: safetensors weights and a JSON card (config, tokenizer, provenance). No pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.errors import UserError
from goldenrule.common.files import write_whole

FORMAT = 2
WEIGHTS, CARD = "weights.safetensors", "card.json"


class CheckpointError(UserError):
    """A checkpoint that cannot be read or written: says which file and why."""


def weights_hash(network: ThreeModuleTransformer) -> str:
    """SHA-256 of all weights in name order: equal if and only if the bytes are."""
    return state_hash(network.state_dict())


def state_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors, in name order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(
    folder: Path,
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    provenance: dict[str, Any],
    *,
    half: bool = False,
) -> None:
    """Save network and tokenizer.

    Args:
        folder: made if absent.
        provenance: how it came to be: command, seed, versions, commit, measurements.
        half: store weights as float16 (they load as float32).
    """
    state: dict[str, Tensor] = {
        name: tensor.detach().cpu().to(torch.float16 if half else tensor.dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    card = {
        "format": FORMAT,
        "network": network.config.as_dict(),
        "tokenizer": json.loads(tokenizer.to_json()),
        "provenance": provenance,
    }
    write_sealed(folder, "checkpoint", save(state), card)


def load_checkpoint(
    folder: Path, device: torch.device | str = "cpu"
) -> tuple[ThreeModuleTransformer, DialogueTokenizer, dict[str, Any]]:
    """Load network (float32), tokenizer and provenance.

    Raises:
        CheckpointError: missing, damaged or of another format; says which file and what to do.
    """
    card, weights = read_sealed(folder, "checkpoint", {"format": FORMAT})
    try:
        tokenizer = DialogueTokenizer.from_json(json.dumps(card["tokenizer"]))
        network = ThreeModuleTransformer(NetworkConfig(**card["network"]))
        state = {name: tensor.float() for name, tensor in load(weights).items()}
        network.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {folder} does not fit this version: {error}") from error
    return network.to(device), tokenizer, card["provenance"]


def write_sealed(folder: Path, what: str, weights: bytes, card: Mapping[str, Any]) -> None:
    """Write weights and, last, the card with their SHA-256: what was not written whole cannot be read.

    Args:
        folder: made if absent.
        what: what is written, for the error.
        weights: as safetensors.
        card: plain values.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    sealed = {**card, "sha256": hashlib.sha256(weights).hexdigest()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / WEIGHTS, weights)
        write_whole(folder / CARD, json.dumps(sealed, ensure_ascii=False).encode())
    except OSError as error:
        raise CheckpointError(f"cannot write {what} {folder}: {error.strerror}; name a writable folder") from error


def read_sealed(folder: Path, what: str, expected: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Card and weights as `write_sealed` wrote them.

    Args:
        folder: where.
        what: what is to be read, for the error.
        expected: what the card must say.

    Raises:
        CheckpointError: missing, damaged or of another kind; says which file and what to do.
    """
    card, weights = read_card(folder, what), _read(folder / WEIGHTS, what)
    if any(card.get(key) != value for key, value in expected.items()):
        wanted = ", ".join(f"{key} {value}" for key, value in expected.items())
        raise CheckpointError(f"{what} {folder} is of another kind; expected {wanted}; make it again with this version")
    if hashlib.sha256(weights).hexdigest() != card.get("sha256"):
        raise CheckpointError(
            f"{what} {folder} is damaged: {WEIGHTS} does not match {CARD}; make it again or use another"
        )
    return card, weights


def read_card(folder: Path, what: str = "checkpoint") -> dict[str, Any]:
    """The card of a checkpoint, or of another thing of that form.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    text = _read(folder / CARD, what)
    try:
        card = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{what} {folder} is damaged ({error}); make it again or use another") from None
    if not isinstance(card, dict):
        raise CheckpointError(f"{what} {folder} is damaged: {CARD} is no object; make it again or use another")
    return card


def _read(file: Path, what: str) -> bytes:
    folder, expected = file.parent, f"name a folder with {CARD} and {WEIGHTS}"
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"no {what} in {folder}: {file} is missing; {expected}") from error
    except NotADirectoryError as error:
        raise CheckpointError(f"{what} {folder} is a file; {expected}") from error
    except OSError as error:
        raise CheckpointError(f"{what} {folder} is damaged ({error}); make it again or use another") from error
