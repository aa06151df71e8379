from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from goldenrule.common.numbers import as_float


@pytest.mark.parametrize(
    "value",
    [2, 2.0, Fraction(2), np.float32(2), np.int8(2), np.array(2), np.array([[2.0]]), torch.tensor(2),
     torch.tensor([2.0]), torch.tensor(2.0, requires_grad=True), torch.tensor([2.0], dtype=torch.bfloat16)],
)  # fmt: skip
def test_a_number_of_any_library_becomes_a_plain_float(value):
    number = as_float(value)
    assert type(number) is float
    assert number == 2.0


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2", "a str"),
        (None, "None"),
        (2j, "a complex"),
        (torch.tensor(2j), "a Tensor"),
        ([2.0], "a list"),
        (np.array(["2"]), "a ndarray"),
        (torch.zeros(2), r"a Tensor of shape \(2,\)"),
        (np.zeros((0, 3)), r"a ndarray of shape \(0, 3\)"),
        (10**400, "a whole number too large"),
    ],
)
def test_what_is_no_single_number_is_refused_with_what_it_is(value, what):
    with pytest.raises(ValueError, match=what):
        as_float(value)


def test_truth_values_count_as_one_and_nought_and_nan_is_left_to_the_caller():
    assert (as_float(True), as_float(np.bool_(False))) == (1.0, 0.0)
    assert np.isnan(as_float(np.float32("nan")))
