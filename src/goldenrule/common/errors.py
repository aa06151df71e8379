"""What users and plug-ins get wrong, and the name they may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Wrong input: one line that says what was given, what was expected and what to do. Exit code 2."""


class ContractError(ValueError):
    """A plug-in broke a contract: one line that names it, what it gave and what was expected."""


def closest(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` where one of `known` is close to `name`; an empty text otherwise."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
