"""Parameters of plug-ins: the annotated keyword arguments of a class or function, checked by pydantic.

    class Listener:
        def __init__(self, greeting: str = "hello", patience: Annotated[int, Field(ge=1, description="turns")] = 3): ...

Values are plain data, as YAML and JSON have it, and are not bent into shape: a text is no number, true is no 1.
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic_core import to_jsonable_python

from goldenrule.common.errors import UserError
from goldenrule.common.plugins import closest
from goldenrule.common.untrusted import one_line

Model = type[BaseModel]
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_CONFIG = ConfigDict(extra="forbid", protected_namespaces=())


def model_of(maker: Callable[..., Any], whose: str) -> Model:
    """What `maker` takes, as a model. An argument without an annotation takes anything.

    Args:
        maker: a class or function.
        whose: kind and name, for errors: `agent 'listener'`.

    Raises:
        UserError: an argument cannot be given by name, or its type is not one that plain data can be checked against.
    """
    try:
        signature = inspect.signature(maker, eval_str=True)
    except Exception as error:  # annotations are foreign code
        raise UserError(f"{whose} has parameters that cannot be read ({one_line(error)}); annotate them") from error
    fields: dict[str, Any] = {}
    for name, one in signature.parameters.items():
        if one.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        if one.kind not in _BY_NAME or name.startswith("_") or (name.startswith("model_") and hasattr(BaseModel, name)):
            raise UserError(f"{whose} has a parameter {name!r} that cannot be given; expected one to be given by name")
        annotation = Any if one.annotation is one.empty else one.annotation
        fields[name] = (annotation, ... if one.default is one.empty else one.default)
    try:
        with warnings.catch_warnings():  # a parameter may be called as something of BaseModel is
            warnings.simplefilter("ignore")
            return create_model("Parameters", __config__=_CONFIG, **fields)
    except (PydanticUserError, NameError, TypeError, ValueError) as error:
        raise UserError(
            f"{whose} has a parameter of a type that cannot be checked ({one_line(error).split(' Set ')[0]}); "
            "annotate parameters with types of plain data"
        ) from error


def checked(model: Model, params: Mapping[str, Any], whose: str) -> BaseModel:
    """`params` as the model's.

    Raises:
        UserError: an unknown or missing parameter, a wrong type or value, or no plain data; names it, what was given
            and what was expected.
    """
    try:
        text = json.dumps(dict(params), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{whose}: the parameters are no plain data ({one_line(error)}); "
            "expected texts, finite numbers, true or false, lists and mappings"
        ) from error
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(_told(error, model, params, whose)) from None


def as_plain_data(values: BaseModel) -> dict[str, Any]:
    """All parameters in a form that is the same in every process: what ids are made of and rows keep.

    Sets are sorted, infinities are texts, and a default that is no plain data is told by its type alone.
    """
    plain: dict[str, Any] = to_jsonable_python(
        _sorted(values.model_dump(warnings=False)), fallback=lambda one: type(one).__name__
    )
    return plain


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sorted(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_sorted, value), key=repr)
    if isinstance(value, list | tuple):
        return [_sorted(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _told(error: ValidationError, model: Model, params: Mapping[str, Any], whose: str) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "parameters"
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        known = ", ".join(model.model_fields) or "none"
        return f"{whose} has no parameter {place!r}; expected {known}{closest(place, model.model_fields)}"
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{whose}: {place} is missing; expected {type_of(model, place)}"
    name = str(first["loc"][0]) if first["loc"] else ""
    given = ascii(params.get(name)) if name in params else "nothing"
    shown = given if len(given) <= 80 else f"{given[:77]}..."
    inner = f" ({place})" if len(first["loc"]) > 1 else ""
    line = f"{whose}: {name}={shown}{inner} is not allowed; expected {type_of(model, name)}"
    if not inner and ("error" not in first["type"] or first["type"] in ("literal_error", "enum")):
        return line  # the type and its bounds say it all
    return f"{line}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def type_of(model: Model, name: str) -> str:
    """The type of a parameter in words, with its bounds: `integer, at least 1`."""
    return _words(model.model_json_schema().get("properties", {}).get(name, {}), model.model_json_schema())


_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "{} or more characters",
    "maxLength": "up to {} characters",
    "pattern": "like {}",
    "minItems": "{} or more",
    "maxItems": "up to {}",
}
_TYPES = {"string": "text", "boolean": "true or false", "null": "null", "object": "mapping", "array": "list"}


def _words(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _words(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    if "anyOf" in schema:
        return " or ".join(_words(one, whole) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    words = "anything" if kind is None else _TYPES.get(kind, str(kind))
    if kind == "array" and "items" in schema:
        words = f"list of {_words(schema['items'], whole)}"
    if kind == "object" and "properties" in schema:
        words = f"mapping of {', '.join(schema['properties'])}"
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([words, *bounds])


def described(model: Model) -> dict[str, dict[str, Any]]:
    """Each parameter's type in words, whether it must be given, its default as plain data, and what it is about."""
    plain = _plain_defaults(model)
    return {
        name: {
            "type": type_of(model, name),
            "required": field.is_required(),
            "default": plain.get(name),
            "about": " ".join((field.description or "").split()),
        }
        for name, field in model.model_fields.items()
    }


def _plain_defaults(model: Model) -> dict[str, Any]:
    given = {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}
    dumped: dict[str, Any] = model.model_construct(**given).model_dump(
        mode="json", include=set(given), fallback=repr, warnings=False
    )
    return dumped


def from_texts(model: Model, texts: Mapping[str, str], whose: str) -> dict[str, Any]:
    """Parameters typed on a command line, as plain data: each as YAML reads it, or as the text it is.

    Raises:
        UserError: see `checked`.
    """
    values = {name: _as_yaml(text) for name, text in texts.items()}
    try:
        model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        values |= {name: text for name, text in texts.items() if name in wrong}
        try:
            model.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as second:
            raise UserError(_told(second, model, texts, whose)) from None
    return values


def _as_yaml(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
        json.dumps(value, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        return text
    return value
