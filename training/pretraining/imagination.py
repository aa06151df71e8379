"""Learn to imagine what a person would answer: [T] Algorithm 1/5 on human dialogues, answers only.

For dialogues of others, read from one seat (own card, all that was said), and a question `q` put to the partner:
    L_p = -log p(answer | view, q)      writes prediction heads and output, perception, shared
with `answer` the partner's truth: its needs (`ASK_NEED`, at the end and at random earlier points) and its satisfaction
(`ASK_HAPPY`, at the end, alone and after the needs were told). [T] is arXiv 2411.04127.

Departures. Algorithm 5 predicts every message; here only the answers carry loss, since a few hundred dialogues teach a
small network little language, and the answers are what is asked of it. The answers to one dialogue are branches of one
forward pass. Issues are renamed at random and messages left out now and then (see `human_corpus`). Scripted campers'
dialogues, whose people say plainly what they need, are mixed in: from them it learns what the questions mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from goldenrule.agents.networks.routing import PREDICTION, routed_backward
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, ME, N_CONTROL, DialogueTokenizer, Encoded
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.language import ASK_HAPPY, ASK_NEED, GRADES, parse_deal
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.training.optim import muon
from goldenrule.training.pretraining.branches import Branch, Packed, branch_logprobs, pack
from goldenrule.training.pretraining.corpus import converse
from goldenrule.training.pretraining.human_corpus import (
    Account,
    before_acceptance,
    fitted,
    human_texts,
    need_answer,
    plain_account,
    renamed,
)

Array = NDArray[np.float64]
SCENARIO = "campsite-v0"


@dataclass(frozen=True, slots=True)
class ImaginationConfig:
    """How to learn to imagine.

    Attributes:
        updates: gradient steps.
        batch: dialogues a step.
        learning_rate, matrix_learning_rate: peaks of AdamW and Muon; linear warm-up, then linear decay to a twentieth.
        weight_decay: of both; a few hundred people are soon known by heart.
        scripted: share of the dialogues that are scripted campers'.
        scripted_dialogues: how many of those there are.
        cuts: questions about needs at random points of a dialogue, besides those at its end.
        leave_out: chance that a message other than a deal is left out of a reading.
        noise: chance that a token of the context is another, any one: what is left is learnt from, not known by heart.
        graded: share of the readings with questions about satisfaction; each has one answer, however it is renamed.
        context: longest dialogue, in tokens; longer ones lose their oldest messages.
        vocab_size: of the tokenizer, at most.
        network: sizes; its vocabulary is set by the tokenizer.
    """

    updates: int = 1200
    batch: int = 16
    learning_rate: float = 2e-3
    matrix_learning_rate: float = 0.02
    warmup: int = 50
    weight_decay: float = 0.1
    scripted: float = 0.3
    scripted_dialogues: int = 1500
    cuts: int = 2
    leave_out: float = 0.1
    noise: float = 0.0
    graded: float = 1.0
    context: int = 480
    vocab_size: int = 2000
    network: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(vocab_size=0, width=64, layers=3, feed_forward=256, context=560)
    )


def scripted_accounts(count: int, seed: int) -> list[Account]:
    """Dialogues of scripted campers. They are asked about needs only, so their grades are not read."""
    found = converse(SCENARIO, {}, count, seed)
    return [plain_account(Account(e.conversation, None)) for e in found if e.conversation is not None]


def asked(tokenizer: DialogueTokenizer, question: str, answer: str) -> tuple[list[int], list[bool]]:
    """The ids of my question and the partner's answer, and which of them carry loss: the answer's."""
    first = [ME, *tokenizer.encode(question), END, tokenizer.label(1, 0, 2)]
    second = [*tokenizer.encode(answer), END]
    return first + second, [False] * len(first) + [True] * len(second)


def needs_branches(tokenizer: DialogueTokenizer, at: int) -> list[Branch]:
    """The six answers to `ASK_NEED`, in the order of `ORDERS`."""
    return [Branch(at, *asked(tokenizer, ASK_NEED, need_answer(order))) for order in ORDERS]


def grade_branches(tokenizer: DialogueTokenizer, at: int) -> list[Branch]:
    """The five answers to `ASK_HAPPY` after each of the six to `ASK_NEED`: number 5 * order + grade."""
    found = []
    for order in ORDERS:
        told, _ = asked(tokenizer, ASK_NEED, need_answer(order))
        for grade in GRADES:
            ids, target = asked(tokenizer, ASK_HAPPY, grade)
            found.append(Branch(at, told + ids, [False] * len(told) + target))
    return found


def room(network: ThreeModuleTransformer, tokenizer: DialogueTokenizer) -> int:
    """Tokens of a dialogue that leave room for both questions and their longest answers.

    Raises:
        ValueError: there is none.
    """
    longest = max(len(branch.ids) for branch in grade_branches(tokenizer, 1))
    left = network.config.context - longest
    if left < longest:
        raise ValueError(
            f"a context of {network.config.context} tokens holds no dialogue beside questions of {longest}; "
            "use a checkpoint with a longer context"
        )
    return left


def reading(
    account: Account, tokenizer: DialogueTokenizer, config: ImaginationConfig, rng: np.random.Generator
) -> tuple[list[int], list[Branch]]:
    """A dialogue as one of its people knows it, and the other's true answers as branches."""
    account = renamed(account, ORDERS[rng.integers(len(ORDERS))])
    me = int(rng.integers(2))
    view = before_acceptance(account.conversation.seen_by(me))
    kept = tuple(m for m in view.messages if parse_deal(m.text) or rng.random() >= config.leave_out)
    encoded = tokenizer.encode_view(fitted(replace(view, messages=kept), tokenizer, config.context))
    ids = np.array(encoded.ids)
    if config.noise:
        blurred = (ids >= N_CONTROL) & (rng.random(len(ids)) < config.noise)
        ids[blurred] = rng.integers(N_CONTROL, tokenizer.vocab_size, size=int(blurred.sum()))
    return ids.tolist(), _answers(account, 1 - me, encoded, tokenizer, config, rng)


