"""YAML as plain data: texts, numbers, true and false, null, lists and mappings, and nothing that surprises.

Values are read as YAML 1.2's core schema has them, but that whole numbers are decimal, of up to 31 digits and without
leading zeros: `010` (8 to some readers, 10 to others), `1:30` (90 to some) and dates are texts. Tags, aliases, a key
that stands twice and deep nesting are refused, the last before any parsing: PyYAML takes seconds over a few kilobytes
of brackets.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 20


class _Loader(yaml.SafeLoader):
    """Safe, and refuses what the module says."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # as the base class declares it
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node that is no alias, bears no tag and lies not too deep."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):  # a few nested ones unfold into gigabytes
            raise _refused(f"aliases like *{event.anchor} are not allowed; write it out", event)
        if getattr(event, "tag", None) is not None:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise _refused(f"tags like {name} are not allowed; write the value alone", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _too_deep()
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping with each key once: of two, the first would be lost without a word."""
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no plain value", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands here twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_SIZED = r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
for _kind, _pattern, _first in (
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", "true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", "[-+]?(0|[1-9][0-9]{0,30})", list("-+0123456789")),
    ("float", rf"{_SIZED}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^({_pattern})$"), _first)


def load(text: str) -> Any:
    """The data in a text.

    Raises:
        yaml.YAMLError: it is no YAML, or holds what is refused.
        Exception: whatever PyYAML's constructors meet, such as a `ValueError` for a number of thousands of digits.
    """
    _check_brackets(text)
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _check_brackets(text: str) -> None:
    """Refuse deep nesting by its brackets alone, those in quoted texts included."""
    depth = 0
    for one in re.finditer(r"[][{}]", text):
        depth = depth + 1 if one.group() in "[{" else max(0, depth - 1)
        if depth > MAX_DEPTH:
            raise _too_deep()


def _too_deep() -> yaml.YAMLError:
    return yaml.YAMLError(f"nested more than {MAX_DEPTH} deep; write it flatter")


def _refused(problem: str, event: yaml.Event) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]
