"""Which human dialogues an agent learns from, and which it is judged on: split by dialogue.

None that network or tokenizer learnt from (the checkpoint lists their fingerprints) is judged on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.datasets.casino import FOLDS, HumanDialogue, split
from goldenrule.envs.scenarios.campsite_words import ISSUES
from goldenrule.envs.seeding import derive
from goldenrule.training.human_corpus import Account, plain_account
from goldenrule.training.imagination import ImaginationConfig, Report, make_imagination

HELD_OUT = 0
"""Number of the fold that is not learnt from, unless another is named."""

Trained = tuple[ThreeModuleTransformer, DialogueTokenizer, Mapping[str, Any]]
"""Network, tokenizer and provenance; `provenance["human"]` says which dialogues the network has learnt from."""


def account(dialogue: HumanDialogue) -> Account:
    """A human dialogue to learn from, in plain writing."""
    first, second = dialogue.people
    return plain_account(Account(dialogue.conversation(), (first.satisfaction - 1, second.satisfaction - 1)))


def fingerprint(dialogue: HumanDialogue) -> str:
    """16 hexadecimal digits that depend on what was said and by whom, whatever the dialogue is called."""
    said = "\x1f".join(f"{line.speaker}{line.text}" for line in dialogue.lines)
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def train_on_humans(
    dialogues: Sequence[HumanDialogue],
    config: ImaginationConfig,
    seed: int,
    report: Report = lambda step, losses: None,
    held_out: int = HELD_OUT,
) -> tuple[ThreeModuleTransformer, DialogueTokenizer, dict[str, Any]]:
    """Train an imagination on all folds but the held-out one; network, tokenizer, and what to remember of the data."""
    train, _ = split(dialogues, held_out)
    network, tokenizer = make_imagination([account(d) for d in train], config, derive(seed, "imagination"), report)
    tops = Counter(p.person.order[0] for d in train for p in d.people)
    human = {
        "data": "casino",
        "trained_on": sorted(fingerprint(d) for d in train),
        "split": f"by dialogue: fold = hash of dialogue_id modulo {FOLDS}; fold {held_out} held out",
        "top_needs": {issue: tops[issue] for issue in ISSUES},
        "config": asdict(config),
    }
    return network, tokenizer, human


@dataclass(frozen=True, slots=True)
class Share:
    """The dialogues that one checkpoint is judged on.

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
    """Who is judged by whom: each dialogue by the first checkpoint that has not learnt from it.

    A single checkpoint has all that it has not learnt from; checkpoints that held out a fold each have these folds.
    """
    left = list(dialogues)
    found = []
    for provenance in provenances:
        human = provenance.get("human")
        known = set(human["trained_on"]) if isinstance(human, Mapping) else set()
        tops = human.get("top_needs") if isinstance(human, Mapping) else None
        how = str(human["split"]) if isinstance(human, Mapping) else "the checkpoint has learnt from no human dialogues"
        test = tuple(d for d in left if fingerprint(d) not in known)
        left = [d for d in left if fingerprint(d) in known]
        seen = sum(fingerprint(d) in known for d in dialogues)
        found.append(Share(test, seen, len(known), how, max(tops, key=tops.__getitem__) if tops else None))
    return found
