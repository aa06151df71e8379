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
    assert shown["name"] == {"type": "text", "required": True, "default": None, "about": ""}
    assert shown["patience"] == {
        "type": "integer, at least 1, at most 9",
        "required": False,
        "default": 3,
        "about": "turns it waits",
    }
    assert shown["words"]["type"] == "list of text or null"
    assert shown["style"]["default"] == {"tone": "warm"}


def test_right_values_are_taken_as_their_types():
    given = check_parameters(MODEL, {"name": "a", "rate": 1, "words": ["b"], "style": {"tone": "dry"}}, "agent 'x'")
    assert given.model_fields_set == {"name", "rate", "words", "style"}
    assert isinstance(given.rate, float)
    assert given.style == Style(tone="dry")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "name is missing; expected text"),
        ({"name": 3}, "name=3 is not allowed; expected text"),
        ({"patience": "3"}, "patience='3' is not allowed; expected integer, at least 1, at most 9"),
        ({"patience": True}, "patience=True is not allowed; expected integer"),
        ({"patience": 1.5}, "patience=1.5 is not allowed; expected integer"),
        ({"patience": 10}, "patience=10 is not allowed; expected integer, at least 1, at most 9"),
        ({"rate": "fast"}, "rate='fast' is not allowed; expected number"),
        ({"copy": 1}, "copy=1 is not allowed; expected true or false"),
        ({"words": ["a", 2]}, "words=['a', 2] (words.1) is not allowed; expected list of text or null"),
        ({"style": {"tone": "loud"}}, "(style.tone) is not allowed; expected mapping of tone"),
        (
            {"patiense": 3},
            "has no parameter 'patiense'; expected name, patience, rate, words, style, copy (did you",
        ),
        ({"rate": float("nan")}, "are no plain data"),
        ({"rate": object()}, "are no plain data (TypeError: Object of type object is not JSON serializable)"),
        ({"name": "x" * 500, "rate": "y" * 500}, "y..."),
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
    with pytest.raises(UserError, match="words="):  # YAML reads yes as true, which is no text
        read_texts(MODEL, texts, "agent 'x'")
    assert read_texts(MODEL, {**texts, "words": "['yes', b]"}, "agent 'x'") == {
        "name": "3",
        "patience": 4,
        "rate": 2,
        "words": ["yes", "b"],
        "copy": True,
    }
    with pytest.raises(UserError, match="patience='four' is not allowed"):
        read_texts(MODEL, {"name": "a", "patience": "four"}, "agent 'x'")
    with pytest.raises(UserError, match=r"patience='\{a: ' is"):
        read_texts(MODEL, {"name": "a", "patience": "{a: "}, "agent 'x'")


def test_what_has_no_annotation_takes_anything():
    model = parameter_model(lambda anything=None: anything, "agent 'x'")
    assert described(model)["anything"]["type"] == "anything"
    assert check_parameters(model, {"anything": [1, "a"]}, "agent 'x'").anything == [1, "a"]


def by_place(x: int, /) -> None:
    pass


def nameless(_x: int = 3) -> None:
    pass


def pydantics_own(model_fields: int = 3) -> None:
    pass


def unreadable(x: threading.Lock = None) -> None:  # noqa: F821 - as under TYPE_CHECKING
    pass


class Foreign:
    pass


def foreign(x: Foreign | None = None) -> None:
    pass


@pytest.mark.parametrize(
    ("maker", "told"),
    [
        (by_place, "has a parameter 'x' that cannot be given"),
        (nameless, "has a parameter '_x' that cannot be given"),
        (pydantics_own, "has a parameter 'model_fields' that cannot be given"),
        (unreadable, "has parameters that cannot be read (NameError: name 'threading' is not defined)"),
        (foreign, "has a parameter of a type that cannot be checked"),
    ],
)
def test_what_cannot_be_checked_is_refused(maker, told):
    with pytest.raises(UserError) as caught:
        parameter_model(maker, "agent 'x'")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_may_be_chosen_is_told_once():
    def made(tone: Literal["warm", "dry"] = "warm") -> None: ...

    with pytest.raises(UserError, match=r"tone='cold' is not allowed; expected warm \| dry$"):
        check_parameters(parameter_model(made, "agent 'x'"), {"tone": "cold"}, "agent 'x'")
