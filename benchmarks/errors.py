"""What a user got wrong."""

from __future__ import annotations


class UserError(ValueError):
    """Wrong input: one line that says what was given, what was expected and what to do. Exit code 2."""
