"""Sampling with a key-value cache, batched over dialogues of unequal length.

Each row of a `Session` is one sequence; rows grow independently, and a branch starts at any earlier length of a row
without disturbing it, so a simulated reply costs only its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks.three_module import Block, Output, ThreeModuleTransformer, rotate
from goldenrule.agents.networks.tokenizer import END, N_CONTROL, PAD


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


@dataclass(slots=True)
class _Place:
    """Where a step's tokens go: rows (all if `None`), positions [R, W], and how far anyone may look.

    `aligned` is the common start where all rows have the same length: then slices serve and no mask is needed.
    """

    rows: Tensor | None
    positions: Tensor
    longest: int
    mask: Tensor | None
    aligned: int | None = None
    turn: tuple[Tensor, Tensor] = ()  # type: ignore[assignment]  # set before use


class Session:
    """A key-value cache over rows of unequal length.

    Args:
        network: whose weights are used; they must not change while the session lives.
        rows: number of sequences.
        capacity: tokens to make room for at first; grows as needed, up to the network's context.
    """

    def __init__(self, network: ThreeModuleTransformer, rows: int, capacity: int = 64) -> None:
        self.network, self.rows = network, rows
        config = network.config
        self._shape = (config.layers, 2, rows, sum(config.heads.values()), config.head_width)
        self.capacity = min(capacity, config.context)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=network.device)
        self.cache = self._empty(self.capacity)
        with torch.no_grad():
            self._fused = [cast(Block, block).attention.weights() for block in network.blocks]

    def _empty(self, capacity: int) -> Tensor:
        layers, kinds, rows, heads, head_width = self._shape
        return torch.zeros(
            (layers, kinds, rows, capacity, heads, head_width),
            dtype=self.network.embedding.dtype,
            device=self.network.device,
        )

    def _reserve(self, needed: int) -> None:
        context = self.network.config.context
        if needed > context:
            raise ValueError(f"a sequence of {needed} tokens was given; the network's context holds {context}")
        if needed > self.capacity:
            capacity = min(context, max(needed, 2 * self.capacity))
            grown = self._empty(capacity)
            grown[:, :, :, : self.capacity] = self.cache
            self.cache, self.capacity = grown, capacity

    def branch(self, rows: Sequence[int], lengths: Sequence[int], room: int = 32) -> Session:
        """A new session whose row `k` starts as the first `lengths[k]` tokens of this one's row `rows[k]`."""
        twin = Session(self.network, len(rows), max(lengths, default=0) + room)
        longest = max(lengths, default=0)
        picked = torch.as_tensor(rows, dtype=torch.long, device=self.lengths.device)
        twin.cache[:, :, :, :longest] = self.cache[:, :, :, :longest].index_select(2, picked)
        twin.lengths = torch.as_tensor(lengths, dtype=torch.long, device=self.lengths.device)
        return twin

    @torch.no_grad()
    def feed(self, rows: Sequence[int], sequences: Sequence[Sequence[int]]) -> Tensor:
        """Append ids to some rows.

        Args:
            rows: which rows, each once.
            sequences: at least one id for each of them.

        Returns:
            hidden states [len(rows), width] at each row's last id.
        """
        device = self.lengths.device
        late = self._late(rows, sequences)
        if late:
            return self._feed_apart(rows, sequences, late)
        widths = torch.tensor([len(s) for s in sequences], device=device)
        ids = torch.full((len(rows), int(widths.max())), PAD, dtype=torch.long)
        for k, sequence in enumerate(sequences):
            ids[k, : len(sequence)] = torch.tensor(sequence)
        index = None if list(rows) == list(range(self.rows)) else torch.tensor(list(rows), device=device)
        hidden = self._forward(index, ids.to(device), widths)
        return hidden[torch.arange(len(rows), device=device), widths - 1]

    def _late(self, rows: Sequence[int], sequences: Sequence[Sequence[int]]) -> list[int]:
        """Places of rows so long that padding to the longest of `sequences` would pass the context; not of all."""
        starts, widest = self.lengths[list(rows)].tolist(), max(map(len, sequences))
        late = [k for k, start in enumerate(starts) if start + widest > self.network.config.context]
        return late if len(late) < len(starts) else []

    def _feed_apart(self, rows: Sequence[int], sequences: Sequence[Sequence[int]], late: list[int]) -> Tensor:
        """`feed`, the rows at `late` places after the others."""
        hidden = torch.empty((len(rows), self.network.config.width), dtype=self.cache.dtype, device=self.cache.device)
        early = [k for k in range(len(rows)) if k not in set(late)]
        for places in (early, late):
            hidden[places] = self.feed([rows[k] for k in places], [sequences[k] for k in places])
        return hidden

    def _forward(self, rows: Tensor | None, ids: Tensor, widths: Tensor) -> Tensor:
        """Run ids [R, W] after the cached ones; only the first `widths` [R] of each row count."""
        network, count = self.network, ids.shape[1]
        starts = self.lengths if rows is None else self.lengths[rows]
        first, last = int(starts.min()), int(starts.max())
        self._reserve(last + count)
        positions = starts[:, None] + torch.arange(count, device=ids.device)
        place = _Place(rows, positions, last + count, None)
        if first == last and (count == 1 or first == 0):
            place.aligned = first
        else:
            seen = torch.arange(place.longest, device=ids.device)[None, None, None] <= positions[:, None, :, None]
            place.mask = seen
        place.turn = (network.cos[positions], network.sin[positions])
        x = F.embedding(ids, network.embedding)
        for layer, block in enumerate(network.blocks):
            x = self._block(cast(Block, block), layer, x, place)
        if rows is None:
            self.lengths = starts + widths
        else:
            self.lengths[rows] = starts + widths
        return network.norm(x)

    def _block(self, block: Block, layer: int, x: Tensor, place: _Place) -> Tensor:
        qkv_weight, out_weight = self._fused[layer]
        heads, head_width = self._shape[3:]
        batch, count, _ = x.shape
        qkv = F.linear(block.attention_norm(x), qkv_weight).view(batch, count, 3, heads, head_width)
        queries, new_keys = rotate(qkv[:, :, :2], *place.turn).unbind(2)
        keys, values = self._write(layer, new_keys, qkv[:, :, 2], place)
        mixed = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=place.mask,
            is_causal=place.mask is None and count > 1,
        )
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), out_weight)
        return block.feed_forward(x)

    def _write(self, layer: int, new_keys: Tensor, new_values: Tensor, place: _Place) -> tuple[Tensor, Tensor]:
        """Put keys and values where they belong; returns those that may be attended to, [R, longest, heads, width]."""
        keys, values = self.cache[layer]
        if place.aligned is not None and place.rows is None:
            keys[:, place.aligned : place.longest] = new_keys
            values[:, place.aligned : place.longest] = new_values
            return keys[:, : place.longest], values[:, : place.longest]
        index = (torch.arange(len(new_keys), device=keys.device) if place.rows is None else place.rows)[:, None]
        keys[index, place.positions] = new_keys
        values[index, place.positions] = new_values
        keys, values = keys[:, : place.longest], values[:, : place.longest]
        return (keys, values) if place.rows is None else (keys[place.rows], values[place.rows])

    @torch.no_grad()
    def sample(
        self,
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

        The sampled ids, the end included, are appended to the rows. A message that does not end within `max_new`
        ids is cut there and closed.

        Args:
            rows: which rows.
            output: which of the two outputs speaks.
            generator: source of all randomness, on the network's device.
            max_new: longest message, in ids.
            min_new: ids before which no message ends; above 1 only to time sampling at a fixed length.
            temperature: 1 samples the policy itself; 0 takes the likeliest id.
        """
        device = self.lengths.device
        count = len(rows)
        values = self.network.values(hidden).float().tolist()
        # Rows that have ended go on being computed: gathering the caches of the others costs more than it saves.
        subset = None if list(rows) == list(range(self.rows)) else torch.tensor(list(rows), device=device)
        ids = torch.full((count, max_new), PAD, dtype=torch.long, device=device)
        logprobs = torch.zeros((count, max_new), device=device)
        alive = torch.ones(count, dtype=torch.bool, device=device)
        ended = torch.zeros(count, dtype=torch.bool, device=device)
        for step in range(max_new):
            logits = ban_controls(self.network.logits(hidden, output).float(), step < min_new)
            chosen, chosen_logprobs = choose(logits, generator, temperature)
            ended |= alive & (chosen == END)
            if step == max_new - 1:
                chosen = torch.full_like(chosen, END)
            ids[:, step] = torch.where(alive, chosen, PAD)
            logprobs[:, step] = torch.where(alive, chosen_logprobs, 0.0)
            hidden = self._forward(subset, ids[:, step : step + 1], alive.long())[:, 0]
            alive &= chosen != END
            if not bool(alive.any()):
                break
        return _collect(ids.tolist(), logprobs.tolist(), ended.tolist(), values)


def choose(logits: Tensor, generator: torch.Generator, temperature: float) -> tuple[Tensor, Tensor]:
    """Sample an id from logits [R, vocab]; returns ids [R] and their logprobs [R] under the tempered policy."""
    if temperature == 0:
        logprobs = torch.log_softmax(logits, dim=-1)
        ids = logprobs.argmax(dim=-1)
    else:
        logprobs = torch.log_softmax(logits / temperature, dim=-1)
        # Inversion: one uniform number a row. An id of probability zero adds nothing to the sum and is never met.
        sums = logprobs.exp().cumsum(dim=-1)
        uniform = torch.rand((len(sums), 1), generator=generator, device=sums.device) * sums[:, -1:]
        ids = torch.searchsorted(sums, uniform, right=True)[:, 0].clamp_max(sums.shape[-1] - 1)
    return ids, logprobs.gather(-1, ids[:, None])[:, 0]


def _collect(
    ids: list[list[int]], logprobs: list[list[float]], ended: list[bool], values: list[float]
) -> list[Sampled]:
    sampled = []
    for row_ids, row_logprobs, row_ended, value in zip(ids, logprobs, ended, values, strict=True):
        stop = row_ids.index(END) + 1
        sampled.append(Sampled(row_ids[:stop], row_logprobs[:stop], row_ended, value))
    return sampled
