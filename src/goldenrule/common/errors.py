"""What users and plug-ins get wrong."""

from __future__ import annotations


class UserError(ValueError):
    """Wrong input: one line that says what was given, what was expected and what to do. Exit code 2."""


class ContractError(ValueError):
    """A plug-in broke a contract: one line that names it, what it gave and what was expected."""
