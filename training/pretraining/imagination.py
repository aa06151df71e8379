"""Learn to imagine what a person would answer: [T] Algorithm 1/5 on human dialogues, answers only.

For dialogues of others, read from one seat (own card, all that was said), and a question `q` put to the partner:
    L_p = -log p(answer | view, q)      writes prediction heads and output, perception, shared
with `answer` the partner's truth: its needs (`ASK_NEED`, at the end and at random earlier points) and its satisfaction
(`ASK_HAPPY`, at the end, alone and after the answer about needs). [T] is arXiv 2411.04127.

Departures. Algorithm 5 predicts every message; here only the answers carry loss, since a few hundred dialogues teach a
small network little language, and the answers are what is asked of it. The answers to one dialogue are branches of one
forward pass. Issues are permuted at random (see `human_corpus`), and messages left out. Dialogues of scripted campers,
who say plainly what they need, are mixed in: from them it learns what the questions mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks.routing import PREDICTION
from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.three_module import NetworkConfig, Output, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, ME, PAD, DialogueTokenizer
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.conversation import View
from goldenrule.envs.scenarios.campsite.language import ASK_HAPPY, ASK_NEED, GRADES, parse_deal
from goldenrule.envs.scenarios.campsite.participants import ORDERS
from goldenrule.training.optim import muon
from goldenrule.training.pretraining.corpus import converse
from goldenrule.training.pretraining.human_corpus import (
    Account,
    before_acceptance,
    fit_view,
    human_texts,
    need_answer,
    normalise_account,
    rename_account,
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
        weight_decay: of both, against overfitting to a few hundred people.
        scripted: share of the readings that are of scripted campers.
        scripted_dialogues: how many dialogues of theirs there are.
        cuts: questions about needs at random points of a dialogue, besides those at its end.
        leave_out: chance that a message other than a deal is left out of a reading.
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
    context: int = 480
    vocab_size: int = 2000
    network: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(vocab_size=0, width=64, layers=3, feed_forward=256, context=560)
    )


# Many continuations of one context in one forward pass. A context is read once; each branch starts after some length of
# it and sees that much of it and itself, no other branch. The hidden states equal those of reading each context and
# continuation on its own, as with a branched cache in sampling, but with gradients.


@dataclass(frozen=True, slots=True)
class Branch:
    """A continuation.

    Attributes:
        at: how many ids of the context it follows, at least 1.
        ids: its ids.
        target: whether each id carries loss; as many as `ids`. An id that does must not be the first.
        label: a group of branches, for the caller to sum by.
    """

    at: int
    ids: Sequence[int]
    target: Sequence[bool]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """Contexts with their branches. Tensors [B, L]; the mask [B, 1, L, L] is true where a position may look.

    Attributes:
        ids, positions, mask: what the network reads.
        targets: for each target (row, index of the id before it, the id, number of its branch in the batch) [N, 4].
        first: whether a target is the first of its message [N], where no end can be.
        labels: label of each branch of the batch.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor
    first: Tensor
    labels: list[str]

    def to(self, device: torch.device) -> Packed:
        """The same on a device."""
        ids, positions, mask = self.ids.to(device), self.positions.to(device), self.mask.to(device)
        return Packed(ids, positions, mask, self.targets.to(device), self.first.to(device), self.labels)


def pack(contexts: Sequence[Sequence[int]], branches: Sequence[Sequence[Branch]]) -> Packed:
    """Lay out each context and its branches in a row."""
    lengths = [len(c) + sum(len(b.ids) for b in bs) for c, bs in zip(contexts, branches, strict=True)]
    count, longest = len(contexts), max(lengths)
    ids = np.full((count, longest), PAD, dtype=np.int64)
    positions = np.zeros((count, longest), dtype=np.int64)
    mask = np.broadcast_to(np.eye(longest, dtype=bool), (count, longest, longest)).copy()  # padding sees itself
    targets: list[tuple[int, int, int, int]] = []
    first: list[bool] = []
    labels: list[str] = []
    for row, (context, own) in enumerate(zip(contexts, branches, strict=True)):
        size = len(context)
        ids[row, :size], positions[row, :size] = context, np.arange(size)
        mask[row, :size, :size] = np.tril(np.ones((size, size), dtype=bool))
        start = size
        for branch in own:
            stop = start + len(branch.ids)
            ids[row, start:stop], positions[row, start:stop] = branch.ids, branch.at + np.arange(stop - start)
            mask[row, start:stop, : branch.at] = True
            mask[row, start:stop, start:stop] = np.tril(np.ones((stop - start, stop - start), dtype=bool))
            for k, wanted in enumerate(branch.target):
                if wanted:
                    targets.append((row, start + k - 1, branch.ids[k], len(labels)))
                    first.append(not branch.target[k - 1])
            labels.append(branch.label)
            start = stop
    return Packed(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        torch.from_numpy(mask)[:, None],
        torch.tensor(targets, dtype=torch.long).reshape(-1, 4),
        torch.tensor(first, dtype=torch.bool),
        labels,
    )


