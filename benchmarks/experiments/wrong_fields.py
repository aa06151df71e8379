"""What is wrong with a field of a sweep file, in a line: what was given, what is expected, how to write it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

NAMED = "up to 64 letters, digits, '_', '-' and '.', the first a letter or digit"
EXPECTED: dict[str, tuple[str, str]] = {
    "name": (f"a text of {NAMED}", "name: smoke"),
    "scenarios": ("a list of at least one scenario", "scenarios: [hidden_needs-v0]"),
    "scenarios.*": ("the id of a scenario, or a mapping of its id and knobs", "{id: hidden_needs-v0, cue: 1.0}"),
    "scenarios.*.id": ("the id of a scenario, see `goldenrule ls`", "id: hidden_needs-v0"),
    "methods": ("a list of at least one method or agent", "methods: [untrained, scripted]"),
    "methods.*": ("either id (a method) or agent (package.module:Class), and settings", "{id: rlhf_ppo, updates: 30}"),
    "methods.*.id": ("the name of a method, see `goldenrule ls`", "id: scripted"),
    "methods.*.agent": ("package.module:Class", "agent: my_package.agents:Mine"),
    "methods.*.name": (f"a text of {NAMED}", "name: mine"),
    "methods.*.params": ("a mapping of names and values", "params: {tone: warm}"),
    "seeds": (
        "how many, from 1 to 1,000,000, or a list of seeds, each once, from 0 to 2,147,483,647",
        "seeds: [0, 1, 2]",
    ),
    "episodes": ("a whole number from 1 to 1,000,000", "episodes: 50"),
    "partner": ("lm or scripted", "partner: lm"),
    "device": ("auto, cpu or cuda", "device: auto"),
    "training": ("a mapping of settings and values", "training: {updates: 30}"),
    "checkpoint": ("the path of a folder, of at most 1,000 characters", "checkpoint: checkpoints/mine"),
}
"""What each field takes, in words, and how it is written. Lists of entries are `*`."""


def told(error: ValidationError, fields: Sequence[str]) -> str:
    """The first thing that is wrong, and how many more there are; unknown fields first, they may be others misspelt.

    Args:
        error: what pydantic found.
        fields: names of all fields of the file.
    """
    wrong = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{_line(wrong[0], fields)}{more}"


def _line(one: ErrorDetails, fields: Sequence[str]) -> str:
    place = [str(part) for part in one["loc"] if part != "[key]"]
    expected, example = _words(place)
    context: Mapping[str, Any] = one.get("ctx", {})
    where, given = ".".join(place), context.get("given") or shown(one.get("input"))
    if one["type"] == "extra_forbidden":
        close = difflib.get_close_matches(where, fields, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; take it out"
        return f"unknown field {shown(where, quoted=False)}; expected some of {', '.join(fields)}{hint}"
    if one["type"] == "missing":
        return f"field {where} is missing: expected {expected}; write it like `{example}`"
    if len(place) < len(one["loc"]) or one["type"] == "invalid_key":
        inside = shown(".".join(place[:-1]), quoted=False)
        return f"field {inside}: given the key {shown(one['loc'][len(place) - 1])}, expected a text; put it in quotes"
    return f"field {shown(where, quoted=False)}: given {given}, expected {expected}; write it like `{example}`"


def _words(place: Sequence[str]) -> tuple[str, str]:
    """Of the innermost field of a place that the table knows."""
    parts = ["*" if part.isdigit() else part for part in place]
    known = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((EXPECTED[name] for name in known if name in EXPECTED), ("the fields of a sweep", "name: smoke"))


def shown(value: Any, longest: int = 80, quoted: bool = True) -> str:
    """Any value in a line of at most so many characters."""
    try:
        text = " ".join((repr(value) if quoted else str(value)).split())
    except ValueError:  # a number of more digits than Python writes out
        text = "a very long number"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
