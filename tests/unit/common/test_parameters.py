"""Parameters of plug-ins: what is declared is shown, what is right is taken, what is wrong is named in one line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from goldenrule.common.errors import UserError
from goldenrule.common.plugins import check_parameters, describe_parameters, parameter_model, read_texts


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
    assert read_texts(MODEL, texts, "agent 'x'") == {
        "name": "3",
        "patience": 4,
        "rate": 2,
        "words": ["yes", "b"],
        "copy": True,
    }
    with pytest.raises(UserError, match="patience: Input should be a valid integer, given 'four'"):
        read_texts(MODEL, {"name": "a", "patience": "four"}, "agent 'x'")
    with pytest.raises(UserError, match=r"patience: Input should be a valid integer, given '\{a: '"):
        read_texts(MODEL, {"name": "a", "patience": "{a: "}, "agent 'x'")
    assert read_texts(MODEL, {"name": "said: hm"}, "agent 'x'") == {"name": "said: hm"}


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
