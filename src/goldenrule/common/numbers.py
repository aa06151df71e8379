"""Numbers as machine-learning code returns them, taken as plain floats or refused."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from goldenrule.common.text import kind_of


def as_float(value: Any) -> float:
    """A number as a plain float; NaN and infinities are left to the caller.

    Taken are Python's and NumPy's numbers, true and false (1 and 0), and tensors and arrays of one element, with a
    gradient or without, on any device.

    Raises:
        ValueError: anything else, texts and complex numbers included; the message says what was given.
    """
    if type(value) is float:
        return value
    if hasattr(value, "detach"):  # a torch tensor, which need not be imported to be recognised
        value = value.detach()
    shape = getattr(value, "shape", ())
    if math.prod(shape) != 1:
        raise ValueError(f"{kind_of(value)} of shape {tuple(shape)}")
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, Real):
        raise ValueError(kind_of(value))
    try:
        return float(number)
    except OverflowError:
        raise ValueError("a whole number too large for a float") from None
