"""The trunk in C (`native.c`), compiled where it is first used and kept in the user's cache.

Nothing depends on it but speed: without a C compiler, on other devices and for other types, PyTorch does the work. Set
`GOLDENRULE_NATIVE=0` to have that everywhere; results then differ in the last bits.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from ctypes import Structure, byref, c_float, c_long, c_void_p
from importlib import resources
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from goldenrule.common.files import write_whole

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
THREADS = ("-fopenmp",)
"""Left out where the compiler does not know it: then one thread decodes."""
LANES = 16
"""Sizes that the C code takes are multiples of this."""
_IMPORTED_BY = os.getpid()


class Sizes(Structure):
    """Sizes of a network, and where its cosines and sines [context, head / 2] lie, which are kept as long."""

    _fields_ = (
        *((name, c_long) for name in ("width", "layers", "heads", "key_heads", "head", "feed_forward", "vocab")),
        ("cos", c_void_p),
        ("sin", c_void_p),
    )

    def __init__(self, *sizes: int, cos: Tensor, sin: Tensor) -> None:
        super().__init__(*sizes, cos.data_ptr(), sin.data_ptr())
        self.tables = cos, sin


def _pointers(*names: str) -> type[Structure]:
    return type("Pointers", (Structure,), {"_fields_": [(name, c_void_p) for name in names]})


_LAYER = ("attention_norm", "qkv", "qkv_t", "out", "out_t", "feed_forward_norm", "up", "up_t", "down", "down_t")
_Layer = _pointers(*_LAYER)
_GRADIENTS = ("attention_norm", "qkv", "out", "feed_forward_norm", "up", "down")
_Gradients = _pointers(*_GRADIENTS)
_Weights = _pointers("embedding", "norm", "layers")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled code; `None` where it is switched off or cannot be had."""
    if os.environ.get("GOLDENRULE_NATIVE") == "0":
        return None
    compiler = [which for name in ("cc", "gcc", "clang") if (which := shutil.which(name))][:1]
    try:
        compiler = shlex.split(os.environ.get("CC", "")) or compiler
        made = ctypes.CDLL(str(_compiled(compiler))) if compiler else None
    except (OSError, subprocess.SubprocessError, RuntimeError, ValueError):  # the last two: no home; CC cannot be split
        return None
    if made is not None:
        made.goldenrule_kept.restype = c_long
    return made


def _digest(*parts: bytes) -> str:
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()


def _compiled(compiler: list[str]) -> Path:
    """Where the library lies, compiled first if need be.

    It is named by its source, the compiler's arguments and what the compiler finds this processor able to do, so that
    machines of several kinds can share a home; and by its content, since to load a file that was cut kills the process.
    """
    source = resources.files(__package__).joinpath("native.c").read_bytes()
    about = [*compiler, *FLAGS, "-dM", "-E", "-x", "c", os.devnull]
    machine = subprocess.run(about, capture_output=True, check=True, timeout=60).stdout
    name = f"native-{_digest(source, machine, repr((compiler[1:], FLAGS, THREADS)).encode())}"
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "goldenrule"
    for path in sorted(folder.glob(f"{name}-*.so")):
        if path.name == f"{name}-{_digest(path.read_bytes())}.so":
            return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        text, built = Path(made, "native.c"), Path(made, "native.so")
        text.write_bytes(source)
        command = [*compiler, *FLAGS, "-o", str(built), str(text), "-lm"]
        if subprocess.run([*command, *THREADS], capture_output=True, timeout=300).returncode:
            subprocess.run(command, capture_output=True, check=True, timeout=300)
        content = built.read_bytes()
    path = folder / f"{name}-{_digest(content)}.so"
    write_whole(path, content)
    return path


def serves(weight: Tensor, *sizes: int) -> bool:
    """Whether the C code can take the place of PyTorch's, for weights like this one and these widths."""
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    return plain and all(size % LANES == 0 for size in sizes) and library() is not None


