"""Key-value caches of Hugging Face models that survive turns: sequences that were read, and what departs from them.

Rows are padded on the left, and positions are told apart from columns, so that padding and forgotten columns count for
nothing, and a sliding window is one of positions. Columns are laid out with room to spare: a message is read into
place, where growing by copies would move all that was read before with every token.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 96
"""Columns that are laid out ahead."""


class RoomyLayer(DynamicLayer):
    """One layer's keys and values [rows, heads, columns, width], the first columns of buffers with room to spare."""

    keys: torch.Tensor
    values: torch.Tensor

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns, and give all there are."""
        before, new = self.get_seq_length(), key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.lay_out(key_states[..., :0, :], value_states[..., :0, :], new)
        elif before + new > self._buffers[0].shape[-2]:
            self.lay_out(self.keys, self.values, new)
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., before : before + new, :] = states
        self._show(before + new)
        return self.keys, self.values

    def lay_out(self, keys: torch.Tensor, values: torch.Tensor, new: int) -> None:
        """Hold these columns, with room for `new` and some more."""
        width = keys.shape[-2]
        self._buffers = tuple(
            states.new_empty((*states.shape[:-2], width + new + ROOM, states.shape[-1])) for states in (keys, values)
        )
        for buffer, states in zip(self._buffers, (keys, values), strict=True):
            buffer[..., :width, :] = states
        self._show(width)

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last `-tokens_to_remove` columns."""
        self._show(self.get_seq_length() + tokens_to_remove)

    def _show(self, width: int) -> None:
        self.keys, self.values = (buffer[..., :width, :] for buffer in self._buffers)


@dataclass
class Rows:
    """Sequences that a model has read.

    Attributes:
        model: who reads.
        fed: the ids that each row holds.
        columns: where each of these stands.
        cache: of keys and values; `None` before anything was read.
    """

    model: Any
    fed: list[list[int]] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    cache: Cache | None = None

    def turn_to(self, prompts: Sequence[list[int]]) -> None:
        """Hold a row for each prompt: that which shares the longest beginning with it."""
        if self.cache is None:
            return
        held = np.full((len(self.fed), max(map(len, self.fed))), -1)
        for row, ids in enumerate(self.fed):
            held[row, : len(ids)] = ids
        chosen, kept = [], []
        for one in prompts:
            given = np.array(one[: held.shape[1]])
            same = held[:, : len(given)] == given
            counts = np.where(same.all(1), len(given), same.argmin(1))
            chosen.append(int(counts.argmax()))
            kept.append(int(counts.max()))
        most, width = max(kept), self.cache.get_seq_length()
        if chosen == [*range(len(self.fed))] and width <= most + ROOM:
            return  # nothing moves, and little of it is forgotten
        columns = torch.zeros(len(prompts), most, dtype=torch.long)
        for row, (source, count) in enumerate(zip(chosen, kept, strict=True)):
            columns[row, most - count :] = torch.tensor(self.columns[source][:count])
        rows = torch.tensor(chosen, device=self.model.device)[:, None]
        columns = columns.to(self.model.device)
        for layer in self.cache.layers:
            assert isinstance(layer, RoomyLayer)
            # [rows, columns, heads, width], since what is indexed comes first
            keys, values = (states[rows, :, columns].transpose(1, 2) for states in (layer.keys, layer.values))
            layer.lay_out(keys, values, ROOM)
        self.fed = [self.fed[source][:count] for source, count in zip(chosen, kept, strict=True)]
        self.columns = [[*range(most - count, most)] for count in kept]

    def cut(self, width: int) -> None:
        """Forget the columns from `width` on."""
        if self.cache is not None and self.cache.get_seq_length() > width:
            self.cache.crop(width - self.cache.get_seq_length())
            for row, columns in enumerate(self.columns):
                kept = sum(column < width for column in columns)
                self.fed[row], self.columns[row] = self.fed[row][:kept], columns[:kept]

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Forget in the end what is read meanwhile."""
        fed, columns, width = [*self.fed], [*self.columns], self.width
        yield
        self.cut(width)
        self.fed, self.columns = fed, columns

    @property
    def width(self) -> int:
        """Columns there are."""
        return 0 if self.cache is None else int(self.cache.get_seq_length())

    @torch.no_grad()
    def feed(self, sequences: Sequence[list[int]], keep: int = 1) -> torch.Tensor:
        """Bring each row to its sequence; the logits of the last `keep` ids of each [rows, keep, vocabulary].

        A row that is there already reads its last id again.
        """
        count, device, before = len(sequences), self.model.device, self.width
        if self.cache is None:
            self.fed, self.columns = [[] for _ in sequences], [[] for _ in sequences]
            self.cache = Cache(layer_class_to_replicate=RoomyLayer)
        news = []
        for row, ids in enumerate(sequences):
            same = max(0, min(shared(self.fed[row], ids), len(ids) - keep))
            self.fed[row], self.columns[row] = [*ids], self.columns[row][:same]
            news.append(ids[same:])
        width = max(map(len, news))
        given = torch.zeros(count, width, dtype=torch.long)
        mask = torch.zeros(count, before + width, dtype=torch.long)
        positions = torch.zeros(count, width, dtype=torch.long)
        for row, new in enumerate(news):
            place, start = len(self.columns[row]), width - len(new)
            given[row, start:] = torch.tensor(new)
            positions[row, start:] = torch.arange(place, place + len(new))
            self.columns[row] += range(before + start, before + width)
            mask[row, self.columns[row]] = 1
        try:
            out = self.model(
                input_ids=given.to(device),
                attention_mask=self._mask(mask, positions),
                position_ids=positions.to(device),
                cache=self.cache,
                use_cache=True,
                # By number, since the product of a slice with the output matrix copies that matrix for each row.
                logits_to_keep=torch.arange(max(0, width - keep), width, device=device),
            )
        except Exception:  # too little memory: some layers may have read, others not
            self.fed, self.columns, self.cache = [], [], None
            raise
        logits: torch.Tensor = out.logits
        return logits

    def _mask(self, there: torch.Tensor, positions: torch.Tensor) -> Any:
        """Which columns count; of a model with a sliding window, for each token that reads.

        Left to the model, a window would be one of columns, those that are padding or forgotten among them.

        Args:
            there: columns that hold something [rows, columns].
            positions: of the tokens that read, in the last columns [rows, new].
        """
        config, device = self.model.config.get_text_config(), self.model.device
        kinds, window = {*(getattr(config, "layer_types", None) or ())}, getattr(config, "sliding_window", None)
        if window is None or (kinds and "sliding_attention" not in kinds):
            return there.to(device)
        of_columns = torch.full_like(there, -1)
        for row, columns in enumerate(self.columns):
            of_columns[row, columns] = torch.arange(len(columns))
        back = positions[:, None, :, None] - of_columns[:, None, None, :]
        full = (of_columns >= 0)[:, None, None, :] & (back >= 0)
        masks = {"full_attention": full, "sliding_attention": full & (back < window)}
        new = range(positions.shape[1])
        for kind, mask in masks.items():
            mask[:, :, new, [column - len(new) for column in new]] = True  # padding reads itself, or it were no number
            if config._attn_implementation != "sdpa":  # others add it to scores
                lowest = torch.finfo(self.model.dtype).min
                mask = torch.zeros(mask.shape, dtype=self.model.dtype).masked_fill_(~mask, lowest)
            masks[kind] = mask.to(device)
        return masks if kinds else masks["sliding_attention"]


def shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids both begin with."""
    most = min(len(first), len(second))
    if first[:most] == second[:most]:
        return most
    return next(place for place in range(most) if first[place] != second[place])
