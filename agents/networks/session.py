"""A key-value cache over dialogues of unequal length.

Each row of a `Session` is one sequence; rows grow independently, and a branch starts at any earlier length of a row
without disturbing it, so a simulated reply costs only its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from goldenrule.agents.networks import native
from goldenrule.agents.networks.three_module import Block, Output, ThreeModuleTransformer, squared_relu
from goldenrule.agents.networks.tokenizer import END, N_CONTROL, PAD


class Session:
    """A key-value cache over rows of unequal length.

    Keys lie with positions last, values with positions before them: so the two products of attention read them.

    Args:
        network: whose weights are used; they must not change while the session lives.
        rows: number of sequences.
        capacity: tokens to make room for at first; grows as needed, up to the network's context.
        decoder: of another session of the network, where there is one; made here if not.
    """

    def __init__(
        self, network: ThreeModuleTransformer, rows: int, capacity: int = 64, decoder: native.Decoder | None = None
    ) -> None:
        self.network, self.rows = network, rows
        self.capacity = _whole(min(capacity, network.config.context))
        self.lengths = torch.zeros(rows, dtype=torch.long, device=network.device)
        self.decoder = decoder
        if decoder is None and network.compiled:
            self.decoder = native.Decoder(network.native_sizes(), network.trunk_weights())
        self._keys, self._values = self._empty(self.capacity)

    @cached_property
    @torch.no_grad()
    def _fused(self) -> list[tuple[Tensor, Tensor]]:
        """The joined projections of each layer, for PyTorch; the decoder has its own."""
        return [cast(Block, block).attention.weights() for block in self.network.blocks]

    def _empty(self, capacity: int) -> tuple[Tensor, Tensor]:
        config, like = self.network.config, self.network.embedding.detach()
        front = (config.layers, self.rows, config.key_heads)
        # PyTorch gives what lies past a row's length a weight of zero, so it must be finite; C does not read it.
        make = like.new_zeros if self.decoder is None else like.new_empty
        return make((*front, config.head_width, capacity)), make((*front, capacity, config.head_width))

    def _reserve(self, needed: int) -> None:
        context = self.network.config.context
        if needed > context:
            raise ValueError(f"a sequence of {needed} tokens was given; the network's context holds {context}")
        if needed > self.capacity:
            old, held = (self._keys, self._values), self.capacity
            self.capacity = _whole(min(context, max(needed, 2 * self.capacity)))
            self._keys, self._values = self._empty(self.capacity)
            self._keys[..., :held] = old[0]
            self._values[..., :held, :] = old[1]

    def branch(self, rows: Sequence[int], lengths: Sequence[int], room: int = 32) -> Session:
        """A new session whose row `k` starts as the first `lengths[k]` tokens of this one's row `rows[k]`.

        Args:
            rows: rows of this session; one may be named several times.
            lengths: how many tokens of each are taken, 0 to what the row holds.
            room: tokens that can be appended before the cache has to grow.
        """
        longest = max(lengths, default=0)
        twin = Session(self.network, len(rows), longest + room, self.decoder)
        if self.decoder is None:
            twin._fused = self._fused
        # All rows are copied as far as the longest: what lies past a row's own length is never attended to.
        picked = torch.as_tensor(rows, dtype=torch.long, device=self.lengths.device)
        twin._keys[..., :longest] = self._keys[..., :longest].index_select(1, picked)
        twin._values[..., :longest, :] = self._values[..., :longest, :].index_select(1, picked)
        twin.lengths = torch.as_tensor(lengths, dtype=torch.long, device=self.lengths.device)
        return twin

    def adopt(self, rows: Sequence[int], other: Session, since: int = 0) -> None:
        """Make row `rows[k]` what row `k` of another session is.

        Args:
            rows: rows of this session, each once, as many as the other has.
            other: a session of the same network.
            since: position up to which the rows are the same already, and are not copied.
        """
        longest = int(other.lengths.max()) if other.rows else 0
        self._reserve(longest)
        picked = torch.as_tensor(rows, dtype=torch.long, device=self.lengths.device)
        self._keys[:, picked, :, :, since:longest] = other._keys[..., since:longest]
        self._values[:, picked, :, since:longest] = other._values[..., since:longest, :]
        self.lengths[picked] = other.lengths

    @torch.no_grad()
    def feed(self, rows: Sequence[int], sequences: Sequence[Sequence[int]]) -> Float[Tensor, "R width"]:
        """Append ids to some rows.

        Args:
            rows: which rows, each once.
            sequences: at least one id for each of them.

        Returns:
            hidden states at each row's last id.

        Raises:
            ValueError: there are more rows than sequences or fewer, or one is empty.
        """
        if len(rows) != len(sequences) or not all(map(len, sequences)):
            raise ValueError(f"{len(rows)} rows and as many sequences, none of them empty, were expected")
        device = self.lengths.device
        if self.decoder is not None:
            return self._extend(self.decoder, torch.tensor(rows), sequences)
        # Rows are padded to the longest suffix, which may take a row that is long already past the context.
        late = self._late(rows, sequences)
        if late:
            return self._feed_apart(rows, sequences, late)
        widths = torch.tensor([len(s) for s in sequences])
        ids = torch.full((len(rows), int(widths.max())), PAD, dtype=torch.long)
        for k, sequence in enumerate(sequences):
            ids[k, : len(sequence)] = torch.tensor(sequence)
        index = None if list(rows) == list(range(self.rows)) else torch.tensor(list(rows), device=device)
        return self.append(index, ids.to(device), widths.to(device))

    def _extend(
        self, decoder: native.Decoder, rows: Int[Tensor, " R"], sequences: Sequence[Sequence[int]]
    ) -> Float[Tensor, "R width"]:
        """`feed` in C, where nothing is padded."""
        starts, widths = self.lengths[rows], torch.tensor([len(sequence) for sequence in sequences])
        self._reserve(int((starts + widths).max()))
        ids = torch.tensor([i for sequence in sequences for i in sequence])
        hidden = decoder.extend(self._keys, self._values, rows, starts, widths, ids)
        self.lengths[rows] = starts + widths
        return hidden

    def _late(self, rows: Sequence[int], sequences: Sequence[Sequence[int]]) -> list[int]:
        """Places of rows so long that padding to the longest of `sequences` would pass the context; not of all."""
        starts, widest = self.lengths[list(rows)].tolist(), max(map(len, sequences))
        late = [k for k, start in enumerate(starts) if start + widest > self.network.config.context]
        return late if len(late) < len(starts) else []

    def _feed_apart(
        self, rows: Sequence[int], sequences: Sequence[Sequence[int]], late: list[int]
    ) -> Float[Tensor, "R width"]:
        """`feed`, the rows at `late` places after the others."""
        hidden = self._values.new_empty((len(rows), self.network.config.width))
        early = [k for k in range(len(rows)) if k not in set(late)]
        for places in (early, late):
            hidden[places] = self.feed([rows[k] for k in places], [sequences[k] for k in places])
        return hidden

    @torch.no_grad()
    def append(
        self, rows: Int[Tensor, " R"] | None, ids: Int[Tensor, "R W"], widths: Int[Tensor, " R"]
    ) -> Float[Tensor, "R width"]:
        """`feed` of ids that are padded to one width already.

        Args:
            rows: which rows, each once; `None` for all.
            ids: to run after the cached ones.
            widths: how many of them count in each row, 0 to W.

        Returns:
            hidden states at the last id that counts (at the first, where none does).
        """
        starts = self.lengths if rows is None else self.lengths[rows]
        # Padding is written too, past the length a row then has, where its next tokens overwrite it: so it needs room.
        self._reserve(int(starts.max()) + ids.shape[1])
        hidden = self._rows_forward(slice(None) if rows is None else rows, ids, starts, widths)
        if rows is None:
            self.lengths = starts + widths
        else:
            self.lengths[rows] = starts + widths
        return hidden

    def sample(
        self,
        rows: Sequence[int],
        hidden: Float[Tensor, "R width"],
        uniforms: Float[Tensor, "R longest"],
        output: Output,
        shortest: int,
        temperature: float,
    ) -> tuple[Int[Tensor, "R longest"], Float[Tensor, "R longest"], Int[Tensor, " R"]]:
        """`native.Decoder.sample` for some rows, which grow by what was sampled but its last id."""
        assert self.decoder is not None
        before = self.lengths[list(rows)]
        self._reserve(max(before.tolist(), default=0) + uniforms.shape[1] - 1)
        ids, logprobs, ended = self.decoder.sample(
            self._keys,
            self._values,
            rows,
            before,
            hidden,
            uniforms,
            self.network.vocabulary(output),
            shortest=shortest,
            temperature=temperature,
            end=END,
            controls=N_CONTROL,
        )
        self.lengths[list(rows)] = before + (ids >= 0).sum(1) - 1
        return ids, logprobs, ended

    def _rows_forward(
        self,
        rows: slice | Int[Tensor, " R"],
        ids: Int[Tensor, "R W"],
        starts: Int[Tensor, " R"],
        widths: Int[Tensor, " R"],
    ) -> Float[Tensor, "R width"]:
        """`append`, without the lengths."""
        network, count = self.network, ids.shape[1]
        positions = starts[:, None] + torch.arange(count, device=ids.device)
        first, last = int(starts.min()), int(starts.max())
        place = _Place(rows, positions, first if first == last else None, last + count)
        place.turn = (network.cos[positions], network.sin[positions])
        if count > 1:
            place.ends = (torch.arange(len(ids), device=ids.device), (widths - 1).clamp_min(0))
        x = F.embedding(ids, network.embedding)
        for layer, block in enumerate(network.blocks):
            x = self._block(cast(Block, block), layer, x, place)
        return network.norm(x[:, 0])

    def _block(
        self, block: Block, layer: int, x: Float[Tensor, "R W width"], place: _Place
    ) -> Float[Tensor, "R W_or_1 width"]:
        """One layer over x; of the last layer, only where a hidden state is wanted."""
        attention = block.attention
        qkv_weight, out_weight = self._fused[layer]
        qkv = F.linear(block.attention_norm(x), qkv_weight)
        queries, new_keys, new_values = attention.split_heads(qkv, *place.turn)
        keys, values = self._write(layer, new_keys, new_values, place)
        positions = place.positions
        if place.ends is not None and layer == len(self._fused) - 1:
            x, queries = x[place.ends][:, None], queries[place.ends][:, None]
            positions = positions[place.ends][:, None]
        # From an empty cache there is nothing but the new tokens to attend to: the fused causal kernel serves.
        if place.start == 0 and queries.shape[1] > 1:
            q, k, v = queries.transpose(1, 2), new_keys.transpose(1, 2), new_values.transpose(1, 2)
            shared = attention.sharing > 1
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=shared).transpose(1, 2)
        else:
            mixed = _attend(queries, keys, values, None if place.one_for_all else positions)
        x = F.linear(mixed.flatten(2), out_weight).add_(x)
        hidden = squared_relu(F.linear(block.feed_forward_norm(x), block.up.weight))
        return F.linear(hidden, block.down.weight).add_(x)

    def _write(
        self,
        layer: int,
        new_keys: Float[Tensor, "R W key_heads head"],
        new_values: Float[Tensor, "R W key_heads head"],
        place: _Place,
    ) -> tuple[Float[Tensor, "R key_heads head longest"], Float[Tensor, "R key_heads longest head"]]:
        """Put new keys and values where they belong; returns all that may be attended to."""
        keys, values, rows = self._keys[layer], self._values[layer], place.rows
        if isinstance(rows, slice):
            keys, values = keys[rows], values[rows]
            rows = torch.arange(len(keys), device=keys.device)
        if place.start is not None and isinstance(place.rows, slice):  # an index for each is several times as slow
            keys[..., place.start : place.longest] = new_keys.permute(0, 2, 3, 1)
            values[..., place.start : place.longest, :] = new_values.transpose(1, 2)
        else:
            keys[rows[:, None], :, :, place.positions] = new_keys
            values[rows[:, None], :, place.positions] = new_values
        keys, values = keys[..., : place.longest], values[..., : place.longest, :]
        return (keys, values) if isinstance(place.rows, slice) else (keys[rows], values[rows])


def _whole(capacity: int) -> int:
    """The next multiple of what the C code takes at a time."""
    return -(-capacity // native.LANES) * native.LANES


@dataclass(slots=True)
class _Place:
    """Where a pass's tokens go: rows, positions [R, W], how far anyone may look.

    `start` is the common start where all rows have the same length: then slices serve and one token needs no mask.
    `ends` picks the last id that counts of each row, where there are several.
    """

    rows: slice | Tensor
    positions: Tensor
    start: int | None
    longest: int
    ends: tuple[Tensor, Tensor] | None = None
    turn: tuple[Tensor, Tensor] = ()  # type: ignore[assignment]  # set before use

    @property
    def one_for_all(self) -> bool:
        """Whether every row has one token at the same position."""
        return self.start is not None and self.positions.shape[1] == 1


def _attend(
    queries: Float[Tensor, "R W heads head"],
    keys: Float[Tensor, "R key_heads head longest"],
    values: Float[Tensor, "R key_heads longest head"],
    positions: Int[Tensor, "R W"] | None,
) -> Float[Tensor, "R W heads head"]:
    """Attention of few queries to many cached keys; on a CPU two plain products beat the fused kernel by half.

    Args:
        queries, keys, values: of some rows.
        positions: of the queries, none of which looks further; `None` where all may look everywhere.
    """
    batch, count, heads, head_width = queries.shape
    key_heads, longest = keys.shape[1], keys.shape[-1]
    grouped = queries.view(batch, count, key_heads, -1, head_width).permute(0, 2, 3, 1, 4) * head_width**-0.5
    scores = grouped.flatten(2, 3) @ keys
    if positions is not None:
        unseen = torch.arange(longest, device=keys.device) > positions[..., None]
        scores.unflatten(2, (-1, count)).masked_fill_(unseen[:, None, None], -torch.inf)
    mixed = scores.softmax(-1) @ values
    return mixed.unflatten(2, (-1, count)).permute(0, 3, 1, 2, 4).reshape(batch, count, heads, head_width)
