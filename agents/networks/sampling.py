"""Sampling messages, batched over the rows of a `Session`: which ids may be said, and the draw of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import Output
from goldenrule.agents.networks.tokenizer import END, N_CONTROL, PAD

BLOCK = 64
"""Ids whose probabilities are summed together before one is drawn."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One sampled message.

    Attributes:
        ids: token ids, the end included if it was reached.
        logprobs: log-probability of each id under the sampling policy (temperature and bans included).
        ended: whether the message ended by itself rather than by the length limit.
        value: the network's value of the state before it.
    """

    ids: list[int]
    logprobs: list[float]
    ended: bool
    value: float


@torch.no_grad()
def sample(
    session: Session,
    hidden: Tensor,
    rows: Sequence[int],
    output: Output,
    generator: torch.Generator,
    *,
    max_new: int = 48,
    min_new: int = 1,
    temperature: float = 1.0,
) -> list[Sampled]:
    """Sample a message for each of some rows, whose last hidden states are `hidden` [len(rows), width].

    The sampled ids but the last are appended to the rows. A message that does not end within `max_new` ids is cut there
    and closed.

    Args:
        session: holds the rows.
        hidden: as `Session.feed` gives them.
        rows: which rows.
        output: which of the two outputs speaks.
        generator: source of all randomness, on the network's device.
        max_new: longest message, in ids.
        min_new: ids before which no message ends; above 1 only to time sampling at a fixed length.
        temperature: 1 samples the policy itself; 0 takes the likeliest id.

    Raises:
        ValueError: there are not as many hidden states as rows, or `max_new` is not positive.
        FloatingPointError: a logit is NaN, or all are infinite.
    """
    device, count = session.lengths.device, len(rows)
    if len(hidden) != count or max_new < 1:
        raise ValueError(f"{len(hidden)} hidden states, {count} rows and max_new={max_new} were given")
    values = session.network.values(hidden).float().tolist()
    # Drawn before it is known who needs them, so that what is said does not depend on how sampling is carried out.
    uniforms = torch.rand((count, max_new), generator=generator, device=device, dtype=torch.float32)
    if session.decoder is not None:
        drawn = session.sample(rows, hidden, uniforms, output, min_new, temperature)
        _refuse_nan(drawn[1])
        return _messages(*drawn, values)
    sampling = _Sampling(
        output,
        uniforms,
        max_new,
        min_new,
        temperature,
        ids=torch.full((count, max_new), PAD, dtype=torch.long, device=device),
        logprobs=torch.zeros((count, max_new), device=device),
        ended=torch.zeros(count, dtype=torch.bool, device=device),
    )
    places = torch.arange(count, device=device)
    if list(rows) == list(range(session.rows)):
        sampling.run(session, hidden, places, 0)
    elif rows:
        # Some rows of many: sampled in a compact branch, since every step costs what the session has in rows.
        before = session.lengths[list(rows)].tolist()
        some = session.branch(rows, before, max_new)
        sampling.run(some, hidden, places, 0)
        session.adopt(rows, some, min(before))
    return _messages(sampling.ids, sampling.logprobs, sampling.ended, values)


@dataclass(slots=True)
class _Sampling:
    """How to sample, and what has been: ids and logprobs [R, max_new], and who has ended by itself [R]."""

    output: Output
    uniforms: Tensor
    max_new: int
    min_new: int
    temperature: float
    ids: Tensor
    logprobs: Tensor
    ended: Tensor

    def run(self, session: Session, hidden: Tensor, places: Tensor, step: int) -> None:
        """Sample from `step` on for all rows of a session; they speak for `places` [rows] of what is sampled."""
        alive = torch.ones(session.rows, dtype=torch.bool, device=hidden.device)
        while True:
            logits = session.network.logits(hidden, self.output).float()
            chosen = self._draw(logits, alive, places, step)
            alive &= chosen != END
            left = int(alive.sum())
            if not left:
                return
            step += 1
            if left <= session.rows // 2:  # copying the rest is cheaper than steps for those that have ended
                self._run_on(session, alive.nonzero()[:, 0], chosen, places, step)
                return
            hidden = session.append(None, torch.where(alive, chosen, PAD)[:, None], alive.long())

    def _draw(self, logits: Tensor, alive: Tensor, places: Tensor, step: int) -> Tensor:
        """Draw the ids [rows] of one step from logits [rows, vocab], and note those of rows that are `alive` [rows]."""
        logits = ban_controls(logits, step < self.min_new)
        chosen, logprobs = choose(logits, self.uniforms[places, step], self.temperature)
        self.ended[places] |= alive & (chosen == END)
        # Cut: the end closes the message but was not drawn, so it is none of `ended`, and no loss may count it.
        if step == self.max_new - 1:
            chosen = torch.full_like(chosen, END)
        self.ids[places, step] = torch.where(alive, chosen, PAD)
        self.logprobs[places, step] = torch.where(alive, logprobs, 0.0)
        return chosen

    def _run_on(self, session: Session, kept: Tensor, chosen: Tensor, places: Tensor, step: int) -> None:
        """`run` with copies of the `kept` rows alone, whose last ids were `chosen`: the others have ended."""
        few = session.branch(kept.tolist(), session.lengths[kept].tolist(), self.max_new - step + 1)
        since = int(few.lengths.min())
        hidden = few.append(None, chosen[kept][:, None], torch.ones_like(kept))
        self.run(few, hidden, places[kept], step)
        session.adopt(kept.tolist(), few, since)


def _messages(ids: Tensor, logprobs: Tensor, ended: Tensor, values: Sequence[float]) -> list[Sampled]:
    """What was sampled [R, max_new], with the value before each message."""
    found = []
    for row_ids, row_logprobs, row_ended, value in zip(
        ids.tolist(), logprobs.tolist(), ended.tolist(), values, strict=True
    ):
        stop = row_ids.index(END) + 1
        found.append(Sampled(row_ids[:stop], row_logprobs[:stop], bool(row_ended), value))
    return found


def ban_controls(logits: Tensor, first: Tensor | bool) -> Tensor:
    """Logits [..., vocab] with every control id but `END` at -inf, and `END` too where `first` [...] is true.

    The sampling policy is defined with these bans; training must apply the same ones to get its logprobs.
    Works in place: hand it logits that nobody else needs.
    """
    logits[..., :END] = -torch.inf
    logits[..., END + 1 : N_CONTROL] = -torch.inf
    if isinstance(first, bool):
        if first:
            logits[..., END] = -torch.inf
        return logits
    logits[..., END].masked_fill_(first, -torch.inf)
    return logits


def choose(logits: Tensor, uniforms: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Sample an id from logits [R, vocab] by uniform numbers [R]; ids [R] and logprobs [R] under the tempered policy.

    Works in place: hand it logits that nobody else needs.
    """
    if temperature not in (0, 1):
        logits /= temperature
    probs = logits.softmax(dim=-1)
    _refuse_nan(probs[:, -1])  # one NaN makes all of a row NaN
    ids = logits.argmax(dim=-1) if temperature == 0 else _drawn(probs, uniforms)
    return ids, probs.gather(-1, ids[:, None])[:, 0].log()