def _answers(
    account: Account,
    other: int,
    encoded: Encoded,
    tokenizer: DialogueTokenizer,
    config: ImaginationConfig,
    rng: np.random.Generator,
) -> list[Branch]:
    end = len(encoded.ids)
    need, target = asked(tokenizer, ASK_NEED, need_answer(account.order(other)))
    found = [Branch(end, need, target, "needs")]
    if len(encoded.spans) > 2:
        cuts = rng.integers(1, len(encoded.spans) - 1, size=config.cuts)
        found += [Branch(encoded.spans[cut].stop, need, target, "needs so far") for cut in cuts]
    if account.grades is not None and (config.graded == 1.0 or rng.random() < config.graded):
        happy, mask = asked(tokenizer, ASK_HAPPY, GRADES[account.grades[other]])
        found.append(Branch(end, happy, mask, "grade"))
        found.append(Branch(end, need + happy, [False] * len(need) + mask, "grade after needs"))
    return found


Report = Callable[[int, dict[str, float]], None]


def learn_to_imagine(
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    humans: Sequence[Account],
    config: ImaginationConfig,
    seed: int,
    report: Report = lambda step, losses: None,
) -> None:
    """Train the prediction output in place; a function of (weights, dialogues, config, seed).

    Args:
        humans: in plain writing (`plain_account`); the dialogues to be judged on must not be among them.
        report: called after each step with the nats an answer, by kind of question.
    """
    optimizer = muon(network, config.learning_rate, config.matrix_learning_rate)
    for part in optimizer.parts:
        for group in part.param_groups:
            group["weight_decay"] = config.weight_decay
    for step, batch in enumerate(_batches(tokenizer, humans, config, seed)):
        warm, left = (step + 1) / config.warmup, 1.0 - 0.95 * step / config.updates
        optimizer.schedule(min(warm, left))
        optimizer.zero_grad()
        logprobs = branch_logprobs(network, batch, "prediction")
        routed_backward(network, [(-logprobs.mean(), PREDICTION)])
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        report(step, _by_label(batch, logprobs.detach()))


