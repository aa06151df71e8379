"""Which human dialogues an agent learns from, and which it is evaluated on: split by dialogue.

It is evaluated on none that network or tokenizer learnt from. The checkpoint of an agent lists their fingerprints; that
of a base (`goldenrule pretrain`), which learns from all folds but one, has a digest of them.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import derive
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue, split
from goldenrule.envs.scenarios.campsite.language import ISSUES
from goldenrule.envs.scenarios.campsite.participants import FOLDS
from goldenrule.training.pretraining.human_corpus import account_of, digest
from goldenrule.training.pretraining.imagination import ImaginationConfig, make_imagination

HELD_OUT = 0
"""Number of the fold that is not learnt from, unless another is named."""

Trained = tuple[ThreeModuleTransformer, DialogueTokenizer, Mapping[str, Any]]
"""Network, tokenizer and provenance; its `human` or `people` says which dialogues the network has learnt from."""


def fingerprint(dialogue: HumanDialogue) -> str:
    """16 hexadecimal digits that depend on what was said and by whom, whatever the dialogue is called."""
    said = "\x1f".join(f"{line.speaker}{line.text}" for line in dialogue.lines)
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def train_folds(
    dialogues: Sequence[HumanDialogue],
    folder: Path,
    folds: Sequence[int],
    steps: int | None,
    seed: int,
    made_on: Mapping[str, Any],
) -> list[Path]:
    """Train and save an agent for each fold that is held out; the folders of their checkpoints.

    Args:
        dialogues: all there are.
        folder: of the checkpoint, or above those of several.
        folds: each is held out once.
        steps, seed: of each agent's training; the default number of gradient steps if not given.
        made_on: environment that the checkpoints' cards name.
    """
    config = ImaginationConfig() if steps is None else ImaginationConfig(updates=steps)
    torch.set_num_threads(1)  # the same bytes on any number of cores
    paths = []
    for fold in folds:

        def report(step: int, losses: dict[str, float], fold: int = fold) -> None:
            if (step + 1) % 50 == 0:
                told = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
                where = f"fold {fold}, step {step + 1}/{config.updates}"
                print(f"{where}  nats an answer: {told}", file=sys.stderr, flush=True)

        train, _ = split(dialogues, fold)
        accounts = [account_of(d) for d in train]
        network, tokenizer = make_imagination(accounts, config, derive(seed, "imagination"), report)
        # Not the command line as it was typed: that names folders of one machine.
        command = f"goldenrule evaluate partner-reward --data casino --train FOLDER --seed {seed} --folds {fold}"
        command += "" if steps is None else f" --steps {steps}"
        origin = {key: made_on[key] for key in ("python", "versions", "commit")}
        paths.append(folder if len(folds) == 1 else folder / f"fold-{fold}")
        human = {**_learnt(train, fold), "config": asdict(config)}
        provenance = {"command": command, "seed": seed, "human": human, **origin}
        save_checkpoint(paths[-1], network, tokenizer, provenance, half=True)
    return paths


def _learnt(train: Sequence[HumanDialogue], held_out: int) -> dict[str, Any]:
    """What a checkpoint's card says of the dialogues learnt from."""
    tops = Counter(p.person.order[0] for d in train for p in d.people)
    return {
        "data": "casino",
        "trained_on": sorted(fingerprint(d) for d in train),
        "split": f"by dialogue: fold = hash of dialogue_id modulo {FOLDS}; fold {held_out} held out",
        "top_needs": {issue: tops[issue] for issue in ISSUES},
    }


@dataclass(frozen=True, slots=True)
class Share:
    """The dialogues that one checkpoint is evaluated on.

    Attributes:
        test: dialogues that it has not learnt from.
        seen: how many of the folder it has learnt from.
        trained_on: how many human dialogues it has learnt from, here or elsewhere.
        method: in words.
        commonest: the issue that most people it learnt from need most; `None` if it learnt from nobody.
    """

    test: tuple[HumanDialogue, ...]
    seen: int
    trained_on: int
    method: str
    commonest: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the output."""
        return {
            "method": self.method,
            "train_dialogues": self.trained_on,
            "test_dialogues": len(self.test),
            "test_people": 2 * len(self.test),
            "left_out_as_trained_on": self.seen,
        }


def shares(dialogues: Sequence[HumanDialogue], provenances: Sequence[Mapping[str, Any]]) -> list[Share]:
    """Assign each dialogue to the first checkpoint that has not learnt from it.

    A single checkpoint has all that it has not learnt from; checkpoints that held out a fold each have these folds.

    Raises:
        UserError: one has learnt from human dialogues, and which of these they are is unknown.
    """
    left = list(dialogues)
    found = []
    for provenance in provenances:
        human = _human(dialogues, provenance)
        known = set(human.get("trained_on", ()))
        tops = human.get("top_needs")
        how = str(human.get("split", "the checkpoint has learnt from no human dialogues"))
        test = tuple(d for d in left if fingerprint(d) not in known)
        left = [d for d in left if fingerprint(d) in known]
        seen = sum(fingerprint(d) in known for d in dialogues)
        found.append(Share(test, seen, len(known), how, max(tops, key=tops.__getitem__) if tops else None))
    return found


def _human(dialogues: Sequence[HumanDialogue], provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the checkpoint has learnt from, as `_learnt` has it; empty for one that has learnt from nobody."""
    human, people = provenance.get("human"), provenance.get("people")
    if isinstance(human, Mapping):
        return human
    if not isinstance(people, Mapping) or "casino" not in people:
        return {}
    train, _ = split(dialogues)
    if digest([account_of(d) for d in train]) != people["casino"]:
        raise UserError(
            "the checkpoint has learnt from dialogues of CaSiNo, and not from those of this folder; which of them it "
            "knows cannot be told: name another --data-dir or --checkpoint"
        )
    return _learnt(train, HELD_OUT)
