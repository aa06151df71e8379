"""Products without a gradient are exact, whoever makes them."""

from __future__ import annotations

import pytest
import torch

from goldenrule.agents.networks import linear as products
from goldenrule.agents.networks.linear import ROWS, product


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("shape", [(1, 24), (ROWS - 1, 24), (ROWS, 24), (3, 7, 24), (300, 1, 24)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_product_is_that_of_float64_rounded(monkeypatch, onednn, shape, dtype):
    monkeypatch.setattr(products, "ONEDNN", onednn and products.ONEDNN)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=rng).to(dtype)
    weight = torch.nn.Parameter(torch.randn(40, 24, generator=rng).to(dtype))
    made = product(x, weight)
    assert made.dtype == dtype
    assert not made.requires_grad
    exact = x.double() @ weight.detach().double().t()
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 0.1, torch.float64: 1e-12}[dtype]
    torch.testing.assert_close(made.double(), exact, atol=tolerance, rtol=tolerance)
    made.zero_()
    assert weight.abs().sum() > 0
    assert x.abs().sum() > 0


def test_parts_of_a_tensor_are_multiplied_as_they_lie():
    rng = torch.Generator().manual_seed(1)
    whole, weight = torch.randn(50, 2, 24, generator=rng), torch.randn(24, 30, generator=rng)
    x = whole[:, 1]
    torch.testing.assert_close(product(x, weight.t()), x @ weight, atol=1e-5, rtol=1e-5)
