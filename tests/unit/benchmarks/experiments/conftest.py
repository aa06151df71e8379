"""A right sweep file, and the words that no message about a wrong one may hold."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def right() -> dict[str, Any]:
    return {
        "name": "smoke",
        "scenarios": [{"id": "hidden_needs-v0", "similarity": [0.0, 0.5]}, "third_party-v0"],
        "methods": ["scripted", {"id": "empathetic_kindness", "updates": [2, 3], "kl": 0.1}],
        "seeds": 2,
        "episodes": 3,
    }


@pytest.fixture
def internal() -> tuple[str, ...]:
    """Words of the code below, which tell a reader of the file nothing."""
    return ("constrained", "pydantic", "validation error")
