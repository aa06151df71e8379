"""What is typed on the command line or in a sweep file: lists, and names with parameters.

Both respect brackets and quotes: `untrained,ppo_on(reward=my.module:Warmth, params={scale: 2.0})` is a list of two.
"""

from __future__ import annotations

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from goldenrule.common.errors import UserError

_CLOSES = {"(": ")", "[": "]", "{": "}"}


def split_list(text: str) -> list[str]:
    """The parts of `a,b(c=1, d=[2, 3])` between commas outside of brackets and quotes, without surrounding spaces.

    Raises:
        UserError: a bracket or quote is not closed, or a bracket closes nothing.
    """
    parts, expected, quote, before = [""], list[str](), "", ","
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and before in ",=:([{":  # as in YAML: one within a word, as in it's, is an apostrophe
            quote = character
        elif character in _CLOSES:
            expected.append(_CLOSES[character])
        elif character in _CLOSES.values() and (not expected or expected.pop() != character):
            raise UserError(f"{text!r} has a {character!r} that closes nothing; expected brackets in pairs")
        if character == "," and not quote and not expected:
            parts.append("")
        else:
            parts[-1] += character
        before = before if character.isspace() else character
    if quote or expected:
        raise UserError(f"{text!r} lacks a closing {quote or expected[-1]!r}; expected brackets and quotes in pairs")
    return [part.strip() for part in parts]


def parse_call(text: str) -> tuple[str, dict[str, str]]:
    """`Name(key=value, key=value)` as its name and the values as they were typed; `parse_value` reads these.

    Raises:
        UserError: not of that form, or a key is given twice.
    """
    name, bracket, rest = text.partition("(")
    if not bracket:
        return text.strip(), {}
    parts = split_list(text)
    if len(parts) > 1 or not text.rstrip().endswith(")"):
        raise UserError(f"{text!r} is not a name; expected one like package.module:Name(key=value, key=value)")
    values: dict[str, str] = {}
    for part in split_list(rest.rstrip()[:-1]):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if part and (not equals or not key.isidentifier() or key in values):
            raise UserError(f"{text!r}: {part!r} is not allowed; expected key=value, each key once")
        if part:
            values[key] = value
    return name.strip(), values


def parse_value(text: str) -> Any:
    """A value as YAML 1.2 reads it: `2`, `true`, `[a, b]`, `{scale: 2.0}`; the text itself where that gives no data."""
    try:
        value = YAML(typ="safe", pure=True).load(text)
        json.dumps(value, allow_nan=False)
    except (YAMLError, TypeError, ValueError, RecursionError):
        return text
    return value
