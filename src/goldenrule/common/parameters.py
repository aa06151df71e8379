"""Parameters of plug-ins: how they are typed behind a name, and how pydantic checks them.

`untrained,ppo_on(reward=my.module:Warmth, params={scale: 2.0})` is a list of two, of which the second has parameters.
Commas and `=` within brackets and quotes belong to what stands there.
"""

from __future__ import annotations

import inspect
import json
import reprlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic_core import to_jsonable_python
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from goldenrule.common.errors import UserError, closest
from goldenrule.common.text import shortened
from goldenrule.common.untrusted import one_line

MOST = 3
"""Wrong fields that one line names."""

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


def parameter_model(make: Callable[..., Any], whose: str) -> type[BaseModel]:
    """What `make` takes, as a pydantic model. An argument without an annotation takes anything.

    Args:
        make: a class or function.
        whose: kind and name, for errors: `agent 'listener'`.

    Raises:
        UserError: its signature cannot be read, or an argument's type cannot be checked against plain data.
    """
    try:
        signature = inspect.signature(make, eval_str=True)
        fields: dict[str, Any] = {
            name: (
                Any if one.annotation is one.empty else one.annotation,
                ... if one.default is one.empty else one.default,
            )
            for name, one in signature.parameters.items()
            if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        }
        with warnings.catch_warnings():  # a parameter may have the name of a method of BaseModel
            warnings.simplefilter("ignore")
            return create_model("Parameters", __config__=_CONFIG, **fields)
    except (PydanticUserError, NameError, TypeError, ValueError, AttributeError) as error:
        reason = one_line(error).split(" Set ")[0]
        raise UserError(
            f"{whose} has parameters that cannot be checked ({reason}); annotate them with types of plain data"
        ) from error


_CONFIG = ConfigDict(extra="forbid", protected_namespaces=())


def check_parameters(model: type[BaseModel], params: Mapping[str, Any], whose: str) -> BaseModel:
    """`params` as the model's. Nothing is converted: a text is no number, true is no 1.

    Raises:
        UserError: an unknown or missing parameter, a wrong type or value, or not plain data.
    """
    try:
        return model.model_validate_json(json.dumps(dict(params), allow_nan=False), strict=True)
    except ValidationError as error:
        raise UserError(explain(error, whose, "parameter", model.model_fields)) from None
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{whose}: parameters are not plain data ({one_line(error)}); expected texts, numbers, lists, mappings"
        ) from error


def explain(error: ValidationError, whose: str, what: str, known: Iterable[str]) -> str:
    """What is wrong with fields, in pydantic's words, on one line; of unknown names the first, it may be one misspelt.

    Args:
        error: of the fields.
        whose: who has them, for the line: `agent 'listener'`.
        what: what one of them is called: `parameter`.
        known: names that are expected.
    """
    problems = []
    for one in error.errors(include_url=False):
        place = shortened(".".join(" ".join(str(part).split()) for part in one["loc"]), 80)
        if one["type"] == "extra_forbidden" and len(one["loc"]) == 1:
            return f"{whose} has no {what} {place!r}; expected {', '.join(known) or 'none'}{closest(place, known)}"
        given = "" if one["type"] == "missing" else f", given {reprlib.repr(one['input'])}"
        problems.append(f"{place}: {one['msg'].removeprefix('Value error, ')}{given}")
    more = f" (and {len(problems) - MOST} more)" if len(problems) > MOST else ""
    return f"{whose} has a wrong {what}: {'; '.join(problems[:MOST])}{more}"


def read_texts(model: type[BaseModel], texts: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as they were typed, as plain data: each as YAML reads it or, where the model refuses that, as text.

    Where that does not help either, the values are as YAML reads them: what is wrong with them is for
    `check_parameters` to tell.
    """
    values = {name: parse_value(text) for name, text in texts.items()}
    refused = _refused(model, values)
    as_texts = values | {name: text for name, text in texts.items() if name in refused}
    return values if _refused(model, as_texts) else as_texts


def _refused(model: type[BaseModel], values: Mapping[str, Any]) -> set[Any]:
    """Names of the parameters that the model refuses."""
    try:
        model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return {one["loc"][0] for one in error.errors() if one["loc"]} or {""}
    return set()


def describe_parameters(make: Callable[..., Any], whose: str) -> dict[str, dict[str, Any]]:
    """Each parameter's `type`, whether it is `required`, its `default` as plain data, and what it is `about`.

    Raises:
        UserError: see `parameter_model`.
    """
    model = parameter_model(make, whose)
    defaults = plain_defaults(model)
    return {
        name: {
            "type": ", ".join([inspect.formatannotation(field.annotation), *map(repr, field.metadata)]),
            "required": field.is_required(),
            "default": defaults.get(name),
            "about": " ".join((field.description or "").split()),
        }
        for name, field in model.model_fields.items()
    }


def plain_defaults(model: type[BaseModel]) -> dict[str, Any]:
    """The defaults of the parameters that have one, as plain data."""
    defaults = {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}
    values = model.model_construct(**defaults)
    return values.model_dump(mode="json", include=set(defaults), fallback=repr, warnings=False)


def plain_values(values: BaseModel) -> dict[str, Any]:
    """Parameters as plain data, the same in every process: what an id can be made of.

    Sets are sorted, infinities are texts, and a default that is not plain data is given by its type alone.
    """

    def plain(one: Any) -> Any:
        if isinstance(one, set | frozenset):
            return sorted(one, key=repr)
        return to_jsonable_python(one, fallback=lambda other: type(other).__name__)

    text = json.dumps(values.model_dump(warnings=False), default=plain)
    resolved: dict[str, Any] = json.loads(text, parse_constant=lambda constant: str(float(constant)))
    return resolved