def branch_logprobs(network: ThreeModuleTransformer, packed: Packed, output: Output) -> Tensor:
    """Log-probability [branches of the batch] of all targets of each branch together, with the sampler's bans."""
    packed = packed.to(network.device)
    row, before, target, branch = packed.targets.unbind(1)
    logits = ban_controls(network.logits(_trunk(network, packed)[row, before], output).float(), packed.first)
    each = torch.log_softmax(logits, -1).gather(-1, target[:, None])[:, 0]
    return each.new_zeros(len(packed.labels)).index_add(0, branch, each)


def _trunk(network: ThreeModuleTransformer, packed: Packed) -> Tensor:
    """Hidden states [B, L, width] that the network's outputs read."""
    cos, sin = network.cos[packed.positions], network.sin[packed.positions]
    x = F.embedding(packed.ids, network.embedding)
    seen = x.new_zeros(packed.mask.shape).masked_fill_(~packed.mask, -torch.inf)  # once, not anew in each layer
    for block in network.blocks:
        x = block(x, cos, sin, seen)
    return network.norm(x)


# Questions and their answers.


def scripted_accounts(count: int, seed: int) -> list[Account]:
    """Dialogues of scripted campers, without grades: these are asked about needs only."""
    episodes = converse(SCENARIO, {}, count, seed)
    return [normalise_account(Account(e.conversation, None)) for e in episodes if e.conversation is not None]


def encode_question(tokenizer: DialogueTokenizer, question: str, answer: str) -> tuple[list[int], list[bool]]:
    """The ids of my question and the partner's answer, and which of them carry loss: the answer's."""
    first = [ME, *tokenizer.encode(question), END, tokenizer.label(1, 0, 2)]
    second = [*tokenizer.encode(answer), END]
    return first + second, [False] * len(first) + [True] * len(second)


def needs_branches(tokenizer: DialogueTokenizer, at: int) -> list[Branch]:
    """The six answers to `ASK_NEED`, in the order of `ORDERS`."""
    return [Branch(at, *encode_question(tokenizer, ASK_NEED, need_answer(order))) for order in ORDERS]


def grade_branches(tokenizer: DialogueTokenizer, at: int) -> list[Branch]:
    """The five answers to `ASK_HAPPY` after each of the six to `ASK_NEED`: number 5 * order + grade."""
    branches = []
    for order in ORDERS:
        needs, _ = encode_question(tokenizer, ASK_NEED, need_answer(order))
        for grade in GRADES:
            ids, target = encode_question(tokenizer, ASK_HAPPY, grade)
            branches.append(Branch(at, needs + ids, [False] * len(needs) + target))
    return branches


def longest_dialogue(network: ThreeModuleTransformer, tokenizer: DialogueTokenizer) -> int:
    """Tokens that a dialogue may have beside both questions and their longest answers.

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
    """A dialogue as one of its people knows it, and the other's true answers as branches.

    Args:
        account: normalised.
        tokenizer: encodes it.
        config: which questions are asked, and what is left out.
        rng: draws names of the issues, seat, omissions and where to ask.
    """
    account = rename_account(account, ORDERS[rng.integers(len(ORDERS))])
    me = int(rng.integers(2))
    view = before_acceptance(account.conversation.seen_by(me))
    kept = tuple(m for m in view.messages if parse_deal(m.text) or rng.random() >= config.leave_out)
    encoded = tokenizer.encode_view(fit_view(replace(view, messages=kept), tokenizer, config.context))
    end = len(encoded.ids)
    need, target = encode_question(tokenizer, ASK_NEED, need_answer(account.order(1 - me)))
    branches = [Branch(end, need, target, "needs")]
    if len(encoded.spans) > 2:
        cuts = rng.integers(1, len(encoded.spans) - 1, size=config.cuts)
        branches += [Branch(encoded.spans[cut].stop, need, target, "needs so far") for cut in cuts]
    if account.grades is not None:
        happy, mask = encode_question(tokenizer, ASK_HAPPY, GRADES[account.grades[1 - me]])
        branches.append(Branch(end, happy, mask, "grade"))
        branches.append(Branch(end, need + happy, [False] * len(need) + mask, "grade after needs"))
    return encoded.ids, branches


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
        humans: normalised (`normalise_account`); the dialogues to be judged on must not be among them.
        report: called after each step with the nats an answer, by kind of question.
    """
    by_loss = {"prediction": PREDICTION}
    optimizer = muon(network, by_loss, config.learning_rate, config.matrix_learning_rate, config.weight_decay)
    for step, batch in enumerate(_batches(tokenizer, humans, config, seed)):
        warm, left = (step + 1) / config.warmup, 1.0 - 0.95 * step / config.updates
        optimizer.schedule(min(warm, left))
        logprobs = branch_logprobs(network, batch, "prediction")
        optimizer.backward("prediction", -logprobs.mean())
        optimizer.step()
        report(step, _by_label(batch, logprobs.detach()))


