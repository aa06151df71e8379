"""Products with a weight where no gradient is wanted: in float32 on x86 processors by oneDNN.

PyTorch gives such products to MKL, which leaves half of the arithmetic of some processors unused: on an AMD EPYC with
AVX-512 it makes 95 GFLOP/s a core where oneDNN makes 220, as exactly. The operator is the one that `torch.compile`
calls. Where it is not there, and for other types and devices, the product is the usual one.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 16
"""Fewer rows than these are multiplied faster by the usual product."""

ONEDNN = (
    torch.backends.mkldnn.is_available()
    and platform.machine().lower() in ("x86_64", "amd64")
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)
"""Whether oneDNN's product can be had."""


@torch.no_grad()
def product(x: Tensor, weight: Tensor) -> Tensor:
    """x [..., n] times weight [m, n]: [..., m], in memory that nothing else uses; without a gradient."""
    if ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() >= ROWS * x.shape[-1]:
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return made
    return F.linear(x, weight)
