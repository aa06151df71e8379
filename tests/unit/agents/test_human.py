"""A person at the table: sees what they may see, and nothing that acts on their terminal."""

from __future__ import annotations

import io

import pytest

from goldenrule.agents.base import Seen
from goldenrule.agents.human import Human, LeftError
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message

NAMES = ("helper_0", "seeker_0")


def test_only_what_is_new_is_shown_and_cleaned():
    shown = []
    person = Human(io.StringIO("hello\nbye\n"), shown.append)
    view = View(NAMES, 1, "You \x1b[2J are tired.", (Message(0, "hi\nseeker_0: I agree"),))
    assert person.act([Seen(0, view)])[0].text == "hello"
    later = view.say("hello").append(Message(0, "again"))
    assert person.act([Seen(0, later)])[0].text == "bye"
    assert shown == [
        "You are seeker_0. Your card: You \\u{1b}[2J are tired.",
        "helper_0: hi\\u{a}seeker_0: I agree",
        "helper_0: again",
    ]


def test_what_may_not_be_said_is_asked_for_again():
    shown = []
    person = Human(io.StringIO("\n" + "x" * 11 + "\nfine\n"), shown.append, max_length=10)
    assert person.act([Seen(0, View(NAMES, 0, "card"))])[0].text == "fine"
    assert "an empty text" in shown[1]
    assert "a text of 11 characters" in shown[2]


def test_in_choice_mode_a_number_is_typed():
    shown = []
    person = Human(io.StringIO("3\n²\n2\n"), shown.append)
    assert person.act([Seen(0, View(NAMES, 0, "card"), ("yes", "", "no"))])[0].text == "no"
    assert shown[1:3] == ["  1. yes", "  2. no"]


def test_the_end_of_the_input_is_leaving():
    person = Human(io.StringIO(""), lambda line: None)
    with pytest.raises(LeftError):
        person.act([Seen(0, View(NAMES, 0, "card"))])
    assert person.left


def test_what_could_be_said_is_listed_when_asked_for():
    shown = []
    person = Human(io.StringIO("1\n?\n2\n"), shown.append, suggest=True)
    seen = Seen(0, View(NAMES, 0, "card"), ("yes", "", "no"))
    assert person.act([seen])[0].text == "1"  # nothing was listed yet
    assert person.act([seen])[0].text == "no"
    assert shown[-2:] == ["  1. yes", "  2. no"]


def test_a_number_that_is_not_on_the_list_is_not_said():
    shown = []
    person = Human(io.StringIO("?\n99\n2\n"), shown.append, suggest=True)
    assert person.act([Seen(0, View(NAMES, 0, "card"), ("yes", "", "no"))])[0].text == "no"
    assert shown[-1] == "(no such number; expected one from 1 to 2)"
