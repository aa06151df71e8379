"""AdamW against `torch.optim.AdamW`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from goldenrule.agents.networks.adamw import AdamW


def optimised(make: Callable[[list[Tensor]], Any]) -> list[Tensor]:
    """Two parameters after steps of a changing learning rate, in some of which one of them has no gradient."""
    rng = torch.Generator().manual_seed(0)
    parameters = [torch.randn(shape, generator=rng).requires_grad_() for shape in ((5, 7), (3,))]
    optimizer = make(parameters)
    for step in range(20):
        optimizer.zero_grad()
        if step % 3:
            (parameters[0] ** 3).sum().backward()
        (parameters[1].sin().sum() * step).backward()
        optimizer.param_groups[0]["lr"] = 0.01 * (step + 1)
        optimizer.step()
    return parameters


def test_steps_are_those_of_torch() -> None:
    ours = optimised(lambda parameters: AdamW(parameters, 0.1, (0.9, 0.98), 0.01))
    theirs = optimised(lambda parameters: torch.optim.AdamW(parameters, 0.1, (0.9, 0.98), weight_decay=0.01))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_no_step_imports_the_compiler() -> None:
    code = (
        "import sys, torch; from goldenrule.agents.networks.adamw import AdamW; x = torch.ones(2).requires_grad_();"
        "x.sum().backward(); AdamW([x], 0.1).step(); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