def _by_label(batch: Packed, logprobs: Tensor) -> dict[str, float]:
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
            sources = [scripted if rng.random() < config.scripted else humans for _ in range(16 * config.batch)]
            items = [reading(one[int(rng.integers(len(one)))], tokenizer, config, rng) for one in sources]
            items.sort(key=lambda item: len(item[0]))  # readings of one length share a batch: little padding
            pool = [items[k * config.batch : (k + 1) * config.batch] for k in rng.permutation(16)]
        batch = pool.pop()
        yield pack([ids for ids, _ in batch], [branches for _, branches in batch])


@dataclass(frozen=True, slots=True)
class Imagined:
    """What the prediction output expects of partners, one row a view.

    Attributes:
        needs: probability of each of `ORDERS` as the answer to `ASK_NEED` [n, 6].
        grades: probability of each of `GRADES` as the answer to `ASK_HAPPY`, a mean over the needs [n, 5].
    """

    needs: Array
    grades: Array


@torch.no_grad()
def imagine_answers(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, views: Sequence[View], batch: int = 4
) -> Imagined:
    """Ask the other of two, in imagination, what it needs and whether it is happy, and weigh all possible answers.

    Args:
        network, tokenizer: what imagines.
        views: normalised where the network learnt from normalised dialogues; an acceptance at the end is left out.
        batch: views a forward pass.
    """
    limit = longest_dialogue(network, tokenizer)
    needs, grades = [], []
    for start in range(0, len(views), batch):
        some = [before_acceptance(view) for view in views[start : start + batch]]
        contexts = [tokenizer.encode_view(fit_view(view, tokenizer, limit)).ids for view in some]
        branches = [[*needs_branches(tokenizer, len(ids)), *grade_branches(tokenizer, len(ids))] for ids in contexts]
        logprobs = branch_logprobs(network, pack(contexts, branches), "prediction").double().view(len(some), -1)
        of_needs = torch.softmax(logprobs[:, : len(ORDERS)], -1)
        of_grades = torch.softmax(logprobs[:, len(ORDERS) :].view(len(some), len(ORDERS), len(GRADES)), -1)
        needs.append(of_needs.cpu().numpy())
        grades.append((of_needs[:, :, None] * of_grades).sum(1).cpu().numpy())
    return Imagined(np.concatenate(needs), np.concatenate(grades))


def make_imagination(
    humans: Sequence[Account], config: ImaginationConfig, seed: int, report: Report = lambda step, losses: None
) -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    """Make tokenizer and network from scratch; a function of (dialogues, config, seed).

    Args:
        humans: the training dialogues, normalised; the tokenizer sees these and no others.
        config: sizes, and how to learn.
        seed: of every draw.
        report: as for `learn_to_imagine`.
    """
    answers = [need_answer(order) for order in ORDERS] + list(GRADES)
    written = human_texts(scripted_accounts(200, derive(seed, "tokenizer")))
    tokenizer = DialogueTokenizer.train([*human_texts(humans), *written, *answers * 20], config.vocab_size)
    network = ThreeModuleTransformer(replace(config.network, vocab_size=tokenizer.vocab_size), derive(seed, "weights"))
    learn_to_imagine(network, tokenizer, humans, config, derive(seed, "learning"), report)
    return network, tokenizer
