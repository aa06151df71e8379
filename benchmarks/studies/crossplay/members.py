"""Who a population is made of: what was named on the command line, found, and seated by the scenario's roles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from goldenrule.agents.base import load_agent
from goldenrule.agents.networks.checkpoint import CARD, CheckpointError
from goldenrule.agents.networks.pretrained import shipped
from goldenrule.agents.scripted import population
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.studies.crossplay.pairing import role
from goldenrule.benchmarks.studies.crossplay.sitters import SB3, Kind, Sitter, card_of, loaded
from goldenrule.common.errors import UserError
from goldenrule.common.files import expand
from goldenrule.common.plugins import closest, find_plugin, installed

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
SCRIPTED, LM, STRANGER = "scripted", "lm", "stranger"


@dataclass(frozen=True, slots=True)
class Member:
    """One of a population, or a held-out partner of it.

    Attributes:
        sitter: who it is.
        held_out: whether it meets the population only, and no other that is held out.
        learner, partner: which seats it can take.
    """

    sitter: Sitter
    held_out: bool
    learner: bool
    partner: bool

    @property
    def name(self) -> str:
        """What it is called."""
        return self.sitter.name


def symmetric(scenario: str) -> bool:
    """Whether learner and partner are of one role, so that anyone can take either seat."""
    learner, partner = (role(seat_name(scenario, which)) for which in ("learner", "partner"))
    return learner == partner


def known(scenario: str) -> list[str]:
    """Names of everyone that a scenario has without being told of others."""
    styles = [SCRIPTED if style == "default" else style for style in population(scenario)]
    return [*styles, *([LM] if scenario in shipped() else [])]


def usual(scenario: str) -> tuple[list[str], list[str]]:
    """The population where nobody is named: all scripted people; the held-out partners: strangers."""
    people = [name for name in known(scenario) if name != LM]
    return [name for name in people if name != STRANGER], [name for name in people if name == STRANGER]


def members(scenario: str, agents: Sequence[str], partners: Sequence[str], device: str) -> list[Member]:
    """Everyone named, in that order.

    Args:
        scenario: where they meet.
        agents: the population: registered names, `package.module:Class`, checkpoint folders, runs that saved
            weights; each perhaps with a name of your own before it, `NAME=...`.
        partners: who is held out, likewise.
        device: where networks are tried.

    Raises:
        UserError: one is unknown, cannot be had, was trained on another scenario, or is named twice.
    """
    found = [
        _member(scenario, sitter, held_out)
        for held_out, texts in ((False, agents), (True, partners))
        for text in texts
        for sitter in _sitters(scenario, text, device)
    ]
    names = [member.name for member in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"agent {twice!r} is named twice; name each once, or put a name of its own before it: NAME=...")
    return found


def _member(scenario: str, sitter: Sitter, held_out: bool) -> Member:
    """With the seats that its roles let it take; a plug-in may name `roles`, and is taken at its place otherwise."""
    mine, theirs = (role(seat_name(scenario, which)) for which in ("learner", "partner"))
    roles: tuple[str, ...] = (mine, theirs)
    if sitter.kind == "person":
        roles = tuple(population(scenario)[sitter.what])
    elif sitter.kind == SB3:
        roles = (mine,)  # it has learnt to choose among the learner's candidates
    elif sitter.kind == "plugin":
        roles = _declared(sitter, (theirs if held_out else mine,))
    seats = mine in roles, theirs in roles
    if not any(seats):
        raise UserError(
            f"agent {sitter.name!r} can be {' or '.join(roles) or 'nobody'}; {scenario} has {mine} and {theirs}"
        )
    return Member(sitter, held_out, *seats)


def _declared(sitter: Sitter, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    given: Any = getattr(load_agent(sitter.what, sitter.params), "roles", otherwise)
    if not isinstance(given, tuple | list) or not all(isinstance(one, str) for one in given):
        raise UserError(f"agent {sitter.what!r} has roles={given!r}; expected a tuple of role names")
    return tuple(given)


def _sitters(scenario: str, text: str, device: str) -> list[Sitter]:
    """Whom a name stands for: one, or every checkpoint in a run's folder."""
    name, equals, target = text.partition("=")
    if not equals or not NAME.fullmatch(name.strip()):
        if equals and ":" not in name and "(" not in name:
            raise UserError(f"agent name {name!r} is not allowed; expected up to 40 letters, digits, '_', '-' or '.'")
        name, target = "", text
    name, target = name.strip(), target.strip()
    found = _found(scenario, target, device)
    if name and len(found) > 1:
        raise UserError(f"{target!r} holds {len(found)} checkpoints; name one of them, or leave {name}= out")
    return [replace(one, name=name or _plain(one.name)) for one in found]


def _plain(name: str) -> str:
    """A name that may stand in files and tables."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._")[:40] or "agent"


def _found(scenario: str, target: str, device: str) -> list[Sitter]:
    style = "default" if target == SCRIPTED else target
    if target != "default" and style in population(scenario):
        return [Sitter(target, "person", style)]
    if target == LM:
        return [Sitter(LM, "lm", weights=_weights(scenario, None, device))]
    if "/" not in target.partition("(")[0] and (":" in target or target.partition("(")[0] in installed("agent")):
        plugin = find_plugin("agent", target)
        return [Sitter(plugin.name.rpartition(":")[2], "plugin", plugin.name, plugin.given)]
    folder = expand(target)
    if target and folder.is_dir():
        return _saved(scenario, folder, device)
    here = known(scenario)
    raise UserError(
        f"agent {target!r} is unknown; expected {', '.join(here) or LM}, package.module:Class, or a folder of saved "
        f"weights{closest(target, here)}"
    )


def _saved(scenario: str, folder: Path, device: str) -> list[Sitter]:
    """The checkpoint in a folder, or all in a run's folder or its `weights`."""
    root = folder if (folder / CARD).is_file() or not (folder / "weights").is_dir() else folder / "weights"
    inside = [root] if (root / CARD).is_file() else sorted(one.parent for one in root.glob(f"*/{CARD}"))
    if not inside:
        raise UserError(
            f"no weights in {str(folder)!r}; expected a folder with {CARD}, or a run of `compare --save-weights`"
        )
    found = [_checkpoint(scenario, one, device) for one in inside]
    names = [one.name for one in found]
    return [  # two of one method and seed differ in their settings: the folder's own name tells them apart
        replace(one, name=one.folder.name if names.count(one.name) > 1 and one.folder else one.name) for one in found
    ]


def _checkpoint(scenario: str, folder: Path, device: str) -> Sitter:
    try:
        card = card_of(folder)
        provenance = _part(card, "provenance")
        cell = _part(provenance, "cell")  # of a method; the base of a scenario has `config` instead
        trained = cell.get("scenario", _part(provenance, "config").get("scenario"))
        if isinstance(trained, str) and trained != scenario:
            raise UserError(f"the weights in {str(folder)!r} are of {trained}; expected some of {scenario}")
        name = f"{cell['method']}-{cell['seed']}" if "method" in cell and "seed" in cell else folder.name
        kind: Kind = "sb3" if card.get("kind") == SB3 else "checkpoint"
        return Sitter(name, kind, folder=folder.resolve(), weights=_weights(scenario, folder, device))
    except CheckpointError as error:
        raise UserError(str(error)) from error


def _part(card: dict[str, Any], key: str) -> dict[str, Any]:
    found = card.get(key)
    return found if isinstance(found, dict) else {}


def _weights(scenario: str, folder: Path | None, device: str) -> str:
    try:
        return loaded(scenario, folder, device, 1)[1]
    except CheckpointError as error:
        raise UserError(str(error)) from error
