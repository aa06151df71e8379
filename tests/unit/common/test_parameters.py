"""Parameters of plug-ins: what is declared is shown, what is right is taken, what is wrong is named in one line."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from goldenrule.common.errors import UserError
from goldenrule.common.parameters import (
    check_parameters,
    describe_parameters,
    parameter_model,
    parse_call,
    parse_value,
    read_texts,
    split_list,
)


class Style(BaseModel):
    tone: Literal["warm", "dry"] = "warm"


class Agent:
    def __init__(
        self,
        name: str,
        patience: Annotated[int, Field(ge=1, le=9, description="turns it waits")] = 3,
        rate: float = 0.5,
        words: list[str] | None = None,
        style: Style = Style(),  # noqa: B008 - as a plug-in's author may write it
        copy: bool = False,
        *rest: Any,
        **more: Any,
    ) -> None:
        pass


MODEL = parameter_model(Agent, "agent 'x'")


def test_what_is_declared_is_shown():
    shown = describe_parameters(Agent, "agent 'x'")
    assert list(shown) == ["name", "patience", "rate", "words", "style", "copy"]
    assert shown["name"] == {"type": "str", "required": True, "default": None, "about": ""}
    assert shown["patience"] == {
        "type": "int, Ge(ge=1), Le(le=9)",
        "required": False,
        "default": 3,
        "about": "turns it waits",
    }
    assert shown["words"]["type"] == "list[str] | None"
    assert shown["style"]["default"] == {"tone": "warm"}


def test_right_values_are_taken_as_their_types():
    given = check_parameters(MODEL, {"name": "a", "rate": 1, "words": ["b"], "style": {"tone": "dry"}}, "agent 'x'")
    assert given.model_fields_set == {"name", "rate", "words", "style"}
    assert isinstance(given.rate, float)
    assert given.style == Style(tone="dry")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "name: Field required"),
        ({"name": 3}, "name: Input should be a valid string, given 3"),
        ({"patience": "3"}, "patience: Input should be a valid integer, given '3'"),
        ({"patience": True}, "patience: Input should be a valid integer, given True"),
        ({"patience": 1.5}, "patience: Input should be a valid integer"),
        ({"patience": 10}, "patience: Input should be less than or equal to 9, given 10"),
        (
            {"copy": 1, "rate": "fast"},
            "rate: Input should be a valid number, given 'fast'; copy: Input should be a valid",
        ),
        ({"words": ["a", 2]}, "words.1: Input should be a valid string, given 2"),
        ({"style": {"tone": "loud"}}, "style.tone: Input should be 'warm' or 'dry', given 'loud'"),
        (
            {"patiense": 3},
            "has no parameter 'patiense'; expected name, patience, rate, words, style, copy (did you",
        ),
        ({"rate": float("nan")}, "are not plain data"),
        ({"rate": object()}, "are not plain data (TypeError: Object of type object is not JSON serializable)"),
        ({"name": 1, "rate": "y" * 500}, "y..."),
    ],
)
def test_a_wrong_value_is_named_in_one_line(params, told):
    with pytest.raises(UserError) as caught:
        check_parameters(MODEL, {"name": "a", **params} if params else {}, "agent 'x'")
    assert told in str(caught.value)
    assert str(caught.value).startswith("agent 'x'")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_texts_become_what_is_declared():
    texts = {"name": "3", "patience": "4", "rate": "2", "words": "[yes, b]", "copy": "true"}
    assert read_texts(MODEL, texts) == {
        "name": "3",
        "patience": 4,
        "rate": 2,
        "words": ["yes", "b"],
        "copy": True,
    }
    assert read_texts(MODEL, {"name": "said: hm"}) == {"name": "said: hm"}


@pytest.mark.parametrize("given", ["four", "{a: "])
def test_texts_that_fit_in_neither_reading_are_named_as_they_were_typed(given):
    values = read_texts(MODEL, {"name": "a", "patience": given})
    with pytest.raises(UserError, match=f"patience: Input should be a valid integer, given {re.escape(repr(given))}"):
        check_parameters(MODEL, values, "agent 'x'")


def test_what_has_no_annotation_takes_anything():
    def make(anything=None): ...

    assert describe_parameters(make, "agent 'x'")["anything"]["type"] == "Any"
    given = check_parameters(parameter_model(make, "agent 'x'"), {"anything": [1, "a"]}, "agent 'x'")
    assert given.anything == [1, "a"]


def unreadable(x: threading.Lock = None) -> None:  # noqa: F821 - as under TYPE_CHECKING
    pass


class Foreign:
    pass


def foreign(x: Foreign | None = None) -> None:
    pass


@pytest.mark.parametrize(
    ("maker", "told"),
    [
        (unreadable, "NameError: name 'threading' is not defined"),
        (foreign, "Unable to generate pydantic-core schema for"),
    ],
)
def test_what_cannot_be_checked_is_refused(maker, told):
    with pytest.raises(UserError) as caught:
        parameter_model(maker, "agent 'x'")
    assert "agent 'x' has parameters that cannot be checked" in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ("", [""]),
        ("a,", ["a", ""]),
        ("a,ppo_on(reward=m:W, params={scale: 2.0}),b", ["a", "ppo_on(reward=m:W, params={scale: 2.0})", "b"]),
        ("m:A(x=[1,2]),n=m:B(y='a, b')", ["m:A(x=[1,2])", "n=m:B(y='a, b')"]),
        ("m:A(x='(', y=\")\"),b", ["m:A(x='(', y=\")\")", "b"]),
        ("m:A(x=it's fine),b", ["m:A(x=it's fine)", "b"]),
        ("tone[warm,dry]", ["tone[warm,dry]"]),
    ],
)
def test_a_list_is_split_at_its_own_commas(text, parts):
    assert split_list(text) == parts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("m:A(x=1,b", "lacks a closing ')'"),
        ("m:A(x=[1)", "has a ')' that closes nothing"),
        ("m:A(x=1)),b", "has a ')' that closes nothing"),
        ("m:A(x='1),b", 'lacks a closing "\'"'),
    ],
)
def test_wrong_brackets_are_one_line(text, told):
    with pytest.raises(UserError) as caught:
        split_list(text)
    assert told in str(caught.value)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_and_its_parameters():
    assert parse_call("m:A") == ("m:A", {})
    assert parse_call("m:A()") == ("m:A", {})
    assert parse_call("m:A(x=[1, 2], y={a: 'b, c'}, z=k=v)") == ("m:A", {"x": "[1, 2]", "y": "{a: 'b, c'}", "z": "k=v"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("m:A(x)", "'x' is not allowed; expected key=value, each key once"),
        ("m:A(x=1, x=2)", "'x=2' is not allowed; expected key=value, each key once"),
        ("m:A(a b=1)", "'a b=1' is not allowed"),
        ("m:A(x=1)y", "expected one like package.module:Name(key=value"),
        ("m:A(x=1),m:B", "expected one like package.module:Name(key=value"),
        ("m:A(x=1)(y=2)", "closes nothing"),
    ],
)
def test_a_wrong_name_is_one_line(text, told):
    with pytest.raises(UserError) as caught:
        parse_call(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("2.0", 2.0),
        ("true", True),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("", None),
        ("[thanks, glad]", ["thanks", "glad"]),
        ("{scale: 2.0}", {"scale": 2.0}),
        ("'a, b'", "a, b"),
        ("m:W(scale=2.0)", "m:W(scale=2.0)"),
        (".nan", ".nan"),
        ("2020-01-01", "2020-01-01"),
        ("[a", "[a"),
        ("!!python/object:os.system {}", "!!python/object:os.system {}"),
    ],
)
def test_a_value_is_read_as_yaml_and_stays_text_otherwise(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
