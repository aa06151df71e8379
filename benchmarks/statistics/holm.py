"""Holm's correction: many comparisons, one chance of a false alarm."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values in the order given: at most `alpha` where Holm's step-down rejects at `alpha`.

    The k-th smallest of m is multiplied by `m - k + 1`, is at least its predecessor and at most 1. A comparison without
    a p-value was no test: it stays none and does not count among the m. Valid whatever the dependence of the tests.

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6.
    """
    tests = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(tests):
        highest = max(highest, min(1.0, p * (len(tests) - rank)))
        adjusted[place] = highest
    return adjusted