class Weights:
    """The weights of a trunk as the C code takes them: transposed copies of matrices, and pointers to all.

    Args:
        weights: embedding, last norm, then for each layer the first norm, the joined projections into queries, keys and
            values and out of heads, the second norm, and both matrices of the feed-forward half; each [out, in].

    Raises:
        TypeError: they are not all of float32.
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        types = {f"{weight.dtype} on {weight.device.type}" for weight in weights}
        if len(types) > 1:  # `serves` looked at one
            raise TypeError(f"the weights of one network are of several types: {', '.join(sorted(types))}")
        embedding, norm, *rest = [weight.detach().contiguous() for weight in weights]
        self._kept = [embedding, norm]
        layers = (_Layer * (len(rest) // len(_GRADIENTS)))()
        for layer, first in zip(layers, range(0, len(rest), len(_GRADIENTS)), strict=True):
            attention_norm, qkv, out, feed_forward_norm, up, down = rest[first : first + len(_GRADIENTS)]
            matrices = [
                one for pair in ((qkv, qkv.t()), (out, out.t()), (up, up.t()), (down, down.t())) for one in pair
            ]
            tensors = [one.contiguous() for one in (attention_norm, *matrices[:4], feed_forward_norm, *matrices[4:])]
            self._kept += tensors
            for name, tensor in zip(_LAYER, tensors, strict=True):
                setattr(layer, name, tensor.data_ptr())
        self._layers = layers
        self.pointer = byref(_Weights(embedding.data_ptr(), norm.data_ptr(), ctypes.addressof(layers)))


class _Trunk(torch.autograd.Function):
    """Hidden states of padded sequences; several backward passes may follow one forward pass."""

    @staticmethod
    def forward(ctx: Any, sizes: Sizes, ids: Tensor, lengths: Tensor, keep: bool, *weights: Tensor) -> Tensor:
        native = cast(ctypes.CDLL, library())
        made = Weights(weights)
        hidden = weights[0].new_zeros((*ids.shape, sizes.width))
        tokens = int(lengths.sum())
        kept = weights[0].new_empty(native.goldenrule_kept(byref(sizes), c_long(tokens))) if keep else None
        native.goldenrule_forward(
            byref(sizes),
            made.pointer,
            *_batch(ids, lengths),
            c_void_p(hidden.data_ptr()),
            c_void_p(kept.data_ptr() if kept is not None else None),
        )
        if kept is not None:
            ctx.save_for_backward(ids, lengths, kept, *weights)  # these so that PyTorch sees if they have changed
            ctx.sizes, ctx.made = sizes, made
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> Any:
        native = cast(ctypes.CDLL, library())
        ids, lengths, kept, *weights = ctx.saved_tensors
        sizes = [weight.numel() for weight in weights]
        flat = kept.new_zeros(sum(sizes)).split(sizes)
        gradients = [part.view(weight.shape) for part, weight in zip(flat, weights, strict=True)]
        layers = (_Gradients * ctx.sizes.layers)()
        for number, layer in enumerate(layers):
            for name, gradient in zip(_GRADIENTS, gradients[2 + len(_GRADIENTS) * number :], strict=False):
                setattr(layer, name, gradient.data_ptr())
        given = outputs[0].contiguous()
        native.goldenrule_backward(
            byref(ctx.sizes),
            ctx.made.pointer,
            *_batch(ids, lengths),
            c_void_p(given.data_ptr()),
            c_void_p(kept.data_ptr()),
            c_void_p(gradients[0].data_ptr()),
            c_void_p(gradients[1].data_ptr()),
            layers,
        )
        return None, None, None, None, *gradients


def _batch(ids: Tensor, lengths: Tensor) -> tuple[Any, ...]:
    return c_void_p(ids.data_ptr()), c_void_p(lengths.data_ptr()), c_long(len(ids)), c_long(ids.shape[1])


def trunk(sizes: Sizes, weights: Sequence[Tensor], ids: Int[Tensor, "B T"], pad: int) -> Float[Tensor, "B T width"]:
    """The trunk over whole sequences, padded on the right; zeros at padding.

    Args:
        sizes, weights: those of the network (see `Weights`); gradients flow to the weights.
        ids: token ids.
        pad: the id of padding.

    Raises:
        IndexError: an id is none.
    """
    ids = _within(ids.to("cpu", torch.long).contiguous(), sizes.vocab, "ids")
    keep = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    hidden: Tensor = _Trunk.apply(sizes, ids, (ids != pad).sum(1, dtype=torch.int32), keep, *weights)
    return hidden


class _Cache(Structure):
    _fields_ = (("keys", c_void_p), ("values", c_void_p), ("rows", c_long), ("capacity", c_long))


class _Sampling(Structure):
    _fields_ = (
        ("vocabulary", c_void_p),
        *((name, c_long) for name in ("padded", "longest", "shortest", "end", "controls")),
        ("temperature", c_float),
    )


def _numbers(values: Sequence[int] | Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.int32).contiguous()


def _threads() -> int:
    """As many as PyTorch's; one in a forked process, where OpenMP would wait for threads that did not come along."""
    return torch.get_num_threads() if os.getpid() == _IMPORTED_BY else 1


