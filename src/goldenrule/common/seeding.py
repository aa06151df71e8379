"""Named random generators: every draw in the project descends from one seed, by name.

Two generators with different names never share a stream, so adding a draw in one place cannot shift the
draws of another. The global generators of `random`, NumPy and torch are never used.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on `seed` and on every name, in order.

    Stable across processes, hash seeds and platforms (BLAKE2b of the parts, not Python's `hash`).
    """
    parts = "\x1f".join([str(int(seed)), *(f"{type(name).__name__}:{name}" for name in names)])
    digest = hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator for the stream called `names` under `seed`."""
    return np.random.Generator(np.random.PCG64(derive(seed, *names)))
