"""Fit the reader of campers: `python -m goldenrule.agents.readers.fit_campers FOLDER --out FILE` (most of an hour).

It is the mean of as many models as `--models` says, each from a beginning of its own.

FOLDER holds labelled messages (`experiments/open_language`). The three things are exchanged at random in every message,
so that what is learnt of one holds for all, and beside natural messages there are made-up ones (`camp_talk`), many at
first and few at last. Every tenth message is kept back: thresholds are the lowest probability among the surest 85 % of
those that make a move.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from goldenrule.agents.readers.camp_talk import needs, pick, proposal, renamed, roughened
from goldenrule.agents.readers.campers import KINDS, CamperModel, Campers, fitted_weights, order_logprob
from goldenrule.agents.readers.encoder import load_encoder
from goldenrule.agents.readers.messages import move_of, read_messages, utterances
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.scenarios.campsite.language import ISSUES

STEPS, BATCH, RATE, WARM_UP = 2400, 48, 1e-3, 100
MADE_UP = (0.7, 0.15)
"""Share of made-up messages at the beginning and at the end."""
COVERED, KEPT_BACK = 0.85, 10


@dataclass(frozen=True, slots=True)
class Example:
    """A message, what was said before it, and what it is: its kind, and for each of `ISSUES` a count and a rank."""

    text: str
    before: str
    kind: str
    counts: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()

    def exchanged(self, rng: np.random.Generator) -> Example:
        """The same of other things, typed in another way."""
        places = [int(k) for k in rng.permutation(len(ISSUES))]
        text, before = (renamed(text, places) for text in (self.text, self.before))
        counts, ranks = (
            tuple(one[places.index(k)] for k in range(len(ISSUES))) if one else () for one in (self.counts, self.ranks)
        )
        return Example(roughened(rng, text) if rng.random() < 0.3 else text, before, self.kind, counts, ranks)


def example_of(row: dict[str, Any]) -> Example:
    """A labelled message."""
    text, before = row["text"], row.get("context") or ""
    kind, _, _ = (move_of(row) or "none").partition(": ")
    if kind == "submit":
        return Example(text, before, kind, counts=tuple(row["label"]["mine"]))
    if kind == "need":
        return Example(text, before, kind, ranks=tuple(row["label"].index(issue) for issue in ISSUES))
    return Example(text, before, kind)


def made_up(rng: np.random.Generator) -> Example:
    """A proposal, or now and then a statement of needs, from parts."""
    if rng.random() < 0.15:
        text, before, order = needs(rng)
        return Example(text, before, "need", ranks=tuple(order.index(issue) for issue in ISSUES))
    text, before, mine = proposal(rng)
    return Example(text, before, "submit", counts=mine)


def loss_of(model: CamperModel, batch: Sequence[Example]) -> torch.Tensor:
    """Cross-entropy of kinds, counts and orders, each where it is told."""
    kinds, counts, needed = model([one.text for one in batch], [one.before for one in batch])
    loss = functional.cross_entropy(kinds, torch.tensor([KINDS.index(one.kind) for one in batch]))
    split = [k for k, one in enumerate(batch) if one.counts]
    if split:
        targets = torch.tensor([batch[k].counts for k in split])
        loss = loss + 2 * functional.cross_entropy(counts[split].flatten(0, 1), targets.flatten())
    ordered = [k for k, one in enumerate(batch) if one.ranks]
    if ordered:
        logprobs = [order_logprob(needed[k : k + 1], np.argsort(batch[k].ranks).tolist()) for k in ordered]
        loss = loss - torch.cat(logprobs).mean()
    return loss


def train(model: CamperModel, examples: Sequence[Example], steps: int, seed: int = 0) -> None:
    """Fit the changes and the heads."""
    rng = generator(seed, "examples")
    parameters = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    began, losses, batches = time.monotonic(), list[float](), list[list[Example]]()
    for step in range(steps):
        if not batches:  # eight at a time, by length, so that little is padded
            share = MADE_UP[0] + (MADE_UP[1] - MADE_UP[0]) * step / steps
            drawn = [
                made_up(rng) if rng.random() < share else pick(rng, examples).exchanged(rng) for _ in range(8 * BATCH)
            ]
            drawn.sort(key=lambda one: len(one.text) + len(one.before))
            batches = [drawn[k * BATCH : (k + 1) * BATCH] for k in rng.permutation(8)]
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * max(0.02, 1 - step / steps)
        loss = loss_of(model, batches.pop())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
        if step % 100 == 99:
            print(f"step {step + 1}: loss {np.mean(losses[-100:]):.3f}, {time.monotonic() - began:.0f} s", flush=True)


def thresholds_of(campers: Campers, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """From which probability deals and needs count; prints how many of the surest are right."""
    labels = [move_of(row) for row in rows]
    messages = utterances(rows)
    chances = campers.chances([one.text for one in messages], [one.context for one in messages])
    found = {}
    for name in ("deals", "needs"):
        own = [{key: p for key, p in one.items() if key.startswith("need") == (name == "needs")} for one in chances]
        best = [max(one, key=one.__getitem__) for one in own]
        surest = sorted(
            (
                (one[value], value == label)
                for one, value, label in zip(own, best, labels, strict=True)
                if label is not None and label.startswith("need") == (name == "needs")
            ),
            reverse=True,
        )
        kept = surest[: round(COVERED * len(surest))]
        found[name] = kept[-1][0]
        right = np.mean([one for _, one in kept])
        print(f"{name}: {len(surest)} kept back, {right:.3f} of the surest {COVERED:.0%} right")
    return found


def main() -> None:
    """Fit the model and save what it changes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--models", type=int, default=2)
    options = parser.parse_args()
    rows = [row for row in read_messages(sorted(options.folder.glob("*.jsonl"))) if row["scenario"] == "campsite-v0"]
    kept_back = [derive(0, row["text"]) % KEPT_BACK == 0 for row in rows]
    examples = [example_of(row) for row, kept in zip(rows, kept_back, strict=True) if not kept]
    models = []
    for seed in range(options.models):
        # bfloat16 and plain attention are several times as quick as the defaults on processors that multiply it
        tokenizer, encoder = load_encoder(attn_implementation="eager", dtype=torch.bfloat16)
        models.append(CamperModel(tokenizer, encoder, torch.Generator().manual_seed(derive(seed, "changes"))))
        size = sum(one.numel() for one in fitted_weights(models[-1]).values())
        print(f"model {seed}: {len(examples)} messages, {size} weights")
        train(models[-1], examples, options.steps, seed)
    thresholds = thresholds_of(Campers(models, {}), [row for row, kept in zip(rows, kept_back, strict=True) if kept])
    weights = {
        f"{number}.{name}": one.half().contiguous()
        for number, model in enumerate(models)
        for name, one in fitted_weights(model).items()
    }
    about = {"models": len(models), "thresholds": thresholds}
    save_file(weights, options.out, metadata={"campers": json.dumps(about)})


if __name__ == "__main__":
    main()