def _within(numbers: Tensor, count: int, what: str) -> Tensor:
    """Numbers of things, of which there are so many: C does not look where they lead."""
    if numbers.numel():
        low, high = (int(one) for one in numbers.aminmax())
        if low < 0 or high >= count:
            raise IndexError(f"{what} from {low} to {high} were given; expected 0 to {count - 1}")
    return numbers


class Decoder:
    """Decoding from a key-value cache: keys [layers, R, key heads, head, capacity], values [.., capacity, head].

    Args:
        sizes, weights: those of the network (see `Weights`), which must not change while the decoder lives.
    """

    def __init__(self, sizes: Sizes, weights: Sequence[Tensor]) -> None:
        self._sizes, self._weights = sizes, Weights(weights)

    def extend(
        self, keys: Tensor, values: Tensor, rows: Sequence[int] | Tensor, starts: Tensor, widths: Tensor, ids: Tensor
    ) -> Float[Tensor, "R width"]:
        """Append ids to rows; the hidden states at the last of each.

        Args:
            keys, values: the cache, with room for them.
            rows: which, each once.
            starts, widths: [R] how many tokens each holds, and how many (at least one) are appended.
            ids: packed: those of the first row, then those of the second.

        Raises:
            IndexError: there is no such row or id.
        """
        native = cast(ctypes.CDLL, library())
        numbers = [_numbers(one) for one in (rows, starts, widths, ids)]
        _within(numbers[0], keys.shape[1], "rows"), _within(numbers[3], self._sizes.vocab, "ids")
        hidden = keys.new_empty((len(numbers[0]), self._sizes.width))
        native.goldenrule_extend(
            byref(self._sizes),
            self._weights.pointer,
            _cache(keys, values),
            *(c_void_p(one.data_ptr()) for one in numbers),
            c_long(len(numbers[0])),
            c_void_p(hidden.data_ptr()),
            c_long(_threads()),
        )
        return hidden

    def sample(
        self,
        keys: Tensor,
        values: Tensor,
        rows: Sequence[int],
        lengths: Tensor,
        hidden: Float[Tensor, "R width"],
        uniforms: Float[Tensor, "R longest"],
        vocabulary: Float[Tensor, "vocab width"],
        *,
        shortest: int,
        temperature: float,
        end: int,
        controls: int,
    ) -> tuple[Int[Tensor, "R longest"], Float[Tensor, "R longest"], Int[Tensor, " R"]]:
        """Sample a message for each of some rows; all of its ids but the last are appended to the cache.

        Args:
            keys, values: the cache, with room for the longest message.
            rows, lengths: which, each once, and how many tokens each holds.
            hidden: at the last of these.
            uniforms: from 0 to 1: one draws an id.
            vocabulary: weight of the output that speaks.
            shortest: ids before which no message ends.
            temperature: 0 takes the likeliest.
            end, controls: the id that ends a message, and the number of control ids, which are never drawn but it.

        Returns:
            ids (-1 after the end), their logprobs, and whether each message ended by itself.

        Raises:
            IndexError: there is no such row.
        """
        native = cast(ctypes.CDLL, library())
        padding = -len(vocabulary) % LANES
        turned = torch.nn.functional.pad(vocabulary.detach().t(), (0, padding)).contiguous()
        how = _Sampling(turned.data_ptr(), turned.shape[1], uniforms.shape[1], shortest, end, controls, temperature)
        hidden, uniforms = hidden.contiguous(), uniforms.contiguous()
        ids = torch.full(uniforms.shape, -1, dtype=torch.int32)
        logprobs, ended = torch.zeros_like(uniforms), torch.zeros(len(ids), dtype=torch.int8)
        given = [_within(_numbers(rows), keys.shape[1], "rows"), _numbers(lengths)]
        native.goldenrule_sample(
            byref(self._sizes),
            self._weights.pointer,
            _cache(keys, values),
            byref(how),
            *(c_void_p(one.data_ptr()) for one in given),
            c_long(len(ids)),
            *(c_void_p(one.data_ptr()) for one in (hidden, uniforms, ids, logprobs, ended)),
            c_long(_threads()),
        )
        return ids, logprobs, ended


def _cache(keys: Tensor, values: Tensor) -> Any:
    return byref(_Cache(keys.data_ptr(), values.data_ptr(), keys.shape[1], keys.shape[-1]))