def _refuse_nan(numbers: Tensor) -> None:
    """Raise `FloatingPointError` where one is NaN: nothing can be drawn."""
    if bool(numbers.isnan().any()):
        raise FloatingPointError("probabilities of ids are not numbers; the network's weights have diverged")


def _drawn(probs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw an id from each row of probabilities [R, vocab] by inversion, from one uniform number a row [R].

    A running sum is slow, one addition after another, so it is taken over blocks of ids first, and then in one of them.
    """
    vocab = probs.shape[1]
    whole = vocab - vocab % BLOCK
    sums = probs[:, :whole].unflatten(1, (-1, BLOCK)).sum(-1)
    if whole < vocab:
        sums = torch.cat([sums, probs[:, whole:].sum(-1, keepdim=True)], dim=1)
    ends = sums.cumsum(-1)
    uniform = uniforms[:, None] * ends[:, -1:]
    block = _first_above(ends, uniform)
    before = ends.gather(1, block) - sums.gather(1, block)
    ids = block * BLOCK + torch.arange(BLOCK, device=probs.device)
    inside = probs.gather(1, ids.clamp_max(vocab - 1)).masked_fill_(ids >= vocab, 0.0)
    return (block * BLOCK + _first_above(inside.cumsum(-1), uniform - before))[:, 0]


def _first_above(ends: Tensor, number: Tensor) -> Tensor:
    """Where running sums [R, N] first pass a number [R, 1] below the last: never where nothing is added."""
    below = torch.nextafter(ends[:, -1:], torch.zeros_like(number))  # what rounding took beyond the end comes back
    return torch.searchsorted(ends, torch.minimum(number, below).clamp_min_(0.0), right=True)
