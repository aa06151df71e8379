"""What is typed: commas and `=` within brackets and quotes belong to what stands there."""

from __future__ import annotations

import pytest

from goldenrule.common.errors import UserError
from goldenrule.common.notation import parse_call, parse_value, split_list


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