def _by_label(batch: Packed, logprobs: torch.Tensor) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for label, value in zip(batch.labels, logprobs.tolist(), strict=True):
        groups.setdefault(label, []).append(-value)
    return {label: float(np.mean(values)) for label, values in groups.items()}


def _batches(
    tokenizer: DialogueTokenizer, humans: Sequence[Account], config: ImaginationConfig, seed: int
) -> Iterator[Packed]:
    scripted = scripted_accounts(config.scripted_dialogues, seed) if config.scripted else []
    rng = generator(seed, "imagination")
    pool: list[list[tuple[list[int], list[Branch]]]] = []
    for _ in range(config.updates):
        if not pool:
            picks = [scripted if rng.random() < config.scripted else humans for _ in range(16 * config.batch)]
            items = [reading(p[int(rng.integers(len(p)))], tokenizer, config, rng) for p in picks]
            items.sort(key=lambda item: len(item[0]))  # readings of one length share a batch: little padding
            pool = [items[k * config.batch : (k + 1) * config.batch] for k in rng.permutation(16)]
        batch = pool.pop()
        yield pack([ids for ids, _ in batch], [branches for _, branches in batch])


@dataclass(frozen=True, slots=True)
class Imagined:
    """What the prediction output holds likely of partners, one row a view.

    Attributes:
        needs: probability of each of `ORDERS` as the answer to `ASK_NEED` [n, 6].
        grades: probability of each of `GRADES` as the answer to `ASK_HAPPY`, over the needs it holds likely [n, 5].
    """

    needs: Array
    grades: Array


@torch.no_grad()
def imagine_answers(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, views: Sequence[View], batch: int = 4
) -> Imagined:
    """Ask the other of two, in imagination, what it needs and whether it is happy, and weigh all possible answers.

    Args:
        views: in plain writing where the network learnt from plain writing; an acceptance at the end is left out.
        batch: views a forward pass.
    """
    limit = room(network, tokenizer)
    needs, grades = [], []
    for start in range(0, len(views), batch):
        some = [before_acceptance(view) for view in views[start : start + batch]]
        contexts = [tokenizer.encode_view(fitted(view, tokenizer, limit)).ids for view in some]
        branches = [[*needs_branches(tokenizer, len(ids)), *grade_branches(tokenizer, len(ids))] for ids in contexts]
        logprobs = branch_logprobs(network, pack(contexts, branches), "prediction").double().view(len(some), -1)
        likely = torch.softmax(logprobs[:, : len(ORDERS)], -1)
        told = torch.softmax(logprobs[:, len(ORDERS) :].view(len(some), len(ORDERS), len(GRADES)), -1)
        needs.append(likely.cpu().numpy())
        grades.append((likely[:, :, None] * told).sum(1).cpu().numpy())
    return Imagined(np.concatenate(needs), np.concatenate(grades))


def make_imagination(
    humans: Sequence[Account], config: ImaginationConfig, seed: int, report: Report = lambda step, losses: None
) -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    """Make tokenizer and network from scratch; a function of (dialogues, config, seed).

    Args:
        humans: the training dialogues, in plain writing; the tokenizer sees these and no others.
    """
    answers = [need_answer(order) for order in ORDERS] + list(GRADES)
    written = human_texts(scripted_accounts(200, derive(seed, "tokenizer")))
    tokenizer = DialogueTokenizer.train([*human_texts(humans), *written, *answers * 20], config.vocab_size)
    network = ThreeModuleTransformer(replace(config.network, vocab_size=tokenizer.vocab_size), derive(seed, "weights"))
    learn_to_imagine(network, tokenizer, humans, config, derive(seed, "learning"), report)
    return network, tokenizer
