"""What tests of the checker share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from goldenrule.envs import CheckError, DialogueEnv, Scenario, check


@pytest.fixture
def caught() -> Callable[..., None]:
    """Check an environment that is broken; the check must end with a message that matches."""

    def broken(scenario: Callable[[], Scenario], match: str, env: Any = DialogueEnv, **options: Any) -> None:
        with pytest.raises(CheckError, match=match):
            check(lambda: env(scenario(), "broken", **options))

    return broken
