"""Basic pre-training and imitation ([T] Algorithms 1/5 and 3), interleaved as the paper asks.

For every message a_j of others' conversations, with b and p the two outputs:
    L_p = NLL(p, a_j)                     writes prediction heads and output, perception, shared
    L_b = eta_r / eta * NLL(b, a_j)       writes behaviour heads and output; eta_r = max(0, R(a_j)) * eta
and for conversations read with labels switched (Algorithm 3; which, and what is imitated there: `corpus`)
    SIM(p, a_j) as L_p;  IMIT(b, a_j)     writes behaviour heads and output, perception, shared

Departures. Algorithm 5 lets the behaviour heads follow the gradient of the *prediction* NLL; here the behaviour output
has an NLL of its own, or it would learn nothing to say. The two algorithms share batches, so L_b and IMIT are one loss
with the wider route. `R(a)` is 1 where a message makes sense and 0 where it does not. Muon and AdamW stand for plain
descent, along the sum of both losses' gradients, each clipped by itself (`optim.SummedOptimiser`). As both divide
constant factors out of a gradient, messages weigh `eta_r / eta` within a batch, and its mean over the batch scales the
finished step of what L_b alone writes, and the gradient of L_b in the sum. With `emphasise`, L_p
weighs the others' words after the learner's 1, its own and openings `batches.ASIDE`; [T] weighs all alike. Whose card a
view shows, the partner's among them, is told in `corpus`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from goldenrule.agents.networks.routing import routes
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.common.seeding import derive, generator
from goldenrule.common.text import counted
from goldenrule.training.batches import Item, Sequences, collate, crop, imitation_loss, prediction_loss
from goldenrule.training.optim import muon
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items


@dataclass(frozen=True, slots=True)
class PretrainingConfig:
    """How to pre-train.

    Attributes:
        updates: gradient steps.
        batch: views a step.
        learning_rate, matrix_learning_rate: peaks of AdamW and of Muon; linear warm-up over `warmup` steps, then linear
            decay to a tenth.
        emphasise: weigh replies to the learner above other messages in the prediction loss.
        pool: fresh dialogues drawn at a time; batches are made of views of like length from one pool.
    """

    updates: int = 1500
    batch: int = 128
    learning_rate: float = 2e-3
    matrix_learning_rate: float = 0.02
    warmup: int = 50
    emphasise: bool = False
    pool: int = 4096


Report = Callable[[int, float | None, float | None], None]
"""Told the step, the behaviour loss and the prediction loss, nats a token; `None` where a batch had nothing for it."""

MoreItems = Callable[[int, int], list[Item]]
"""Further views to learn from, beside a number of scripted ones, under a seed."""


def pretrain(
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    corpus: CorpusConfig,
    config: PretrainingConfig,
    seed: int,
    report: Report = lambda step, behaviour, prediction: None,
    more: MoreItems = lambda scripted, seed: [],
) -> None:
    """Pre-train in place; a function of (weights, corpus, config, seed).

    Args:
        report: called after each step.
        more: views other than those of `corpus`, for each pool.
    """
    by_loss = dict(zip(("behaviour", "prediction"), routes(split=True), strict=True))
    optimizer = muon(network, by_loss, config.learning_rate, config.matrix_learning_rate)
    for step, batch in enumerate(_batches(corpus, tokenizer, config, seed, network.config.context, more)):
        optimizer.schedule(_schedule(step, config))
        batch = batch.to(network.device)
        hidden = network(batch.ids)
        behaviour, rate = imitation_loss(network, hidden, batch)
        prediction = prediction_loss(network, hidden, batch, emphasise=config.emphasise)
        optimizer.backward("behaviour", behaviour, scale=rate, keep_graph=prediction is not None)
        optimizer.backward("prediction", prediction)
        optimizer.step()
        report(step, *(None if loss is None else float(loss.detach()) for loss in (behaviour, prediction)))


def _schedule(step: int, config: PretrainingConfig) -> float:
    if step < config.warmup:
        return (step + 1) / config.warmup
    return 1.0 - 0.9 * (step - config.warmup) / max(1, config.updates - config.warmup)


def _batches(
    corpus: CorpusConfig,
    tokenizer: DialogueTokenizer,
    config: PretrainingConfig,
    seed: int,
    context: int,
    more: MoreItems,
) -> Iterator[Sequences]:
    """Batches from fresh dialogues, a pool at a time, in random order."""
    done = 0
    pool_number = 0
    for end, part in corpus.parts(config.updates):
        while done < end:
            items = sample_items(part, tokenizer, config.pool, derive(seed, "pool", pool_number))
            items += more(len(items), derive(seed, "more", pool_number))
            if len(items) < config.batch:
                raise ValueError(
                    f"a pool of {config.pool} dialogues gave {counted(len(items), 'view')}; "
                    f"expected at least a batch, {config.batch}"
                )
            items = [crop(item, context) for item in items]
            items.sort(key=lambda item: len(item.encoded.ids))  # views of one length share a batch: little padding
            rng = generator(seed, "order", pool_number)
            pool_number += 1
            for number in rng.permutation(len(items) // config.batch)[: end - done]:
                yield collate(items[number * config.batch : (number + 1) * config.batch])
                done += 1
